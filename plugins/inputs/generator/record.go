package generator

import (
	"strconv"

	"github.com/logpipe/logpipe/engine"
)

var (
	sources = [...]string{"app1", "app2", "app3"}
	events  = [...]string{"login_failed", "high-cpu", "new_user"}
	words   = [...]string{"user", "session", "request", "from", "accepted", "timeout", "disk", "node", "retry", "cache", "the", "for", "GET", "200", "10.0.0.7", "ok"}
)

const (
	maxChunk      = 256     // records in a chunk
	maxChunkBytes = 1 << 20 // in a chunk of more than one record
	recordLength  = 128     // no record is longer, before padding
)

// records makes records. What one says follows from its seq, the seed and a time, so that it can be made again.
type records struct {
	Config
	perChunk int
	pad      []byte // text to cut pads from

	head   []byte                             // of the records of the chunk that is being made: up to the source
	middle [len(sources) * len(events)]string // from the source up to the count
}

func newRecords(c Config) *records {
	r := &records{Config: c, perChunk: maxChunk}
	for i := range r.middle {
		r.middle[i] = sources[i/len(events)] + `","event":"` + events[i%len(events)] + `","count":`
	}
	if c.Size > 0 {
		r.perChunk = min(maxChunk, max(1, maxChunkBytes/int(c.Size)))
		r.pad = padText(uint64(c.Seed), 64<<10)
	}
	return r
}

// append makes the records of s. They share one piece of memory, and are stamped with one time: a time of its own for
// each would cost more than all the rest.
func (r *records) append(messages []engine.Message, s span) []engine.Message {
	r.head = append(r.head[:0], `{"timestamp":"`...)
	r.head = s.at.UTC().AppendFormat(r.head, "2006-01-02T15:04:05.000000Z07:00")
	r.head = append(r.head, `","source":"`...)
	arena := make([]byte, 0, (s.end-s.first)*max(recordLength, int(r.Size)))
	for seq := s.first; seq < s.end; seq++ {
		from := len(arena)
		arena = r.record(arena, seq)
		messages = append(messages, engine.Message{Body: arena[from:len(arena):len(arena)], Time: s.at})
	}
	return messages
}

// record appends the record seq. It is put together from few and long parts, because each costs about the same.
func (r *records) record(b []byte, seq int) []byte {
	from, random := len(b), mix(uint64(r.Seed), uint64(seq))
	b = append(b, r.head...)
	b = append(b, r.middle[random%3*3+random>>8%3]...)
	b = append(b, '1'+byte(random>>16%5))
	b = append(b, `,"seq":`...)
	b = strconv.AppendInt(b, int64(seq), 10)
	if gap := int(r.Size) - (len(b) - from) - len("}"); gap > 0 {
		b = r.fill(b, gap, random>>24)
	}
	b = append(b, '}')
	if r.InvalidEvery > 0 && seq%r.InvalidEvery == 0 {
		b = b[:len(b)-1]
	}
	return b
}

// fill appends gap bytes: the field "pad", or blanks where it does not fit in.
func (r *records) fill(b []byte, gap int, random uint64) []byte {
	const open, end = `,"pad":"`, `"`
	gap -= len(open) + len(end)
	if gap < 0 {
		return append(b, "         "[:gap+len(open)+len(end)]...)
	}
	b = append(b, open...)
	for from := int(random % uint64(len(r.pad))); gap > 0; from = 0 {
		part := r.pad[from:min(len(r.pad), from+gap)]
		b = append(b, part...)
		gap -= len(part)
	}
	return append(b, end...)
}

// padText makes words that compress about as well as logs do; a single letter would make every compression look good.
func padText(seed uint64, length int) []byte {
	b := make([]byte, 0, length+16)
	for n := uint64(0); len(b) < length; n++ {
		random := mix(seed, ^n)
		b = append(b, words[random%16]...)
		if random>>8%4 == 0 {
			b = append(b, '=')
			b = strconv.AppendUint(b, random>>16%100_000, 10)
		}
		b = append(b, ' ')
	}
	return b[:length]
}

// mix is a random number that is always the same for a seed and n: splitmix64, by Sebastiano Vigna
// (https://prng.di.unimi.it/splitmix64.c).
func mix(seed, n uint64) uint64 {
	z := seed + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
