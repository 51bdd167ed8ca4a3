package config

import (
	"github.com/logpipe/logpipe/engine/config/internal/eval"
	"github.com/logpipe/logpipe/engine/config/internal/testfile"
)

// LoadTests reads a file of tests. It is nil when there are errors. Nothing of the environment is read.
func LoadTests(path string, o Options) (*TestFile, *Diagnostics) {
	return testfile.Load(path, testWorld(o))
}

// LoadTestSource reads tests from src. The name is what diagnostics call it.
func LoadTestSource(name string, src []byte, o Options) (*TestFile, *Diagnostics) {
	return testfile.LoadSource(name, src, testWorld(o))
}

func testWorld(o Options) *eval.World {
	o.NoEnv = false
	return newWorldOf(o.withDefaults())
}
