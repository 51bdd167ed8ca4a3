package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// row is one case with all its runs.
type row struct {
	name string
	runs []figures
}

// table is one of Markdown, with ratios to some of its own rows.
type table struct {
	title, what string
	bases       []string
	rows        []*row
	goals       []string
}

func newTable(title, what string, bases ...string) *table {
	return &table{title: title, what: what, bases: bases}
}

// add keeps the figures of one run.
func (t *table) add(name string, f figures) {
	r := t.row(name)
	if r == nil {
		r = &row{name: name}
		t.rows = append(t.rows, r)
	}
	r.runs = append(r.runs, f)
	fmt.Fprintf(os.Stderr, "%s: %s: %.0f msgs/s, %.1f CPU-s/M, %.0f MB, broker %.1f CPU-s/M, S3 %.1f CPU-s/M, load %s\n",
		t.title, name, f.rate(), f.cpuPerMillion(), f.megabytes(), f.brokerPerMillion(), f.s3PerMillion(), load())
}

// measure alternates between the programs, so that what else happens on the machine meets all of them.
func (t *table) measure(rounds int, programs []program, one func(program) (figures, error)) error {
	for range rounds {
		for _, p := range programs {
			f, err := one(p)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			t.add(p.name, f)
		}
	}
	return nil
}

func (t *table) row(name string) *row {
	for _, r := range t.rows {
		if r.name == name {
			return r
		}
	}
	return nil
}

// metric is one number of a run.
type metric func(figures) float64

// spread is the median, the smallest and the largest of a number.
func (r *row) spread(m metric) (median, least, most float64) {
	var all []float64
	for _, f := range r.runs {
		all = append(all, m(f))
	}
	slices.Sort(all)
	return all[len(all)/2], all[0], all[len(all)-1]
}

func (r *row) median(m metric) float64 {
	median, _, _ := r.spread(m)
	return median
}

func (t *table) median(name string, m metric) float64 { return t.row(name).median(m) }

func (t *table) ratio(m metric, name, base string) float64 {
	return t.median(name, m) / t.median(base, m)
}

func (t *table) atLeast(what string, got, limit float64) {
	t.goal(what, "≥", got, limit, got >= limit)
}
func (t *table) atMost(what string, got, limit float64) {
	t.goal(what, "≤", got, limit, got <= limit)
}

func (t *table) goal(what, sign string, got, limit float64, reached bool) {
	answer := "reached"
	if !reached {
		answer = "not reached"
	}
	t.goals = append(t.goals, fmt.Sprintf("| %s | %s %s | %s | %s |", what, sign, short(limit), short(got), answer))
}

func (t *table) print() {
	bases := slices.DeleteFunc(slices.Clone(t.bases), func(name string) bool { return t.row(name) == nil })
	fmt.Printf("\n### %s\n\n%s; medians of %d, with the smallest and largest.\n\n", t.title, t.what, len(t.rows[0].runs))
	fmt.Print("| case | messages/s | CPU-s/M | peak MB | broker CPU-s/M | S3 CPU-s/M | twice |")
	for _, base := range bases {
		fmt.Printf(" rate, CPU, against %s |", base)
	}
	fmt.Printf("\n|%s\n", strings.Repeat(" --- |", 7+len(bases)))
	for _, r := range t.rows {
		fmt.Printf("| %s | %s | %s | %s | %s | %s | %s |", r.name, r.cell(figures.rate), r.cell(figures.cpuPerMillion),
			r.cell(figures.megabytes), r.cell(figures.brokerPerMillion), r.cell(figures.s3PerMillion), short(r.median(func(f figures) float64 { return float64(f.twice) })))
		for _, base := range bases {
			fmt.Printf(" %.2f, %.2f |", t.ratio(figures.rate, r.name, base), t.ratio(figures.cpuPerMillion, r.name, base))
		}
		fmt.Println()
	}
	t.printGoals()
}

func (t *table) printGoals() {
	if len(t.goals) > 0 {
		fmt.Printf("\n| goal | wanted | measured | |\n| --- | --- | --- | --- |\n%s\n", strings.Join(t.goals, "\n"))
	}
}

func (r *row) cell(m metric) string {
	median, least, most := r.spread(m)
	if most == 0 {
		return "–"
	}
	return fmt.Sprintf("%s (%s–%s)", short(median), short(least), short(most))
}

// short writes a number with about three digits.
func short(n float64) string {
	switch {
	case n >= 1000:
		return thousands(n)
	case n >= 100 || n == float64(int(n)):
		return strconv.FormatFloat(n, 'f', 0, 64)
	case n >= 10:
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	return strconv.FormatFloat(n, 'f', 2, 64)
}

// thousands writes 12345 as 12,345.
func thousands(n float64) string {
	digits := strconv.FormatFloat(n, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
