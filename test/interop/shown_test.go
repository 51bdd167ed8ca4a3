package interop

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/logpipe/logpipe/cmd"
	"github.com/logpipe/logpipe/plugins"
)

// shown are the writers whose dead letters are looked at one by one: together they write every type that there is.
var shown = []string{"librabbitmq", "kombu", "proton", "rhea", "curl"}

func (s *stage) shown() (all []*client) {
	for _, c := range s.clients {
		if slices.Contains(shown, c.name) {
			all = append(all, c)
		}
	}
	return all
}

// lookers makes a queue for the dead letters of each of these.
func (s *stage) lookers() {
	s.TB.Helper()
	ch := s.Channel()
	for _, c := range s.shown() {
		s.queue(ch, "shown."+c.name)
		for _, key := range s.looks {
			check(s.TB, ch.QueueBind("shown."+c.name, c.name+"."+key, "dead", false, nil))
		}
	}
}

// commandLine runs a command line of logpipe, and wants an exit code.
func (s *stage) commandLine(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, said bytes.Buffer
	code := cmd.Run(t.Context(), args, cmd.Streams{
		In: strings.NewReader(""), Out: &out, Err: &said, LookupEnv: func(name string) (string, bool) { return s.URL, name == "RABBITMQ_URL" },
	}, plugins.All...)
	if code != want {
		t.Errorf("logpipe %v ended with exit code %d, want %d\n%.2000s%.2000s", args, code, want, out.Bytes(), said.Bytes())
	}
	return out.String()
}

// shownLetter is a dead letter as logpipe dlq show --json has it.
type shownLetter struct {
	Origin struct {
		RoutingKey string `json:"routing_key"`
	}
	Properties map[string]string
	Headers    map[string]any
	Body       *string
	Base64     []byte `json:"body_base64"`
}

func (l *shownLetter) body() []byte {
	if l.Body != nil {
		return []byte(*l.Body)
	}
	return l.Base64
}

// look compares what logpipe dlq tells of a writer's dead letters with the messages as the first client read them from its control queue.
func (s *stage) look(t *testing.T, c *client) {
	if s.control == nil {
		t.Skip("the control queue of " + clients[0].name + " was not read: run all tests of this one together")
	}
	queue := "shown." + c.name
	var list struct{ Messages, Seen int }
	decode(t, []byte(s.commandLine(t, 0, "dlq", "list", queue, "--json")), &list)
	if text := s.commandLine(t, 0, "dlq", "list", queue); list.Messages == 0 || list.Seen != list.Messages || !readable(text) {
		t.Errorf("%d of %d messages are seen:\n%s", list.Seen, list.Messages, text)
	}
	for at := 1; at <= list.Messages; at++ {
		position := fmt.Sprint("--at=", at)
		var l shownLetter
		if !decode(t, []byte(s.commandLine(t, 0, "dlq", "show", queue, position, "--json")), &l) {
			continue
		}
		if sent, ok := s.control[l.Origin.RoutingKey]; ok {
			sameShown(t, sent, &l)
		}
		if text := s.commandLine(t, 0, "dlq", "show", queue, position); !readable(text) || !strings.Contains(text, l.Origin.RoutingKey) {
			t.Errorf("%s is shown so that a terminal would obey it, or without its key:\n%.500q", l.Origin.RoutingKey, text)
		}
	}
}

// readable reports whether a terminal would show a text and do nothing else.
func readable(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) < 0
}

func sameShown(t *testing.T, sent incoming, l *shownLetter) {
	differ := func(what string, want, have any) {
		if w, h := text(numbers(want)), text(numbers(have)); w != h {
			t.Errorf("%s: %s: %s is shown as %s", l.Origin.RoutingKey, what, short(w), short(h))
		}
	}
	want := sent.clone()
	disarmed(&want)
	headers := map[string]any{}
	for name, v := range want.Headers {
		headers[name] = stored(v)
	}
	for name := range l.Headers {
		if _, ok := headers[name]; !ok && strings.HasPrefix(name, "x-logpipe-") {
			delete(l.Headers, name)
		}
	}
	differ("headers", headers, l.Headers)
	differ("body", sent.Body, l.body())
	for name, v := range want.Properties {
		have := plain(v)
		switch name {
		case "delivery_mode":
			have = "persistent"
		case "priority":
			if have == "0" {
				have = "" // which is the same in the protocol as none
			}
		case "timestamp":
			seconds, _ := strconv.ParseUint(have, 10, 64)
			have = time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
		}
		if have != "" && !strings.HasPrefix(have, `{"base64"`) {
			differ(name, have, l.Properties[name])
		}
	}
}
