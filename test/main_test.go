// Package test has the tests of the whole: the real command, the shipped configuration, a real RabbitMQ and a real S3 server.
package test

import (
	"testing"

	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }
