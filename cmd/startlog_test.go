package cmd

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/logpipe/logpipe/cmd/internal/cli"
)

// What reads the log of a process that does not start is mostly a program: a text with its picture of the place became nine entries without a level,
// and nobody was told that the process is down. Where the log is JSON each mistake is one line of it; where it is text nothing is JSON.
func TestStartErrorsAreLinesOfTheLog(t *testing.T) {
	bad, unset := write(t, "bad.hcl", badPipeline), write(t, "unset.hcl", strings.Replace(goodPipeline, "input \"numbers\" {", "drain_timeout = env(\"NOBODY_SET_THIS\")\n  input \"numbers\" {", 1))
	good, variables := write(t, "good.hcl", goodPipeline), write(t, "bad.env", "A=1\nno variable\n")
	for name, tt := range map[string]struct {
		args []string
		code int
		has  string         // in the error
		also map[string]any // other attributes
	}{
		"a mistake in the file": {[]string{bad}, cli.ExitConfig, `there is no input "numbrs"`, map[string]any{"file": bad, "line": 2.0, "at": bad + ":2:9"}},
		"a missing variable":    {[]string{"run", unset}, cli.ExitConfig, "NOBODY_SET_THIS", map[string]any{"file": unset, "line": 2.0}},
		"no file":               {[]string{"run", "nosuch.hcl"}, cli.ExitConfig, "nosuch.hcl cannot be read", nil},
		"a wrong flag":          {[]string{"run", "--verbos", good}, cli.ExitUsage, "did you mean --verbose?", map[string]any{"msg": "logpipe does not start"}},
		"a wrong flag first":    {[]string{"--log-frmat", "json", good}, cli.ExitUsage, "did you mean --log-format?", nil},
		"a wrong value":         {[]string{"run", "--watch=maybe", good}, cli.ExitUsage, "maybe", nil},
		"a bad address":         {[]string{"run", "--admin", "here", good}, cli.ExitUsage, "--admin: ", nil},
		"a bad format":          {[]string{"run", "--log-format", "xml", good}, cli.ExitUsage, `--log-format is "xml"`, nil},
		"no argument":           {[]string{"run"}, cli.ExitUsage, "which one?", nil},
		"no env file":           {[]string{"run", "--env-file", "nosuch.env", good}, cli.ExitConfig, "nosuch.env", nil},
		"a bad env file":        {[]string{"run", "--env-file", variables, good}, cli.ExitConfig, "line 2", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t, nil, tt.args...)
			if got.code != tt.code || strings.Count(got.err, "\n") != 1 {
				t.Errorf("exit code %d, want %d and one line:\n%s", got.code, tt.code, got.err)
			}
			var line map[string]any
			if err := json.Unmarshal([]byte(got.err), &line); err != nil {
				t.Fatalf("no line of JSON: %v\n%s", err, got.err)
			}
			if text, _ := line["error"].(string); line["level"] != "ERROR" || line["msg"] == "" || line["time"] == nil || !strings.Contains(text, tt.has) {
				t.Errorf("%v", line)
			}
			for key, want := range tt.also {
				if line[key] != want {
					t.Errorf("%s is %v, want %v", key, line[key], want)
				}
			}
			for what, streams := range map[string]Streams{"a terminal": {ErrTerminal: true}, "text": {}} {
				args := tt.args
				if what == "text" && name != "a bad format" {
					args = append([]string{"--log-format=text"}, args...)
				}
				if what == "text" && args[1] == "run" {
					args = append([]string{"run", "--log-format=text"}, args[2:]...)
				}
				if text := commandWith(t, streams, map[string]string{"TERM": "dumb"}, args...); name != "a bad format" && (text.code != tt.code || strings.Contains(text.err, `{"time"`)) {
					t.Errorf("%s: exit code %d:\n%s", what, text.code, text.err)
				}
			}
		})
	}
}

// A port that another program has is said in a line too; the logs flow on.
func TestTakenPortIsALineOfTheLog(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	p := start(t, nil, "run", "--admin", taken.Addr().String(), write(t, "a.hcl", staying("a", t.TempDir()+"/stored", 1)))
	const said = "no status page and no metrics; the logs flow on"
	p.until("it is said", func() bool { return strings.Contains(p.stderr(), said) })
	if line := jsonLines(t, p.stderr())[said]; line["level"] != "WARN" || !strings.Contains(fmt.Sprint(line["error"]), "another program has the address") {
		t.Errorf("%v", line)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
}
