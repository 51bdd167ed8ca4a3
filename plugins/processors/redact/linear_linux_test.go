package redact

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// worst are texts that, repeated, make a preset look at the same bytes again and again if it is written carelessly: beginnings without an end, and
// hits side by side.
var worst = map[string][]string{
	"email":        {"a@b.cd ", "a@", "a.", "a@b.c1.", "a%40b.cd,", "x:y@a.bc/", "://a:b@c.de "},
	"credit_card":  {"4", "4 ", "4111 1111 1111 1112 ", "4111111111111111 ", "411-", "%34"},
	"ipv4":         {"1", "1.", "10.0.0.1 ", "255.255.255.", "1.1.1.1.", "%2E1"},
	"ipv6":         {":", "::", "a:", "2001:db8::1 ", "::1.", "1:1:1:1:1:1:1:1:1:", "%3A1"},
	"bearer_token": {"bearer ", "bearer 0123456789abcdef ", "bearer 0123456789abcde", "b", "bearer    "},
	"basic_auth":   {"basic ", "basic YTpi ", "basic YTpi", "b", "basic    "},
	"aws_key":      {"AKIA", "AKIAIOSFODNN7EXAMPLE ", "secret_key = ", "secret_access_", "secretkey   "},
	"jwt":          {"eyJ", "eyJhbGciOiJIUzI1NiJ9.", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0x.x ", "eyJaaaaaaaa..", "y"},
	"private_key":  {"-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "PRIVATE KEY", "-----BEGIN PRIVATE KEY-----x-----END PRIVATE KEY----- "},
	"url_password": {"://", "://a:", "://a:b@c ", "://a:b/", "a:", "a:b@tcp(", "@unix(", "://a:b/@", ":"},
	namedSecret: {
		"password=", "password=a,", "password: a ", "token:", "token: a1b2c3 ", `password="`, `password=\"`, "pass(", "password=a)", "password=a;b ", "--token ", "--", "sid: a b ",
		"authorization: ", "t_", "o_____k_____e_____n=", "password = ;", "password==", "token=a&b c d ", "%70assword%3D",
	},
}

// A record of a few megabytes must not hold up all others for minutes: what a preset costs grows as the body does.
func TestPresetsAreLinear(t *testing.T) {
	const small, times = 8 << 10, 8
	const little = 20 * time.Millisecond // what is quadratic takes seconds for small * times
	for _, name := range presetNames() {
		p := create(t, with(func(c *Config) { c.Preset, c.OnInvalid = []string{name}, pass }))
		if len(worst[name]) == 0 {
			t.Errorf("nobody has thought of what is worst for %s", name)
		}
		for _, part := range worst[name] {
			// With a hit before them, so that no quick look tells that there is none.
			hit := strings.NewReplacer("«", "", "»", "").Replace(presetTexts[name][0]) + " "
			for form, body := range map[string]func(times int) string{
				"text":                  func(times int) string { return "# " + hit + strings.Repeat(part, times) },
				"a string with escapes": func(times int) string { return quoted("\n" + hit + strings.Repeat(part, times)) },
				"strings":               func(times int) string { return "[" + quoted(hit) + strings.Repeat(","+quoted(part), times) + "]" },
			} {
				cost := func(size int) time.Duration {
					text := []byte(body(size / len(part)))
					return processorTime(t, func() { run(t, p, text) })
				}
				// Thrice the growth is for collections and the caches of processors; what is quadratic grows by times again.
				var one, many time.Duration
				for range 5 {
					one, many = cost(small), cost(small*times)
					if many < max(3*times*one, little) {
						break
					}
				}
				if many >= max(3*times*one, little) {
					t.Errorf("%s, %s of %q: %v for %d bytes and %v for %d", name, form, part, one, small, many, small*times)
				}
			}
		}
	}
}

// processorTime is what f costs, whatever else the machine does.
func processorTime(t *testing.T, f func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	used := func() time.Duration {
		var at unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
			t.Fatal(err)
		}
		return time.Duration(at.Nano())
	}
	before := used()
	f()
	return used() - before
}
