package cli

import (
	"net/http"
	"testing"
)

// Whoever has an address that one command takes must be able to give it to the others.
func TestAddress(t *testing.T) {
	for given, want := range map[string]string{
		"127.0.0.1:9601": "http://127.0.0.1:9601", ":9601": "http://127.0.0.1:9601", "logs.example.com": "http://logs.example.com:9600",
		"http://127.0.0.1:9601/": "http://127.0.0.1:9601", "http://h": "http://h:9600", "https://h/logpipe/": "https://h/logpipe",
		"[::1]:9601": "http://[::1]:9601", "http://h:1/?a=b#c": "http://h:1",
	} {
		if u, err := Address(given); err != nil || u.String() != want {
			t.Errorf("%s: %v, %v, want %s", given, u, err, want)
		}
	}
	for _, given := range []string{"", "http://", "ftp://h", "http://user:secret@h", "h:port", "a b"} {
		if u, err := Address(given); err == nil {
			t.Errorf("%q is taken for %v", given, u)
		}
	}
}

// A proxy of the environment would be asked for this machine's logpipe.
func TestClientAsksNoProxy(t *testing.T) {
	if Client().Transport.(*http.Transport).Proxy != nil {
		t.Error("there is a proxy")
	}
}
