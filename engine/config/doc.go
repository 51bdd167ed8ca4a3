// Package config turns files in HCL into pipelines that the engine runs. It is the only package that knows HCL.
//
// Reading order, which is the way of a file:
//
//	config.go      what comes out
//	load.go        files and folders, what is no text
//	screen.go      what would break the parser: depth, length
//	parse.go       from text to blocks, in spite of syntax errors; syntax.go their words, slips.go those of other tools, place.go where in the file something is
//	pipeline.go    pipeline blocks; roles.go and block.go the blocks in them, shape.go which, how many, in which order
//	schema.go      the attributes of a configuration struct, from its tags
//	decode.go      from the attributes of a block to the fields of a struct; nested.go the same for blocks in blocks
//	eval.go        expressions; names.go what they refer to, functions.go, env.go and outside.go what they may call
//	value.go       one value to one field; collection.go lists and maps, quantity.go durations and sizes
//	template.go    texts that are rendered once a batch; variables.go what they may use, render.go how they are rendered, segment.go what
//	               makes their values safe in a path
//	condition.go   questions about messages, which package condition compiles, and the place of a mistake in one
//	hide.go        what of a file and of the environment nobody may read in a diagnostic
//	validate.go    the plugin's own checks
//	check.go       what only shows when blocks are seen together; fallback.go what has to do with failing; writers.go, paths.go and
//	               storage_linux.go what is written where
//	build.go       from a configuration to an engine.Pipeline
//
// Beside it: diagnostics.go, text.go, line.go and json.go hold and show what is wrong with a file, suggest.go finds what was meant, format.go
// formats a file, graph.go draws one, envfile.go reads files of environment variables.
package config
