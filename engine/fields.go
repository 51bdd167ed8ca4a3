package engine

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
)

// Bytes is a configuration field for a size, written as a number of bytes or as "16MiB" or "5MB".
type Bytes int64

// String writes the size in the largest binary unit that divides it.
func (b Bytes) String() string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i, n := 0, int64(b)
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	if i == 0 {
		return strconv.FormatInt(n, 10) + "B"
	}
	return strconv.FormatInt(n, 10) + units[i]
}

// Secret is a configuration field for what nobody may read in a log, an error or a listing.
type Secret struct{ value string }

// NewSecret hides value; for defaults and tests.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value itself, for the one place that needs it.
func (s Secret) Reveal() string { return s.value }

const hidden = "(secret)"

// String returns "(secret)", or "" for an empty one.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return hidden
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format hides the value from every verb of package fmt.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' || f.Flag('#') {
		fmt.Fprint(f, s.GoString())
		return
	}
	fmt.Fprint(f, s.String())
}

// MarshalText hides the value from JSON and other encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the value from log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Template is a configuration field for a text that is rendered once a batch, such as an object key; Render may be called from any goroutine. In a file its variables
// are batch.id, batch.time (RFC 3339), batch.date (2006-01-02), batch.year, batch.month, batch.day, batch.hour, batch.partition.NAME and pipeline.name.
// What it renders is a function of the batch's ID, Partition and Time alone: no clock, random number or environment is
// read at that time. The zero Template renders "".
type Template struct {
	source string
	refs   []string
	whole  []string
	render func(*Batch) (string, error)
}

// NewTemplate is for what reads configurations: it makes a Template from its source text, the variables that it refers to (as "batch.id") and a function that
// renders it, which must be safe for concurrent use.
func NewTemplate(source string, refs []string, render func(*Batch) (string, error)) Template {
	return Template{source: source, refs: refs, render: render}
}

// Holding returns t with the variables whose value stands whole in everything that it renders, whatever the batch. A variable
// that only a function or a condition looks at is not among them.
func (t Template) Holding(variables ...string) Template {
	t.whole = variables
	return t
}

// Literal is a Template that always renders text; for defaults and tests.
func Literal(text string) Template {
	return Template{source: text, render: func(*Batch) (string, error) { return text, nil }}
}

// Render renders the template for b, once a batch: it costs some microseconds. An error is a mistake in the file that only shows with this batch,
// and comes again with it.
func (t Template) Render(b *Batch) (string, error) {
	if t.render == nil {
		return "", nil
	}
	return t.render(b)
}

// Refers reports whether the template uses the variable, for example "batch.id" or "batch.partition.source".
func (t Template) Refers(variable string) bool { return slices.Contains(t.refs, variable) }

// Holds reports whether the value of the variable stands whole in everything that the template renders. Then two batches that
// differ in it never render the same by chance; that it refers to the variable is not enough for that.
func (t Template) Holds(variable string) bool { return slices.Contains(t.whole, variable) }

// Refs are the variables that the template uses. Do not change the slice.
func (t Template) Refs() []string { return t.refs }

// String is the template's source text.
func (t Template) String() string { return t.source }

// MarshalText writes the source text.
func (t Template) MarshalText() ([]byte, error) { return []byte(t.source), nil }

// Condition is a configuration field for a question about a message, such as `level == "debug"`. It is compiled when the file is loaded.
// The zero Condition is true of every message.
type Condition struct {
	source string
	match  func(*Message) (bool, error)
}

// NewCondition is for what reads configurations: it makes a Condition from its source text and a function that answers it, which must be safe for concurrent use and must
// not keep or change the message.
func NewCondition(source string, match func(*Message) (bool, error)) Condition {
	return Condition{source: source, match: match}
}

// Match answers the question for m. An error says that it has no answer, because of what is in m: asked again it is the same.
func (c Condition) Match(m *Message) (bool, error) {
	if c.match == nil {
		return true, nil
	}
	return c.match(m)
}

// IsZero reports whether no condition was given.
func (c Condition) IsZero() bool { return c.match == nil }

// String is the condition's source text.
func (c Condition) String() string { return c.source }

// MarshalText writes the source text.
func (c Condition) MarshalText() ([]byte, error) { return []byte(c.source), nil }
