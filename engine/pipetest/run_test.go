package pipetest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/pipetest"
)

const whole = `
  processor "json" {}
  processor "batch" {
    count        = 3
    age          = "5s"
    partition_by = ["source"]
  }
  processor "retry" {
    attempts = 3
    backoff  = "1s"
  }
  output "s3" {
    bucket = "b"
    region = "r"
    key    = "k/${batch.partition.source}/${batch.id}"
  }
  fallback "file" {
    path = "/var/lib/fallback"
  }
  dead_letter "file" {
    path = "/var/lib/dead"
  }`

// A test that counts wrong hides a loss, or reports one that is none: whatever fails however often, each message is in one place at the end.
func TestEachMessageIsSomewhere(t *testing.T) {
	p := load(t, whole)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		c := pipetest.Case{Pipeline: p, Wait: time.Duration(r.IntN(3)) * time.Minute}
		for i := range 1 + r.IntN(12) {
			body := fmt.Sprintf(`{"source":"app%d","n":%d}`, r.IntN(3), i)
			if r.IntN(5) == 0 {
				body = fmt.Sprint("broken ", i)
			}
			c.Send = append(c.Send, config.TestMessage{Body: []byte(body), After: time.Duration(r.IntN(3)) * second})
		}
		for range r.IntN(4) {
			f := config.TestFail{Place: []string{"output", "output", "fallback", "dead_letter"}[r.IntN(4)], Times: r.IntN(9), Error: "it fails"}
			f.Permanent = f.Place == "output" && r.IntN(3) == 0
			if r.IntN(3) == 0 {
				f.Only = []int{r.IntN(len(c.Send))}
			}
			c.Fails = append(c.Fails, f)
		}
		o := run(t, c)
		at := map[int]string{}
		for place, p := range o.Places {
			for _, b := range p.Batches {
				for _, m := range b.Messages {
					// A batch that came home in part when the pipeline ended is still in the fallback as a whole, and comes again.
					if was := at[m.Sent]; was != "" && was+place != "outputfallback" && was+place != "fallbackoutput" {
						t.Errorf("seed %d: message %d is in %s and in %s", seed, m.Sent, was, place)
					}
					at[m.Sent] = place
				}
			}
		}
		if n := len(at) + o.Held + o.Dropped; n != len(c.Send) || o.Err != nil {
			t.Errorf("seed %d: %d messages were sent, and %d are somewhere; %v\n%+v", seed, len(c.Send), n, o.Err, c.Fails)
		}
	}
}

// What passes on one machine must not fail on another: ids, order and keys are the same in each run.
func TestRunsAreAlike(t *testing.T) {
	p := load(t, whole)
	c := pipetest.Case{Pipeline: p, Fails: []config.TestFail{{Place: "output", Only: []int{4}, Permanent: true, Error: "too large"}}}
	for i := range 40 {
		c.Send = append(c.Send, send(fmt.Sprintf(`{"source":"app%d"}`, i%4), "no")...)
	}
	var first []byte
	for range 30 {
		got, err := json.Marshal(run(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if string(got) != string(first) {
			t.Fatal(cmp.Diff(string(first), string(got)))
		}
	}
	if !strings.Contains(string(first), `"k/app3/batch-0016"`) {
		t.Errorf("%s", first)
	}
}

// Of writes that begin at one time, the first batch's is the first: else a fault would hit another message in each run.
func TestTheFirstFails(t *testing.T) {
	p := load(t, strings.Replace(whole, "count        = 3", "count        = 1", 1))
	for range 30 {
		o := run(t, pipetest.Case{Pipeline: p, Send: send("1", "2", "3", "4"), Fails: []config.TestFail{
			{Place: "output", Times: 1, Error: "too large", Permanent: true},
		}})
		if diff := cmp.Diff([]string{"1"}, bodies(o.Places["dead_letter"])); diff != "" {
			t.Fatal(diff)
		}
	}
}

// Hours of an outage take no time, or nobody would run such tests.
func TestTakesNoTime(t *testing.T) {
	began := time.Now()
	o := run(t, pipetest.Case{Pipeline: load(t, whole), Send: send(`{"source":"a"}`), Fails: []config.TestFail{
		{Place: "output", Error: "down"}, {Place: "fallback", Error: "full"},
	}})
	if o.Held != 1 || o.Took < time.Hour || o.Places["output"].Writes < 100 {
		t.Errorf("held %d, took %v, %d writes", o.Held, o.Took, o.Places["output"].Writes)
	}
	if took := time.Since(began); took > 20*second {
		t.Errorf("it took %v", took)
	}
}

// While a full window is held the rest waits at its source: it is not lost, and must not look so.
func TestWhatIsNotReadIsHeld(t *testing.T) {
	var all []string
	for range 5000 {
		all = append(all, `{"source":"a"}`)
	}
	o := run(t, pipetest.Case{Pipeline: load(t, whole), Send: send(all...), Fails: []config.TestFail{
		{Place: "output", Error: "down"}, {Place: "fallback", Error: "full"},
	}})
	if o.Held != len(all) {
		t.Errorf("held %d of %d", o.Held, len(all))
	}
}

func TestBegins(t *testing.T) {
	at := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	o := run(t, pipetest.Case{Pipeline: load(t, whole), Send: send(`{"source":"a"}`), Time: at})
	if got := o.Places["output"].Batches[0].Time; got.Sub(at) < 0 || got.Sub(at) > time.Millisecond {
		t.Errorf("the batch is of %v", got)
	}
}

// A batch that fell back comes home as it was, and is not in two places then.
func TestComesHome(t *testing.T) {
	c := pipetest.Case{Pipeline: load(t, whole), Send: send(`{"source":"a"}`, `{"source":"b"}`), Wait: 10 * time.Minute,
		Fails: []config.TestFail{{Place: "output", Times: 20, Error: "down"}}}
	o := run(t, c)
	if out, back := o.Places["output"], o.Places["fallback"]; out.Messages != 2 || back.Messages != 0 || back.Writes != 2 {
		t.Errorf("output has %d, fallback %d after %d writes", out.Messages, back.Messages, back.Writes)
	} else if out.Batches[0].Address != "k/a/batch-0001" || out.Batches[1].Address != "k/b/batch-0002" {
		t.Errorf("%+v", out.Batches)
	}
}
