package pipetest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/logpipe/logpipe/engine/config"
)

// difference shows how what came differs from what was expected, by lines that name the place and have what was expected behind "-"
// and what came behind "+". It is nil when nothing differs. The library that Go tests use for this does not promise to keep its text, and this
// text is for scripts and golden files, too.
func difference(what, name string, want config.TestValue, got string) []string {
	switch {
	case what == config.ExpectReasons:
		if strings.Contains(got, want.Text) {
			return nil
		}
	case want.Value == nil:
		if want.Text == got {
			return nil
		}
	default:
		value, err := decode(got)
		if err == nil {
			return values(name, want.Value, value)
		}
	}
	return []string{name, "- " + string(want.Body()), "+ " + got}
}

// changes shows what became of a body, in the form of difference.
func changes(before, after string) []string {
	was, err := decode(before)
	is, errNow := decode(after)
	if err == nil && errNow == nil {
		return values("", was, is)
	}
	return []string{"- " + before, "+ " + after}
}

// decode reads one value of JSON.
func decode(text string) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("there is more behind the value")
	}
	return v, nil
}

// values compares two values of JSON, by their members where both have some.
func values(path string, want, got any) (lines []string) {
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			for _, name := range union(w, g) {
				lines = append(lines, member(path+"."+name, w, g, name)...)
			}
			return lines
		}
	case []any:
		if g, ok := got.([]any); ok && len(g) == len(w) {
			for i := range w {
				lines = append(lines, values(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])...)
			}
			return lines
		}
	case json.Number:
		if g, ok := got.(json.Number); ok && sameNumber(w, g) {
			return nil
		}
	}
	if a, b := text(want), text(got); a != b {
		return []string{path, "- " + a, "+ " + b}
	}
	return nil
}

func union(a, b map[string]any) []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	return slices.Compact(names)
}

func member(path string, want, got map[string]any, name string) []string {
	w, wanted := want[name]
	g, came := got[name]
	switch {
	case !came:
		return []string{path, "- " + text(w)}
	case !wanted:
		return []string{path, "+ " + text(g)}
	}
	return values(path, w, g)
}

// sameNumber compares numbers by their value: 1.0 is 1.
func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	x, okX := parse(a)
	y, okY := parse(b)
	return okX && okY && x.Cmp(y) == 0
}

// parse reads a number. What has a huge exponent is compared as it is written: as a fraction it would fill the memory.
func parse(n json.Number) (*big.Rat, bool) {
	if f, err := n.Float64(); err != nil || f == 0 && strings.ContainsAny(string(n), "eE") {
		return nil, false
	}
	return new(big.Rat).SetString(string(n))
}

func text(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // it came from JSON
	return strings.TrimSuffix(b.String(), "\n")
}
