package diagnostics_test

import (
	"testing"

	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

func TestSuggest(t *testing.T) {
	attributes := []string{"count", "bytes", "age", "partition_by", "a", "tls", "queue", "max_backoff", "dead_letter", "url", "amqp", "s3", "json"}
	for given, want := range map[string]string{
		"cuont": "count", "counts": "count", "cont": "count", "COUNT": "count",
		"partition": "partition_by", "partition-by": "partition_by", "partitionBy": "partition_by", "maxBackof": "max_backoff",
		"queue_name": "queue", "ampq": "amqp", "rabbitamqp": "", "jsno": "json", "deadletter": "dead_letter", "bites": "bytes",
		"c": "", "b": "", "x": "", "": "", "uri": "url", "kafka": "", "s4": "", "ssl": "", "size": "", "_": "",
	} {
		if got := diagnostics.Suggest(given, attributes); got != want {
			t.Errorf("%q suggests %q, not %q", given, got, want)
		}
	}
}
