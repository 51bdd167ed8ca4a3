package file

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// Config is what can be written into a block of this plugin.
type Config struct {
	Path             engine.Template `hcl:"path" example:"/var/lib/logpipe/logs.ndjson" doc:"The file to append to. Its folder is made where it is missing. With a template, each batch goes to the file that it names; a fallback has one file. The extension of the compression is appended where it is missing."`
	Format           string          `hcl:"format,optional" values:"lines,envelope" doc:"lines writes each body as a line; a body with a line break in it is then a dead letter. envelope writes a JSON object a line, with time, what the source knew, and the reason of a dead letter; it carries any body. Default is lines, and envelope for a dead letter. A fallback writes sealed batches and has no format."`
	Compression      string          `hcl:"compression,optional" values:"none,gzip,zstd" doc:"Each write is a gzip member or zstd frame of its own, so that the file can be appended to and is whole after each write."`
	CompressionLevel int             `hcl:"compression_level,optional" doc:"1 to 9 for gzip, 1 to 22 for zstd, 0 for the default."`
	RotateBytes      engine.Bytes    `hcl:"rotate_bytes,optional" doc:"Rename the file before a write would make it larger than this. 0 is never, and 256MiB for a fallback, because a fallback file is removed only when all of it has come home."`
	RotateAge        time.Duration   `hcl:"rotate_age,optional" doc:"Rename the file once it is this old, also when nothing is written to it. 0 is never. After a restart the age counts from the last write before it."`
	Mode             string          `hcl:"mode,optional" doc:"Permissions of files that are created, in octal. Folders that are created get 0750."`
}

// Defaults is a Config as it is before the file is read.
func Defaults() Config { return Config{Compression: string(encode.None), Mode: "0640"} }

// Validate returns all mistakes, each with its attribute.
func (c *Config) Validate() error {
	var errs []error
	if c.Path.String() == "" {
		errs = append(errs, engine.AttrErrorf("path", `path is empty; name a file, as in "/var/log/app.ndjson"`))
	} else if path, ok := constant(c.Path); ok && (path == "" || strings.HasSuffix(path, "/")) {
		errs = append(errs, engine.AttrErrorf("path", `%q names no file; name one, as in "/var/log/app.ndjson"`, path))
	}
	_, err := encode.FormatFor(c.Format, engine.RoleOutput)
	errs = append(errs, err, c.checkCompression())
	if c.RotateBytes < 0 {
		errs = append(errs, engine.AttrErrorf("rotate_bytes", "a size is not negative; 0 is never"))
	}
	if c.RotateAge < 0 {
		errs = append(errs, engine.AttrErrorf("rotate_age", "an age is not negative; 0 is never"))
	}
	if _, err := parseMode(c.Mode); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// ValidateRole returns what a fallback or a dead letter cannot have.
func (c *Config) ValidateRole(role engine.Role) error {
	if role != engine.RoleFallback {
		_, err := encode.FormatFor(c.Format, role)
		return err
	}
	var errs []error
	if _, ok := constant(c.Path); !ok {
		errs = append(errs, engine.AttrErrorf("path", "a fallback has one file, or its batches could not be found again: the path must not depend on the batch"))
	}
	if c.Format != "" {
		errs = append(errs, engine.AttrErrorf("format", "a fallback writes sealed batches, which carry any message; remove format"))
	}
	return errors.Join(errs...)
}

func (c *Config) checkCompression() error {
	compression := encode.Compression(c.Compression)
	if _, err := encode.New(encode.Lines, compression, c.CompressionLevel); err != nil {
		return err
	}
	path, err := c.Path.Render(probe(c.Path, "a", time.Time{}))
	if named := encode.CompressionOf(path); err == nil && named != encode.None && named != compression {
		return engine.AttrErrorf("path", `its end says %s, and compression is %q; set compression = %q, or change the path`,
			named.Extension(), compression, named)
	}
	return nil
}

// Traits names the file, or what is always the same of its path, and how its errors are counted.
func (c *Config) Traits() engine.Traits {
	compression, linesOnly := encode.Compression(c.Compression), encode.Format(c.Format) != encode.Envelope
	if path, ok := constant(c.Path); ok {
		path = withExtension(path, compression)
		return engine.Traits{Path: path, GivesBack: true, Reclaims: variants(path), LinesOnly: linesOnly, Classes: classes}
	}
	return engine.Traits{Paths: pattern(c.Path, compression), LinesOnly: linesOnly, Classes: classes}
}

func parseMode(s string) (fs.FileMode, error) {
	mode, err := strconv.ParseUint(s, 8, 32)
	switch {
	case err != nil || mode > 0o777:
		return 0, engine.AttrErrorf("mode", `%q is no file mode; write it in octal, as in "0640"`, s)
	case mode&0o600 != 0o600:
		return 0, engine.AttrErrorf("mode", `%q does not let the owner read and write, so the file could not be opened again; use "0600" at least`, s)
	}
	return fs.FileMode(mode), nil
}
