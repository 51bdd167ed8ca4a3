package rabbitmq

import "github.com/logpipe/logpipe/plugins/internal/rabbitmq/outbound"

// ForPublishing makes the Dialer's connections such that their channels have a Publisher.
func (d *Dialer) ForPublishing() *Dialer {
	d.publishes = true
	return d
}

// Publisher puts the channel into confirm mode and returns what publishes on it. The library's own calls that publish and confirm are of no use then.
func (ch *Channel) Publisher() (*outbound.Channel, error) {
	return ch.Conn.out.Confirm(ch.number, min(ch.Conn.Config.FrameSize, maxFrame))
}
