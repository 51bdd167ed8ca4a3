package config

import (
	"io"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
	"github.com/logpipe/logpipe/engine/config/internal/testfile"
)

// What the rooms below make, and others see.

// Severity says whether a configuration can be used.
type Severity = diagnostics.Severity

// The severities, as they are written in JSON.
const (
	SeverityError   = diagnostics.SeverityError   // the configuration cannot be used
	SeverityWarning = diagnostics.SeverityWarning // it can, but somebody should look
)

// Pos is a place in a file. Line and Column count from 1, Column in characters as a reader sees them; Byte counts from 0.
type Pos = diagnostics.Pos

// Range is a part of a file; End is the place after its last character.
type Range = diagnostics.Range

// Diagnostic is one thing to say about a configuration.
type Diagnostic = diagnostics.Diagnostic

// Related is another place that a diagnostic is about.
type Related = diagnostics.Related

// Value is something from outside of the file that has a part in a mistake, such as an environment variable.
type Value = diagnostics.Value

// Diagnostics is all that is to say about a configuration, in the order of its files and lines.
type Diagnostics = diagnostics.Diagnostics

// Suggest returns the candidate that given was most likely meant to be, or "" when none is close enough to be worth naming.
func Suggest(given string, candidates []string) string { return diagnostics.Suggest(given, candidates) }

// Wrap breaks text between words into lines of at most columns columns. Lines that are indented, such as examples, stay whole.
func Wrap(text string, columns int) []string { return diagnostics.Wrap(text, columns) }

// DurationText is a duration without the zeros at its end: 20m, not 20m0s.
func DurationText(d time.Duration) string { return schema.DurationText(d) }

// ParseEnvFile reads a file of environment variables: one NAME=VALUE a line, where "export " may stand in front, lines and line ends
// after # are comments, text in single quotes is taken as it is, and text in double quotes may have \n, \t, \", \\ and \$. Of a name
// that is given twice the last value counts. An error names all lines that are wrong and shows no value.
func ParseEnvFile(r io.Reader) (map[string]string, error) { return eval.ParseEnvFile(r) }

// MaxFile is the size in bytes up to which a configuration is read. It is far above what people write by hand, and keeps a log that
// was named by mistake from being read to its end.
const MaxFile = syntax.MaxFile

// IsTestFile reports whether a file is one of tests, by its name. Folders are read without those.
func IsTestFile(name string) bool { return syntax.IsTestFile(name) }

// TestFileOf is the name of the file with the tests of a configuration file.
func TestFileOf(name string) string { return syntax.TestFileOf(name) }

// TestFile is a file of tests for pipelines.
type TestFile = testfile.TestFile

// Test is one test block: what is sent, what fails, and what shall come of it.
type Test = testfile.Test

// TestMessage is a message that a test sends.
type TestMessage = testfile.TestMessage

// TestFail says that writes to a place fail.
type TestFail = testfile.TestFail

// Expectation is one thing that a test expects.
type Expectation = testfile.Expectation

// TestValue is a body as a test file has it: a text as it stands, or else a value of JSON.
type TestValue = decode.TestValue

// TestEpoch is when a test begins that says no time.
var TestEpoch = testfile.TestEpoch

// What can be expected of a place.
const (
	ExpectMessages = testfile.ExpectMessages // how many it has at the end
	ExpectBatches  = testfile.ExpectBatches
	ExpectBodies   = testfile.ExpectBodies   // of its messages, in the order in which their batches were sealed
	ExpectKeys     = testfile.ExpectKeys     // where each batch was written: of an object, or of a file
	ExpectSealedBy = testfile.ExpectSealedBy // why each batch was sealed
	ExpectReasons  = testfile.ExpectReasons  // of dead letters, a part of each
)

// Places that are no outputs.
const (
	ExpectDropped = testfile.ExpectDropped // messages that a processor dropped
	ExpectHeld    = testfile.ExpectHeld    // messages that were settled nowhere
)

// PipelineAttributes returns a pointer to a struct with the attributes of a pipeline block, described by the same tags as a plugin's configuration and
// filled with the defaults.
func PipelineAttributes() any { return schema.PipelineAttributes() }

// BranchAttributes is PipelineAttributes for a branch block.
func BranchAttributes() any { return schema.BranchAttributes() }

// BlockAttributes is PipelineAttributes for the engine's own attributes on a block of a plugin.
func BlockAttributes(role engine.Role) any { return schema.BlockAttributes(role) }
