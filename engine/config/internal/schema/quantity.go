package schema

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// quantityForm takes a text apart into a number and a unit, so that "5 sec" can be understood, though it is not accepted.
var quantityForm = regexp.MustCompile(`^\s*([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*([A-Za-zµ]*)\s*$`)

// ParseDuration reads "5s", "1m30s" or "500ms". The hint of an error is what to write in its place, if that can be told.
func ParseDuration(s string) (d time.Duration, hint string, err error) {
	d, err = time.ParseDuration(s)
	switch {
	case err == nil && d < 0:
		return 0, "", fmt.Errorf("is negative")
	case err == nil:
		return d, "", nil
	}
	m := quantityForm.FindStringSubmatch(s)
	if m == nil {
		return 0, "", fmt.Errorf("is not a duration")
	}
	if m[2] == "" {
		return 0, durationHint(m[1]+"s", m[1]+"m"), fmt.Errorf("is a duration without a unit")
	}
	unit := durationUnit(m[2])
	switch unit {
	case "":
		return 0, "", fmt.Errorf("is not a duration: %q is no unit of time", m[2])
	case "d", "w":
		hours := map[string]int64{"d": 24, "w": 7 * 24}[unit]
		n, ok := new(big.Rat).SetString(m[1])
		if !ok || !n.Mul(n, big.NewRat(hours, 1)).IsInt() || n.Num().BitLen() > 24 {
			return 0, "", fmt.Errorf("is not a duration: the largest unit is h")
		}
		return 0, durationHint(n.Num().String() + "h"), fmt.Errorf("is not a duration: the largest unit is h")
	}
	if fixed := m[1] + unit; fixed != s {
		return 0, durationHint(fixed), fmt.Errorf("is not a duration")
	}
	return 0, "", fmt.Errorf("is longer than a duration can be")
}

// DurationText is a duration without the zeros at its end: 20m, not 20m0s.
func DurationText(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// durationHint joins those of the candidates that are durations.
func durationHint(candidates ...string) string {
	return strings.Join(slices.DeleteFunc(candidates, func(s string) bool {
		_, err := time.ParseDuration(s)
		return err != nil
	}), `" or "`)
}

func durationUnit(word string) string {
	switch strings.TrimSuffix(strings.ToLower(word), "s") {
	case "", "sec", "second": // "s" itself has lost its letter
		return "s"
	case "m", "min", "minute":
		if strings.EqualFold(word, "ms") {
			return "ms"
		}
		return "m"
	case "msec", "milli", "millisecond":
		return "ms"
	case "u", "µ", "usec", "microsecond":
		return "us"
	case "n", "nsec", "nanosecond":
		return "ns"
	case "h", "hr", "hour":
		return "h"
	case "d", "day":
		return "d"
	case "w", "week":
		return "w"
	}
	return ""
}

var byteUnits = map[string]int64{
	"": 1, "B": 1,
	"KB": 1e3, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// ParseBytes reads "16MiB", "5MB" or "1048576".
func ParseBytes(s string) (n engine.Bytes, hint string, err error) {
	m := quantityForm.FindStringSubmatch(s)
	if m == nil {
		if strings.HasPrefix(strings.TrimSpace(s), "-") {
			return 0, "", fmt.Errorf("is negative")
		}
		return 0, "", fmt.Errorf("is not a size")
	}
	factor, ok := byteUnits[m[2]]
	if !ok || m[1]+m[2] != s {
		unit := byteUnit(m[2])
		if unit == "" {
			return 0, "", fmt.Errorf("is not a size: %q is no unit", m[2])
		}
		return 0, sizeHint(m[1], unit), fmt.Errorf("is not a size")
	}
	return exactBytes(m[1], factor)
}

// sizeHint is what may have been meant by a number and the first letter of a unit.
func sizeHint(number, unit string) string {
	tails := []string{"iB", "B"}
	if unit == "B" {
		tails = []string{""}
	}
	var hints []string
	for _, tail := range tails {
		if _, _, err := exactBytes(number, byteUnits[unit+tail]); err == nil {
			hints = append(hints, number+unit+tail)
		}
	}
	return strings.Join(hints, `" or "`)
}

func exactBytes(number string, factor int64) (n engine.Bytes, hint string, err error) {
	value, _ := new(big.Rat).SetString(number)
	value.Mul(value, big.NewRat(factor, 1))
	if !value.IsInt() {
		return 0, "", fmt.Errorf("is no whole number of bytes")
	}
	if !value.Num().IsInt64() || value.Num().Int64() > math.MaxInt64/2 {
		return 0, "", fmt.Errorf("is larger than a size can be")
	}
	return engine.Bytes(value.Num().Int64()), "", nil
}

// byteUnit is the first letter of the unit that a word means; "" when it means none.
func byteUnit(word string) string {
	w := strings.ToLower(word)
	for _, tail := range []string{"ibytes", "ibyte", "bytes", "byte", "ib", "b"} {
		if t, ok := strings.CutSuffix(w, tail); ok {
			w = t
			break
		}
	}
	switch w {
	case "":
		return "B"
	case "k", "kilo":
		return "K"
	case "m", "meg", "mega":
		return "M"
	case "g", "gig", "giga":
		return "G"
	case "t", "tera":
		return "T"
	}
	return ""
}
