package rabbitmq

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// An object with the text of a body beside a header that says it is packed would be unpacked once more by who believes it.
func TestHeadersOfUnpacked(t *testing.T) {
	for value, stays := range map[any]bool{"application/x-gzip": false, "application/x-lzma": false, "none of ours": true, int32(5): true} {
		u := NewUnpacked(NewDelivery(amqp.Delivery{Headers: amqp.Table{headerCompression: value, "h": "x"}}), []byte("packed"), []byte("text"))
		headers := u.Headers()
		if _, ok := headers[headerCompression]; ok != stays || headers["h"] != "x" {
			t.Errorf("%v: %v", value, headers)
		}
		if _, ok := u.Delivery.Headers()[headerCompression]; !ok {
			t.Errorf("%v: the delivery has lost it", value)
		}
	}
}
