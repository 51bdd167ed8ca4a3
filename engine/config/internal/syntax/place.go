package syntax

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
)

// enclosing returns the blocks around a place, outermost first.
func (f *File) enclosing(at int) []*hclsyntax.Block {
	var around []*hclsyntax.Block
	for body := f.Body; body != nil; {
		after := sort.Search(len(body.Blocks), func(i int) bool { return body.Blocks[i].TypeRange.Start.Byte > at })
		if after == 0 || at > body.Blocks[after-1].Range().End.Byte {
			break
		}
		b := body.Blocks[after-1]
		around, body = append(around, b), b.Body
	}
	return around
}

// Context names the block around a place: `output "s3"`, `output "s3", block tls`, or `branch "audit", output "s3"`. The pipeline is named only where nothing
// nearer is there.
func (f *File) Context(at int) string { return f.ContextOf(at, 0) }

// ContextOf is context without the innermost blocks.
func (f *File) ContextOf(at, without int) string {
	blocks := f.enclosing(at)
	blocks = blocks[:max(0, len(blocks)-without)]
	if i := slices.IndexFunc(blocks, f.IsPlaceholder); i >= 0 {
		blocks = blocks[:i]
	}
	if len(blocks) > 1 && blocks[0].Type == schema.BlockPipeline {
		blocks = blocks[1:]
	}
	var names []string
	for i, b := range blocks {
		name := diagnostics.Shorten(b.Type)
		if i > 1 || i == 1 && blocks[0].Type != schema.BlockBranch { // a label that it has is a mistake, and may be a secret whose equals sign is missing
			names = append(names, "block "+name)
			continue
		}
		for _, label := range b.Labels {
			name += fmt.Sprintf(" %q", diagnostics.Shorten(label))
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// IsBroken reports whether the parser found an error in a part of the file.
func (f *File) IsBroken(r hcl.Range) bool {
	for _, b := range f.Broken {
		if b.Start.Byte <= r.End.Byte && r.Start.Byte <= b.End.Byte {
			return true
		}
	}
	return false
}

// IsPlaceholder reports whether the block's header is one that could not be read, and has been reported.
func (f *File) IsPlaceholder(b *hclsyntax.Block) bool {
	return b.Type == string(placeholder) && f.Src[b.TypeRange.Start.Byte] != placeholder
}
