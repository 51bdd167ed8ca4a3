package acks

import "sync/atomic"

// ledger keeps the chunks of one channel in the order that they were read in, and says which deliveries may be acked. A settled
// chunk at the front is acked together with all before it; one that stands behind an unsettled chunk must wait, or be acked one
// delivery at a time: an ack of several is an ack of everything before it.
//
// No delivery is acked twice: the broker closes the channel on an ack of a delivery that it does not know any more.
type ledger struct {
	base    uint64  // the number of the first entry
	entries []entry // from the oldest that is not acked with all before it
	head    int     // entries before it are done; they stay until it is worth moving the others
	waiting int     // deliveries settled behind an unsettled chunk and not acked
	from    uint64  // the first delivery of the present subscription
	unacked int     // deliveries of it that were read and are not acked

	acked atomic.Int64 // deliveries of it. It alone may be read by anybody
}

// entry is a chunk. What was acked one by one, while it stood behind an unsettled chunk, is not counted any more.
type entry struct {
	first, last uint64 // delivery tags; a channel counts them up without a gap
	bytes       int64
	settled     bool
}

func (e *entry) deliveries() int { return int(e.last - e.first + 1) }

// begin counts the deliveries of another subscription, from its first one on. Of those before some may not be read yet.
func (l *ledger) begin(first uint64) {
	l.from, l.unacked = first, 0
	l.acked.Store(0)
}

// count is how many of the unacked deliveries from first to last are of the present subscription.
func (l *ledger) count(first, last uint64) int {
	if first = max(first, l.from); first > last {
		return 0
	}
	return int(last - first + 1)
}

// ackedOf counts deliveries of the present subscription as acked.
func (l *ledger) ackedOf(n int) {
	l.unacked -= n
	l.acked.Add(int64(n))
}

// add takes a chunk in and returns its number. Numbers begin at 0 and count up.
func (l *ledger) add(first, last uint64, bytes int64) uint64 {
	l.entries = append(l.entries, entry{first: first, last: last, bytes: bytes})
	l.unacked += l.count(first, last)
	return l.base + uint64(len(l.entries)) - 1
}

// settle marks a chunk as settled and returns what it holds. ok is false for a number that is not here or was settled before.
func (l *ledger) settle(number uint64) (messages, bytes int64, ok bool) {
	i := number - l.base
	if number < l.base || i < uint64(l.head) || i >= uint64(len(l.entries)) || l.entries[i].settled {
		return 0, 0, false
	}
	e := &l.entries[i]
	e.settled = true
	messages = int64(e.deliveries())
	l.waiting += int(messages)
	return messages, e.bytes, true
}

// prefix takes the settled chunks at the front out and returns the delivery that an ack of several must name to cover them. ok is
// false when there is nothing to ack. A chunk that was acked one by one must not be named: it is unknown to the broker.
func (l *ledger) prefix() (last uint64, ok bool) {
	for l.head < len(l.entries) && l.entries[l.head].settled {
		if e := &l.entries[l.head]; e.deliveries() > 0 {
			last, ok = e.last, true
			l.waiting -= e.deliveries()
			l.ackedOf(l.count(e.first, e.last))
		}
		l.head++
	}
	if l.head == len(l.entries) || l.head > 64 && l.head > len(l.entries)/2 {
		l.base += uint64(l.head)
		l.entries = append(l.entries[:0], l.entries[l.head:]...)
		l.head = 0
	}
	return last, ok
}

// behind calls ack for each delivery that is settled, stands behind an unsettled chunk and is not acked, that at the front first: so the
// fewest unacked ones stand before it. before is their number. It stops when ack wants no more, or at an error.
func (l *ledger) behind(ack func(tag uint64, before int) (more bool, err error)) error {
	before := 0
	for i := l.head; i < len(l.entries) && l.waiting > 0; i++ {
		e := &l.entries[i]
		if !e.settled {
			before += e.deliveries()
			continue
		}
		for e.deliveries() > 0 {
			more, err := ack(e.first, before)
			if !more || err != nil {
				return err
			}
			l.ackedOf(l.count(e.first, e.first))
			l.waiting--
			e.first++
		}
	}
	return nil
}

// unsettled appends the numbers of the chunks that are not settled and begin within so many deliveries from the front.
func (l *ledger) unsettled(numbers []uint64, within uint64) []uint64 {
	for i := l.head; i < len(l.entries) && l.entries[i].first < l.entries[l.head].first+within; i++ {
		if !l.entries[i].settled {
			numbers = append(numbers, l.base+uint64(i))
		}
	}
	return numbers
}

// standing is the number of the unsettled chunk at the front. It is called after prefix.
func (l *ledger) standing() uint64 { return l.base + uint64(l.head) }

// empty reports whether all chunks are acked.
func (l *ledger) empty() bool { return l.head == len(l.entries) }
