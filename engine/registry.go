package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"strings"
	"time"
)

// Kind is what a plugin is; it is also the word that names it in a configuration.
type Kind string

// The kinds of plugins.
const (
	KindInput     Kind = "input"
	KindProcessor Kind = "processor"
	KindOutput    Kind = "output"
)

// Role is the place in a pipeline that an instance of a plugin is made for.
type Role string

// The roles. The last three are all played by plugins of KindOutput.
const (
	RoleInput      Role = "input"
	RoleProcessor  Role = "processor"
	RoleOutput     Role = "output"
	RoleFallback   Role = "fallback"
	RoleDeadLetter Role = "dead_letter"
)

// Env is what an instance of a plugin is told about its surroundings. In a test of a plugin fill in what it uses; the rest may be zero.
type Env struct {
	Log      *slog.Logger  // never nil; carries pipeline and plugin already. Write nothing to it once a message
	Pipeline string        // the name of the pipeline
	Branch   string        // of the pipeline that the instance stands in; "" is none
	Role     Role          // the block that the instance is for
	Version  string        // of logpipe, for metadata
	NewID    func() string // a new name that sorts by time and is like no other; for what a stage seals; from any goroutine
	// Capacity is what the pipeline behind the inputs can hold before anything is settled.
	Capacity Capacity
	// Window is what the engine lets this input have unsettled at most; zero for other roles.
	Window Capacity
}

// Way names what an instance stands in: "logs", and "logs/audit" in a branch.
func (e Env) Way() string {
	if e.Branch == "" {
		return e.Pipeline
	}
	return e.Pipeline + "/" + e.Branch
}

// Capacity is a number of messages and of bytes of their bodies.
type Capacity struct {
	Messages int   // 0 is none, or no bound
	Bytes    int64 // of bodies; 0 is none, or no bound
}

// Traits is what a plugin's configuration says about its behaviour, for checks and sums across blocks. A configuration
// struct states it by a method Traits() Traits; what it leaves zero does not apply.
type Traits struct {
	// Rejects says that a processor may reject messages, so that the pipeline needs a dead_letter block.
	Rejects bool
	// Redacts says that a processor takes out of messages what may not be stored.
	Redacts bool
	// AnyBody says that an input may give messages with a line break in them; OneLine that a processor lets none pass; LinesOnly that an
	// output can never store one.
	AnyBody, OneLine, LinesOnly bool
	// OpenMessages and OpenBytes bound what a stage holds in groups that are not sealed yet.
	OpenMessages int
	OpenBytes    int64 // of bodies
	// BatchMessages and BatchBytes bound one batch that a stage seals.
	BatchMessages int
	BatchBytes    int64 // of bodies
	// HoldsFor is the longest time that the plugin itself keeps a message: the age of a batch, the attempts of a retry.
	HoldsFor time.Duration
	// MessagesPerSecond is how many messages a processor lets pass in the long run; the others wait, and count in their inputs' windows.
	MessagesPerSecond float64
	// Endless says that a policy never gives a batch up, so that nothing ever falls back.
	Endless bool
	// PartitionBy names the fields of the partitions that a stage seals, as templates see them.
	PartitionBy []string
	// OneDate and OneHour say that all messages of a batch that a stage seals are of one date, or of one hour of the day.
	OneDate, OneHour bool
	// Zone is the time zone of those, and of dates and hours in templates behind the stage; nil is UTC.
	Zone *time.Location
	// HoldsBytes is what the plugin keeps in memory at most beside the messages in flight: what an input has taken and not handed over.
	HoldsBytes int64
	// Prefetch is the number of unacked messages that an input was told to ask for; 0 lets it follow from Capacity.
	Prefetch int
	// AckWithin is how long the source waits for an ack before it takes the connection away; 0 is for ever.
	AckWithin time.Duration
	// Path is the file that the plugin writes; no two outputs may share one.
	Path string
	// Paths are the files that the plugin writes when they depend on the batch; Path is empty then.
	Paths *PathPattern
	// GivesBack says that the plugin is a Recoverer when it is a fallback.
	GivesBack bool
	// Reclaims are the files, beside Path, whose contents the plugin takes for its own when it is a fallback.
	Reclaims []string
	// Files are files that the plugin reads when it connects, by the attribute that names each. One that is missing is worth a
	// warning only: it may be there where the pipeline runs.
	Files map[string]string
	// Classes are those of an output's errors, see ClassOf, beside the ones of Classes(). A class that is named here is counted from 0 on; one that
	// is not begins with its first error, which no rate over the counter sees.
	Classes []string
	// Sealed says that batches must be grouped by a stage for the plugin to be of use (object stores).
	Sealed bool
}

// PathPattern is what is known of the paths that a plugin makes for batches.
type PathPattern struct {
	Prefix, Suffix string // what each of them begins and ends with
	Folders        int    // how many folders there are between these two
}

// Plugin is a registered plugin: a name, a documentation and a way to make instances from a configuration struct. Make one
// with NewInput, NewTransform, NewStage, NewPolicy or NewOutput and put it into a list of plugins; there is no
// registration by side effect. A package states it as var Plugin, or several as var Plugins []engine.Plugin: that is what `logpipe build` looks
// for. A Plugin does not change and may be used from any goroutine.
type Plugin struct {
	kind   Kind
	name   string
	doc    string
	config func() any
	build  func(cfg any, env Env) (any, error)
	policy bool
	stage  bool
	from   string
}

// NewInput describes an input. It panics when C is no struct.
//
// The name is in lower case, digits and underscores; doc begins with a sentence that stands alone in listings. C is the configuration struct. Each
// field that a file may set has the tags
//
//	hcl:"name"            a required attribute; hcl:"name,optional" one that is not; hcl:"name,block" a nested block
//	doc:"…"               what it is for, a sentence
//	values:"a,b"          the only texts that are allowed
//	example:"…"           what stands in examples: the text of a string or template without its quotes, else a value as in a file
//
// and one of the types string, bool, any int, uint or float, time.Duration, Bytes, Secret, []Secret, Template, []string, map[string]string and
// map[string]any (texts, booleans, and numbers as int64 or float64), or a pointer to one of the scalars; a block is a struct, *struct, []struct or
// []*struct. defaults returns C with the defaults filled in. It is called whenever a block is read, and for documentation.
//
// If *C has a method Validate() error, it is asked after decoding (AttrError gives the place), and
// so is ValidateRole(Role) error, for what depends on the block that the plugin stands in. If it
// has Traits() Traits, that counts in checks across blocks. If that of an output has Feeds(in any,
// all []any) (way string, ok bool), it is asked whether what it writes comes to an input with the
// configuration in, see Feeds. These are called at load, from one goroutine.
//
// new makes an instance from a configuration that was found right, each time that a pipeline starts. It must not fail on what Validate
// lets pass, and may not touch the network: Open and the first Write connect.
func NewInput[C any](name, doc string, defaults func() C, new func(C, Env) (Input, error)) Plugin {
	p := plugin(KindInput, name, doc, defaults, func(c C, e Env) (any, error) { return new(c, e) })
	p.from = packageOf(new)
	return p
}

// NewTransform describes a processor that is a Transform; see NewInput.
func NewTransform[C any](name, doc string, defaults func() C, new func(C, Env) (Transform, error)) Plugin {
	p := plugin(KindProcessor, name, doc, defaults, func(c C, e Env) (any, error) { return new(c, e) })
	p.from = packageOf(new)
	return p
}

// NewStage describes a processor that is a Stage; see NewInput.
func NewStage[C any](name, doc string, defaults func() C, new func(C, Env) (Stage, error)) Plugin {
	p := plugin(KindProcessor, name, doc, defaults, func(c C, e Env) (any, error) { return new(c, e) })
	p.stage, p.from = true, packageOf(new)
	return p
}

// NewPolicy describes a processor that is a Policy; see NewInput.
func NewPolicy[C any](name, doc string, defaults func() C, new func(C, Env) (Policy, error)) Plugin {
	p := plugin(KindProcessor, name, doc, defaults, func(c C, e Env) (any, error) { return new(c, e) })
	p.policy, p.from = true, packageOf(new)
	return p
}

// NewOutput describes an output, which can also be used as fallback and dead_letter; see NewInput.
func NewOutput[C any](name, doc string, defaults func() C, new func(C, Env) (Output, error)) Plugin {
	p := plugin(KindOutput, name, doc, defaults, func(c C, e Env) (any, error) { return new(c, e) })
	p.from = packageOf(new)
	return p
}

func plugin[C any](kind Kind, name, doc string, defaults func() C, build func(C, Env) (any, error)) Plugin {
	if t := reflect.TypeFor[C](); t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("plugin %s %q: its configuration is a %s, not a struct", kind, name, t))
	}
	return Plugin{
		kind: kind, name: name, doc: doc,
		config: func() any { c := defaults(); return &c },
		build:  func(cfg any, env Env) (any, error) { return build(*cfg.(*C), env) },
	}
}

// packageOf is the import path of the package that a function is in, as the linker writes it: "example.com/me/redact.New".
func packageOf(function any) string {
	name := runtime.FuncForPC(reflect.ValueOf(function).Pointer()).Name()
	slash := strings.LastIndexByte(name, '/') + 1
	last, _, _ := strings.Cut(name[slash:], ".")
	return name[:slash] + strings.ReplaceAll(last, "%2e", ".")
}

// Kind is what the plugin is.
func (p Plugin) Kind() Kind { return p.kind }

// Name is the label of its blocks in a configuration.
func (p Plugin) Name() string { return p.name }

// Doc is the plugin's documentation, the first sentence of which is a summary.
func (p Plugin) Doc() string { return p.doc }

// Package is the import path of the Go package that the plugin comes from: that of the function that makes its instances.
func (p Plugin) Package() string { return p.from }

// IsPolicy reports whether it is a processor that wraps the output.
func (p Plugin) IsPolicy() bool { return p.policy }

// IsStage reports whether it is a processor with a goroutine and channels of its own.
func (p Plugin) IsStage() bool { return p.stage }

// NewConfig returns a pointer to a new configuration struct with the defaults filled in.
func (p Plugin) NewConfig() any { return p.config() }

// Build makes an instance from a configuration that NewConfig returned and somebody filled in: an Input, Transform, Stage, Policy or Output. The
// configuration is copied, so that several instances can be made of it. For tests of a plugin its own function is shorter.
func (p Plugin) Build(cfg any, env Env) (any, error) { return p.build(cfg, env) }

// TraitsOf returns what the configuration cfg, as NewConfig returns it, states about itself. It is for what reads configurations.
func TraitsOf(cfg any) Traits {
	if t, ok := cfg.(interface{ Traits() Traits }); ok {
		return t.Traits()
	}
	return Traits{}
}

// Feeds reports whether what an output with the configuration out writes comes to an input with the
// configuration in, when all are the configurations of a file set; way names the place where they
// meet, such as `queue "logs"`. It is for what reads configurations.
func Feeds(out, in any, all []any) (way string, ok bool) {
	if f, is := out.(interface {
		Feeds(in any, all []any) (string, bool)
	}); is {
		return f.Feeds(in, all)
	}
	return "", false
}

// Validate asks the configuration cfg, as NewConfig returns it, of a plugin in a role for its mistakes; several are joined. It is for what reads
// configurations.
func Validate(cfg any, role Role) error {
	var errs []error
	if v, ok := cfg.(interface{ Validate() error }); ok {
		errs = append(errs, v.Validate())
	}
	if v, ok := cfg.(interface{ ValidateRole(Role) error }); ok {
		errs = append(errs, v.ValidateRole(role))
	}
	return errors.Join(errs...)
}
