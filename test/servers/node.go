package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// node is a RabbitMQ node of our own, apart from any other on this machine:
// its name, ports, cookie, settings and data are its own.
type node struct {
	*child
	in      installation
	name    string
	cookie  string
	more    string   // settings beyond config
	plugins []string // that are enabled
	flags   string   // for the Erlang machine
	env     []string
}

// startNode launches a node and waits until it answers.
func startNode(ctx context.Context, o Options, in installation) (*Broker, error) {
	o.logf("starting a RabbitMQ node with %s", in)
	b, n, err := newNode(in)
	if err != nil {
		return nil, fmt.Errorf("prepare a RabbitMQ node: %w", err)
	}
	if o.Protocols {
		err = n.speak(b)
	}
	if err := errors.Join(err, n.prepare(b), n.startMapper()); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare a RabbitMQ node: %w", err), b.Close())
	}
	if err := b.launch(ctx); err != nil {
		return nil, err
	}
	o.logf("RabbitMQ answers on %s", b.url.Host)
	return b, nil
}

// newNode is a node that is not prepared yet, and the broker that it will be.
func newNode(in installation) (*Broker, *node, error) {
	c, err := newChild("rabbitmq", 4)
	if err != nil {
		return nil, nil, err
	}
	n := &node{child: c, in: in, name: "logpipe-" + randomHex(4) + "@localhost", cookie: randomHex(16)}
	n.plugins = []string{"rabbitmq_management", "rabbitmq_consistent_hash_exchange"} // the second shares messages out, see examples/sharded.hcl
	n.command = func() *exec.Cmd { return n.program(context.Background(), "rabbitmq-server") }
	n.said = []string{c.dir.join("rabbit.log")}
	b := ownBroker(c.ports[0], c.ports[1])
	b.run, b.ctl = n, n.rabbitmqctl
	return b, n, nil
}

// environment sets every place that a node reads or writes, and takes out what
// the caller's environment says about other nodes.
func (n *node) environment() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "RABBITMQ_") && !strings.HasPrefix(kv, "ERL_") {
			env = append(env, kv)
		}
	}
	return append(env,
		"HOME="+n.dir.path, // for the cookie
		"ERL_EPMD_PORT="+n.ports[2].String(),
		"ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_NODENAME="+n.name,
		"RABBITMQ_DIST_PORT="+n.ports[3].String(),
		// No busy waiting of schedulers is asked for here (+sbwtdio): it starts a node faster on an idle machine, but where others want the
		// processors the waiting threads only pass them on to each other, and a node did not start within minutes.
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}"+n.flags,
		"RABBITMQ_CONF_ENV_FILE="+n.dir.join("rabbitmq-env.conf"),
		"RABBITMQ_CONFIG_FILE="+n.dir.join("rabbitmq.conf"),
		"RABBITMQ_ADVANCED_CONFIG_FILE="+n.dir.join("advanced.config"),
		"RABBITMQ_CONFIG_FILES="+n.dir.join("conf.d"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+n.dir.join("enabled_plugins"),
		"RABBITMQ_MNESIA_BASE="+n.dir.join("mnesia"),
		"RABBITMQ_LOG_BASE="+n.dir.path,
		"RABBITMQ_LOGS="+n.dir.join("rabbit.log"),
		"RABBITMQ_PID_FILE="+n.dir.join("pid"),
		// The script then becomes the server instead of waiting for it, so that
		// signals to our child reach the server.
		"RUNNING_UNDER_SYSTEMD=true",
	)
}

// config is rabbitmq.conf. The limits keep a small or full machine from
// raising alarms, which block publishers; the write-ahead log is shortened
// from 512 MiB because every node keeps up to that much on disk and in memory;
// the management API learns of connections and queues after one second, not
// five.
const config = `listeners.tcp.1 = %s
management.tcp.ip = 127.0.0.1
management.tcp.port = %s
default_user = %s
default_pass = %s
vm_memory_high_watermark.relative = 0.8
disk_free_limit.absolute = 10MB
raft.wal_max_size_bytes = 67108864
collect_statistics_interval = 1000
management.sample_retention_policies.global.minute = 1
management.sample_retention_policies.basic.minute = 1
management.sample_retention_policies.detailed.10 = 1
`

// prepare writes the node's files. It needs a port mapper beside it.
func (n *node) prepare(b *Broker) error {
	n.env = n.environment()
	password, _ := b.url.User.Password()
	files := map[string]string{
		".erlang.cookie":    n.cookie,
		"rabbitmq-env.conf": "",
		"rabbitmq.conf":     fmt.Sprintf(config, n.ports[0].address(), n.ports[1], b.url.User.Username(), password) + n.more,
		"advanced.config":   "[].\n",
		"enabled_plugins":   "[" + strings.Join(n.plugins, ",") + "].\n",
	}
	for name, text := range files {
		if err := os.WriteFile(n.dir.join(name), []byte(text), 0o400); err != nil {
			return err
		}
	}
	return os.Mkdir(n.dir.join("conf.d"), 0o700)
}

// startMapper starts epmd, which every Erlang node needs. A node without one
// starts a daemon that would outlive it and us.
func (n *node) startMapper() error {
	epmd, err := n.in.mapper()
	if err != nil {
		return err
	}
	cmd := n.program(context.Background(), epmd, "-port", n.ports[2].String(), "-address", "127.0.0.1")
	_, err = n.launch(cmd)
	return err
}

// program is one of RabbitMQ's programs, spoken to in the node's terms.
func (n *node) program(ctx context.Context, name string, args ...string) *exec.Cmd {
	return n.in.command(ctx, n.dir.path, n.env, name, args...)
}

// rabbitmqctl asks the node over Erlang's own protocol.
func (n *node) rabbitmqctl(ctx context.Context, args ...string) (string, error) {
	cmd := n.program(ctx, "rabbitmqctl", append([]string{"--node", n.name}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("rabbitmqctl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
