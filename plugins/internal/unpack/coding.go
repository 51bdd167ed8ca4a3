// Package unpack undoes what producers pack message bodies with.
package unpack

import (
	"slices"
	"strings"
)

// Coding is a way of packing.
type Coding string

// The codings that are undone.
const (
	Gzip    Coding = "gzip"
	Deflate Coding = "deflate" // in zlib's frame (RFC 1950) as RFC 9110 has it, or bare (RFC 1951) as many write it
	Zstd    Coding = "zstd"
	Bzip2   Coding = "bzip2"
)

// names are what producers call the codings: HTTP, Spring AMQP, and kombu, whose application/x-gzip is zlib's frame in truth.
var names = map[string]Coding{
	"gzip": Gzip, "x-gzip": Gzip, "application/gzip": Gzip, "application/x-gzip": Gzip,
	"deflate": Deflate, "zlib": Deflate, "application/zlib": Deflate, "application/x-deflate": Deflate,
	"zstd": Zstd, "application/zstd": Zstd, "application/x-zstd": Zstd,
	"bzip2": Bzip2, "x-bzip2": Bzip2, "bz2": Bzip2, "application/bzip2": Bzip2, "application/x-bz2": Bzip2, "application/x-bzip2": Bzip2,
}

// foreign are names of packings that are not undone. Any other name is taken for a character set or the like, unless the body is no text.
var foreign = []string{
	"br", "brotli", "application/x-brotli", "compress", "x-compress", "snappy", "x-snappy-framed", "application/x-snappy", "lz4", "application/x-lz4",
	"xz", "application/x-xz", "lzma", "application/x-lzma", "zip", "application/zip", "lzo", "s2", "exi", "pack200-gzip", "aes128gcm", "dcb", "dcz",
}

// packings are at most so many: nobody packs more often, and each takes its own time to undo.
const packings = 4

// Known reports whether the name is one of a packing, undone here or not.
func Known(name string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	return names[name] != "" || slices.Contains(foreign, name)
}

// split takes a content encoding apart. The first is what was done first, as in HTTP (RFC 9110, 8.4); Spring AMQP writes it the other way around
// when it uses its colon, as in gzip:UTF-8.
func split(encoding string) []string {
	all := strings.FieldsFunc(encoding, func(r rune) bool { return r == ',' || r == ':' })
	for i := range all {
		all[i] = strings.ToLower(strings.TrimSpace(all[i]))
	}
	if strings.Contains(encoding, ":") && !strings.Contains(encoding, ",") {
		slices.Reverse(all)
	}
	return all
}

// Rest is a content encoding without the packings that it names: what is true of the body when they are undone.
func Rest(encoding string) string {
	var rest []string
	for _, part := range strings.FieldsFunc(encoding, func(r rune) bool { return r == ',' || r == ':' }) {
		if part = strings.TrimSpace(part); part != "" && !Known(part) {
			rest = append(rest, part)
		}
	}
	return strings.Join(rest, ", ")
}
