// Package sample is the processor that keeps a part of the messages.
package sample

import (
	"context"
	"hash/crc32"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
	"github.com/logpipe/logpipe/plugins/internal/unanswered"
)

const doc = `Keeps a part of the messages, and drops the others.

Which ones is no chance: a hash of the field by, of the message's id or of its body decides. So a message that is delivered again is kept or
dropped as it was before, every process decides alike, and what belongs together stays together, such as the records of one trace. The share
is right over many different values. Two samplers that go by the same value decide alike: the second one does not halve what the first has kept. What
is dropped is settled: its source does not send it again, and it is counted as dropped.`

// Plugin is the processor "sample".
var Plugin = engine.NewTransform("sample", doc, Defaults, New)

// New makes the processor.
func New(c Config, env engine.Env) (engine.Transform, error) {
	p := &processor{when: c.When, bound: c.bound(), log: unanswered.New(env.Log, "kept")}
	if c.By != "" {
		p.fields = jsonscan.NewFields(c.By)
	}
	return p, nil
}

type processor struct {
	when   engine.Condition
	fields *jsonscan.Fields // nil without by
	bound  uint64
	log    *unanswered.Log
}

// Process decides on each message of b.
func (p *processor) Process(_ context.Context, b *engine.Batch) error {
	for i := range b.Messages {
		m := &b.Messages[i]
		sampled, err := p.when.Match(m)
		if err != nil {
			p.log.Add(err)
			continue
		}
		if sampled && p.hash(m) > p.bound {
			b.Drop(i)
		}
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// hash is the same for a message whenever and wherever it is read. Versions of this program must not change it.
func (p *processor) hash(m *engine.Message) uint64 {
	if p.fields != nil {
		if v := p.fields.Find(m.Body)[0]; len(v.Text) > 0 {
			return spread(crc32.Checksum(v.Text, castagnoli))
		}
	}
	if m.Meta != nil {
		if id := m.Meta.ID(); id != "" {
			return spread(crc32.Checksum([]byte(id), castagnoli))
		}
	}
	return spread(crc32.Checksum(m.Body, castagnoli))
}

// spread makes numbers far apart of sums that are close to each other, as those of ids that count are (the last steps of splitmix64).
func spread(sum uint32) uint64 {
	x := uint64(sum) * 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
