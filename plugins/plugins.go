// Package plugins lists what the logpipe command is made of. A command of your own can take the list, append to it, or leave
// it: nothing registers itself.
package plugins

import (
	"github.com/logpipe/logpipe/engine"
	amqpin "github.com/logpipe/logpipe/plugins/inputs/amqp"
	filein "github.com/logpipe/logpipe/plugins/inputs/file"
	"github.com/logpipe/logpipe/plugins/inputs/generator"
	httpin "github.com/logpipe/logpipe/plugins/inputs/http"
	amqpout "github.com/logpipe/logpipe/plugins/outputs/amqp"
	fileout "github.com/logpipe/logpipe/plugins/outputs/file"
	httpout "github.com/logpipe/logpipe/plugins/outputs/http"
	"github.com/logpipe/logpipe/plugins/outputs/s3"
	"github.com/logpipe/logpipe/plugins/outputs/stdout"
	"github.com/logpipe/logpipe/plugins/processors/addfields"
	"github.com/logpipe/logpipe/plugins/processors/batch"
	"github.com/logpipe/logpipe/plugins/processors/filter"
	"github.com/logpipe/logpipe/plugins/processors/json"
	"github.com/logpipe/logpipe/plugins/processors/ratelimit"
	"github.com/logpipe/logpipe/plugins/processors/redact"
	"github.com/logpipe/logpipe/plugins/processors/retry"
	"github.com/logpipe/logpipe/plugins/processors/sample"
)

// All are the plugins that come with logpipe, by kind and name.
var All = []engine.Plugin{
	amqpin.Plugin,
	filein.Plugin,
	generator.Plugin,
	httpin.Plugin,

	addfields.Plugin,
	batch.Plugin,
	filter.Plugin,
	json.Plugin,
	ratelimit.Plugin,
	redact.Plugin,
	retry.Plugin,
	sample.Plugin,

	amqpout.Plugin,
	fileout.Plugin,
	httpout.Plugin,
	s3.Plugin,
	stdout.Plugin,
}
