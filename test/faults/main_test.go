// Package faults has a test for each row of the failure table in DESIGN.md: the real command, a real RabbitMQ and a real S3 server, and
// one fault. Each message carries a number; what was sent must be found again, and what is found twice is held against the bound.
//
// Rows that need a broker of their own have the build tag faults: make faults runs all of them.
package faults

import (
	"testing"

	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }
