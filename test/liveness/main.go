// Liveness measures what a rare partition costs: one message in 150 has a source of its own, and batches may be open for seconds or minutes.
// Two brokers of one version, each with a publisher and a logpipe, run side by side, one with and one without the rare partition, so a busy
// machine slows both. It prints for each case the flow with it as a part of the flow without, the same of the broker's CPU time for a message,
// and the longest time in which a publisher got no confirm. What was measured stands in a file, and is not measured again.
//
// With -alone one side runs after the other. Two brokers that together need more than the machine has take it from each other, and the one that
// needs more falls behind: what is measured is the machine then.
//
//	go run ./test/liveness -table bin/liveness.jsonl
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/logpipe/logpipe/test/process"
)

var (
	table = flag.String("table", "bin/liveness.jsonl", "where the results are kept")
	warm  = flag.Duration("warm", 25*time.Second, "how long a case runs before it is measured; the prefetch must be used up by then")
	lasts = flag.Duration("for", 40*time.Second, "how long it is measured")
	alone = flag.Bool("alone", false, "run one side after the other: where two brokers need more than the machine has, the dearer one falls behind whatever it does")
	fetch = flag.Int("prefetch", 0, "the prefetch of the input, to see what it costs the broker; 0 leaves it to logpipe")
	only  = flag.String("only", "", "measure only cases that have all of these words, such as \"4.3 quorum 3500/s\"")
)

// testCase is one line of the table.
type testCase struct {
	Broker string `json:"broker"`
	Kind   string `json:"kind"`
	Rate   int    `json:"rate"` // messages a second; 0 is as many as it takes
	Age    string `json:"age"`
}

func (c testCase) String() string {
	rate := "most"
	if c.Rate > 0 {
		rate = fmt.Sprintf("%d/s", c.Rate)
	}
	return fmt.Sprintf("%s %s %s age %s", c.Broker, c.Kind, rate, c.Age)
}

// row is a case with what was measured: [0] without the rare partition, [1] with it.
type row struct {
	testCase
	Flow  [2]float64 `json:"flow"`  // messages a second that were stored
	CPU   [2]float64 `json:"cpu"`   // CPU seconds of the broker for a million of them
	Stall [2]float64 `json:"stall"` // seconds without a confirm, the longest
	Alone bool       `json:"alone,omitempty"`
}

func (r row) String() string {
	return fmt.Sprintf("| %s | %s | %s | %s | %.0f | %.0f | %.2f | %.1f | %.1f | %.2f | %.1f |", r.Broker, r.Kind, strings.Fields(r.testCase.String())[2], r.Age,
		r.Flow[0], r.Flow[1], r.Flow[1]/r.Flow[0], r.CPU[0], r.CPU[1], r.CPU[1]/r.CPU[0], r.Stall[1])
}

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "liveness:", err)
		os.Exit(1)
	}
}

// cases are all that are measured, the telling ones first.
func cases() (all []testCase) {
	all = append(all, testCase{"4.3", "quorum", 3500, "5m"}, testCase{"3.10", "classic", 3500, "5m"},
		testCase{"4.3", "quorum", 3500, "1m"}, testCase{"3.10", "classic", 3500, "1m"})
	for _, rate := range []int{3500, 1000, 0} {
		for _, broker := range []string{"4.3", "3.10", "4.0"} {
			all = append(all, testCase{broker, "quorum", rate, "5s"}, testCase{broker, "classic", rate, "5s"})
		}
	}
	return all
}

func run(ctx context.Context) error {
	known, err := read(*table)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "liveness")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Println("| RabbitMQ | queue | rate | age | flow without | with | part | CPU-s/M without | with | part | longest without a confirm, s |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	bad := 0
	for _, c := range cases() {
		if !wanted(c) {
			continue
		}
		r, ok := known[measured{c, *alone}]
		if !ok {
			if r, err = measure(ctx, bin, c); err != nil {
				return fmt.Errorf("%v: %w", c, err)
			}
			if err := keep(*table, r); err != nil {
				return err
			}
		}
		fmt.Println(r)
		if r.Flow[1] < 0.9*r.Flow[0] || r.CPU[1] > 1.3*r.CPU[0] {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d cases have less than 0.9 of the flow, or more than 1.3 of the broker's CPU time", bad)
	}
	return nil
}

func wanted(c testCase) bool {
	for word := range strings.FieldsSeq(*only) {
		if !strings.Contains(c.String()+" ", word+" ") {
			return false
		}
	}
	return true
}

// measured is a case and the way in which it was measured.
type measured struct {
	testCase
	alone bool
}

// read returns what was measured before.
func read(path string) (map[measured]row, error) {
	known := map[measured]row{}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for d := json.NewDecoder(f); d.More(); {
		var r row
		if err := d.Decode(&r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		known[measured{r.testCase, r.Alone}] = r
	}
	return known, nil
}

func keep(path string, r row) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(f).Encode(r), f.Close())
}
