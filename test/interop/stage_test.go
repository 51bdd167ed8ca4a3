package interop

import (
	"fmt"
	"maps"
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
	clients []*client
	stores  []*client
	looks   []string // keys of the dead letters that are looked at, behind their writers' names
	broker  int      // its major version
	sent    []string
	packed  map[string]*packed // what was in the bodies of those that were sent packed
	// control is what the first client found in its control queue.
	control map[string]incoming
}

// newStage is one of all clients and protocols.
func newStage(t *testing.T) *stage {
	t.Helper()
	servers.Packages(t, append(packages(clients), packages(storeReaders)...)...)
	b := servers.OwnBrokerOfAllProtocols(t)
	return prepared(t, &stage{packed: map[string]*packed{}, World: world.OnBroker(t, b, "interop"), clients: clients, stores: storeReaders, looks: []string{"#"}})
}

// newSmallStage is one of those clients that need a broker of AMQP 0-9-1 and little time, on the broker that all tests share.
func newSmallStage(t *testing.T, of, stores []string) *stage {
	t.Helper()
	// One of each type, and what has several.
	looks := []string{"*.0", "headers.*", "property.all", "packed.*", "died.*", "own.*"}
	s := &stage{looks: looks, packed: map[string]*packed{}, clients: named(t, clients, of), stores: named(t, storeReaders, stores)}
	servers.Packages(t, append(packages(s.clients), packages(s.stores)...)...)
	s.World = world.New(t)
	return prepared(t, s)
}

func named(t *testing.T, all []*client, names []string) (found []*client) {
	t.Helper()
	for _, c := range all {
		if slices.Contains(names, c.name) {
			found = append(found, c)
		}
	}
	if len(found) != len(names) {
		t.Fatalf("%d of the clients %v are there", len(found), names)
	}
	return found
}

func prepared(t *testing.T, s *stage) *stage {
	t.Helper()
	var overview struct {
		Version string `json:"rabbitmq_version"`
	}
	check(t, s.Broker.Admin(t.Context(), "GET", "/api/overview", nil, &overview))
	major, err := strconv.Atoi(strings.SplitN(overview.Version, ".", 2)[0])
	check(t, err)
	s.broker = major
	t.Logf("RabbitMQ %s", overview.Version)
	return s
}

// queue makes a queue: classic, because a reader shall see what came and not that it was counted.
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
	for _, c := range s.readers() {
		queue := name + "." + c.name
		s.queue(ch, queue)
		for _, key := range s.seenBy(c) {
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

func (s *stage) readers() (all []*client) {
	for _, c := range s.clients {
		if c.reads {
			all = append(all, c)
		}
	}
	return all
}

// seenBy are the keys of what a client can read.
func (s *stage) seenBy(c *client) []string {
	if len(c.blind) == 0 {
		return []string{"#"}
	}
	var keys []string
	for _, g := range append(slices.Clone(groups), "packed", "headers", "longname", "noname", "large", "property", "cluster", "timefar", "millis", "body", "died", "own", "ids", "most", "celery") {
		if !slices.ContainsFunc(c.blind, func(b string) bool { return strings.HasSuffix(b, "."+g) }) {
			keys = append(keys, "*."+g+".#")
			continue
		}
		for _, w := range s.clients {
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
	Large    int        `json:"large"`  // the only message that shall be written has a header of so many bytes
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
		for _, c := range s.clients {
			if !c.writes {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				sent, in := s.writeOne(t, c, user.User.Username())
				mu.Lock()
				defer mu.Unlock()
				s.sent = append(s.sent, sent...)
				maps.Copy(s.packed, in)
			})
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	s.arrive("control", s.sent)
}

// writeOne lets a client write. It returns the keys of what it wrote, and what was in the bodies that it packed.
func (s *stage) writeOne(t *testing.T, c *client, user string) ([]string, map[string]*packed) {
	job := s.task()
	if !c.own {
		job.Messages = described(c.name, user)
	}
	var answer struct {
		Sent, Cannot []string
		Packed       map[string]*packed
	}
	c.call(t, "write", job, &answer)
	t.Logf("%d messages; it cannot write %s", len(answer.Sent), kinds(answer.Cannot))
	if len(answer.Sent) < 5 || len(answer.Sent)+len(answer.Cannot) < len(job.Messages) {
		t.Errorf("it wrote %d messages, could not write %d, and was given %d", len(answer.Sent), len(answer.Cannot), len(job.Messages))
	}
	in := map[string]*packed{}
	maps.Copy(in, answer.Packed)
	for _, m := range job.Messages {
		if m.packed != nil {
			in[m.Key] = m.packed
		}
	}
	return answer.Sent, in
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
	for _, c := range s.readers() {
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
