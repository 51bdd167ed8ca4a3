package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// TestRun looks at what the command is given.
func TestRun(t *testing.T) {
	// The shared servers also keep run from starting a second pair.
	env := append(servers.TestBroker(t).Env(), servers.TestS3(t).Env()...)
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	for _, c := range []struct {
		script string
		want   int
	}{
		{`test -n "$` + servers.EnvAMQP + `" -a -n "$` + servers.EnvAdmin + `" -a -n "$` + servers.EnvS3 + `" -a -n "$` + servers.EnvS3Secret + `"`, 0},
		{`exit 5`, 5},
	} {
		code, err := run([]string{"sh", "-c", c.script})
		if code != c.want || err != nil {
			t.Errorf("%s: code %d, error %v, want %d", c.script, code, err, c.want)
		}
	}
}

func TestTolerate(t *testing.T) {
	missing := fmt.Errorf("no broker: %w", servers.ErrUnavailable)
	broken := errors.New("broken")
	for _, c := range []struct {
		ci        string
		err, want error
	}{
		{"", missing, nil}, {"true", missing, missing}, {"", broken, broken}, {"", nil, nil},
	} {
		t.Setenv("CI", c.ci)
		if got := tolerate(c.err); got != c.want {
			t.Errorf("CI=%q, %v: %v, want %v", c.ci, c.err, got, c.want)
		}
	}
}
