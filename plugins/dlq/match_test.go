package dlq

import (
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// What is chosen wrongly is sent wrongly.
func TestMatch(t *testing.T) {
	l := newLetter("dead", amqp.Delivery{MessageId: "m", Body: []byte("some body\nof two lines"), Headers: amqp.Table{
		"x-logpipe-reason": "not_json", "x-logpipe-error": "byte 3: not JSON", "x-logpipe-pipeline": "logs", "x-logpipe-queue": "q",
		"x-logpipe-exchange": "x", "x-logpipe-routing-key": "k", "tenant": "a=b", "n": int32(7), "raw": []byte("bytes"), "a.b": "dotted",
	}})
	for text, want := range map[string]bool{
		"": true, "reason=not_json": true, "reason=not": false, "reason~^not": true, "error~JSON": true, "error~json": false, "error~(?i)json": true,
		"pipeline=logs": true, "queue=q": true, "exchange=x": true, "key=k": true, "id=m": true, "id~x": false, "body~two": true, "body=two": false,
		"body=some body\nof two lines": true, "header.tenant=a=b": true, "header.n=7": true, "header.raw~^byt": true, "header.a.b=dotted": true,
		"header.nosuch=": true, "header.nosuch=x": false, "reason=not_json|body~some": true, "reason=not_json|body~none": false,
	} {
		var conditions []string
		if text != "" {
			conditions = strings.Split(text, "|")
		}
		m, err := ParseMatch(conditions)
		if err != nil {
			t.Fatal(err)
		}
		if m.Has(l) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
	for text, says := range map[string]string{
		"reason": "is no condition", "reasn=x": `no field "reasn"`, "header=x": `no field "header"`, "header.=x": "no field", "reason.x=y": "no field",
		"body~(": "missing closing", "": "is no condition",
	} {
		if _, err := ParseMatch([]string{text}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
