// Package build makes a logpipe with plugins of others: it writes a main in a temporary folder and has the Go toolchain build it.
//
//	build.go      the steps
//	with.go       which packages; engine.go which logpipe
//	source.go     what a package states, and the main that is written from it
//	toolchain.go  running the go command
//	words.go      what its errors mean for somebody who only wants a binary
package build
