package diagnostics

import (
	"bytes"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// sourceLine is the line on which a range starts, without its end, and the part of it that is in the range, in bytes.
type sourceLine struct {
	text     string
	from, to int
}

// line finds the source line of r. Masked parts, and the user and password of a URL, come out as asterisks.
func (d *Diagnostics) line(r Range) (sourceLine, bool) {
	src := d.sources[r.Filename]
	if src == nil || len(src.text) == 0 || r.Start.Line < 1 || r.Start.Byte > len(src.text) {
		return sourceLine{}, false
	}
	begin := bytes.LastIndexByte(src.text[:r.Start.Byte], '\n') + 1
	end := len(src.text)
	if i := bytes.IndexByte(src.text[r.Start.Byte:], '\n'); i >= 0 {
		end = r.Start.Byte + i
	}
	text := bytes.Clone(src.text[begin:end])
	for _, m := range src.masked {
		for i := max(m.From, begin); i < min(m.To, end); i++ {
			text[i-begin] = '*'
		}
	}
	hideUserinfoOf(text)
	text = bytes.TrimRight(text, "\r")
	from := min(r.Start.Byte-begin, len(text))
	to := min(max(r.End.Byte-begin, from), len(text))
	return sourceLine{string(text), from, to}, true
}

// cut renders the line in at most columns columns, with what is meant in view, and returns where that is in columns.
func (l sourceLine) cut(columns int) (text string, from, to int) {
	columns = max(columns, 20)
	cells, from, to := l.cells()
	if len(cells) <= columns {
		return strings.Join(cells, ""), from, to
	}
	// A third of the room goes to what stands before the place.
	start := max(0, min(from-columns/3, len(cells)-columns))
	end := min(len(cells), start+columns)
	shown := append([]string(nil), cells[start:end]...)
	if start > 0 {
		shown[0] = "…"
		if len(shown) > 1 && shown[1] == "" {
			shown[1] = " " // the right half of a wide character whose left half is gone
		}
	}
	if end < len(cells) {
		if shown[len(shown)-1] == "" {
			shown[len(shown)-2] = " "
		}
		shown[len(shown)-1] = "…"
	}
	return strings.Join(shown, ""), from - start, min(to-start, len(shown))
}

// cells lays the line out, one string a column. A wide character takes its column and an empty string for the next one;
// what has no width of its own is put to the character before it.
func (l sourceLine) cells() (cells []string, from, to int) {
	for i, r := range l.text {
		if i == l.from {
			from = len(cells)
		}
		if i == l.to {
			to = len(cells)
		}
		switch columns := runeColumns(r); {
		case r == '\t':
			for n := tabWidth - len(cells)%tabWidth; n > 0; n-- {
				cells = append(cells, " ")
			}
		case columns == 0 && len(cells) > 0:
			if last := len(cells) - 1; cells[last] == "" {
				cells[last-1] += string(r)
			} else {
				cells[last] += string(r)
			}
		case columns == 2:
			cells = append(cells, string(r), "")
		default:
			cells = append(cells, string(visibleRune(r)))
		}
	}
	if l.from >= len(l.text) {
		from = len(cells)
	}
	if l.to >= len(l.text) {
		to = len(cells)
	}
	return cells, from, to
}

// runeColumns is the number of columns that a terminal gives to a character.
func runeColumns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// visible makes text harmless for a terminal: what would move the cursor, change colours or turn the direction of writing is
// shown as a sign of its own. Line feeds stay.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return visibleRune(r)
	}, text)
}

func visibleRune(r rune) rune {
	switch {
	case r < 0x20:
		return '\u2400' + r // the Unicode pictures of the control characters
	case r == 0x7f:
		return '\u2421'
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co):
		return unicode.ReplacementChar
	}
	return r
}

// Wrap breaks text between words into lines of at most columns columns. Lines that are indented, such as examples, stay whole.
func Wrap(text string, columns int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(paragraph, " ") {
			lines = append(lines, paragraph)
			continue
		}
		line, used := "", 0
		for i, word := range strings.Split(paragraph, " ") {
			n := textColumns(word)
			if i > 0 && used+1+n > columns {
				lines = append(lines, line)
				line, used = "", 0
			} else if i > 0 {
				line, used = line+" ", used+1
			}
			line, used = line+word, used+n
		}
		lines = append(lines, line)
	}
	return lines
}

func textColumns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}
