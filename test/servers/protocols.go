package servers

import (
	"fmt"
	"net/url"
	"testing"
)

// The plugins that let a node speak more than AMQP 0-9-1. 4.x speaks AMQP 1.0
// without one and keeps the name.
var protocolPlugins = []string{"rabbitmq_amqp1_0", "rabbitmq_mqtt", "rabbitmq_stomp"}

const protocolConfig = `mqtt.listeners.tcp.1 = %s
stomp.listeners.tcp.1 = %s
`

// OwnBrokerOfAllProtocols is [OwnBroker] for a broker that also takes AMQP 1.0
// on its usual port, and MQTT and STOMP, see [Broker.MQTT] and [Broker.STOMP].
func OwnBrokerOfAllProtocols(tb testing.TB) *Broker {
	tb.Helper()
	b, err := start(tb, StartBroker, Options{Own: true, Protocols: true})
	check(tb, err)
	tb.Cleanup(func() { check(tb, b.Close()) })
	return b
}

// speak prepares a node for these protocols, before its files are written.
func (n *node) speak(b *Broker) error {
	for _, to := range []*url.URL{&b.mqtt, &b.stomp} {
		p, err := reservePort()
		if err != nil {
			return err
		}
		n.ports = append(n.ports, p)
		*to = url.URL{Scheme: "tcp", User: b.url.User, Host: p.address()}
	}
	n.more += fmt.Sprintf(protocolConfig, b.mqtt.Host, b.stomp.Host)
	n.plugins = append(n.plugins, protocolPlugins...)
	return nil
}

// MQTT is the URL of a virtual host for clients of MQTT, which name it in
// front of the user: vhost:user. It is for [OwnBrokerOfAllProtocols].
func (b *Broker) MQTT(vhost string) string { return within(b.mqtt, vhost) }

// STOMP is the URL of a virtual host for clients of STOMP, in the manner of
// [Broker.MQTT].
func (b *Broker) STOMP(vhost string) string { return within(b.stomp, vhost) }

// AdminURL is the address of the management API, with user and password.
func (b *Broker) AdminURL() string { return b.admin.String() }

func within(u url.URL, vhost string) string {
	u.Path, u.RawPath = "/"+vhost, "/"+url.PathEscape(vhost)
	return u.String()
}
