// Package enginetest holds what tests of pipelines and plugins need: suites that every input, processor and output must pass, a
// source and stores that live in memory and fail on a script, and a ledger that records how each message was settled.
//
// A plugin's test calls the suite of its kind, in the manner of testing/fstest:
//
//	enginetest.TestOutput(t, enginetest.OutputSuite{New: …, Stored: …})
package enginetest
