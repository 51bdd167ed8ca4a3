package amqp

import (
	"net/url"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// What a real broker answers is counted by what is to be mended.
func TestClasses(t *testing.T) {
	v := rabbittest.New(t)
	changed := func(f func(*url.URL)) Config {
		c := config(v)
		u, _ := url.Parse(v.URL) // it is the broker's own
		f(u)
		c.URL = engine.NewSecret(u.String())
		return c
	}
	for name, test := range map[string]struct {
		class string
		cfg   Config
	}{
		"password":     {"refused", changed(func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "geheim") })},
		"virtual host": {"missing", changed(func(u *url.URL) { u.Path, u.RawPath = "/nowhere", "" })},
		"port":         {"network", changed(func(u *url.URL) { u.Host = "127.0.0.1:1" })},
	} {
		if err := write(t, newOutput(t, test.cfg, env(t, engine.RoleOutput)), batch("x")); engine.ClassOf(err) != test.class {
			t.Errorf("%s: %v is %q, want %q", name, err, engine.ClassOf(err), test.class)
		}
	}

	is := func(err error, class string) {
		t.Helper()
		if got := engine.ClassOf(err); got != class {
			t.Errorf("%v is %q, want %q", err, got, class)
		}
	}
	cfg := config(v)
	cfg.Queue = ""
	is(write(t, newOutput(t, cfg, env(t, engine.RoleOutput)), batch("x")), "missing")

	cfg = Defaults()
	cfg.URL, cfg.Exchange, cfg.KeepRoutingKey = engine.NewSecret(v.URL), "amq.direct", true
	is(write(t, newOutput(t, cfg, env(t, engine.RoleOutput)), keyed("nowhere")), "unroutable")

	v.Declare("stored", amqp091.Table{"x-max-length": 1, "x-overflow": "reject-publish"})
	full := newOutput(t, config(v), env(t, engine.RoleOutput))
	if !rabbittest.Wait(func() bool { return engine.ClassOf(write(t, full, batch("x"))) == "full" }) {
		t.Error("a full queue is not counted as full")
	}

	gate := rabbittest.NewGate(t, v.Address())
	cfg = through(gate, changed(func(*url.URL) {}))
	cfg.Timeout, cfg.Exchange, cfg.Queue = 300*time.Millisecond, "other", "other"
	silent := newOutput(t, cfg, env(t, engine.RoleOutput))
	if err := write(t, silent, batch("1")); err != nil {
		t.Fatal(err)
	}
	gate.Hold()
	is(write(t, silent, batch("2")), "timeout")
	gate.Release()
}
