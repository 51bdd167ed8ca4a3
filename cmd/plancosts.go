package cmd

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/cost"
	"github.com/logpipe/logpipe/engine/admin/page"
	"github.com/logpipe/logpipe/engine/config"
)

// rateOfRunning is the --rate that a running process has.
const rateOfRunning = "running"

// defaultRetention is how long objects are kept unless somebody says otherwise.
const defaultRetention = "30d"

// costFlags are what plan is asked about costs.
type costFlags struct {
	rate, messageSize, retention, pricesFile string
	partitions, replicas                     int
	ratio                                    float64
	prices                                   []string
}

func (f *costFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.rate, "rate", "", "say what it costs at this `RATE` of messages, such as 10000/s or 5M/h, or \"running\"")
	flags.StringVar(&f.messageSize, "message-size", "", fmt.Sprintf("mean `SIZE` of a message; %d bytes are assumed", cost.AssumedMessageBytes))
	flags.IntVar(&f.partitions, "partitions", 0, fmt.Sprintf("how many values partition_by has at a time, `N`; %d are assumed", cost.AssumedPartitions))
	flags.IntVar(&f.replicas, "replicas", 0, "how many processes share the messages, `N`; 1 is assumed")
	flags.Float64Var(&f.ratio, "compression-ratio", 0, fmt.Sprintf("how many bytes become one, `X`; %d is assumed", cost.AssumedRatio))
	flags.StringVar(&f.retention, "retention", defaultRetention, "how long objects are kept, `TIME`")
	flags.StringArrayVar(&f.prices, "price", nil, "a price as `NAME=VALUE`: put, storage, CLASS.put, CLASS.storage, transfer_in, kms")
	flags.StringVar(&f.pricesFile, "prices", "", "`FILE` with such prices, one a line")
}

// check finds what asks for nothing.
func (f *costFlags) check(flags *pflag.FlagSet) error {
	if f.rate != "" {
		return nil
	}
	for _, name := range []string{"message-size", "partitions", "replicas", "compression-ratio", "retention", "price", "prices"} {
		if flags.Changed(name) {
			return cli.Usagef("--%s is about costs: give the rate of messages, such as --rate 10000/s", name)
		}
	}
	if flags.Changed("rate") {
		return cli.Usagef("--rate is empty; give a rate such as 10000/s")
	}
	return nil
}

// question reads the flags. What they do not say has no From.
func (f *costFlags) question() (q cost.Question, err error) {
	if f.rate != rateOfRunning {
		rate, err := cost.ParseRate(f.rate)
		if err != nil {
			return q, cli.Usagef("--rate: %w", err)
		}
		q.Rate = cost.Value{Value: rate, From: cost.Given}
	}
	if f.messageSize != "" {
		size, err := cost.ParseSize(f.messageSize)
		if err != nil {
			return q, cli.Usagef("--message-size: %w", err)
		}
		q.MessageBytes = cost.Value{Value: size, From: cost.Given}
	}
	if q.Retention, err = cost.ParseDays(f.retention); err != nil {
		return q, cli.Usagef("--retention: %w", err)
	}
	for _, n := range []struct {
		flag  string
		value int
		to    *cost.Value
	}{{"partitions", f.partitions, &q.Partitions}, {"replicas", f.replicas, &q.Replicas}} {
		if n.value < 0 {
			return q, cli.Usagef("--%s: there cannot be %d", n.flag, n.value)
		}
		if n.value > 0 {
			*n.to = cost.Value{Value: float64(n.value), From: cost.Given}
		}
	}
	if f.ratio != 0 {
		if !(f.ratio >= 0.5 && f.ratio <= 1000) {
			return q, cli.Usagef("--compression-ratio: %v is none; 5 says that five bytes become one", f.ratio)
		}
		q.Ratio = cost.Value{Value: f.ratio, From: cost.Given}
	}
	return q, nil
}

// readPrices are Amazon's with what the file and then the flags say of them.
func (f *costFlags) readPrices() (cost.Prices, error) {
	p := cost.DefaultPrices()
	if f.pricesFile != "" {
		text, err := os.ReadFile(f.pricesFile)
		if err != nil {
			return p, cli.Usagef("--prices: %w", err)
		}
		if err := p.SetAll(string(text)); err != nil {
			return p, cli.Usagef("--prices: %s: %w", f.pricesFile, err)
		}
	}
	for _, given := range f.prices {
		if err := p.Set(given); err != nil {
			return p, cli.Usagef("--price: %w", err)
		}
	}
	return p, nil
}

// planCosts says what the outputs to S3 cost. cfg is nil where the settings are those of the running process.
func planCosts(ctx context.Context, a *cli.App, cfg *config.Config, f costFlags, addr string, asJSON bool) error {
	q, err := f.question()
	if err != nil {
		return err
	}
	prices, err := f.readPrices()
	if err != nil {
		return err
	}
	at, err := cli.Address(addr)
	if err != nil {
		return err
	}
	var pipelines []config.Evaluated
	if cfg != nil {
		for _, p := range cfg.Pipelines {
			pipelines = append(pipelines, p.Evaluate(nil))
		}
	}
	var status page.Status
	if f.rate == rateOfRunning {
		if status, pipelines, err = running(ctx, at, pipelines); err != nil {
			return unanswered(err)
		}
	}
	all := []cost.Estimate{} // not null
	for _, p := range pipelines {
		q := q
		if f.rate == rateOfRunning {
			if q, err = cost.Measure(&status, p.Name, q); err != nil {
				return err
			}
		}
		found, err := cost.Ask(p, q, prices)
		if err != nil {
			return cli.Usage(err)
		}
		all = append(all, found...)
	}
	if asJSON {
		return a.PrintJSON(all)
	}
	return a.Print(costsText(all))
}

// running asks a process what it does, and for its settings where there are none.
func running(ctx context.Context, at *url.URL, pipelines []config.Evaluated) (status page.Status, _ []config.Evaluated, err error) {
	if err := ask(ctx, at, "status", &status); err != nil {
		return status, nil, err
	}
	if pipelines == nil {
		runs, err := fetchRunning(ctx, at)
		if err != nil {
			return status, nil, err
		}
		pipelines = runs.Pipelines
	}
	return status, pipelines, nil
}

func costsText(all []cost.Estimate) string {
	if len(all) == 0 {
		return "no pipeline has an output \"s3\": nothing has a price here\n"
	}
	var b strings.Builder
	for i, e := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(e.Text())
	}
	return b.String()
}
