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
		"a@b", "@here", "me@", "me@localhost", "a @b.com", "a@b.c", "x@.com", "node@10.0.0.1",
	},
	"credit_card": {
		"«4111111111111111»", "card «4111 1111 1111 1111», «5555-5555-5555-4444».", "amex «378282246310005»", "«3782-822463-10005»", "«6011111111111117»\n«4222222222222»",
		"12 «4111 1111 1111 1111» 2026", "«4111111111111111» «4012888888881881»", "19 digits: «6304000000000000000»", "id-«4111111111111111»", "4111 «4111111111111111»",
		"4111111111111112", "41111111111111111111", "4111111111111111x", "x4111111111111111", "14111111111111111", "4111111111111111.5", "0.4111111111111111",
		"1767366245123456789", "1111111111111117", "411111111111", "4111  1111  1111  1111", "2026-01-02 15:04:05", "550e8400-e29b-41d4-a716-446655440000",
		"4111_1111_1111_1111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4111-1111-1111-11-11", "41-11111111111111", "4111 1111 ", strings.Repeat("0", 100),
	},
	"ipv4": {
		"«10.0.0.1»", "from «192.168.1.254»:8080, «10.0.0.0»/8.", "«1.2.3.4»..«1.2.3.9»", "[«255.255.255.255»]", "x=«010.001.000.001»", "a.b.«10.1.1.1»", "-«8.8.8.8»-",
		"256.1.1.1", "1.2.3", "1.2.3.4.5", "v1.2.3.4", "1.2.3.4a", "1..2.3.4", "1.2.3.", "1234.1.1.1", "1.1.1.1234", "3.14", "2026-01-02T15:04:05.000123Z", "....",
	},
	"bearer_token": {
		"Authorization: Bearer «abcdefghij0123456789»", "bearer  «mF_9.B5f-4.1JqM+/~x=» ok", "BEARER «0123456789abcdef==»",
		"the bearer of bad news", "Bearer short", "forbearer 0123456789abcdef", "Bearer", "Bearer:0123456789abcdefg",
	},
	"aws_key": {
		"«AKIAIOSFODNN7EXAMPLE»", "id=«ASIAIOSFODNN7EXAMPLE»,", "aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»",
		`{"SecretAccessKey": "«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»"}`, "AWS_SECRET_KEY=«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY» x",
		"AKIAIOSFODNN7EXAMPL", "AKIAIOSFODNN7EXAMPLEX", "XAKIAIOSFODNN7EXAMPLE", "akiaiosfodnn7example", "secret_key=short", "secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYX",
	},
	"jwt": {
		"«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0x.SflKxwRJSMeKKF2QT4fwpM-_»", "t=«eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0x.»;",
		"eyJ", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9.eyJ.x", "keyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0x.x", "eyJhbGciOiJIUzI1NiJ9.abc.def",
	},
	"private_key": {
		"x «-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----» y", "«-----BEGIN PRIVATE KEY-----\nMIIE\ncut»",
		"«-----BEGIN EC PRIVATE KEY-----a-----END EC PRIVATE KEY-----» and «-----BEGIN PRIVATE KEY-----b-----END PRIVATE KEY-----»",
		"-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----", "PRIVATE KEY", "----BEGIN PRIVATE KEY-----",
	},
	"url_password": {
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
		for _, text := range texts {
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
