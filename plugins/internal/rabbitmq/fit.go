package rabbitmq

import (
	"bytes"
	"cmp"
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/outbound"
)

// HeaderBodyBytes says how long the body of a dead letter is, where headers for which there was no room follow it: as a table of AMQP, see Fit.
const HeaderBodyBytes = HeaderPrefix + "body-bytes"

// namesMost is how many of the headers that were moved are named; the names need room as well.
const namesMost = 20

// Fit moves the longest headers, but none named in keep, behind the body, until the properties of p take at most limit bytes and p has no more headers than can be
// published. It names them in headerLeftOut and says in HeaderBodyBytes where they begin. It is for dead letters, which have no other place to
// go: the broker splits no content header and closes the connection when one is too long, while a body may have any number of frames.
//
// p.Headers is changed, and p.Body is replaced.
func Fit(p *amqp.Publishing, limit int, keep ...string) {
	restore(p.Headers, &p.Body)
	size, count := PropertiesSize(p), len(p.Headers)
	if size <= limit && count <= mostEntries {
		return
	}
	type header struct {
		name string
		size int
	}
	var all []header
	for name, v := range p.Headers {
		if !slices.Contains(keep, name) {
			all = append(all, header{name, fieldSize(v)})
		}
	}
	slices.SortFunc(all, func(a, b header) int { return cmp.Or(-cmp.Compare(a.size, b.size), cmp.Compare(a.name, b.name)) })
	size += 1 + len(HeaderBodyBytes) + 9 + 1 + len(headerLeftOut) + 5
	count += 2
	moved, names := amqp.Table{}, []any(nil)
	for _, h := range all {
		if size <= limit && count <= mostEntries {
			break
		}
		moved[h.name] = p.Headers[h.name]
		delete(p.Headers, h.name)
		size, count = size-1-len(h.name)-h.size, count-1
		if len(names) < namesMost {
			names = append(names, h.name)
			size += 5 + len(h.name)
		}
	}
	p.Headers[headerLeftOut] = names
	if table, err := outbound.AppendTable(nil, moved); err == nil { // else the names are all that can be kept
		p.Headers[HeaderBodyBytes] = int64(len(p.Body))
		p.Body = slices.Concat(p.Body, table)
	}
}

// Unfit undoes Fit, as far as it was done.
func Unfit(d *amqp.Delivery) { restore(d.Headers, &d.Body) }

// restore takes headers from behind a body back. Where what is there is not what Fit writes, somebody else wrote the header that says so.
func restore(headers amqp.Table, body *[]byte) {
	said, ok := headers[HeaderBodyBytes]
	if !ok {
		return
	}
	delete(headers, HeaderBodyBytes)
	n, ok := said.(int64)
	if !ok || n < 0 || n > int64(len(*body)) {
		return
	}
	d := decoder{rest: bytes.Clone((*body)[n:])}
	moved := d.table(0, mostHeaders)
	if d.bad || len(d.rest) > 0 || len(moved) > mostHeaders {
		return
	}
	for name, v := range moved {
		headers[name] = v
	}
	delete(headers, headerLeftOut)
	*body = (*body)[:n:n]
}
