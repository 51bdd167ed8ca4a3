package faults

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/world"
)

// The secrets of the test. Some characters mean something in URLs, so they stand there in another form, which must not be seen either.
const (
	brokerSecret = "hush/broker:42@%x"
	storeSecret  = "hush-store-4711"
	tokenSecret  = "hush-token-0815"
	fileSecret   = "hush-literal-99"
)

// whispers fails the test where a text has one of the secrets, or a part of one.
func whispers(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range []string{brokerSecret, url.QueryEscape(brokerSecret), url.UserPassword("u", brokerSecret).String()[2:], "broker:42", "broker%3A42",
		storeSecret, tokenSecret, fileSecret} {
		if strings.Contains(text, secret) {
			t.Errorf("%s has the secret %q:\n%s", where, secret, text)
		}
	}
}

// user makes a user of the broker with the secret, and returns the URL of the virtual host for it.
func user(t *testing.T, w *world.World) *url.URL {
	t.Helper()
	u, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal("the virtual host has an odd URL")
	}
	broker, vhost := servers.TestBroker(t), u.Path[1:]
	name := "user-" + vhost
	put := func(path string, in any) {
		if err := broker.Admin(t.Context(), "PUT", path, in, nil); err != nil {
			t.Fatal(err)
		}
	}
	put("/api/users/"+name, map[string]string{"password": brokerSecret, "tags": ""})
	put("/api/permissions/"+url.PathEscape(vhost)+"/"+name, map[string]string{"configure": ".*", "write": ".*", "read": ".*"})
	u.User = url.UserPassword(name, brokerSecret)
	return u
}

// Passwords and keys are in nothing that logpipe prints or shows to other users of the machine: not when all is well, and not in any trouble.
func TestSecretsStaySecret(t *testing.T) {
	here := func(u *url.URL) {}
	for name, c := range map[string]struct {
		broker func(u *url.URL)
		env    func(w *world.World) []string
		wants  []string
	}{
		"all is well but the key": {here, nil, []string{"input is open", "output fails"}},
		"wrong password":          {func(u *url.URL) { u.User = url.UserPassword("guest", brokerSecret) }, nil, []string{"input is lost"}},
		"no such host":            {func(u *url.URL) { u.Host = "broker.invalid:5672" }, nil, []string{"input is lost"}},
		"nobody there":            {func(u *url.URL) { u.Host = "127.0.0.1:1" }, nil, []string{"input is lost"}},
		"no such virtual host":    {func(u *url.URL) { u.Path = "/none" }, nil, []string{"input is lost"}},
		"no TLS there":            {func(u *url.URL) { u.Scheme = "amqps" }, nil, []string{"input is lost"}},
		"no AMQP there": {here, func(w *world.World) []string {
			return []string{"RABBITMQ_URL=amqp://u:" + url.QueryEscape(brokerSecret) + "@" + strings.TrimPrefix(w.S3.Endpoint, "http://")}
		}, []string{"input is lost"}},
		"no URL at all":           {here, func(*world.World) []string { return []string{"RABBITMQ_URL=amqp://u:" + brokerSecret + "@h:port/ x"} }, nil},
		"an endpoint with a user": {here, func(*world.World) []string { return []string{"S3_ENDPOINT=http://u:" + storeSecret + "@127.0.0.1:1"} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			u := user(t, w)
			c.broker(u)
			env := append(w.Env("RETRY_LIMIT=1"), "RABBITMQ_URL="+u.String(), "AWS_SECRET_ACCESS_KEY="+storeSecret, "AWS_SESSION_TOKEN="+tokenSecret)
			if c.env != nil {
				env = append(env, c.env(w)...)
			}
			w.Produce(10)
			for _, flags := range [][]string{{"--log-format", "text"}, {"--log-format", "json", "-v"}} {
				cmd := w.Command(env, append([]string{"run", "pipeline.hcl"}, flags...)...)
				cmd.Begin(c.wants...)
				if c.wants != nil {
					whispers(t, "the command line", commandLine(t, cmd.Process.Pid))
					cmd.End(syscall.SIGINT, syscall.SIGINT)
				} else {
					cmd.End()
				}
				whispers(t, "the log", cmd.Printed())
				if cmd.Printed() == "" {
					t.Error("nothing is printed, so the test is not about it")
				}
				w.Produce(10)
			}
			for _, args := range [][]string{{"validate"}, {"validate", "--json"}, {"graph"}} {
				whispers(t, args[0], all(t, w, env, append(args, "pipeline.hcl")...))
			}
			whispers(t, "the fallback", string(fallbackText(t, w)))
		})
	}
}

// all is what a command prints until it ends.
func all(t *testing.T, w *world.World, env []string, args ...string) string {
	t.Helper()
	cmd := w.Command(env, args...)
	cmd.Begin()
	cmd.End()
	return cmd.Printed()
}

func fallbackText(t *testing.T, w *world.World) (text []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(w.Fallback()), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		part, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, part...)
	}
	return text
}

// commandLine is what ps shows of a process.
func commandLine(t *testing.T, pid int) string {
	t.Helper()
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || len(line) == 0 {
		t.Errorf("no command line: %v", err)
	}
	return string(line)
}

// Files in which a secret stands by itself, with a mistake beside it, on its line or in it: what is shown of the line must not show it.
func TestSecretsInMistakes(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	for name, line := range map[string]string{
		"none":                   `password = "` + fileSecret + `"`,
		"no second quote":        `password = "` + fileSecret,
		"no first quote":         `password = ` + fileSecret + `"`,
		"single quotes":          `password = '` + fileSecret + `'`,
		"no quotes":              `password = ` + fileSecret,
		"a colon":                `password: "` + fileSecret + `"`,
		"no equals sign":         `password "` + fileSecret + `"`,
		"another name":           `passwd = "` + fileSecret + `"`,
		"twice":                  `password = "` + fileSecret + "\"\n    password = \"" + fileSecret + `"`,
		"a list":                 `password = ["` + fileSecret + `"]`,
		"a template":             `password = "${` + fileSecret + `}"`,
		"a function":             `password = hush("` + fileSecret + `")`,
		"behind another mistake": `port = "x" password = "` + fileSecret + `"`,
		"in a URL":               `url = "amqp://u:` + fileSecret + `@h:port/"`,
		"in a URL elsewhere":     `host = "amqp://u:` + fileSecret + `@h/"`,
		"in a list of URLs":      `urls = ["amqp://u:` + fileSecret + `@h:x/", 5]`,
		"a heredoc":              "password = <<E\n" + fileSecret + "\nE",
		"a heredoc without end":  "password = <<E\n" + fileSecret,
	} {
		file := filepath.Join(w.Dir, "secret.hcl")
		text := "pipeline \"p\" {\n  input \"amqp\" {\n    queue = \"q\"\n    " + line + "\n  }\n  output \"stdout\" {}\n}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"validate", file}, {"validate", "--json", file}, {"graph", file}, {"fmt", "--check", file}} {
			printed := all(t, w, nil, args...)
			whispers(t, name+": "+args[0], printed)
			if args[0] == "validate" && len(args) == 3 && !json.Valid([]byte(printed)) {
				t.Errorf("%s: no JSON: %s", name, printed)
			}
		}
		if strings.Contains(all(t, w, nil, "validate", file), "Error: ") { // else it would run
			whispers(t, name+": run", all(t, w, nil, "run", file))
		}
	}
	env := filepath.Join(w.Dir, "secret.env")
	if err := os.WriteFile(env, []byte("RABBITMQ_URL=amqp://u:"+fileSecret+"@h/\nexport PASSWORD="+fileSecret+" and more\n'"+fileSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	whispers(t, "an env file", all(t, w, nil, "validate", "--env-file", env, "pipeline.hcl"))
	for _, plugin := range []string{"amqp", "s3", "file", "--json"} {
		whispers(t, "plugins "+plugin, all(t, w, []string{"RABBITMQ_URL=amqp://u:" + fileSecret + "@h/", "AWS_SECRET_ACCESS_KEY=" + storeSecret}, "plugins", plugin))
	}
}
