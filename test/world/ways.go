package world

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/stores"
	"github.com/logpipe/logpipe/test/tally"
)

// ThroughStore puts a breakable way between logpipe and the S3 server. It needs to be called before Env, and after OwnS3.
func (w *World) ThroughStore() *proxy.Store {
	w.TB.Helper()
	s := proxy.NewStore(w.TB, w.S3.Endpoint)
	w.endpoint = s.URL
	return s
}

// OnFake gives the world a fake store in the place of its S3 server, with a breakable way to its front. The test itself looks past the front. It
// needs to be called before Env.
func (w *World) OnFake(fake *stores.Store) *proxy.Store {
	w.TB.Helper()
	w.S3, w.Bucket = fake.Server(), "logs"
	s := proxy.NewStore(w.TB, fake.URL)
	w.endpoint = s.URL
	return s
}

// ThroughProxy puts a breakable way between logpipe and the broker. The test itself stays on the direct way. It needs to be called before Env.
func (w *World) ThroughProxy() *proxy.Proxy {
	w.TB.Helper()
	p := proxy.New(w.TB, w.address().Host)
	w.through(p)
	return p
}

// ThroughRefusing is ThroughProxy for a broker that is not there yet: connections are refused until listen is called.
func (w *World) ThroughRefusing() (p *proxy.Proxy, listen func()) {
	w.TB.Helper()
	p, listen = proxy.NewRefusing(w.TB, w.address().Host)
	w.through(p)
	return p, listen
}

func (w *World) address() *url.URL {
	w.TB.Helper()
	u, err := url.Parse(w.URL)
	if err != nil {
		w.TB.Fatal("the virtual host has an odd URL")
	}
	return u
}

func (w *World) through(p *proxy.Proxy) {
	u := w.address()
	u.Host = p.Addr
	w.broker = u.String()
}

// Config writes a configuration file and returns its path.
func (w *World) Config(text string) string {
	w.TB.Helper()
	file := filepath.Join(w.Dir, "test.hcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.TB.Fatal(err)
	}
	return file
}

// Account counts where the messages 1 to n are: in the bucket, the fallback, and the queues, which it empties. A message that is in none of
// them is lost and fails the test. It returns what was found in all places together.
func (w *World) Account(n int, queues ...string) *tally.Tally {
	w.TB.Helper()
	places := []*tally.Tally{w.Stored(), w.InFallback()}
	for _, name := range queues {
		places = append(places, w.Queue(name))
	}
	w.Complete(n, places...)
	all := tally.New()
	for _, p := range places {
		for seq, times := range p.Count {
			all.Count[seq] += times
		}
		all.Strange = append(all.Strange, p.Strange...)
	}
	for _, s := range all.Strange {
		if !strings.HasPrefix(s, `{"logpipe_batch"`) {
			w.TB.Errorf("%.200q is there and was never sent", s)
		}
	}
	return all
}

// Arrive waits until the bucket has the messages 1 to n. An empty queue says less: what a lost connection was delivered is in it
// again only when the broker has noticed, and that may be after a pipeline that came later has found it empty and has ended.
func (w *World) Arrive(n int) {
	w.TB.Helper()
	w.Until(fmt.Sprintf("all of %d messages are stored", n), func() bool { return len(w.Stored().Count) >= n })
}

// ThroughURL is the URL of the virtual host by way of ThroughProxy.
func (w *World) ThroughURL() string { return w.broker }

// HasQueue reports whether there is a queue of this name.
func (w *World) HasQueue(name string) bool {
	_, _, err := tally.Depth(w.URL, name)
	return err == nil
}

// ComesHome waits until nothing is left in the fallback, and then drains the process.
func (w *World) ComesHome(p *process.Process) {
	w.TB.Helper()
	w.Until("the fallback is home", func() bool { return w.InFallback().Places == 0 })
	w.Stops(p, 0)
}
