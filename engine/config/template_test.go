package config_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// keyOf loads a pipeline whose s3 output has this key, with batches grouped by the fields.
func keyOf(t testing.TB, key string, env map[string]string, by ...string) engine.Template {
	t.Helper()
	src := fmt.Sprintf("pipeline \"logs\" {\n input \"generator\" {}\n processor \"batch\" {\n partition_by = %s\n }\n output \"file\" {\n path = %s\n }\n}\n",
		strings.ReplaceAll(fmt.Sprintf("%q", by), "\" \"", "\", \""), key)
	o := options(nil)
	o.LookupEnv = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	c, found := config.LoadSource("a.hcl", []byte(src), o)
	if c == nil {
		t.Fatalf("%s\n%s", src, text(found))
	}
	return c.Pipelines[0].Blocks[2].Config.(*fileOutput).Path
}

func TestTemplateRenders(t *testing.T) {
	b := &engine.Batch{
		ID: "01J", Time: time.Date(2026, 3, 4, 5, 6, 7, 8, time.FixedZone("", 2*3600)),
		Partition: engine.JoinPartition([]string{"source", "k8s.pod.name", "x-y", "a b", "routing_key"}, []string{"app1", "pod", "z", "s p", "log.app"}),
	}
	env := map[string]string{"PREFIX": "pre"}
	for key, want := range map[string]string{
		`"plain"`:        "plain",
		`"$${batch.id}"`: "${batch.id}",
		`"logs/${batch.date}/${batch.partition.source}/${batch.id}.ndjson"`: "logs/2026-03-04/app1/01J.ndjson",
		`batch.id`:        "01J",
		`"${batch.time}"`: "2026-03-04T03:06:07Z",
		`"${batch.year}/${batch.month}/${batch.day}/${batch.hour}"`:                            "2026/03/04/03",
		`formatdate("YYYY/MM/DD/hh'h'", batch.time)`:                                           "2026/03/04/03h",
		`"${pipeline.name}/${env("PREFIX")}/${env("OTHER", "x")}/${batch.id}"`:                 "logs/pre/x/01J",
		`"${batch.partition.k8s.pod.name}/${batch.partition["k8s.pod.name"]}"`:                 "pod/pod",
		`"${batch.partition["k8s"].pod.name}"`:                                                 "pod",
		`"${batch.partition.x-y}${batch.partition["a b"]}"`:                                    "zs p",
		`"${upper(batch.partition.source)}-${replace(batch.partition.routing_key, ".", "/")}"`: "APP1-log/app",
		`batch.hour == "03" ? "night/${batch.id}" : "day/${batch.id}"`:                         "night/01J",
		`join("/", [batch.id, env("PREFIX")])`:                                                 "01J/pre",
		`"${batch.partition.source == "app1" ? "one" : "other"}-${batch.id}${1 + 1}"`:          "one-01J2",
		`"%{if batch.hour == "03"}night%{else}day%{endif}/${batch.id}"`:                        "night/01J",
		`"${batch.partition.missing}"`:                                                         "_",
		"<<E\nx/${batch.id ~}\nE\n":                                                            "x/01J",
	} {
		got, err := keyOf(t, key, env, "source", "k8s.pod.name", "x-y", "a b", "routing_key", "missing").Render(b)
		if got != want || err != nil {
			t.Errorf("%s renders %q, %v, not %q", key, got, err, want)
		}
	}
}

func TestTemplateKnowsItsVariables(t *testing.T) {
	tpl := keyOf(t, `"${batch.id}/${batch.partition.k8s.pod}/${batch.id}/${pipeline.name}/${batch.partition["a b"]}"`, nil, "k8s.pod", "a b")
	want := []string{"batch.id", "batch.partition.k8s.pod", "pipeline.name", "batch.partition.a b"}
	if diff := cmp.Diff(want, tpl.Refs()); diff != "" {
		t.Error(diff)
	}
	if got := tpl.String(); !strings.HasPrefix(got, "${batch.id}/") {
		t.Errorf("its text is %s", got)
	}
	if plain := keyOf(t, `env("PATH_", "/var/x")`, nil); plain.String() != "/var/x" || plain.Refs() != nil {
		t.Errorf("a text without variables is %q with %v", plain, plain.Refs())
	}
}

// A key that changed between two attempts would store a batch twice: nothing but the batch may have a part in it.
func TestTemplateIsAFunctionOfTheBatch(t *testing.T) {
	env := map[string]string{"PREFIX": "first"}
	tpl := keyOf(t, `batch.hour == "00" ? "${env("PREFIX")}/${batch.id}" : (false && env("PREFIX") == "x" ? batch.id : "${env("PREFIX")}/${batch.hour}")`, env)
	env["PREFIX"] = "second"
	for hour, want := range map[int]string{0: "first/01J", 1: "first/01"} {
		got, err := tpl.Render(&engine.Batch{ID: "01J", Time: time.Date(2026, 3, 4, hour, 0, 0, 0, time.UTC)})
		if got != want || err != nil {
			t.Errorf("got %q, %v, not %q", got, err, want)
		}
	}
}

// Workers render at the same time.
func TestTemplateIsSafeForConcurrentUse(t *testing.T) {
	tpl := keyOf(t, `"${env("PREFIX", "x")}/${formatdate("YYYY", batch.time)}/${batch.partition.source}/${[batch.date, batch.id][1]}"`, nil, "source")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				id := fmt.Sprintf("%d-%d", i, n)
				got, err := tpl.Render(&engine.Batch{ID: id, Time: time.Unix(0, 0), Partition: "source=" + id})
				if want := "x/1970/" + id + "/" + id; got != want || err != nil {
					t.Errorf("got %q, %v, not %q", got, err, want)
				}
			}
		})
	}
	all.Wait()
}

// What a record says of its source must not choose the folder that it is stored in.
func TestSegment(t *testing.T) {
	for value, want := range map[string]string{
		"app1": "app1", "Ä ö_ü-1.2~": "Ä ö_ü-1.2~", "日本": "日本", "a=b": "a=b", "a.b": "a.b",
		"": "_", "_": "%5F", "_x": "_x", "__": "__",
		"a/b": "a%2Fb", `a\b`: "a%5Cb", "a%2Fb": "a%252Fb", ".": "%2E", "..": "%2E.", "...": "%2E..", ".hidden": "%2Ehidden",
		"a\x00b\n\x7f": "a%00b%0A%7F", "\xff": "%FF", "a\u0085b": "a%C2%85b", "\u2028": "%E2%80%A8",
		"e\u0301": "e\u0301%~bf12767b0f2a56b2190075bae8169f65", strings.Repeat("x", 128): strings.Repeat("x", 128),
	} {
		if got := decode.Segment(value); got != want {
			t.Errorf("%q is %q, not %q", value, got, want)
		}
	}
	long := decode.Segment(strings.Repeat("ä", 100))
	if len(long) > 128 || !strings.HasPrefix(long, "ää") || long == decode.Segment(strings.Repeat("ä", 101)) {
		t.Errorf("a long value is %q", long)
	}
}

func FuzzSegment(f *testing.F) {
	f.Add("a/b", "a%2Fb")
	f.Add("", "_")
	f.Add(strings.Repeat("a", 200), strings.Repeat("a", 201))
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := decode.Segment(a), decode.Segment(b)
		if a != b && x == y {
			t.Errorf("%q and %q are both %q", a, b, x)
		}
		if x == "" || x == "." || x == ".." || len(x) > 128 || strings.ContainsAny(x, "/\\\x00\n\r") {
			t.Errorf("%q is %q", a, x)
		}
	})
}

// Different values never share a segment, also where they are long and differ only in what is cut off or escaped.
func TestSegmentsDiffer(t *testing.T) {
	alphabet := []string{"a", "_", ".", "%", "/", "~", "2F", "\xff", "ä", "\u0085", "%~"}
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[string]string{}
	for range 20_000 {
		var b strings.Builder
		for range r.IntN(70) {
			b.WriteString(alphabet[r.IntN(len(alphabet))])
		}
		s := decode.Segment(b.String())
		if other, ok := seen[s]; ok && other != b.String() {
			t.Fatalf("%q and %q are both %q", other, b.String(), s)
		}
		seen[s] = b.String()
	}
}

// A key is put together once a batch from the parts it was taken apart into when the file was loaded. Evaluated by HCL it would be thousands of
// allocations, which users with many small batches would pay.
func TestBudgetTemplate(t *testing.T) {
	tpl := keyOf(t, `"logs/${batch.date}/${batch.partition.source}/${batch.id}.ndjson"`, nil, "source")
	batch := &engine.Batch{ID: engine.NewID(), Time: time.Now(), Partition: "source=app1"}
	const batches = 1000
	enginetest.Budget{Allocations: 9, Bytes: 208}.Check(t, batches, func() {
		for range batches {
			if _, err := tpl.Render(batch); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkTemplate(b *testing.B) {
	tpl := keyOf(b, `"logs/${batch.date}/${batch.partition.source}/${batch.id}.ndjson"`, nil, "source")
	batch := &engine.Batch{ID: engine.NewID(), Time: time.Now(), Partition: "source=app1"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tpl.Render(batch); err != nil {
			b.Fatal(err)
		}
	}
}

// Only a variable that is a part of its own is in everything that a template renders. A key that merely mentions batch.id is the same for
// several batches, and each object would replace the one before it: all but the last would be lost after their ack.
func TestTemplateHolds(t *testing.T) {
	for key, want := range map[string]bool{
		`batch.id`:                                            true,
		`"${batch.id}"`:                                       true,
		`"x/${batch.hour}-${batch.id}.n"`:                     true,
		`"${~ batch.id ~}"`:                                   true,
		`"${upper(batch.id)}${batch.id}"`:                     true,
		"<<E\nx/${batch.id ~}\nE\n":                           true,
		`"x"`:                                                 false,
		`"${substr(batch.id, 0, 8)}"`:                         false,
		`"${batch.hour == "77" ? batch.id : "same"}"`:         false,
		`batch.hour == "77" ? batch.id : "same"`:              false,
		`"%{if batch.hour == "77"}${batch.id}%{endif}"`:       false,
		`"${strlen(batch.id)}"`:                               false,
		`format("%.1s", batch.id)`:                            false,
		`"${join("", [])}${replace(batch.id, batch.id, "")}"`: false,
	} {
		if got := keyOf(t, key, nil).Holds("batch.id"); got != want {
			t.Errorf("%s holds batch.id: %v", key, got)
		}
	}
}
