// Package config turns files in HCL into pipelines that the engine runs. It is the only package that knows HCL.
//
// Reading order, which is the way of a file:
//
//	config.go      what comes out; api.go what of it stands in the rooms below
//	load.go        files and folders to pipelines; tests.go files of tests
//	internal/syntax      from text to blocks
//	internal/eval        expressions
//	internal/schema      which attributes there are
//	internal/decode      from blocks to structs; texts that are rendered later
//	pipeline.go    pipeline blocks; block.go and branch.go the blocks in them, shape.go which, how many, in which order
//	process.go     blocks about the process; alert.go
//	check.go       what only shows when blocks are seen together; fallback.go what has to do with failing; rate.go, redaction.go; writers.go,
//	               paths.go and storage_linux.go what is written where
//	build.go       from a configuration to a flow.Pipeline
//
// Beside it: internal/diagnostics holds and shows what is wrong with a file, internal/testfile reads tests, format.go formats a file,
// graph.go draws one, effective.go and evaluated.go say what it comes to, changes.go and running.go compare that with what runs.
//
// A new block of a pipeline begins in internal/schema/roles.go, a new kind of attribute in internal/schema/schema.go and
// internal/decode/value.go, a new check in check.go or beside it.
package config
