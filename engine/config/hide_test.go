package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/plugins"
)

// Diagnostics end in logs, tickets and chats. No mistake on the line of a password may show it there, however the line is broken.
func TestNoSecretIsShown(t *testing.T) {
	env := map[string]string{
		"PWURL": "amqp://u:hunter2@h", "LONG": "amqp://u:hunter2" + strings.Repeat("x", 200) + "@h", "PASSWORD": "hunter2", "SPACE": `amqp://u:hunter2 "@h`,
	}
	inputs := []string{
		`pasword = "hunter2"`, `bogus_password = "hunter2"`, `pass = "hunter2"`, `secret = "hunter2"`, `token = "hunter2"`,
		`credential = "hunter2"`, `pasword = hunter2`, `pasword = ["hunter2"]`, `ulr = "hunter2"`, `api_token { value = "hunter2" }`,
		`something = "http://u:hunter2@localhost"`, `something = "http://u:hun\"ter2@localhost"`, `something = "http://${env("U", "")}:hunter2@localhost"`,
		`password = "hunter2`, `password: "hunter2"`, `password 'hunter2'`, `password = 'hunter2'`, `password "hunter2"`, `password hunter2`,
		`password = hunter2`, `password = hunter2.x`, `password = hunter2!x`, `password = hunter2("x")`, `password = "${hunter2}"`, `password = "a" + "hunter2"`,
		`password = "hunter2" "x"`, `password = "hunter2", x`, `password = [hunter2`, `password = {hunter2}`, `password = "\hunter2"`, `password == "hunter2"`,
		`password := "hunter2"`, `password = "hunter2${"`, `password = env("PW", "hunter2"`, `password = env("X", hunter2)`, `password = "hunter2" }`, `"password" = "hunter2"`,
		`password = 5hunter2`, `password = $hunter2`, `password = ${hunter2}`, `password = HUNTER2hunter2`, `password = /*hunter2`, `password = -hunter2`, `password = hunter2 + 1`, `password = upper("hunter2", 1)`, `password = jsondecode("hunter2")`,
		`password = tonumber("hunter2")`, `password = { a = "hunter2" }`, `password { "hunter2" }`, `password "hunter2" {}`, `password hunter2 {}`,
		"password = <<EOT\nhunter2\n", "password = <<EOT\n${hunter2}\nEOT", `password = "hunter2"; user = 1`, `password = hunter2 # x`, `password = "%{hunter2}"`, `password = "${hunter2:-hunter2}"`, `password = "${hunter2 hunter2}"`, `url = "amqp://u:%{hunter2}@h"`, `url = "amqp://u:${hunter2 x}@h"`,
		"password = <<EOT hunter2\nhunter2\nEOT", "password = <<EOT\n%{hunter2}\nEOT", "password = <<EOT\n{\n}\nhunter2 = 1\n", "password = <<EOT\n%{ if true }hunter2\nEOT", `password = "hunter2%{endif}"`, `password = true ? "hunter2" : {}`,
		`port = "amqp://u:hunter2@h"`, `port = env("PWURL", 5)`, `port = env("LONG", 5)`, `port = env("PASSWORD", 5)`, `port = env("PASSWORD")`, `port = env("SPACE", 5)`, `port = env("PWURL")`,
		`port = tonumber(env("PWURL"))`, `connect_timeout = env("PWURL", "5s")`, `auth_mechanism = env("PWURL", "plain")`, `declare = env("PWURL")`,
		`urls = ["amqp://u:hunter2@h/%zz"]`, `urls = "amqp://u:hunter2@h"`, `urls = ["amqp://u:hunter2@h", {}]`, `urls = env("PWURL", {})`, `urls = [hunter2]`, `urls = ["hunter2"`,
		`url = "amqp://u:hunter2@h/%zz"`, `url = amqp://u:hunter2@h`, `host = "amqp://u:hunter2@h"`, `host = env("PWURL", "h")`, `host = amqp://u:hunter2@h`, `vhost = "amqp://u:hunter2@h`,
		`prot = 1 /* amqp://u:hunter2@h */`,
		"password = \"hunter2\"\npassword = \"hunter2\"", "password = env(\"PW\")\npassword = \"hunter2\"", "password = \"x\"\npassword = upper(\"hunter2\", \"x\")",
	}
	for _, line := range inputs {
		src := fmt.Sprintf("pipeline \"a\" {\n  input \"amqp\" {\n    queue = \"q\"\n    %s\n  }\n  output \"stdout\" {}\n}\n", line)
		hides(t, src, env)
		hides(t, strings.ReplaceAll(src, `"amqp"`, `"ampq"`), env)
		hides(t, strings.ReplaceAll(src, "input", "inptu"), env)
		hides(t, fmt.Sprintf("pipeline \"a\" {\n  input \"ampq\" { %s }\n", line), env)
		hides(t, fmt.Sprintf("input \"amqp\" { %s }\n", line), env)
		hides(t, line+"\n", env)
	}
	hides(t, "pipeline \"a\" {\n  input \"amqp\" {\n    queue = \"q\"\n    key = \"hunter2\"\n  }\n  output \"stdout\" {}\n}\n", env) // a name that is none elsewhere
	for _, line := range []string{`endpoint = "http://u:hunter2@localhost:9000"`, `bucket = "http://u:hunter2@localhost:9000/b"`, `secret_kye = "hunter2"`,
		`compression = "http://u:hunter2@localhost:9000"`, `content_type = "http://u:hunter2@loc\u0007"`, `key = "http://u:hunter2@loc/${batch.date}"`,
		`key = "${substr("http://u:hunter2@loc", batch.id, 1)}"`, `session_token = hunter2`, `timeout = env("PWURL")`} {
		hides(t, fmt.Sprintf("pipeline \"a\" {\n  input \"generator\" {}\n  output \"s3\" {\n    %s\n  }\n}\n", line), env)
	}
}

// hides loads a file with a mistake and looks for the secret in all that is said.
func hides(t *testing.T, src string, env map[string]string) {
	t.Helper()
	o := config.Options{Plugins: plugins.All, LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	_, found := config.LoadSource("a.hcl", []byte(src), o)
	_, formatted := config.Format("a.hcl", []byte(src))
	if !found.HasErrors() {
		t.Errorf("nothing is wrong with\n%s", src)
	}
	for _, found := range []*diagnostics.Diagnostics{found, formatted} {
		asJSON, err := json.Marshal(found)
		if err != nil {
			t.Fatal(err)
		}
		said := text(found) + string(asJSON)
		for _, d := range found.All() {
			said += d.Summary + d.Detail
		}
		if strings.Contains(said, "hunter2") || strings.Contains(said, `ter2`) {
			t.Errorf("the secret is shown of\n%s\n%s", src, text(found))
		}
	}
}
