package deadletters

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/logpipe/logpipe/cmd/internal/console"
)

// HeaderText is the value of a header for people, so that its kind can be seen: 5 is a number, "5" a text, 5.0 one that is no integer, and bytes say
// so. A text stands without quotes where it can be taken for nothing else. The kinds are those of engine.Meta.
func HeaderText(v any) string {
	s, ok := v.(string)
	if ok && !ambiguous(s) {
		return console.Quote(s)
	}
	return valueText(v)
}

// ambiguous reports whether a text without quotes reads like a value of another kind.
func ambiguous(s string) bool {
	if json.Valid([]byte(s)) {
		return true
	}
	_, notTime := time.Parse(time.RFC3339, s)
	_, notNumber := strconv.ParseFloat(s, 64) // NaN, Inf, 0x1p-2
	return notTime == nil || notNumber == nil
}

// valueText is a value with quotes around each text.
func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	case []byte:
		return "bytes " + strconv.Quote(string(v))
	case time.Time:
		return v.Format(time.RFC3339)
	case float64:
		return floatText(v)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = valueText(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, strconv.Quote(name)+": "+valueText(v[name]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return console.Escape(fmt.Sprint(v)) // a boolean or an integer
}

func floatText(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if math.Trunc(f) == f && !math.IsInf(f, 0) && !strings.Contains(s, "e") {
		s += ".0"
	}
	return s
}
