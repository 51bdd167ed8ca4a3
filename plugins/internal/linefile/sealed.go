package linefile

import (
	"bytes"
	"hash/crc32"
	"strconv"

	"github.com/logpipe/logpipe/engine"
)

// marker is how a header line begins. A line of another program would have to begin exactly so to be mistaken for one, and
// even then its sum would have to be right.
const marker = `{"logpipe_batch":`

const version = 1

// sumTail is the end of a header line: the name of the last member, eight hex digits, a quote, a brace.
const (
	sumName = `,"sum":"`
	sumTail = len(sumName) + 8 + len(`"}`)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

// AppendHeader appends the header line of b, for whose messages each body and a line feed follow. pipeline is whose batch it is, ""
// is anybody's. The line is a function of these alone.
func AppendHeader(dst []byte, pipeline string, b *engine.Batch) []byte {
	s := survey(b)
	begin := len(dst)
	dst = append(dst, marker...)
	dst = strconv.AppendInt(dst, version, 10)
	dst = append(dst, `,"id":`...)
	dst = kinds.String(dst, b.ID)
	dst = append(dst, `,"partition":`...)
	dst = kinds.String(dst, b.Partition)
	dst = append(dst, `,"time":"`...)
	dst = appendTime(dst, b.Time)
	dst = append(dst, `","count":`...)
	dst = strconv.AppendInt(dst, int64(len(b.Messages)), 10)
	dst = append(dst, `,"bytes":`...)
	dst = strconv.AppendInt(dst, s.bytes, 10)
	dst = append(dst, `,"crc32c":"`...)
	dst = appendSum(dst, s.sum)
	dst = append(dst, '"')
	if pipeline != "" {
		dst = append(dst, `,"pipeline":`...)
		dst = kinds.String(dst, pipeline)
	}
	if b.SealedBy != "" {
		dst = append(dst, `,"sealed_by":`...)
		dst = kinds.String(dst, b.SealedBy)
	}
	if s.feeds {
		dst = appendLengths(dst, b)
	}
	if s.times {
		dst = appendTimes(dst, b)
	}
	if s.meta {
		dst = appendMetas(dst, b)
	}
	sum := checksum(dst[begin:])
	dst = append(dst, sumName...)
	dst = appendSum(dst, sum)
	return append(dst, '"', '}', '\n')
}

// facts are what a header says of the messages, found in one pass.
type facts struct {
	bytes int64  // of the bodies and their line feeds
	sum   uint32 // of the same
	feeds bool   // a body holds a line feed
	times bool   // a message has another time than the batch
	meta  bool   // a message has some
}

func survey(b *engine.Batch) facts {
	var s facts
	for i := range b.Messages {
		m := &b.Messages[i]
		s.bytes += int64(len(m.Body)) + 1
		s.sum = crc32.Update(s.sum, castagnoli, m.Body)
		s.sum = crc32.Update(s.sum, castagnoli, lineFeed)
		s.feeds = s.feeds || bytes.IndexByte(m.Body, '\n') >= 0
		s.times = s.times || !m.Time.Equal(b.Time)
		s.meta = s.meta || m.Meta != nil
	}
	return s
}

var lineFeed = []byte{'\n'}

func appendSum(dst []byte, sum uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, digits[sum>>shift&15])
	}
	return dst
}
