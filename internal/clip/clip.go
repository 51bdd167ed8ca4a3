// Package clip cuts texts for places that have little room.
package clip

import "unicode/utf8"

// To leaves at most so many bytes of a text, whole letters, and shows by "…" behind them that there was more.
func To(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
