package config

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
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
	// Contents are those of paths that can be read only once, such as pipes and "-", for who loads them several times: these paths are not opened.
	Contents map[string][]byte
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
	// Blocks are in the order of the file, which is that of the flow: what comes before the branches, those of one branch after the other, what
	// stands beside the branches.
	Blocks        []Block
	Branches      []Branch // in the order of the file
	DropUnmatched bool     // whether what no branch takes is dropped; else it is rejected
	Range         Range    // its header in the file

	version string
	decoded *decode.Decoded
	reads   []string // what file() read
	partial bool     // some value is not known, see Options.NoEnv
}

// Branch is one branch block of a pipeline. Its blocks are among those of the pipeline.
type Branch struct {
	Name    string           // unique within the pipeline
	When    engine.Condition // what it takes; the zero one is everything
	Default bool             // whether it takes what no other branch takes
	Range   Range            // its header in the file

	decoded  *decode.Decoded
	constant bool // its when asks nothing of messages,
	always   bool // and is true of all of them
}

// Block is one block of a pipeline: a plugin in a role.
type Block struct {
	Role   engine.Role // the word that it begins with
	Type   string      // the plugin's name
	Name   string      // as in "output.s3", or "audit.output.s3" in a branch; unique within the pipeline
	Branch string      // the branch that it stands in; "" is none
	Config any         // a pointer to the plugin's configuration struct, decoded and validated
	Range  Range       // its header in the file

	Workers          int          // output: how many batches are written at once
	MaxInFlight      int          // input: how many messages may be unsettled; 0 lets it follow from the pipeline
	MaxInFlightBytes engine.Bytes // input: the same in bytes
	Recover          bool         // fallback: whether what it holds comes home by itself

	branch  int // the number of its branch; 0 is none
	plugin  engine.Plugin
	decoded *decode.Decoded
	scope   *decode.TemplateScope // of its templates
}

// Places are the names and roles of the pipeline's steps, in the order of the flow: its blocks, and what gives messages to branches.
func (p *Pipeline) Places() (places []stats.Place) {
	for i, b := range p.Blocks {
		if b.branch > 0 && (i == 0 || p.Blocks[i-1].branch == 0) {
			places = append(places, stats.Place{Name: engine.ForkStep, Role: engine.RoleProcessor})
		}
		places = append(places, stats.Place{Name: b.Name, Role: b.Role, Classes: b.Traits().Classes})
	}
	return places
}

// Plugin is the plugin that the block names.
func (b *Block) Plugin() engine.Plugin { return b.plugin }

// Traits is what the block's configuration says about its behaviour.
func (b *Block) Traits() engine.Traits { return engine.TraitsOf(b.Config) }

// Unknown names the attributes and nested blocks whose values depend on variables that are not set, see Options.NoEnv.
func (b *Block) Unknown() []string { return b.decoded.Unknown }

// BuildEnv is what the pipelines of one process share.
type BuildEnv struct {
	Log      *slog.Logger    // nil: nothing is logged
	Observer engine.Observer // nil: nobody looks
	// NewID names the batches of a branch, "" is outside of branches; nil: engine.NewID.
	NewID func(branch string) string
}
