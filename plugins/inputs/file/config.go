package file

import (
	"errors"
	"path/filepath"
	"regexp"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Config is what can be written into a block of this plugin.
type Config struct {
	Paths        []string      `hcl:"paths" example:"[\"/var/log/app/*.log\"]" doc:"Files, or patterns as in \"/var/log/app/*.log\". Files that end in .gz and .zst are unpacked."`
	OnDelivered  string        `hcl:"on_delivered,optional" values:"keep,delete" doc:"What becomes of a file when all of it is delivered: keep renames it, with .delivered at its end, so that it is not read again; delete removes it."`
	MaxLineBytes engine.Bytes  `hcl:"max_line_bytes,optional" doc:"A longer line is passed over, and its file is kept under the end .failed."`
	MinAge       time.Duration `hcl:"min_age,optional" doc:"How old the last change of a file must be, where the system does not say whether a program has it open for writing. 0 is for files that are whole when they get their name."`
	PollInterval time.Duration `hcl:"poll_interval,optional" doc:"Look for new files this often, for ever. 0 reads what is there at the start and is finished."`
}

// What becomes of a file that is delivered.
const (
	keep   = "keep"
	remove = "delete"
)

// elsewhere finds patterns of shells and other tools that would match nothing or less here: any depth of folders, and alternatives.
var elsewhere = regexp.MustCompile(`\*\*+|\{[^{}/]*,[^{}]*\}`)

// mostAge is the most that min_age may be. Who wants more wants to read files of yesterday, and names them so.
const mostAge = 24 * time.Hour

// Defaults is a Config as it is before the file is read. Programs that keep a file open write a line of their state each minute or so: five
// are more than one such pause.
func Defaults() Config {
	return Config{OnDelivered: keep, MaxLineBytes: 16 << 20, MinAge: 5 * time.Minute}
}

// Validate returns all mistakes, each with its attribute.
func (c *Config) Validate() error {
	var errs []error
	if len(c.Paths) == 0 {
		errs = append(errs, engine.AttrErrorf("paths", `no path; name files or patterns, as in ["/var/log/app/*.log"]`))
	}
	for _, path := range c.Paths {
		if _, err := filepath.Match(path, ""); err != nil {
			errs = append(errs, engine.AttrErrorf("paths", `%q is no pattern: a [ without its ], or a \ at the end`, path))
		} else if path == "" {
			errs = append(errs, engine.AttrErrorf("paths", "a path is empty"))
		} else if word := elsewhere.FindString(path); word != "" {
			errs = append(errs, engine.AttrErrorf("paths", `%s in %q is no pattern here; name a path for each of what is meant, as in ["/var/log/*.log", "/var/log/*/*.log"]`, word, path))
		}
	}
	if c.OnDelivered != keep && c.OnDelivered != remove {
		errs = append(errs, engine.AttrErrorf("on_delivered", `there is no %q; use "keep" or "delete"`, c.OnDelivered))
	}
	if c.MaxLineBytes < 1 || c.MaxLineBytes > 1<<30 {
		errs = append(errs, engine.AttrErrorf("max_line_bytes", "a line may have 1B to 1GiB; this is %s", c.MaxLineBytes))
	}
	if c.MinAge < 0 || c.MinAge > mostAge {
		errs = append(errs, engine.AttrErrorf("min_age", "an age is 0 to %v; this is %v", mostAge, c.MinAge))
	}
	if c.PollInterval < 0 {
		errs = append(errs, engine.AttrErrorf("poll_interval", "an interval is not negative; 0 reads once"))
	}
	return errors.Join(errs...)
}
