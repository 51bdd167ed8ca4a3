package config_test

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// testPlugins are small plugins with the attributes and traits of the real ones, so that what this package says about files can be
// written down without the plugins' own words.
func testPlugins() []engine.Plugin {
	return []engine.Plugin{
		engine.NewInput("amqp", "Reads a queue.", amqpDefaults, newInput[amqpInput]),
		engine.NewInput("generator", "Makes messages.", func() generator { return generator{Count: 10} }, newInput[generator]),
		engine.NewTransform("json", "Checks JSON.", func() jsonCheck { return jsonCheck{OnInvalid: "dead_letter"} }, newTransform[jsonCheck]),
		engine.NewTransform("filter", "Keeps what it is told to.", func() filter { return filter{} }, newTransform[filter]),
		engine.NewTransform("redact", "Hides secrets.", func() redact { return redact{OnInvalid: "dead_letter"} }, newTransform[redact]),
		engine.NewStage("batch", "Groups messages.", batchDefaults, newStage[batch]),
		engine.NewStage("rate_limit", "Slows messages down.", func() rateLimit { return rateLimit{} }, newStage[rateLimit]),
		engine.NewPolicy("retry", "Tries again.", retryDefaults, newPolicy[retry]),
		engine.NewOutput("amqp", "Publishes.", func() amqpOutput { return amqpOutput{Host: "localhost"} }, newOutput[amqpOutput]),
		engine.NewOutput("file", "Appends lines.", func() fileOutput { return fileOutput{Mode: 0o640} }, newOutput[fileOutput]),
		engine.NewOutput("s3", "Stores objects.", s3Defaults, newOutput[s3Output]),
		engine.NewOutput("stdout", "Prints.", func() struct{} { return struct{}{} }, newOutput[struct{}]),
	}
}

type amqpInput struct {
	URL                  engine.Secret     `hcl:"url,optional" doc:"Address of the broker; it wins over host."`
	Host                 string            `hcl:"host,optional" doc:"Name of the broker."`
	Port                 uint16            `hcl:"port,optional" doc:"Port of the broker."`
	Queue                string            `hcl:"queue" doc:"The queue to read."`
	QueueType            string            `hcl:"queue_type,optional" values:"quorum,classic" doc:"Type of a queue that is created."`
	Password             engine.Secret     `hcl:"password,optional" doc:"Password of the user."`
	Prefetch             int               `hcl:"prefetch,optional" doc:"How many messages may be unacknowledged."`
	Declare              *bool             `hcl:"declare,optional" doc:"Whether the queue is created."`
	DeadLetterExchange   string            `hcl:"dead_letter_exchange,optional" doc:"Exchange for dead letters."`
	DeadLetterRoutingKey string            `hcl:"dead_letter_routing_key,optional" doc:"Their routing key."`
	Arguments            map[string]string `hcl:"arguments,optional" doc:"Arguments of the queue."`
	Bindings             []binding         `hcl:"binding,block" doc:"Bindings of the queue."`
	TLS                  *tls              `hcl:"tls,block" doc:"Encryption."`
}

type binding struct {
	Exchange    string   `hcl:"exchange" doc:"The exchange."`
	RoutingKeys []string `hcl:"routing_keys,optional" doc:"The keys."`
}

type tls struct {
	CA         string `hcl:"ca,optional" doc:"A file."`
	ServerName string `hcl:"server_name" doc:"A name."`
}

func amqpDefaults() amqpInput { return amqpInput{Host: "localhost", Port: 5672, QueueType: "quorum"} }

func (c *amqpInput) Validate() error {
	var errs []error
	if c.Prefetch < 0 || c.Prefetch > math.MaxUint16 {
		errs = append(errs, engine.AttrErrorf("prefetch", "must be between 0 and 65535, not %d", c.Prefetch))
	}
	if c.DeadLetterExchange != "" && c.DeadLetterRoutingKey == "" {
		errs = append(errs, engine.AttrErrorf("dead_letter_routing_key", "is needed with dead_letter_exchange"))
	}
	if c.TLS != nil && c.TLS.CA == "/" {
		errs = append(errs, engine.AttrErrorf("tls.ca", "must be a file"))
	}
	for _, b := range c.Bindings {
		if b.Exchange == "" {
			errs = append(errs, engine.AttrErrorf("binding.exchange", "must not be empty"))
		}
	}
	return errors.Join(errs...)
}

func (c *amqpInput) Traits() engine.Traits {
	return engine.Traits{Prefetch: c.Prefetch, AckWithin: 30 * time.Minute, AnyBody: true}
}

type generator struct {
	Count int     `hcl:"count,optional" doc:"How many messages."`
	Rate  float64 `hcl:"rate,optional" doc:"How many a second."`
}

type jsonCheck struct {
	OnInvalid string `hcl:"on_invalid,optional" values:"dead_letter,drop,pass" doc:"What happens to what is no JSON."`
}

func (c *jsonCheck) Traits() engine.Traits {
	return engine.Traits{Rejects: c.OnInvalid == "dead_letter", OneLine: c.OnInvalid != "pass"}
}

type filter struct {
	Keep  engine.Condition  `hcl:"keep,optional" doc:"Which messages are kept."`
	Drop  *engine.Condition `hcl:"drop,optional" doc:"Which messages are dropped."`
	Rules []rule            `hcl:"rule,block" doc:"More of them."`
}

type rule struct {
	When engine.Condition `hcl:"when" doc:"Which messages."`
}

type batch struct {
	Count        int           `hcl:"count,optional" doc:"How many messages make a batch full."`
	Bytes        engine.Bytes  `hcl:"bytes,optional" doc:"How many bytes make a batch full."`
	Age          time.Duration `hcl:"age,optional" doc:"How long a batch waits for more."`
	PartitionBy  []string      `hcl:"partition_by,optional" doc:"What to group by."`
	OpenMessages int           `hcl:"open_messages,optional" doc:"How many messages may be in open batches."`
}

func batchDefaults() batch {
	return batch{Count: 1000, Bytes: 16 << 20, Age: 5 * time.Second}
}

func (c *batch) Validate() error {
	var errs []error
	if c.Count < 1 {
		errs = append(errs, engine.AttrErrorf("count", "must be at least 1, not %d", c.Count))
	}
	if c.Age <= 0 {
		errs = append(errs, engine.AttrErrorf("age", "must be above 0; without an age the last messages would wait for ever"))
	}
	return errors.Join(errs...)
}

func (c *batch) Traits() engine.Traits {
	open := c.OpenMessages
	if open == 0 {
		open = 4 * c.Count
	}
	return engine.Traits{OpenMessages: open, OpenBytes: 4 * int64(c.Bytes), BatchMessages: c.Count, BatchBytes: int64(c.Bytes),
		HoldsFor: c.Age, PartitionBy: c.PartitionBy, OneDate: slices.Contains(c.PartitionBy, "@date")}
}

type redact struct {
	OnInvalid string `hcl:"on_invalid,optional" values:"dead_letter,drop,pass" doc:"What happens to what is no JSON."`
}

func (c *redact) Traits() engine.Traits {
	return engine.Traits{Redacts: true, Rejects: c.OnInvalid == "dead_letter"}
}

type rateLimit struct {
	Rate float64 `hcl:"rate" doc:"How many messages a second."`
}

func (c *rateLimit) Traits() engine.Traits { return engine.Traits{MessagesPerSecond: c.Rate} }

type retry struct {
	Attempts   int           `hcl:"attempts,optional" doc:"How many tries in all."`
	Backoff    time.Duration `hcl:"backoff,optional" doc:"The first pause."`
	MaxBackoff time.Duration `hcl:"max_backoff,optional" doc:"The longest pause."`
}

func retryDefaults() retry {
	return retry{Attempts: 3, Backoff: time.Second, MaxBackoff: 10 * time.Second}
}

func (c *retry) Validate() error {
	if c.Attempts < 0 {
		return engine.AttrErrorf("attempts", "attempts must be 0, which is without limit, or more, not %d", c.Attempts)
	}
	return nil
}

func (c *retry) Traits() engine.Traits {
	return engine.Traits{HoldsFor: time.Duration(c.Attempts) * c.MaxBackoff, Endless: c.Attempts == 0}
}

type amqpOutput struct {
	URL      engine.Secret `hcl:"url,optional" doc:"Address of the broker; it wins over host."`
	Host     string        `hcl:"host,optional" doc:"Name of the broker."`
	Exchange string        `hcl:"exchange,optional" doc:"The exchange."`
	Queue    string        `hcl:"queue,optional" doc:"The queue."`
}

type fileOutput struct {
	Path engine.Template `hcl:"path" doc:"The file to append to."`
	Mode int             `hcl:"mode,optional" doc:"Permissions of a new file."`
}

func (c *fileOutput) Traits() engine.Traits {
	if len(c.Path.Refs()) > 0 {
		return engine.Traits{}
	}
	return engine.Traits{Path: c.Path.String(), GivesBack: true}
}

type s3Output struct {
	Bucket      string          `hcl:"bucket" doc:"The bucket to write to."`
	Region      string          `hcl:"region,optional" doc:"Its region."`
	Endpoint    string          `hcl:"endpoint,optional" doc:"Address of a server that is not Amazon's."`
	Key         engine.Template `hcl:"key,optional" doc:"The key of each object."`
	Compression string          `hcl:"compression,optional" values:"none,gzip,zstd" doc:"How objects are compressed."`
	SecretKey   engine.Secret   `hcl:"secret_key,optional" doc:"Secret key."`
	PathStyle   bool            `hcl:"path_style,optional" doc:"Whether the bucket is a part of the path."`
}

func s3Defaults() s3Output { return s3Output{Region: "us-east-1", Compression: "gzip"} }

func (c *s3Output) Validate() error {
	var errs []error
	if c.Bucket == "" {
		errs = append(errs, engine.AttrErrorf("bucket", "must not be empty"))
	}
	if c.Key.String() != "" && !c.Key.Holds("batch.id") {
		errs = append(errs, engine.AttrErrorf("key", "must contain ${batch.id} by itself: else objects overwrite each other"))
	}
	return errors.Join(errs...)
}

func (c *s3Output) Traits() engine.Traits { return engine.Traits{Sealed: true, LinesOnly: true} }

// instance is what all of the test's plugins are made of: it keeps what it was made from.
type instance struct {
	engine.Env
	config any
}

func newInput[C any](c C, e engine.Env) (engine.Input, error) {
	return &instance{Env: e, config: c}, nil
}
func newTransform[C any](c C, e engine.Env) (engine.Transform, error) {
	return &instance{Env: e, config: c}, nil
}
func newStage[C any](c C, e engine.Env) (engine.Stage, error) {
	return &instance{Env: e, config: c}, nil
}
func newPolicy[C any](c C, e engine.Env) (engine.Policy, error) {
	return &instance{Env: e, config: c}, nil
}
func newOutput[C any](c C, e engine.Env) (engine.Output, error) {
	return &instance{Env: e, config: c}, nil
}

func (*instance) Open(context.Context) error                   { return nil }
func (*instance) Read(context.Context, *engine.Batch) error    { return io.EOF }
func (*instance) Ack(context.Context, []uint64) error          { return nil }
func (*instance) Close(context.Context) error                  { return nil }
func (*instance) Process(context.Context, *engine.Batch) error { return nil }
func (*instance) Write(context.Context, *engine.Batch) error   { return nil }
func (*instance) Wrap(next engine.Output) engine.Output        { return next }
func (*instance) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	for b := range in {
		select {
		case out <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
