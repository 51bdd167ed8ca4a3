package diagnostics

import "strings"

// Suggest returns the candidate that given was most likely meant to be, or "" when none is close enough to be worth naming.
func Suggest(given string, candidates []string) string {
	best, least := "", 1<<30
	for _, c := range candidates {
		if d := closeness(given, c); d >= 0 && d < least {
			best, least = c, d
		}
	}
	return best
}

// closeness is the number of slips between two names, or -1 when they are not alike. One slip in three letters is the limit,
// so that short names are never taken for each other.
func closeness(given, name string) int {
	a, b := plain(given), plain(name)
	if a == "" || b == "" {
		return -1
	}
	if a == b {
		return 0
	}
	if d := slips(a, b); d <= max(len(a), len(b))/3 {
		return d
	}
	// A name cut short, or with a word too many: "partition" for "partition_by", "queue_name" for "queue".
	short, long := a, b
	if len(short) > len(long) {
		short, long = long, short
	}
	if len(short) >= 4 && strings.HasPrefix(long, short) {
		return len(long) - len(short)
	}
	return -1
}

// plain is a name without what writers of other tools put differently: capitals, dashes, underscores, dots.
func plain(name string) string {
	if len(name) > 64 {
		name = name[:64]
	}
	return joiners.Replace(strings.ToLower(name))
}

var joiners = strings.NewReplacer("_", "", "-", "", ".", "")

// slips is the number of letters added, left out, changed or swapped with their neighbour (optimal string alignment).
func slips(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
