package cost

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

// Change is another value of a setting, and what a month costs with it.
type Change struct {
	Setting string `json:"setting"` // as it is written in the file
	Note    string `json:"note,omitempty"`
	Cost    Cost   `json:"month"`
	pair    bool   // two attributes that could be changed one by one
}

// change is one that is not evaluated yet.
type change struct {
	setting, note string
	apply         func(*Settings, *Load)
	pair          bool
}

// with is c and another change behind it.
func (c change) with(other change) change {
	if c.note != "" {
		other.note = c.note + "; " + other.note
	}
	return change{c.setting + " and " + other.setting, other.note, func(s *Settings, l *Load) {
		c.apply(s, l)
		other.apply(s, l)
	}, c.pair}
}

// A day in memory is no batch any more: RabbitMQ takes back what is unacked for 30 minutes.
var ages = []time.Duration{10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute}

var factors = []int{2, 3, 4, 5, 10, 20, 50, 100}

const mostBytes = 512 << 20 // of a batch, which a process holds several times

// families are the ways to other settings. Of each, the first is nearest to what there is, and all of one change the same attributes.
func families(s Settings, l Load, p Prices) [][]change {
	var age, count, bytes, both []change
	for _, d := range ages {
		if d <= s.Age {
			continue
		}
		age = append(age, change{fmt.Sprintf("age = %q", config.DurationText(d)), "logs arrive so much later", func(s *Settings, _ *Load) { s.Age = d }, false})
	}
	for _, f := range factors {
		count = append(count, change{fmt.Sprintf("count = %d", s.Count*f), "", withCount(s.Count * f), false})
		if to := s.Bytes * int64(f); to <= mostBytes {
			bytes = append(bytes, change{fmt.Sprintf("bytes = %q", engine.Bytes(to)), "", withBytes(to), false})
		}
		for _, a := range age {
			two := count[len(count)-1].with(a)
			two.pair = true
			both = append(both, two)
		}
	}
	all := [][]change{age, count, bytes, both, opened(s, l)}
	if fields := outsideTime(s.Fields); len(fields) > 0 && l.Partitions > 1 {
		kept := slices.DeleteFunc(slices.Clone(s.Fields), func(f string) bool { return slices.Contains(fields, f) })
		all = append(all, []change{{fmt.Sprintf("partition_by = [%s]", quotedList(kept)), "without " + strings.Join(fields, " and ") + " in the key",
			func(s *Settings, l *Load) { s.Fields, l.Partitions = kept, 1 }, false}})
	}
	if s.Compression == "none" || s.Compression == "" {
		all = append(all, []change{{`compression = "zstd"`, "", func(s *Settings, _ *Load) { s.Compression = "zstd" }, false}})
	}
	if s.KMS && !s.BucketKey {
		all = append(all, []change{{"bucket_key = true", "", func(s *Settings, _ *Load) { s.BucketKey = true }, false}})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Classes)) {
		if name != cmp.Or(s.StorageClass, DefaultClass) {
			all = append(all, []change{{fmt.Sprintf("storage_class = %q", name), p.Classes[name].Note, func(s *Settings, _ *Load) { s.StorageClass = name }, false}})
		}
	}
	return all
}

// withCount also raises what may be open, as far as the file says it.
func withCount(to int) func(*Settings, *Load) {
	return func(s *Settings, _ *Load) {
		s.Count = to
		if s.OpenMessages > 0 {
			s.OpenMessages = max(s.OpenMessages, to)
		}
	}
}

func withBytes(to int64) func(*Settings, *Load) {
	return func(s *Settings, _ *Load) {
		s.Bytes = to
		if s.OpenBytes > 0 {
			s.OpenBytes = max(s.OpenBytes, to)
		}
	}
}

// opened lets as much be open as the batches of this load need, so that count, bytes and age seal them.
func opened(s Settings, l Load) []change {
	if by := s.Batch(l).By; by != "max_partitions" && by != "open_messages" && by != "open_bytes" {
		return nil
	}
	free := s
	free.MaxPartitions, free.OpenMessages, free.OpenBytes = int(l.Partitions)+1, 1<<40, 1<<60
	need := int(l.Partitions * (free.Batch(l).Messages - 1) / 2 * 6 / 5)
	bytes := int64(float64(need)*l.MessageBytes)>>20 + 1
	var parts []string
	if free.MaxPartitions > s.MaxPartitions {
		parts = append(parts, fmt.Sprintf("max_partitions = %d", free.MaxPartitions))
	}
	messages, most := s.limits()
	if float64(need) > messages {
		parts = append(parts, fmt.Sprintf("open_messages = %d", need))
	}
	if float64(bytes<<20) > most {
		parts = append(parts, fmt.Sprintf("open_bytes = \"%dMiB\"", bytes))
	}
	return []change{{strings.Join(parts, " and "), fmt.Sprintf("a process holds up to %d MiB more", bytes), func(s *Settings, _ *Load) {
		s.MaxPartitions, s.OpenMessages, s.OpenBytes = max(s.MaxPartitions, free.MaxPartitions), max(int(messages), need), max(int64(most), bytes<<20)
	}, false}}
}

// outsideTime are the fields of a partition which have many values at a time.
func outsideTime(fields []string) (many []string) {
	for _, f := range fields {
		if f != "@date" && f != "@hour" {
			many = append(many, f)
		}
	}
	return many
}

func quotedList(names []string) string {
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	return strings.Join(quoted, ", ")
}

// Halving evaluates other settings. halve are those with which a month costs at most half, one of each family, the cheapest first, and those of two
// attributes only where one is not enough. best is the one that saves most of those that do not, nil when none saves anything.
func Halving(s Settings, l Load, p Prices) (halve []Change, best *Change) {
	now, err := Of(s, l, p)
	if err != nil {
		return nil, nil // whoever asked for now knows it
	}
	for _, family := range families(s, l, p) {
		for _, c := range family {
			found := evaluate(c, s, l, p)
			if found == nil || found.Cost.Total >= now.Total {
				continue
			}
			if found.Cost.Total <= now.Total/2 {
				halve = append(halve, *found)
				break
			}
			if best == nil || found.Cost.Total < best.Cost.Total {
				best = found
			}
		}
	}
	slices.SortStableFunc(halve, func(a, b Change) int { return cmp.Compare(a.Cost.Total, b.Cost.Total) })
	if one := slices.DeleteFunc(slices.Clone(halve), func(c Change) bool { return c.pair }); len(one) > 0 {
		halve = one
	}
	return halve, best
}

// evaluate returns what a change costs, together with the limits of open batches that it needs; nil where a price is not known.
func evaluate(c change, s Settings, l Load, p Prices) *Change {
	settings, load := s, l
	c.apply(&settings, &load)
	for _, more := range opened(settings, load) {
		if settings.Batch(load).By != s.Batch(l).By { // else it is a family of its own
			c = c.with(more)
			more.apply(&settings, &load)
		}
	}
	then, err := Of(settings, load, p)
	if err != nil {
		return nil
	}
	return &Change{c.setting, c.note, then, c.pair}
}
