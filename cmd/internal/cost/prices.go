package cost

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	gib            = 1 << 30   // what Amazon calls a GB
	leastMonitored = 128 << 10 // smaller objects are not monitored by INTELLIGENT_TIERING
)

// Source says where the default prices come from.
const Source = "Amazon S3 list prices of US East (N. Virginia), us-east-1, first tier, in US dollars, as they were in 2025; aws.amazon.com/s3/pricing has today's"

// Prices are those of a store.
type Prices struct {
	Source     string           `json:"source"`
	Classes    map[string]Class `json:"storage_classes"`
	TransferIn float64          `json:"transfer_in"` // of a GiB
	KMS        float64          `json:"kms"`         // of 10,000 requests
	Changed    []string         `json:"given,omitempty"`
}

// Class has the prices of a storage class.
type Class struct {
	Storage       float64 `json:"storage"` // of a GiB for a month
	Put           float64 `json:"put"`     // of 1,000 requests
	Monitoring    float64 `json:"monitoring,omitempty"`
	LeastBytes    float64 `json:"least_bytes,omitempty"` // an object costs as much as one of so many
	OverheadBytes float64 `json:"overhead_bytes,omitempty"`
	LeastDays     float64 `json:"least_days,omitempty"` // likewise one that is deleted earlier
	Note          string  `json:"note,omitempty"`
}

// DefaultClass is that of a bucket where nobody says another.
const DefaultClass = "STANDARD"

// DefaultPrices are Source's.
func DefaultPrices() Prices {
	const retrieval = "reading costs more"
	return Prices{
		Source: Source,
		KMS:    0.03,
		Classes: map[string]Class{
			DefaultClass:          {Storage: 0.023, Put: 0.005},
			"INTELLIGENT_TIERING": {Storage: 0.023, Put: 0.005, Monitoring: 0.0025, Note: "what nobody reads for 30 days costs less, which is not counted here"},
			"STANDARD_IA":         {Storage: 0.0125, Put: 0.01, LeastBytes: 128 << 10, LeastDays: 30, Note: retrieval},
			"ONEZONE_IA":          {Storage: 0.01, Put: 0.01, LeastBytes: 128 << 10, LeastDays: 30, Note: "in one zone, which may be lost; " + retrieval},
			"GLACIER_IR":          {Storage: 0.004, Put: 0.02, LeastBytes: 128 << 10, LeastDays: 90, Note: retrieval},
			"GLACIER":             {Storage: 0.0036, Put: 0.03, OverheadBytes: 40 << 10, LeastDays: 90, Note: "takes hours to read"},
			"DEEP_ARCHIVE":        {Storage: 0.00099, Put: 0.05, OverheadBytes: 40 << 10, LeastDays: 180, Note: "takes half a day to read"},
		},
	}
}

func (p Prices) class(name string) (Class, error) {
	if name == "" {
		name = DefaultClass
	}
	class, ok := p.Classes[name]
	if !ok {
		return class, fmt.Errorf("no price is known of storage class %s; give --price %s.put=… and --price %s.storage=…", name, name, name)
	}
	return class, nil
}

// Set takes a price as NAME=VALUE: put and storage are those of STANDARD, CLASS.put and CLASS.storage of another class; transfer_in and kms.
func (p *Prices) Set(given string) error {
	name, text, ok := strings.Cut(given, "=")
	name, text = strings.TrimSpace(name), strings.TrimSpace(text)
	value, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || !(value >= 0 && value < 1e9) {
		return fmt.Errorf("%q is no price; it is NAME=VALUE, such as put=0.0054, with a value of 0 or more", given)
	}
	class, attr, hasClass := strings.Cut(name, ".")
	if !hasClass {
		class, attr = DefaultClass, name
	}
	of := p.Classes[class]
	switch {
	case attr == "put":
		of.Put = value
	case attr == "storage":
		of.Storage = value
	case name == "transfer_in":
		p.TransferIn = value
	case name == "kms":
		p.KMS = value
	default:
		return fmt.Errorf("there is no price %q; there are put (of 1,000 requests), storage (of a GiB for a month), both also as CLASS.put for a storage class (%s), transfer_in (of a GiB) and kms (of 10,000 requests)",
			name, strings.Join(slices.Sorted(maps.Keys(p.Classes)), ", "))
	}
	if attr == "put" || attr == "storage" {
		p.Classes[class] = of
	}
	p.Changed = append(p.Changed, name+"="+text)
	return nil
}

// SetAll takes the lines of a file, each a price as Set takes it. Empty lines, and what stands behind #, are comments.
func (p *Prices) SetAll(text string) error {
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := p.Set(line); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return nil
}
