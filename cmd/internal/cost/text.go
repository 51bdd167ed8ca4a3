package cost

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

// Text is an estimate for people.
func (e Estimate) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("pipeline %q, %s, storage class %s: %s a month", e.Pipeline, e.Output, e.StorageClass, money(e.Month.Total))
	e.load(line)
	e.month(line)
	e.advice(line)
	for _, note := range e.Notes {
		line("  note: %s", note)
	}
	line("  prices: %s", e.Prices.Source)
	if len(e.Prices.Changed) > 0 {
		line("          but %s", strings.Join(e.Prices.Changed, ", "))
	}
	return b.String()
}

func (e Estimate) load(line func(string, ...any)) {
	s := e.settings
	line("")
	line("  messages    %s/s (%s) of %s (%s)", count(e.Rate.Value), e.Rate.From, bytes(e.MessageBytes.Value), from(e.MessageBytes, "--message-size"))
	if s.Values() {
		line("  partitions  %s (%s), by %s", count(e.Partitions.Value), from(e.Partitions, "--partitions"), strings.Join(s.Fields, ", "))
	}
	if e.Replicas.Value > 1 {
		line("  processes   %s, each with batches of its own", count(e.Replicas.Value))
	}
	if s.Compression == "" || s.Compression == "none" {
		line("  compression none")
	} else {
		line("  compression %s, %s to 1 (%s)", s.Compression, strconv.FormatFloat(e.Ratio.Value, 'g', 4, 64), from(e.Ratio, "--compression-ratio"))
	}
	line("  batches     of %s, sealed by %s; an object has %s", messages(e.Month.Batch.Messages), e.sealed(), bytes(e.Month.ObjectBytes))
}

// from says where a value comes from, and which flag gives another.
func from(v Value, flag string) string {
	if v.From == Assumed {
		return v.From + "; give " + flag
	}
	return v.From
}

// sealed is the setting that seals most batches.
func (e Estimate) sealed() string {
	s, by := e.settings, e.Month.Batch.By
	switch by {
	case "count":
		return fmt.Sprintf("count = %d", s.Count)
	case "age":
		return fmt.Sprintf("age = %q", config.DurationText(s.Age))
	case "bytes":
		return fmt.Sprintf("bytes = %q", engine.Bytes(s.Bytes))
	case "max_partitions":
		return fmt.Sprintf("max_partitions = %d, before they are full or old enough", s.MaxPartitions)
	case "open_messages", "open_bytes", "max_in_flight":
		return by + ", before they are full or old enough"
	}
	return by
}

func (e Estimate) month(line func(string, ...any)) {
	m := e.Month
	line("")
	line("  %-11s %12s   %s PUT, one an object: no upload is in parts", "requests", money(m.ForRequests), count(m.Requests))
	line("  %-11s %12s   %s a month are added, %s are kept for %s days", "storage", money(m.ForStorage), bytes(m.Stored), bytes(m.Kept), count(e.Days))
	line("  %-11s %12s   %s", "traffic in", money(m.ForTransfer), bytes(m.Stored))
	if m.ForKeys > 0 {
		line("  %-11s %12s   a request to KMS for each object", "keys", money(m.ForKeys))
	}
	line("  %-11s %12s   a month of 30 days", "total", money(m.Total))
	if m.Total > 0 && m.ForRequests+m.ForKeys > m.Total/2 {
		line("")
		line("  %.0f %% of it are requests: %s objects of %s each. What they hold costs %s.", 100*(m.ForRequests+m.ForKeys)/m.Total, count(m.Requests), messages(m.Batch.Messages), money(m.ForStorage))
	}
}

func (e Estimate) advice(line func(string, ...any)) {
	line("")
	if len(e.Halving) == 0 {
		line("  No setting would halve it.")
		if e.Most != nil {
			line("  What saves most:")
			e.change(line, *e.Most)
		}
	} else {
		line("  What would halve it, each by itself:")
		for _, c := range e.Halving {
			e.change(line, c)
		}
	}
	line("")
}

func (e Estimate) change(line func(string, ...any), c Change) {
	note := ""
	if c.Note != "" {
		note = "; " + c.Note
	}
	line("  %12s   %s: objects of %s, %s%s", money(c.Cost.Total), c.Setting, messages(c.Cost.Batch.Messages), bytes(c.Cost.ObjectBytes), note)
}

func money(v float64) string {
	switch {
	case v == 0:
		return "$0"
	case v < 0.01:
		return "under $0.01"
	}
	return "$" + grouped(strconv.FormatFloat(v, 'f', 2, 64))
}

// messages is a mean number of messages.
func messages(n float64) string {
	text := count(n)
	if n < 100 && n != math.Trunc(n) {
		text = strconv.FormatFloat(n, 'f', 1, 64)
	}
	if text == "1" {
		return "1 message"
	}
	return text + " messages"
}

// count is a whole number with its thousands apart; what is small has digits behind the point.
func count(n float64) string {
	if n < 10 && n != math.Trunc(n) {
		return strconv.FormatFloat(n, 'g', 2, 64)
	}
	return grouped(strconv.FormatFloat(n, 'f', 0, 64))
}

func grouped(digits string) string {
	whole, rest, hasRest := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasRest {
		return whole + "." + rest
	}
	return whole
}

func bytes(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for n >= 1024 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	if i == 0 || n >= 100 {
		return grouped(strconv.FormatFloat(n, 'f', 0, 64)) + " " + units[i]
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + " " + units[i]
}
