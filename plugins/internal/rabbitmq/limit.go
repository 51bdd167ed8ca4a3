package rabbitmq

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A broker limits channels in three ways: those of a connection (channel_max, which both sides agree upon in the
// handshake), of a user over all connections (max-channels), and of a node (channel_max_per_node). At one too many it
// ends the connection (530, measured on 3.10, 4.0 and 4.3), with all that is under way on it.
var (
	limitOfUser = regexp.MustCompile(`number of channels opened for user '(.*)' has reached the maximum allowed user limit of \(?(\d+)\)?`)
	limitOfNode = regexp.MustCompile(`number of channels opened on node '(.*)' has reached the maximum allowed limit of \(?(\d+)\)?`)
)

// IsLimit reports whether there could be no channel because there are as many as there may be.
func IsLimit(err error) bool {
	said, ok := errors.AsType[*amqp.Error](err)
	return ok && (said == amqp.ErrChannelMax || isLimit(said))
}

func isLimit(err *amqp.Error) bool {
	return err.Server && err.Code == amqp.NotAllowed && strings.Contains(err.Reason, "number of channels opened")
}

// explainLimit is for errors of which IsLimit says so.
func (c *Connection) explainLimit(err *amqp.Error) error {
	if m := limitOfUser.FindStringSubmatch(err.Reason); m != nil && m[2] == "0" {
		return explain(err, "user %q may open no channel at all (its limit max-channels is 0), so nothing can be read or published: "+
			"rabbitmqctl set_user_limits %s '{\"max-channels\": 100}' gives it some", m[1], m[1])
	} else if m != nil {
		return explain(err, "user %q has as many channels as it may (%s, its limit max-channels), over all of its connections: give logpipe a user of "+
			"its own, or this one more, by rabbitmqctl set_user_limits %s '{\"max-channels\": 100}'", m[1], m[2], m[1])
	}
	if m := limitOfNode.FindStringSubmatch(err.Reason); m != nil {
		return explain(err, "node %s of the broker has as many channels as it may (%s, its setting channel_max_per_node), of all users", m[1], m[2])
	}
	if err == amqp.ErrChannelMax || strings.Contains(err.Reason, "channel_max") {
		return explain(err, "a connection may have no more than %d channels (the broker's setting channel_max)", c.Config.ChannelMax)
	}
	return explain(err, "the broker says: %s (%d)", reason(err), err.Code)
}

// crowds has a crowd for each user of a broker. They are few: those of the configurations of this process.
var crowds struct {
	mu sync.Mutex
	of map[string]*crowd
}

// crowd is what the connections of one user in this process know of each other.
type crowd struct {
	mu    sync.Mutex
	times int
	more  chan struct{} // closed when it is one more
}

// crowdOf is that of the user of these endpoints, in whatever order they are.
func crowdOf(endpoints []endpoint) *crowd {
	var names []string
	for _, e := range endpoints {
		names = append(names, e.user+"@"+e.address())
	}
	slices.Sort(names)
	crowds.mu.Lock()
	defer crowds.mu.Unlock()
	if crowds.of == nil {
		crowds.of = map[string]*crowd{}
	}
	key := strings.Join(names, ",")
	if crowds.of[key] == nil {
		crowds.of[key] = &crowd{more: make(chan struct{})}
	}
	return crowds.of[key]
}

// ShutOut is how often a connection of this user, in this process, could have no channel at all because others had all
// that there may be; more is closed the next time. Who has several channels gives some back then: a reader, or a dead
// letter, with none stands still.
func (c *Connection) ShutOut() (times int, more <-chan struct{}) {
	c.crowd.mu.Lock()
	defer c.crowd.mu.Unlock()
	return c.crowd.times, c.crowd.more
}

func (c *crowd) shutOut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times++
	close(c.more)
	c.more = make(chan struct{})
}
