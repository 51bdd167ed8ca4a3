package redact

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each preset with texts in which what stands between « and » is a hit. A miss is a secret that is stored; a hit too much takes away what
// people need their logs for.
var presetTexts = map[string][]string{
	"email": {
		"«alice@example.com»", "<«alice.b+tag_1@mail-2.example.co.uk»>, «b@x.de».", "mailto:«müller@exämple.de»?subject=x", "user=«a@b.cd»",
		"q=«alice%40example.com»", "%22«alice%2540example.com»%22", `\"«a\u0040b.cd»\"`, "«a@xn--exmple-cua.xn--p1ai»", "https://u:«secret»@example.com",
		"a@b", "@here", "me@", "me@localhost", "a @b.com", "a@b.c", "x@.com", "node@10.0.0.1",
	},
	"credit_card": {
		"«4111111111111111»", "card «4111 1111 1111 1111», «5555-5555-5555-4444».", "amex «378282246310005»", "«3782-822463-10005»", "«6011111111111117»\n«4222222222222»",
		"12 «4111 1111 1111 1111» 2026", "«4111111111111111» «4012888888881881»", "19 digits: «6304000000000000000»", "id-«4111111111111111»", "4111 «4111111111111111»",
		"card%3D«4111111111111111»", "card%253D«4111111111111111»&x", `a\n«4111111111111111»\n`, "card_«4111111111111111»_x", "n=«4111+1111+1111+1111»&m=1", "«4111%201111%201111%201111»",
		"4111111111111112", "41111111111111111111", "4111111111111111x", "x4111111111111111", "14111111111111111", "4111111111111111.5", "0.4111111111111111",
		"1767366245123456789", "1111111111111117", "411111111111", "4111  1111  1111  1111", "2026-01-02 15:04:05", "550e8400-e29b-41d4-a716-446655440000",
		"4111_1111_1111_1111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4111-1111-1111-11-11", "41-11111111111111", "4111 1111 ", strings.Repeat("0", 100),
	},
	"ipv4": {
		"«10.0.0.1»", "from «192.168.1.254»:8080, «10.0.0.0»/8.", "«1.2.3.4»..«1.2.3.9»", "[«255.255.255.255»]", "x=«010.001.000.001»", "a.b.«10.1.1.1»", "-«8.8.8.8»-",
		"url=http%3A%2F%2F«10.0.0.1»%2F", "host_«10.0.0.1»_8080",
		"256.1.1.1", "1.2.3", "1.2.3.4.5", "v1.2.3.4", "1.2.3.4a", "1..2.3.4", "1.2.3.", "1234.1.1.1", "1.1.1.1234", "3.14", "2026-01-02T15:04:05.000123Z", "....",
	},
	"bearer_token": {
		"Authorization: Bearer «abcdefghij0123456789»", "bearer  «mF_9.B5f-4.1JqM+/~x=» ok", "BEARER «0123456789abcdef==»", "h=Authorization%3A+Bearer+«0123456789abcdef»", "%20Bearer%20«0123456789abcdef%3D»",
		"the bearer of bad news", "Bearer short", "forbearer 0123456789abcdef", "Bearer", "Bearer:0123456789abcdefg",
	},
	"aws_key": {
		"«AKIAIOSFODNN7EXAMPLE»", "id=«ASIAIOSFODNN7EXAMPLE»,", "aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»",
		`{"SecretAccessKey": "«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»"}`, "AWS_SECRET_KEY=«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY» x",
		"id%3D«AKIAIOSFODNN7EXAMPLE»%2F", "key_«AKIAIOSFODNN7EXAMPLE»_x", "«AKIAIOSFODNN7EXAMPLE»,«AKIAIOSFODNN7EXAMPLE»",
		"AKIAIOSFODNN7EXAMPL", "AKIAIOSFODNN7EXAMPLEX", "XAKIAIOSFODNN7EXAMPLE", "akiaiosfodnn7example", "secret_key=short", "secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYX",
	},
	"jwt": {
		"«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0x.SflKxwRJSMeKKF2QT4fwpM-_»", "t=«eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0x.»;",
		"session_«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0x.x»", "t%3D«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0x.x»%26", `\n«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0x.x»`,
		"«eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn»",
		"eyJ", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9.eyJ.x", "keyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0x.x", "eyJhbGciOiJIUzI1NiJ9.abc.def",
	},
	"private_key": {
		"x «-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----» y", "«-----BEGIN PRIVATE KEY-----\nMIIE\ncut»",
		"«-----BEGIN EC PRIVATE KEY-----a-----END EC PRIVATE KEY-----» and «-----BEGIN PRIVATE KEY-----b-----END PRIVATE KEY-----»",
		"-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----", "PRIVATE KEY", "----BEGIN PRIVATE KEY-----",
	},
	"basic_auth": {
		"Authorization: Basic «YWxpY2U6aHVudGVyMg==»", "basic  «YTpi»", "h=Basic+«YWxpY2U6aHVudGVyMg%3D%3D»", "Basic «YWxpY2U6aHVudG» cut off",
		"basic authentication", "Basic knowledge about", "Basic", "Basic realm=\"x\"", "basically YWxpY2U6aHVudGVyMg==", "Basic YWxpY2U=", "visualbasic YTpi",
	},
	"ipv6": {
		"«2001:db8::1»", "[«fe80::1»]:8080", "from «::1».", "«::ffff:192.0.2.1»", "«2001:db8:0:0:0:0:0:1», «2001:DB8::A»", "url=%5B«2001%3Adb8%3A%3A1»%5D", "«fe80::1»%eth0",
		"::", "a::b", "std::string", "Foo::Bar1", "12:34:56", "00:1a:2b:3c:4d:5e", "1:2:3:4:5:6:7:8:9", "2001:db8::1::2", "{\"a\":1}", "x:1", "bad::cafe",
	},
	"named_secret": {
		"?api_key=«abc»&x=1", "sig=«a%26b»&sv=1", "password=«hunter2»", "GET /?PASSWORD=«x» HTTP/1.1", "DB_PASSWORD='«a b»'", `{"userPassword":"«a\"b»","n":1}`,
		`{\"client_secret\":\"«x»\"}`, "api-key: «abc»", "  password: «hunter2»", "--password «hunter2» shop", "Password=«p;w»;Encrypt=True", "user[password]=«x»&y=1",
		"next=%2F%3Ftoken%3D«abc»%26x%3D1", "Authorization: Token «abc»", "Authorization: «abc»", "X-Auth-Token: «a1b2c3»", "(user=a, password=«b», x=c)", "password => \"«x»\"",
		"pass=«a»,sid=«b»,connect.sid=«c»", "password=«a&b,c;d»",
		"password=", "password=&x=1", "password= HTTP/1.1", "password: null", "token=****", "page_token=abc", "tokens=3", "bypass=1", "design=1", "if password == nil {", "key=logs/a",
		"routing_key=a", "unexpected token: end", "auth: ok", "password: must be longer", "token::next", "PWD=/srv", "secret://x", "--token --x", "a=b:c", "password: {",
	},
	"url_password": {
		"amqp://user:«p@ss»@host", "amqp://u:«p/a@b»@h/v?x=y", "u=amqp%3A%2F%2Fu%3A«p%40ss»%40h%2Fv", "root:«p@ss»@tcp(h:3306)/d", "mongodb://u:«p»@a:1,b:2/d", "x://u:«p»@h x://u:«q»@h",
		"http://h:8080/u/@me", "http://[::1]:80/@x", "time 15:04 @tcp(h)",
		"amqp://guest:«guest»@localhost:5672/", "GET https://me:«p:w»@example.com/x?y=1 postgres://:«x»@db",
		"http://localhost:8080/a@b", "https://user@example.com", "time 15:04@home", "http://a:8080/?mail=b@c", "mailto:a:b@c",
	},
}

func TestPresets(t *testing.T) {
	if diff := cmp.Diff(presetNames(), slices.Sorted(maps.Keys(presetTexts))); diff != "" {
		t.Errorf("not every preset has texts: %s", diff)
	}
	for name, texts := range presetTexts {
		c := with(func(c *Config) { c.Preset, c.Mask, c.OnInvalid = []string{name}, "***", pass })
		for _, text := range append(texts, "") {
			clear := strings.NewReplacer("«", "", "»", "").Replace(text)
			want := masked(text, "***")
			if got := process(t, c, "# "+clear)[0]; got != "# "+want { // a number alone would be JSON
				t.Errorf("%s as text: %q became %q, want %q", name, clear, got, want)
			}
			if got, want := process(t, c, quoted(clear))[0], quoted(want); got != want {
				t.Errorf("%s in a string: %s became %s, want %s", name, quoted(clear), got, want)
			}
			if got := process(t, c, escapedAll(clear))[0]; decodedString(t, got) != want {
				t.Errorf("%s with escapes: %q became %s, want %q", name, clear, got, want)
			}
		}
	}
}

// masked puts the mask in the place of what stands between « and ».
func masked(text, mask string) string {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "«")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		_, text, _ = strings.Cut(rest, "»")
		out.WriteString(mask)
	}
}

// A schema check and the documentation read the names from the tag; one that is missing there could not be used.
func TestPresetNamesAreInTheTag(t *testing.T) {
	tag := strings.Split(presetTag(t), ",")
	slices.Sort(tag)
	if diff := cmp.Diff(presetNames(), tag); diff != "" {
		t.Error(diff)
	}
	for _, name := range presetNames() {
		if !strings.Contains(doc, "\n    "+name+" ") {
			t.Errorf("the documentation does not say what %s finds", name)
		}
	}
}
