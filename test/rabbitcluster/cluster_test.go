//go:build cluster

package rabbitcluster

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// What a broker of three nodes promises to stand, it must stand for logpipe too. One cluster meets all faults, one after another.
func TestCluster(t *testing.T) {
	c := servers.OwnCluster(t, 3)
	t.Run("leader killed", func(t *testing.T) { underFault(t, c, "killed", leaderKilled) })
	t.Run("leader killed elsewhere", func(t *testing.T) { underFault(t, c, "elsewhere", leaderKilledElsewhere) })
	t.Run("node parted", func(t *testing.T) { underFault(t, c, "parted", nodeParted) })
	t.Run("rolling restart", func(t *testing.T) { underFault(t, c, "rolled", rollingRestart) })
}

// leaderKilled crashes the node that leads the queue and that a replica reads from, and brings it back.
func leaderKilled(f *flow) { f.kill(f.leadWhereReplicaReads()) }

// leaderKilledElsewhere is the same for a node that no replica reads from: they hear nothing of it, and must read on all the same.
func leaderKilledElsewhere(f *flow) { f.kill(f.leadWhereNobodyReads()) }

func (f *flow) kill(victim int) {
	f.check(f.cluster.Nodes[victim].Kill())
	f.flows(10 * time.Second)
	f.check(f.cluster.Nodes[victim].Start(f.TB.Context()))
	f.whole()
}

// nodeParted loses all packets between that node and the others, until it has noticed that it is in the minority, and longer. With Mnesia it
// pauses then; with Khepri, which has a leader of its own for what is declared, it goes on and gets nothing done.
func nodeParted(f *flow) {
	victim := f.leadWhereReplicaReads()
	f.cluster.Part(victim)
	f.Until("the others go on without it", func() bool {
		q, err := f.queue((victim + 1) % 3)
		return err == nil && q.Leader != f.cluster.Name(victim)
	})
	f.Until("the node in the minority pauses, or knows at least that it is alone", func() bool {
		q, err := f.queue(victim)
		return err != nil || len(q.Online) < len(f.cluster.Nodes)
	})
	f.flows(10 * time.Second)
	f.cluster.Heal()
	f.whole()
}

// rollingRestart stops each node in an orderly way and starts it again, as an upgrade does; the next one waits until the queue is whole.
func rollingRestart(f *flow) {
	for _, node := range f.cluster.Nodes {
		f.check(node.Stop(f.TB.Context()))
		f.check(node.Start(f.TB.Context()))
		f.whole()
	}
}

// What an upgrade goes from and to. A rolling one of these is refused by RabbitMQ: a node of 4.3 wants feature flags that 4.0 does not know, so 4.2 would have to
// come between, and that is in no package that the tests know, as is 3.13.
const upgradeFrom, upgradeTo = "4.0", "4.3"

// TestUpgrade stops all nodes of a cluster under load and starts them with the newer program on the data that they have, as one does who skips versions. What is
// unacked then is delivered by another version than before.
func TestUpgrade(t *testing.T) {
	if v := os.Getenv(servers.EnvRabbitMQ); v != "" && v != upgradeTo {
		t.Skipf("the upgrade from %s to %s is tried with the tests of %s", upgradeFrom, upgradeTo, upgradeTo)
	}
	t.Setenv(servers.EnvRabbitMQ, upgradeFrom)
	c := servers.OwnCluster(t, 3)
	// The newer one has no Mnesia any more, so the move to Khepri comes first.
	for _, args := range [][]string{{"all"}, {"--opt-in", "khepri_db"}} {
		if _, err := c.Nodes[0].Ctl(t.Context(), append([]string{"enable_feature_flag"}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	underFault(t, c, "upgraded", upgrade)
}

func upgrade(f *flow) {
	f.check(f.cluster.Upgrade(f.TB.Context(), servers.Options{Log: func(text string) { f.TB.Log(text) }}, upgradeTo))
	for i, node := range f.cluster.Nodes {
		if !strings.HasPrefix(node.Version(), upgradeTo+".") {
			f.TB.Fatalf("node %d is of version %s after its upgrade to %s", i, node.Version(), upgradeTo)
		}
	}
	f.whole()
}
