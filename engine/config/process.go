package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

// Blocks beside the pipelines are about the process that runs them.
const blockAdmin = "admin"

// processBlocks are their names.
var processBlocks = []string{blockAdmin, blockAlert}

// Admin is the admin block: the HTTP side of the process.
type Admin struct {
	Listen string `hcl:"listen,optional" doc:"The address and port for the status page, metrics and health; \"\" turns them off. It shows no secrets, but the names of queues and buckets: think before you open it to others than this machine."`
	Pprof  bool   `hcl:"pprof,optional" doc:"Whether /debug/pprof/ gives profiles of the process, which cost CPU and show its memory."`

	Range *Range // its header in the file; nil: there is no such block
}

// DefaultListen is the address of the HTTP side when no file says another.
const DefaultListen = "127.0.0.1:9600"

// Validate finds an address that cannot be listened on.
func (a *Admin) Validate() error {
	if a.Listen == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(a.Listen)
	if err != nil {
		return engine.AttrErrorf("listen", "%q is no address and port such as %q, or \":9600\" for all addresses of this machine", a.Listen, DefaultListen)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return engine.AttrErrorf("listen", "%q is no port: it is a number up to 65535", port)
	}
	return nil
}

// NewAdmin returns an admin block with nothing in it.
func NewAdmin() *Admin { return &Admin{Listen: DefaultListen} }

// processBlock decodes a block about the process; it is false for others.
func (l *loader) processBlock(c *Config, f *syntax.File, b *hclsyntax.Block) bool {
	switch b.Type {
	case blockAdmin:
		l.admin(c, f, b)
	case blockAlert:
		l.alert(c, f, b)
	default:
		return false
	}
	return true
}

func (l *loader) admin(c *Config, f *syntax.File, b *hclsyntax.Block) {
	d := decode.NewDecoder(l.World, f, b.DefRange(), blockAdmin)
	if len(b.Labels) > 0 {
		d.Add(Diagnostic{Range: diagnostics.RangeOf(b.LabelRanges[0]), Summary: "the admin block has no name", Detail: "Write admin { … }."})
	}
	if c.Admin.Range != nil {
		d.Add(Diagnostic{Range: &d.Header, Summary: "there are two admin blocks",
			Detail: "A process has one HTTP side. Keep one of the two.", Related: []Related{{Text: "the first one is on", Range: *c.Admin.Range}}})
		return
	}
	c.Admin = NewAdmin()
	c.Admin.Range = &d.Header
	l.plain(d, b.Body, c.Admin)
}

// plain decodes a block that is no plugin's into a struct with the same tags, and lets it find its mistakes. What is not known, see
// Options.NoEnv, is left at its default.
func (l *loader) plain(d *decode.Decoder, body *hclsyntax.Body, into any) {
	d.Body(body, d.Header, d.What, "", decode.Targets(into))
	for _, t := range d.Templates {
		put(d.Decoded, t, &decode.TemplateScope{None: "There are no batches here."})
	}
	d.Validate(into, "")
	d.AddBeyond()
}

// knownBlocks says what a file consists of.
func knownBlocks() string {
	return fmt.Sprintf(`A file consists of blocks pipeline "NAME" { … }, and beside them of %s, for the process.`, diagnostics.Enumerate(slices.Clone(processBlocks), "and"))
}
