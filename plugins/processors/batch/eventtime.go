package batch

import (
	"strconv"
	"time"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

// eventTime reads the time that a message says of itself, in UTC. It is written out by hand because it runs once a message.
func eventTime(v jsonscan.Value) (time.Time, bool) {
	switch {
	case v.Kind == jsonscan.String && len(v.Text) > 4 && v.Text[4] == '-':
		return parseText(v.Text)
	case v.Kind == jsonscan.String || v.Kind == jsonscan.Number:
		return parseUnix(v.Text)
	}
	return time.Time{}, false
}

// parseText reads RFC 3339. It also takes what loggers write for it: a space for the T, no zone (which is UTC), a zone
// without colon, a comma before the fraction.
func parseText(b []byte) (time.Time, bool) {
	if len(b) < len("2006-01-02T15:04:05") || b[7] != '-' || b[13] != ':' || b[16] != ':' ||
		b[10] != 'T' && b[10] != 't' && b[10] != ' ' {
		return time.Time{}, false
	}
	year, month, day := number(b[0:4]), number(b[5:7]), number(b[8:10])
	hour, minute, second := number(b[11:13]), number(b[14:16]), number(b[17:19])
	if min(year, month-1, day-1, hour, minute, second) < 0 || month > 12 || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, false
	}
	nanos, b := fraction(b[19:])
	offset, ok := zone(b)
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if !ok || nanos < 0 || day > 28 && time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return time.Time{}, false
	}
	return t.Add(-offset), true
}

// number is the value of some digits, less than 0 when there is anything else. What overflows is not a time either.
func number(digits []byte) int {
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' || n > 1<<59 {
			return -1 << 31
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// fraction reads a fraction of a second, if there is one, in nanoseconds and without rounding; less than 0 when it is wrong.
func fraction(b []byte) (nanos int, rest []byte) {
	if len(b) == 0 || b[0] != '.' && b[0] != ',' {
		return 0, b
	}
	end, unit := 1, 100_000_000
	for ; end < len(b) && '0' <= b[end] && b[end] <= '9'; end++ {
		nanos += int(b[end]-'0') * unit
		unit /= 10
	}
	if end == 1 {
		return -1, b
	}
	return nanos, b[end:]
}

// zone reads what is behind the seconds: nothing, Z, +01:00, +0100 or +01.
func zone(b []byte) (offset time.Duration, ok bool) {
	if len(b) == 0 || len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	if len(b) < 3 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	hours, minutes := number(b[1:3]), 0
	switch rest := b[3:]; {
	case len(rest) == 3 && rest[0] == ':':
		minutes = number(rest[1:])
	case len(rest) == 2:
		minutes = number(rest)
	case len(rest) != 0:
		return 0, false
	}
	if hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
		return 0, false
	}
	offset = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if b[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// parseUnix reads a number since 1970. Seconds have up to 11 digits until the year 5138, and so on in steps of three.
func parseUnix(b []byte) (time.Time, bool) {
	end := 0
	for end < len(b) && '0' <= b[end] && b[end] <= '9' {
		end++
	}
	n := number(b[:end])
	nanos, rest := fraction(b[end:])
	if len(rest) > 0 && rest[0]|0x20 == 'e' && end > 0 {
		f, err := strconv.ParseFloat(string(b), 64)
		if err != nil || f < 0 || f >= 1e18 {
			return time.Time{}, false
		}
		n, rest = int(f), nil
		nanos = int((f - float64(n)) * 1e9)
	}
	if end == 0 || n < 0 || nanos < 0 || len(rest) > 0 {
		return time.Time{}, false
	}
	perSecond := 1
	for limit := 100_000_000_000; n >= limit && perSecond < 1_000_000_000; limit *= 1000 {
		perSecond *= 1000
	}
	unit := 1_000_000_000 / perSecond
	return time.Unix(int64(n/perSecond), int64(n%perSecond*unit+nanos/perSecond)).UTC(), true
}
