package diagnostics

import (
	"bytes"
	"encoding/json"
	"strings"
)

// The shape is that of `terraform validate -json`, format version 1.0
// (https://developer.hashicorp.com/terraform/cli/commands/validate#json), which editors and CI systems can read already.
type (
	jsonReport struct {
		FormatVersion string           `json:"format_version"`
		Valid         bool             `json:"valid"`
		ErrorCount    int              `json:"error_count"`
		WarningCount  int              `json:"warning_count"`
		Diagnostics   []jsonDiagnostic `json:"diagnostics"`
	}
	jsonDiagnostic struct {
		Severity Severity     `json:"severity"`
		Summary  string       `json:"summary"`
		Detail   string       `json:"detail"`
		Range    *Range       `json:"range,omitempty"`
		Snippet  *jsonSnippet `json:"snippet,omitempty"`
	}
	jsonSnippet struct {
		Context              *string     `json:"context"`
		Code                 string      `json:"code"`
		StartLine            int         `json:"start_line"`
		HighlightStartOffset int         `json:"highlight_start_offset"`
		HighlightEndOffset   int         `json:"highlight_end_offset"`
		Values               []jsonValue `json:"values"`
	}
	jsonValue struct {
		Traversal string `json:"traversal"`
		Statement string `json:"statement"`
	}
)

// MarshalJSON writes the diagnostics in Terraform's shape. The offsets of a highlight count bytes of its code.
func (d *Diagnostics) MarshalJSON() ([]byte, error) {
	report := jsonReport{
		FormatVersion: "1.0",
		Valid:         !d.HasErrors(),
		ErrorCount:    d.Errors(),
		WarningCount:  d.Warnings(),
		Diagnostics:   []jsonDiagnostic{},
	}
	for _, g := range d.list {
		detail := g.Detail
		for _, r := range g.Related {
			detail = strings.TrimSpace(detail + "\n" + r.Text + " " + r.Range.String() + ".")
		}
		report.Diagnostics = append(report.Diagnostics,
			jsonDiagnostic{Severity: g.Severity, Summary: g.Summary, Detail: detail, Range: g.Range, Snippet: d.jsonSnippet(g)})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // summaries quote configurations, which are full of < and &
	err := enc.Encode(report)
	return b.Bytes(), err
}

func (d *Diagnostics) jsonSnippet(g Diagnostic) *jsonSnippet {
	if g.Range == nil {
		return nil
	}
	line, ok := d.line(*g.Range)
	if !ok {
		return nil
	}
	s := &jsonSnippet{
		Code:                 line.text,
		StartLine:            g.Range.Start.Line,
		HighlightStartOffset: line.from,
		HighlightEndOffset:   line.to,
		Values:               []jsonValue{},
	}
	if g.Context != "" {
		s.Context = &g.Context
	}
	for _, v := range g.Values {
		s.Values = append(s.Values, jsonValue{v.Name, v.Is})
	}
	return s
}
