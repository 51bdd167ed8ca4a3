package config

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

// Options is what a configuration is read with.
type Options struct {
	// Plugins are the plugins that blocks may name.
	Plugins []engine.Plugin
	// LookupEnv is what env() reads; nil is os.LookupEnv.
	LookupEnv func(name string) (value string, ok bool)
	// NoEnv makes a variable that is not set, and has no default, an unknown value; all that does not depend on it is checked.
	// What comes out can be looked at and drawn, but not built where a value is unknown.
	NoEnv bool
	// Stdin is what the path "-" stands for; nil makes "-" a file's name.
	Stdin io.Reader
	// Version is that of logpipe; plugins are told.
	Version string

	// storage names the kind of storage that a path lies on, if it does not outlive the machine; tests replace it.
	storage func(path string) string
}

func (o Options) withDefaults() Options {
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	if o.storage == nil {
		o.storage = volatileStorage
	}
	return o
}

// Config is all pipelines of the files that were read.
type Config struct {
	Pipelines []*Pipeline // in the order of the files
	Admin     *Admin      // never nil
	Alerts    []*Alert    // in the order of the files
	Missing   []string    // the variables that are not set and have no default, see Options.NoEnv
}

// Pipeline is one pipeline block.
type Pipeline struct {
	Name         string        // its label
	DrainTimeout time.Duration // how long it may go on when it shall end
	Blocks       []Block       // in the order of the file, which is that of the flow
	Range        Range         // its header in the file

	version string
	reads   []string // what file() read
	partial bool     // some value is not known, see Options.NoEnv
}

// Block is one block of a pipeline: a plugin in a role.
type Block struct {
	Role   engine.Role // the word that it begins with
	Type   string      // the plugin's name
	Name   string      // as in "output.s3", unique within the pipeline
	Config any         // a pointer to the plugin's configuration struct, decoded and validated
	Range  Range       // its header in the file

	Workers          int          // output: how many batches are written at once
	MaxInFlight      int          // input: how many messages may be unsettled; 0 lets it follow from the pipeline
	MaxInFlightBytes engine.Bytes // input: the same in bytes
	Recover          bool         // fallback: whether what it holds comes home by itself

	plugin  engine.Plugin
	decoded *decoded
}

// Places are the names and roles of the pipeline's blocks, in the order of the flow.
func (p *Pipeline) Places() (places []stats.Place) {
	for _, b := range p.Blocks {
		places = append(places, stats.Place{Name: b.Name, Role: b.Role})
	}
	return places
}

// Plugin is the plugin that the block names.
func (b *Block) Plugin() engine.Plugin { return b.plugin }

// Traits is what the block's configuration says about its behaviour.
func (b *Block) Traits() engine.Traits { return engine.TraitsOf(b.Config) }

// Unknown names the attributes and nested blocks whose values depend on variables that are not set, see Options.NoEnv.
func (b *Block) Unknown() []string { return b.decoded.unknown }

// BuildEnv is what the pipelines of one process share.
type BuildEnv struct {
	Log      *slog.Logger    // nil: nothing is logged
	Observer engine.Observer // nil: nobody looks
	// NewID names the batches of a branch, "" is outside of branches; nil: engine.NewID.
	NewID func(branch string) string
}
