//go:build interop

package interop

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/world"
)

func TestMain(m *testing.M) { servers.Main(m) }

// published is the exchange that all writers publish to: the one that the broker gives messages of MQTT.
const published = "amq.topic"

// stage is a broker of all protocols, the clients, and what they have written.
type stage struct {
	*world.World
	broker int // its major version
	sent   []string
	// control is what the first client found in its control queue.
	control map[string]incoming
}

func newStage(t *testing.T) *stage {
	t.Helper()
	servers.Packages(t, append(packages(clients), packages(storeReaders)...)...)
	b := servers.OwnBrokerOfAllProtocols(t)
	s := &stage{World: world.OnBroker(t, b, "interop")}
	var overview struct {
		Version string `json:"rabbitmq_version"`
	}
	check(t, b.Admin(t.Context(), "GET", "/api/overview", nil, &overview))
	major, err := strconv.Atoi(strings.SplitN(overview.Version, ".", 2)[0])
	check(t, err)
	s.broker = major
	t.Logf("RabbitMQ %s", overview.Version)
	return s
}

// expected is how long a queue may be that a reader can read: classic, because a reader shall see what came and not that it was counted.
func (s *stage) queue(ch *amqp.Channel, name string) {
	s.TB.Helper()
	_, err := ch.QueueDeclare(name, true, false, false, false, amqp.Table{"x-queue-type": "classic"})
	check(s.TB, err)
}

// place makes a place: an exchange, unless it is one of the broker's, and behind it a queue for each reader, with all that this reader can read.
func (s *stage) place(name, exchange string) {
	s.TB.Helper()
	ch := s.Channel()
	if !strings.HasPrefix(exchange, "amq.") {
		check(s.TB, ch.ExchangeDeclare(exchange, "topic", true, false, false, false, nil))
	}
	for _, c := range readers() {
		queue := name + "." + c.name
		s.queue(ch, queue)
		for _, key := range c.sees() {
			check(s.TB, ch.QueueBind(queue, key, exchange, false, nil))
		}
	}
}

// inbox makes a queue with all messages that are published, for logpipe.
func (s *stage) inbox(name string) {
	s.TB.Helper()
	ch := s.Channel()
	s.queue(ch, name)
	check(s.TB, ch.QueueBind(name, "#", published, false, nil))
}

// expire makes an exchange whose messages die at once and come to those that are published.
func (s *stage) expire() {
	s.TB.Helper()
	ch := s.Channel()
	check(s.TB, ch.ExchangeDeclare("expire", "fanout", true, false, false, false, nil))
	_, err := ch.QueueDeclare("expire", true, false, false, false, amqp.Table{"x-message-ttl": 0, "x-dead-letter-exchange": published})
	check(s.TB, err)
	check(s.TB, ch.QueueBind("expire", "", "expire", false, nil))
}

func readers() (all []*client) {
	for _, c := range clients {
		if c.reads {
			all = append(all, c)
		}
	}
	return all
}

// sees are the keys of what the client can read.
func (c *client) sees() []string {
	if len(c.blind) == 0 {
		return []string{"#"}
	}
	var keys []string
	for _, g := range append(slices.Clone(groups), "headers", "longname", "noname", "large", "property", "cluster", "timefar", "body", "died", "own", "ids", "most", "celery") {
		if !slices.ContainsFunc(c.blind, func(b string) bool { return strings.HasSuffix(b, "."+g) }) {
			keys = append(keys, "*."+g+".#")
			continue
		}
		for _, w := range clients {
			if w.writes && c.can(w.name+"."+g) {
				keys = append(keys, w.name+"."+g+".#")
			}
		}
	}
	return keys
}

// can reports whether the client can read a message.
func (c *client) can(key string) bool {
	writer, _, _ := strings.Cut(key, ".")
	return !slices.Contains(c.blind, "*."+group(key)) && !slices.Contains(c.blind, writer+"."+group(key))
}

// task is what every client is told.
type task struct {
	URL      string     `json:"url"`
	Admin    string     `json:"admin"`
	MQTT     string     `json:"mqtt"`
	STOMP    string     `json:"stomp"`
	Broker   int        `json:"broker"`
	Exchange string     `json:"exchange"`
	Messages []outgoing `json:"messages"`
	Queues   []string   `json:"queues"`
	Poison   string     `json:"poison"` // the only message that shall be written, though the broker cannot deliver it
}

func (s *stage) task() task {
	return task{URL: s.URL, Admin: s.Broker.AdminURL(), MQTT: s.Broker.MQTT("interop"), STOMP: s.Broker.STOMP("interop"), Broker: s.broker, Exchange: published}
}

// write lets all writers publish, and waits until the control queues have it.
func (s *stage) write(t *testing.T) {
	t.Helper()
	user, err := url.Parse(s.URL)
	check(t, err)
	var mu sync.Mutex
	t.Run("write", func(t *testing.T) {
		for _, c := range clients {
			if !c.writes {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				sent := s.writeOne(t, c, user.User.Username())
				mu.Lock()
				defer mu.Unlock()
				s.sent = append(s.sent, sent...)
			})
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	s.arrive("control", s.sent)
}

func (s *stage) writeOne(t *testing.T, c *client, user string) []string {
	job := s.task()
	if !c.own {
		job.Messages = described(c.name, user)
	}
	var answer struct{ Sent, Cannot []string }
	c.call(t, "write", job, &answer)
	t.Logf("%d messages; it cannot write %s", len(answer.Sent), kinds(answer.Cannot))
	if len(answer.Sent) < 5 || len(answer.Sent)+len(answer.Cannot) < len(job.Messages) {
		t.Errorf("it wrote %d messages, could not write %d, and was given %d", len(answer.Sent), len(answer.Cannot), len(job.Messages))
	}
	return answer.Sent
}

// kinds are the groups of keys, for the log.
func kinds(keys []string) string {
	n := map[string]int{}
	for _, k := range keys {
		n[group(k)]++
	}
	return fmt.Sprint(n)
}

// arrive waits until each reader's queue of a place has all of these messages that it can read.
func (s *stage) arrive(place string, keys []string) {
	s.TB.Helper()
	for _, c := range readers() {
		want := 0
		for _, k := range keys {
			if c.can(k) {
				want++
			}
		}
		got := 0
		defer func() {
			if s.TB.Failed() {
				s.TB.Logf("%s.%s has %d of %d messages", place, c.name, got, want)
			}
		}()
		s.Until(fmt.Sprintf("%s.%s has %d messages", place, c.name, want), func() bool {
			got = s.Depth(place + "." + c.name)
			return got >= want
		})
	}
}

// read lets a client read its queues of the places. Messages are by their keys.
func (s *stage) read(t *testing.T, c *client, places ...string) map[string]map[string]incoming {
	t.Helper()
	job := s.task()
	for _, p := range places {
		job.Queues = append(job.Queues, p+"."+c.name)
	}
	var answer struct{ Queues map[string][]incoming }
	c.call(t, "read", job, &answer)
	all := map[string]map[string]incoming{}
	for _, p := range places {
		all[p] = map[string]incoming{}
		for _, m := range answer.Queues[p+"."+c.name] {
			if _, twice := all[p][m.Key]; twice {
				t.Errorf("%s: %s has the message %s twice", c.name, p, m.Key)
			}
			all[p][m.Key] = m
		}
	}
	return all
}
