// Package redact is the processor that takes secrets and personal data out of records.
package redact

import (
	"context"
	"slices"
	"strings"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
)

const doc = `Takes secrets and personal data out of records: fields by their name, and whatever matches a pattern.

Fields are replaced whole, each time they occur; null stays, but for remove. Names of fields are found in any case. Patterns
act inside strings, as they read with their escapes resolved, not on numbers or across two strings; and also on what a string
or text reads as when percent-encoding (%40) and escapes (\u0040, \x40, \") within it are resolved up to three times, as a URL in
a parameter of a URL needs it. All that is not a hit stays byte for byte as it was, and a
record that was valid JSON is so afterwards. A string that holds JSON of its own is text here: patterns act on it, fields do not.

What the presets find:

    email         name@host.domain
    credit_card   13 to 19 digits, also in groups of 3 and more with blanks, dashes or pluses, from 2 to 6 at the front, with a
                  right check digit (Luhn)
    ipv4          four numbers up to 255; a version of four numbers looks the same
    ipv6          an address of RFC 4291 with a digit in it, such as 2001:db8::1; not ::
    bearer_token  the token behind the word Bearer, from 16 characters on
    basic_auth    user:password in base64 behind the word Basic
    named_secret  the value behind a name that ends with password, passwd, pwd, pass, passphrase, secret, token, api_key, access_key,
                  secret_key, private_key, account_key, credentials, auth, authorization, sig, signature, session, session_id, sid or
                  the like, however it is written: name=value in queries, forms, cookies and settings, name: value, JSON in a text,
                  and fields of the record itself that are text, or a number where prose would not have the word
    aws_key       access key ids (AKIA…, ASIA…), and secret keys behind their usual name
    jwt           eyJ….eyJ….…, and encrypted ones of five parts
    private_key   a PEM block with a private key, also one that is cut off
    url_password  the password in scheme://user:password@host, also one with @ and / in it, and in user:password@tcp(host)

A hash is the first 32 hexadecimal digits of HMAC-SHA256 of the value: of a text as it reads, also within a
URL or JSON in a text; of a number, list or object as it is written. Equal values have equal hashes for as long as the key is the same.

Put this processor first; validate warns where something before it may reject messages. What a later step rejects goes to the
dead letter as redact left it, and so does what is written to the output and the fallback. A message that redact itself rejects,
because it is not JSON, is in the dead letter with its patterns redacted, but its fields cannot be told apart from other text
there: where that must not be, set on_invalid = "drop".
Only the body is redacted; routing key and headers go on as they are.`

// Plugin is the processor "redact".
var Plugin = engine.NewTransform("redact", doc, Defaults, New)

// New makes the processor.
func New(c Config, _ engine.Env) (engine.Transform, error) {
	patterns, err := c.compile()
	if err != nil {
		return nil, err
	}
	members := jsonscan.NewMembersFold
	if c.MatchCase {
		members = jsonscan.NewMembers
	}
	return &processor{Config: c, members: members(c.Fields...), names: slices.Contains(c.Preset, namedSecret), finder: newFinder(patterns), put: newSubstitute(c)}, nil
}

type processor struct {
	Config
	members *jsonscan.Members
	names   bool // fields are also sought by what their names say
	finder  finder
	put     *substitute

	text []byte // the last string with escapes, as it reads
}

// Process redacts each message of b.
func (p *processor) Process(_ context.Context, b *engine.Batch) error {
	for i := range b.Messages {
		m := &b.Messages[i]
		if p.OnInvalid == pass && isNoJSON(m.Body) { // nobody reads what Check would say of it
			m.Body = p.plain(m.Body)
			continue
		}
		_, err := jsonscan.Check(m.Body)
		switch {
		case err == nil:
			m.Body = p.record(m.Body)
		case p.OnInvalid == drop:
			b.Drop(i)
		default:
			m.Body = p.plain(m.Body)
			if p.OnInvalid == deadLetter {
				b.Reject(i, err)
			}
		}
	}
	return nil
}

// isNoJSON reports whether the first byte of body tells that it is not JSON, as it does of most texts.
func isNoJSON(body []byte) bool {
	return len(body) > 0 && body[0] != '{' && body[0] < 0x80 && body[0] > ' ' && strings.IndexByte(`{["-0123456789tfn`, body[0]) < 0
}

// plain redacts a body that is not JSON.
func (p *processor) plain(body []byte) []byte {
	e := edit{src: body}
	mark := jsonscan.Mark(body) // no part of the text: "^" is behind it
	for _, hit := range p.finder.find(body[mark:]) {
		hit.From, hit.To = hit.From+mark, hit.To+mark
		e.replace(hit.Span, p.put.inText(body[hit.From:hit.To], hit.unwraps))
	}
	return e.result()
}

// record redacts a body that is JSON: members and strings in the order they stand in.
func (p *processor) record(body []byte) []byte {
	e := edit{src: body}
	members := p.members.Find(body)
	if p.finder.inRecord(body) {
		for text, i := jsonscan.NextText(body, 0); i >= 0; text, i = jsonscan.NextText(body, i) {
			if len(members) > 0 && p.place(members[0]).From <= text.From {
				p.member(&e, members[0])
				i = p.place(members[0]).To
				members = members[1:]
				continue
			}
			if !text.Key || p.Keys {
				p.inString(&e, text)
			}
			if !text.Key || !p.names {
				continue
			}
			if value := p.named(body, text, i); value.To > 0 && (len(members) == 0 || p.place(members[0]).From > value.From) {
				p.hide(&e, value)
				i = value.To
			}
		}
	}
	for _, m := range members {
		p.member(&e, m)
	}
	return e.result()
}

// place is what of a member makes room.
func (p *processor) place(m jsonscan.Member) jsonscan.Span {
	if p.With == withRemove {
		return m.Cut
	}
	return m.Value
}

func (p *processor) member(e *edit, m jsonscan.Member) {
	switch {
	case p.With == withRemove:
		e.replace(m.Cut, nil)
	case e.src[m.Value.From] == 'n': // null tells nothing
	default:
		p.hide(e, m.Value)
	}
}

// hide puts a string in the place of a value.
func (p *processor) hide(e *edit, at jsonscan.Span) {
	value := e.src[at.From:at.To]
	if value[0] == '"' {
		p.text = jsonscan.AppendUnescaped(p.text[:0], value[1:len(value)-1])
		value = p.text
	}
	e.replace(at, p.put.asString(value))
}

// named returns the text or number of the member whose name is key and ends before i, where that name says that it is a secret. Lists and objects
// are looked at by what is in them.
func (p *processor) named(body []byte, key jsonscan.Text, i int) (value jsonscan.Span) {
	text := body[key.From:key.To]
	if key.Escaped {
		p.text = jsonscan.AppendUnescaped(p.text[:0], text)
		text = p.text
	}
	name, ok := nameOfSecret(text, len(text))
	if !ok {
		return value
	}
	for body[i] <= ' ' || body[i] == ':' {
		i++
	}
	switch c := body[i]; {
	case c == '"':
		inside, end := jsonscan.NextText(body, i)
		if value = (jsonscan.Span{From: i, To: end}); tellsNothing(body[inside.From:inside.To]) {
			return jsonscan.Span{}
		}
	case (isDigit(c) || c == '-') && !name.weak:
		value = jsonscan.Span{From: i, To: i}
		for value.To < len(body) && strings.IndexByte(",]} \t\r\n", body[value.To]) < 0 {
			value.To++
		}
	}
	return value
}

// inString redacts what patterns find in one string. The rest of it keeps its escapes as they are.
func (p *processor) inString(e *edit, at jsonscan.Text) {
	text := e.src[at.From:at.To]
	if at.Escaped {
		p.text = jsonscan.AppendUnescaped(p.text[:0], text)
		text = p.text
	}
	from, read := at.From, 0 // how far the string is written, and how far it reads there
	for _, hit := range p.finder.find(text) {
		raw := jsonscan.Span{From: hit.From - read, To: hit.To - read}
		if at.Escaped {
			raw = jsonscan.RawSpan(e.src[from:at.To], raw)
		}
		raw.From, raw.To = raw.From+from, raw.To+from
		e.replace(raw, p.put.inString(text[hit.From:hit.To], hit.unwraps))
		from, read = raw.To, hit.To
	}
}
