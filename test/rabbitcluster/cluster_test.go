//go:build cluster

package rabbitcluster

import (
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

// nodeParted loses all packets between that node and the others, until it has noticed that it is in the minority and pauses, and longer.
func nodeParted(f *flow) {
	victim := f.leadWhereReplicaReads()
	f.cluster.Part(victim)
	f.Until("the others go on without it", func() bool {
		q, err := f.queue((victim + 1) % 3)
		return err == nil && q.Leader != f.cluster.Name(victim)
	})
	f.Until("the node in the minority pauses", func() bool { _, err := f.queue(victim); return err != nil })
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
