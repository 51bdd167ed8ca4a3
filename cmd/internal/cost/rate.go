package cost

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

var (
	multiples = map[string]float64{"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
	sizes     = map[string]float64{"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "KiB": 1 << 10, "MiB": 1 << 20}
	days      = map[string]float64{"h": 1.0 / 24, "d": 1, "w": 7, "y": 365}
	spans     = map[string]float64{"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "day": 86400, "month": 30 * 86400}
)

// ParseRate reads messages a second, as in "10000/s", "10k/s", "5M/h" or "1e9/day"; without a unit they are those of a second.
func ParseRate(text string) (float64, error) {
	number, span, _ := strings.Cut(strings.TrimSpace(text), "/")
	seconds, known := spans[strings.TrimSpace(span)]
	number = strings.TrimSpace(number)
	factor := 1.0
	if n := len(number); n > 0 && multiples[number[n-1:]] > 0 {
		factor, number = multiples[number[n-1:]], number[:n-1]
	}
	value, err := strconv.ParseFloat(number, 64)
	if rate := value * factor / seconds; err == nil && known && rate > 0 && rate <= 1e9 {
		return rate, nil
	}
	return 0, fmt.Errorf("%q is no rate of messages, such as 10000/s, 5M/h or 1e9/day, of at most 1e9/s", text)
}

// ParseSize reads the bytes of a message, as in "800B", "2KiB" or "500".
func ParseSize(text string) (float64, error) {
	value, unit := quantity(text)
	if n := value * sizes[unit]; n >= 1 && n <= 1<<30 {
		return n, nil
	}
	return 0, fmt.Errorf("%q is no size of a message, such as 800B or 2KiB", text)
}

// ParseDays reads how long something is kept, as in "30d", "52w", "7y" or "12h".
func ParseDays(text string) (time.Duration, error) {
	value, unit := quantity(text)
	if n := value * days[unit]; n > 0 && n <= 100*365 {
		return time.Duration(n * 24 * float64(time.Hour)), nil
	}
	return 0, fmt.Errorf("%q is no time such as 30d, 52w or 7y", text)
}

// quantity is a number and its unit; the number is 0 where there is none.
func quantity(text string) (value float64, unit string) {
	text = strings.TrimSpace(text)
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	value, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if err != nil {
		return 0, ""
	}
	return value, text[len(digits):]
}
