package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/logpipe/logpipe/test/proxy"
)

// Cluster is several RabbitMQ nodes of our own that are one broker. Each can
// be stopped, killed and paused by itself, and be parted from the others.
type Cluster struct {
	Nodes []*Broker
	names []string // as Erlang knows them
	nodes []*node

	mappers []*mapper
	links   map[[2]int]*proxy.Proxy // the way from one node to another
}

// clustered is as in production, save that a dead node is noticed after 8
// seconds, not after a minute: tests wait for that.
const (
	clustered     = "cluster_partition_handling = pause_minority\nqueue_leader_locator = balanced\n"
	clusteredTick = " -kernel net_ticktime 8"
)

// StartCluster starts a cluster of so many nodes and returns when all answer.
// It needs the programs of RabbitMQ, for which the ways of StartBroker are
// gone, save that of containers, else the error wraps ErrUnavailable.
// The caller closes it.
func StartCluster(ctx context.Context, o Options, size int) (*Cluster, error) {
	want, err := chosen()
	if err != nil {
		return nil, err
	}
	in, err := findPrograms(ctx, o, want)
	if err != nil {
		return nil, err
	}
	o.logf("starting %d RabbitMQ nodes with %s", size, in)
	c := &Cluster{links: map[[2]int]*proxy.Proxy{}}
	err = c.prepare(in, size)
	if err == nil {
		err = c.launch(ctx)
	}
	if err == nil {
		err = c.join(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a cluster: %w", err), c.Close())
	}
	o.logf("the cluster answers on %s", strings.Join(c.Addresses(), ", "))
	return c, nil
}

// prepare makes the nodes, and between each two of them a way in each direction.
func (c *Cluster) prepare(in installation, size int) error {
	for range size {
		b, n, err := newNode(in)
		if err != nil {
			return err
		}
		c.Nodes, c.nodes = append(c.Nodes, b), append(c.nodes, n)
		c.names = append(c.names, n.name)
		n.more, n.flags, n.cookie = clustered, clusteredTick, c.nodes[0].cookie
		b.url.User, b.admin.User = c.Nodes[0].url.User, c.Nodes[0].url.User
		if err := n.prepare(b); err != nil {
			return err
		}
	}
	for i, n := range c.nodes {
		ways, err := c.ways(i)
		if err != nil {
			return err
		}
		m, err := startMapping(n.ports[2].address(), ways)
		if err != nil {
			return err
		}
		c.mappers = append(c.mappers, m)
	}
	return nil
}

// ways are those from node i to the others.
func (c *Cluster) ways(i int) (map[string]uint16, error) {
	ways := map[string]uint16{}
	for j, other := range c.nodes {
		if i == j {
			continue
		}
		p, err := proxy.Start(other.ports[3].address())
		if err != nil {
			return nil, err
		}
		c.links[[2]int{i, j}] = p
		_, port, _ := net.SplitHostPort(p.Addr)
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, err
		}
		name, _, _ := strings.Cut(other.name, "@")
		ways[name] = uint16(number)
	}
	return ways, nil
}

func (c *Cluster) launch(ctx context.Context) error {
	errs := make([]error, len(c.Nodes))
	var all sync.WaitGroup
	for i, b := range c.Nodes {
		all.Go(func() { errs[i] = b.Start(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// join makes one broker of the nodes: the others take over what the first has.
func (c *Cluster) join(ctx context.Context) error {
	for i, b := range c.Nodes {
		steps := [][]string{{"await_startup", "--timeout", "60"}}
		if i > 0 {
			steps = append(steps, []string{"stop_app"}, []string{"join_cluster", c.nodes[0].name}, []string{"start_app"})
		}
		for _, args := range steps {
			if _, err := c.nodes[i].rabbitmqctl(ctx, args...); err != nil {
				return err
			}
		}
		if err := b.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Upgrade ends all nodes in an orderly way and starts them with the programs of
// another version, on the data that they have.
func (c *Cluster) Upgrade(ctx context.Context, o Options, version string) error {
	in, err := findPrograms(ctx, o, choice{version: version})
	if err != nil {
		return err
	}
	for i, b := range c.Nodes {
		if err := b.Stop(ctx); err != nil {
			return err
		}
		c.nodes[i].in = in
	}
	if err := c.launch(ctx); err != nil {
		return fmt.Errorf("upgrade to RabbitMQ %s: %w", version, err)
	}
	return nil
}

// Addresses are host and port of each node.
func (c *Cluster) Addresses() (all []string) {
	for _, b := range c.Nodes {
		all = append(all, b.url.Host)
	}
	return all
}

// Index is the number of a node by Erlang's name of it, -1 for a stranger.
func (c *Cluster) Index(name string) int {
	for i := range c.names {
		if c.names[i] == name {
			return i
		}
	}
	return -1
}

// Name is what Erlang calls a node.
func (c *Cluster) Name(i int) string { return c.names[i] }

// VHost makes a virtual host and returns its URL on each node.
func (c *Cluster) VHost(ctx context.Context, name string) (urls []string, err error) {
	if _, err := c.Nodes[0].VHost(ctx, name); err != nil {
		return nil, err
	}
	for _, b := range c.Nodes {
		urls = append(urls, b.vhostURL(name))
	}
	return urls, nil
}

// Part lets all packets vanish between a node and the others until Heal. Its
// clients reach it all the same.
func (c *Cluster) Part(i int) {
	for way, p := range c.links {
		if way[0] == i || way[1] == i {
			p.Vanish()
		}
	}
}

// Heal ends Part.
func (c *Cluster) Heal() {
	for _, p := range c.links {
		p.Heal()
	}
}

// Close ends all nodes and removes their data.
func (c *Cluster) Close() error {
	var errs []error
	for _, b := range c.Nodes {
		errs = append(errs, b.Close())
	}
	for _, p := range c.links {
		p.Close()
	}
	for _, m := range c.mappers {
		m.close()
	}
	return errors.Join(errs...)
}
