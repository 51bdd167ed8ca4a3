package decode

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
)

// TemplateScope is what templates of one block may refer to.
type TemplateScope struct {
	Pipeline   string
	Partitions []string
	// open is true when what groups the batches is not known, because its block is wrong: then any partition may be right.
	Open bool
	// none says why there are no partitions at all; it is the second sentence of an error.
	None string
	// Zone is that of dates and hours; nil is UTC.
	Zone *time.Location
	// OneDate and OneHour say that all messages of a batch have the date and hour of the first.
	OneDate, OneHour bool
}

const partitionPrefix = "batch.partition."

// variables of a batch beside its partition.
var batchNames = []string{"id", "time", "date", "year", "month", "day", "hour"}

// reference tells which variable a traversal is, or what is wrong with it.
func (s *TemplateScope) reference(v hcl.Traversal) (ref, summary, detail string) {
	name := eval.TraversalText(v)
	steps := stepNames(v)
	switch {
	case len(steps) == 2 && steps[0] == "pipeline" && steps[1] == "name":
		return "pipeline.name", "", ""
	case steps[0] == "batch" && len(steps) >= 3 && steps[1] == "partition":
		return s.partition(name, steps[2:])
	case steps[0] == "batch" && len(steps) == 2 && slices.Contains(batchNames, steps[1]):
		return "batch." + steps[1], "", ""
	}
	summary = fmt.Sprintf("%s is no variable of a template", name)
	known := []string{"pipeline.name"}
	for _, n := range batchNames {
		known = append(known, "batch."+n)
	}
	for _, p := range s.Partitions {
		known = append(known, partitionVariable(p))
	}
	joined := strings.Join(steps, ".")
	switch near := diagnostics.Suggest(joined, known); {
	case slices.Contains(s.Partitions, joined):
		detail = fmt.Sprintf("Did you mean %s?", partitionVariable(joined))
	case slices.Contains(batchNames, joined):
		detail = fmt.Sprintf("Did you mean batch.%s?", joined)
	case steps[0] == "env" && len(steps) == 2:
		detail = fmt.Sprintf("Did you mean env(%q)?", steps[1])
	case eval.EnvironmentVariable(v) != "":
		detail = eval.EnvironmentVariable(v)
	case near != "":
		detail = fmt.Sprintf("Did you mean %s?", near)
	default:
		detail = fmt.Sprintf("There are %s, and batch.partition.NAME for what the batches are grouped by.", diagnostics.Enumerate(known, "and"))
	}
	return "", summary, detail
}

// partition checks a reference to batch.partition. Of the steps only as many count as name a partition.
func (s *TemplateScope) partition(name string, steps []string) (ref, summary, detail string) {
	for n := len(steps); n > 0; n-- {
		if field := strings.Join(steps[:n], "."); slices.Contains(s.Partitions, field) {
			return partitionPrefix + field, "", ""
		}
	}
	field := strings.Join(steps, ".")
	if s.Open {
		return partitionPrefix + field, "", ""
	}
	summary = fmt.Sprintf("no batches are grouped by %s, so %s is not known", diagnostics.Shorten(field), name)
	switch near := diagnostics.Suggest(field, s.Partitions); {
	case s.None != "":
		detail = s.None
	case near != "":
		detail = fmt.Sprintf("Did you mean %s?", partitionVariable(near))
	case len(s.Partitions) > 0:
		detail = fmt.Sprintf("They are grouped by %s. Add %q to partition_by of the processor that groups them.", diagnostics.Enumerate(s.Partitions, "and"), field)
	default:
		detail = fmt.Sprintf("Add partition_by = [%q] to a processor \"batch\" before this block.", field)
	}
	return "", summary, detail
}

// partitionVariable is how a template refers to a partition.
func partitionVariable(field string) string {
	for part := range strings.SplitSeq(field, ".") {
		if !hclsyntax.ValidIdentifier(part) {
			return fmt.Sprintf("batch.partition[%q]", field)
		}
	}
	return partitionPrefix + field
}

// stepNames are the names of a traversal: a.b["c"] is a, b, c.
func stepNames(v hcl.Traversal) []string {
	var names []string
	for _, step := range v {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			names = append(names, s.Name)
		case hcl.TraverseAttr:
			names = append(names, s.Name)
		case hcl.TraverseIndex:
			if s.Key.Type() != cty.String {
				return append(names, "?")
			}
			names = append(names, s.Key.AsString())
		}
	}
	return names
}

// unknowns are the variables as types only.
func (s *TemplateScope) unknowns(refs []string) map[string]cty.Value {
	return s.build(refs, func(string) cty.Value { return cty.UnknownVal(cty.String) })
}

// values are the variables of a batch.
func (s *TemplateScope) values(refs []string, b *engine.Batch) map[string]cty.Value {
	return s.build(refs, func(ref string) cty.Value { return cty.StringVal(string(s.append(nil, ref, b, Segment))) })
}

// append writes the value of one variable to text. What comes from the data is made a step of a path by segment.
func (s *TemplateScope) append(text []byte, ref string, b *engine.Batch, segment func(string) string) []byte {
	at := b.Time.UTC()
	if s.Zone != nil {
		at = at.In(s.Zone)
	}
	switch ref {
	case "pipeline.name":
		return append(text, s.Pipeline...)
	case "batch.id":
		return append(text, segment(b.ID)...)
	case "batch.time":
		return at.AppendFormat(text, time.RFC3339)
	case "batch.date":
		return at.AppendFormat(text, time.DateOnly)
	case "batch.year":
		return at.AppendFormat(text, "2006")
	case "batch.month":
		return at.AppendFormat(text, "01")
	case "batch.day":
		return at.AppendFormat(text, "02")
	case "batch.hour":
		return at.AppendFormat(text, "15")
	}
	field := strings.TrimPrefix(ref, partitionPrefix)
	for name, value := range engine.PartitionFields(b.Partition) {
		if name == field {
			return append(text, segment(value)...)
		}
	}
	return append(text, segment("")...)
}

// build makes the objects that hold the variables.
func (s *TemplateScope) build(refs []string, value func(ref string) cty.Value) map[string]cty.Value {
	batch, partition, pipeline := map[string]cty.Value{}, map[string]cty.Value{}, map[string]cty.Value{}
	for _, ref := range refs {
		v := value(ref)
		if field, ok := strings.CutPrefix(ref, partitionPrefix); ok {
			partition[field] = v
			continue
		}
		object, name, _ := strings.Cut(ref, ".")
		if object == "pipeline" {
			pipeline[name] = v
		} else {
			batch[name] = v
		}
	}
	if len(partition) > 0 {
		batch["partition"] = cty.ObjectVal(nest(partition))
	}
	return map[string]cty.Value{"batch": cty.ObjectVal(batch), "pipeline": cty.ObjectVal(pipeline)}
}

// nest makes fields with dots in their names reachable as objects too: partition["a.b"] is also partition.a.b, unless there is a
// field named a.
func nest(fields map[string]cty.Value) map[string]cty.Value {
	out := map[string]cty.Value{}
	groups := map[string]map[string]cty.Value{}
	for name, v := range fields {
		out[name] = v
		if head, rest, dotted := strings.Cut(name, "."); dotted {
			if groups[head] == nil {
				groups[head] = map[string]cty.Value{}
			}
			groups[head][rest] = v
		}
	}
	for head, group := range groups {
		if _, taken := fields[head]; !taken {
			out[head] = cty.ObjectVal(nest(group))
		}
	}
	return out
}
