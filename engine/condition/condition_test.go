package condition_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/condition"
)

type meta struct{}

func (meta) ID() string         { return "m-1" }
func (meta) RoutingKey() string { return "app.eu" }
func (meta) Headers() map[string]any {
	return map[string]any{"x-tries": int64(3), "x-big": uint64(1 << 63), "x-raw": []byte("raw"), "x-none": nil, "x-death": []any{map[string]any{"count": int64(2)}}}
}

const record = `{"level":"debug","status":500,"took":1.5,"ok":true,"none":null,"user":{"id":"u1","x-y":"z","roles":["admin","ops"]},
	"service.name":"shop","message":"disk full","tags":[{"k":"a","n":1},{"k":"b","n":9007199254740993}],"big":9007199254740993,"in":"x",
	"huge":1e400,"text":"a\"\u00e9\n","twice":1,"twice":2,"uint":18446744073709551615}`

func message(body string) *engine.Message {
	return &engine.Message{Body: []byte(body), Time: time.Date(2026, 1, 2, 5, 4, 5, 0, time.FixedZone("x", 7200)), Meta: meta{}}
}

func TestMatch(t *testing.T) {
	for source, want := range map[string]bool{
		`level == 'debug'`:                                   true,
		`level == 'debug' && status >= 500`:                  true,
		`level == 'debug' and not (status in [200, 404])`:    true,
		`status in 500..599`:                                 true,
		`took > 1 && took < 2`:                               true,
		`ok`:                                                 true,
		`!ok`:                                                false,
		`none == nil && has("none")`:                         true,
		`missing == nil && !has('missing')`:                  true,
		`missing == 'x' || missing contains 'x'`:             false,
		`user.id == 'u1' && user["x-y"] == 'z'`:              true,
		`user.none.deeper == nil && level.deeper == nil`:     true,
		`'admin' in user.roles`:                              true,
		`len(user.roles) == 2`:                               true,
		`user.roles[0] == 'admin'`:                           true,
		`user?.id == 'u1'`:                                   true,
		`user.id matches '^u[0-9]+$'`:                        true,
		`service.name == 'shop'`:                             true,
		`field("service.name") startsWith 'sh'`:              true,
		`field('in') == 'x'`:                                 true,
		`message contains 'full'`:                            true,
		`any(tags, .k == 'b' && .n > 1)`:                     true,
		`tags[1].n == 9007199254740993`:                      true,
		`big == 9007199254740993`:                            true, // a float64 cannot tell these two apart
		`big == 9007199254740992`:                            false,
		`huge > 1e300`:                                       true,
		`uint > 9223372036854775807`:                         true,
		`text == "a\"é\n"`:                                   true,
		`twice == 2`:                                         true,
		`lower(level) == 'debug' && upper(level) == 'DEBUG'`: true,
		`let l = lower(level); l == 'debug'`:                 true,
		`let level = 'x'; level == 'x'`:                      true,
		`(missing ?? 'info') == 'info'`:                      true,
		`message.id == 'm-1'`:                                true,
		`message.routing_key startsWith 'app.'`:              true,
		`message.headers["x-tries"] == 3`:                    true,
		`message.headers["x-big"] > 1`:                       true,
		`message.headers["x-raw"] == 'raw'`:                  true,
		`message.headers['x-death'][0].count == 2`:           true,
		`message.headers["nope"] == nil`:                     true,
		`'x-tries' in message.headers`:                       true,
		`message.size > 100 && message.body contains '"ok"'`: true,
		`message.time > date('2026-01-01')`:                  true,
		`message.time.Hour() == 3`:                           true,
		`status == '500'`:                                    false, // a number is no text
		`true`:                                               true,
	} {
		c, err := condition.Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		for range 2 { // the second time with what the first has left
			if got, err := c.Match(message(record)); err != nil || got != want {
				t.Errorf("%s is %v, %v", source, got, err)
			}
		}
		if c.String() != source || c.IsZero() {
			t.Errorf("%s is written %s", source, c)
		}
	}
}

// A message that begins with a byte order mark has the answers that it has without: else a filter drops what it should keep.
func TestMark(t *testing.T) {
	for source, body := range map[string]string{
		`level == 'debug' && has('status')`:       "\ufeff" + record,
		`message.body startsWith 'ERROR'`:         "\ufeffERROR",
		`message.body matches '^ERROR$'`:          "\ufeffERROR",
		`message.size == 8 && message.body != ''`: "\ufeffERROR",
	} {
		c, err := condition.Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Match(message(body)); err != nil || !got {
			t.Errorf("%s is %v, %v", source, got, err)
		}
	}
}

// Who asks decides what becomes of a message without an answer; an answer that was made up would drop logs that nobody meant.
func TestNoAnswer(t *testing.T) {
	for _, c := range []struct{ source, body, want string }{
		{`missing < 5`, record, `at column 9: < between nothing and a number`},
		{`level >= 5`, record, `at column 7: >= between a text and a number`},
		{`level`, record, `true or false`},
		{`level && ok`, record, `a text is there, not true or false`},
		{`lower(missing) == 'x'`, record, `no answer`},
		{`user > 1`, record, `> between an object and a number`},
		{`tags > user`, record, `> between a list and an object`},
		{`user && ok`, record, `an object is there, not true or false`},
		{`status % 0 == 1`, record, `no answer`},
		{`tags[7].k == 'a'`, record, `out of range`},
		{`level == 'x'`, `no JSON`, `not a JSON object`},
		{`level == 'x'`, `["level"]`, `not a JSON object`},
		{`has('level')`, ``, `not a JSON object`},
		{`len(1..(status*1000)) > 5`, record, `no answer`},
	} {
		q, err := condition.Compile(c.source)
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		if got, err := q.Match(message(c.body)); err == nil || got || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s is %v, %v, want %q", c.source, got, err, c.want)
		}
	}
	// What asks for no field needs no record.
	for _, source := range []string{`message.size == 7`, `message.body == 'no JSON'`, `message.id == ''`, `message.headers.x == nil`, `len(message.headers) == 0`} {
		q, err := condition.Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := q.Match(&engine.Message{Body: []byte("no JSON")}); !got || err != nil {
			t.Errorf("%s is %v, %v", source, got, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ source, part, want string }{
		{`level = 'debug'`, `=`, `compared with ==`},
		{`level ==`, ``, `ends too early`},
		{`(level == 'x'`, ``, `ends too early`},
		{`é == 'x' && lowr(level) == 'x'`, `lowr`, `no function lowr`},
		{`level == 'x`, ``, `not closed`},
		{`now() > message.time`, `now`, `clock`},
		{`repeat(level, 5) == 'x'`, `repeat`, `memory`},
		{`keys(user)[0] == 'x'`, `keys`, `chance`},
		{`message.bdy == 'x'`, `bdy`, `message has no bdy`},
		{`$env.x == 1`, ``, `no $env`},
		{`has(level)`, `has`, `takes the name of a field`},
		{`level.lower() == 'x'`, `lower`, `lower(level)`},
		{`message.size contains 'x'`, `contains`, `contains between a number and a text`},
		{`message.size`, `message.size`, `no question`},
		{`'text'`, `'text'`, `no question`},
		{`level == 'x' ; 1 == 1 )`, `)`, `not expected`},
		{``, ``, `ends too early`},
		{strings.Repeat("(", 20000), "*", `too long`},
		{strings.Repeat("a || ", 2000) + "a", "*", `too many parts`},
		{manyFields(65), "*", `too many fields`},
		{`level matches '('`, "*", `missing closing )`},
	} {
		_, err := condition.Compile(c.source)
		var e *condition.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.50s: %v, want %q", c.source, err, c.want)
			continue
		}
		if e.Start < 0 || e.End < e.Start || e.End > len(c.source) || c.part != "*" && c.part != "" && c.source[e.Start:e.End] != c.part {
			t.Errorf("%.50s: the place is %q, want %q", c.source, c.source[e.Start:e.End], c.part)
		}
	}
}

func manyFields(n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = "f" + strings.Repeat("x", i)
	}
	return strings.Join(parts, " || ")
}

// Workers of several pipelines may ask one condition at once. A state that two shared would give one message the answer of the other.
func TestConcurrentUse(t *testing.T) {
	c, err := condition.Compile(`level == 'debug' && user.id == 'u1'`)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		body, want := `{"level":"debug","user":{"id":"u1"}}`, true
		if i%2 == 1 {
			body, want = `{"level":"debug","user":{"id":"u2"}}`, false
		}
		all.Go(func() {
			for range 2000 {
				if got, err := c.Match(message(body)); got != want || err != nil {
					t.Errorf("%s is %v, %v", body, got, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// A body that is changed later must not change what the condition has kept of it, and the condition must not change the body.
func TestKeepsNothingOfTheBody(t *testing.T) {
	c, err := condition.Compile(`level == 'debug'`)
	if err != nil {
		t.Fatal(err)
	}
	m := message(`{"level":"debug"}`)
	for _, level := range []string{"debug", "dabug", "debug"} {
		copy(m.Body[10:], level)
		before := string(m.Body)
		if got, err := c.Match(m); got != (level == "debug") || err != nil || string(m.Body) != before {
			t.Errorf("%s is %v, %v", m.Body, got, err)
		}
	}
}
