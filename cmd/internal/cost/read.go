package cost

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine/config"
)

// Way is a way of a pipeline to an output s3.
type Way struct {
	Output   string // as in "output.s3", or "archive.output.s3" in a branch
	Endpoint string // where the store is not Amazon's
	Settings Settings
}

// Ways are the ways of a pipeline to outputs s3, in their order in the file. Each branch has its own; what stands before the branches is common.
func Ways(p config.Evaluated) (ways []Way) {
	blocks, order := map[string]map[string]string{}, []string(nil)
	for _, v := range p.Values {
		if blocks[v.Block] == nil {
			blocks[v.Block] = map[string]string{}
			order = append(order, v.Block)
		}
		if !v.Hidden {
			blocks[v.Block][v.Attr] = v.Text
		}
	}
	for _, name := range order {
		branch, _, is := strings.Cut(name, "output.s3")
		if !is || branch != "" && !strings.HasSuffix(branch, ".") {
			continue
		}
		way := Way{Output: name, Endpoint: blocks[name]["endpoint"], Settings: Settings{Count: 1, Bytes: 1 << 40, Age: time.Second, MaxPartitions: 1 << 30}}
		for _, of := range []string{branch + "processor.batch", "processor.batch"} {
			if b := blocks[of]; b != nil {
				way.Settings.batch(b)
				break
			}
		}
		way.Settings.MaxInFlight = allInFlight(order, blocks)
		way.Settings.output(blocks[name])
		ways = append(ways, way)
	}
	return ways
}

// mostPrefetch is how many messages a connection of AMQP 0.9.1 can have unacked: the field of basic.qos has 16 bits.
const mostPrefetch = 65535

// allInFlight is how many messages of all inputs are read and not stored at most, 0 when one of them has no limit that the file says.
func allInFlight(names []string, blocks map[string]map[string]string) (sum int) {
	for _, name := range names {
		if !strings.HasPrefix(name, "input.") {
			continue
		}
		n := inFlight(name, blocks[name])
		if n == 0 {
			return 0
		}
		sum += n
	}
	return sum
}

// inFlight is how many messages of an input are read and not stored at most, 0 when nothing says it.
func inFlight(name string, b map[string]string) int {
	if n := number(b["max_in_flight"]); n > 0 || !strings.HasPrefix(name, "input.amqp") {
		return n
	}
	most := mostPrefetch
	if n := number(b["prefetch"]); n > 0 {
		most = n
	}
	return most * max(1, number(b["connections"]))
}

func (s *Settings) batch(b map[string]string) {
	s.Count, s.MaxPartitions, s.OpenMessages = number(b["count"]), number(b["max_partitions"]), number(b["open_messages"])
	s.Bytes, s.OpenBytes = size(b["bytes"]), size(b["open_bytes"])
	s.Age, _ = time.ParseDuration(b["age"]) // written by a time.Duration
	s.Fields = list(b["partition_by"])
}

func (s *Settings) output(b map[string]string) {
	s.Compression, s.StorageClass = b["compression"], b["storage_class"]
	s.KMS, s.BucketKey = strings.HasPrefix(b["server_side_encryption"], "aws:kms"), b["bucket_key"] == "true"
}

// Values is whether partition_by has fields of which nobody but the user knows how many values they have.
func (s Settings) Values() bool { return len(outsideTime(s.Fields)) > 0 }

func number(text string) int {
	n, _ := strconv.Atoi(text) // written by config.Evaluate
	return n
}

// size reads what engine.Bytes writes.
func size(text string) int64 {
	units := []string{"TiB", "GiB", "MiB", "KiB", "B"}
	for i, unit := range units {
		if digits, ok := strings.CutSuffix(text, unit); ok {
			n, _ := strconv.ParseInt(digits, 10, 64) // likewise
			return n << (10 * (len(units) - 1 - i))
		}
	}
	return 0
}

// list reads what %q writes of a list of texts.
func list(text string) (all []string) {
	text = strings.TrimPrefix(text, "[")
	for {
		text = strings.TrimLeft(text, " ")
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return slices.Clip(all)
		}
		one, _ := strconv.Unquote(quoted) // QuotedPrefix has read it
		all, text = append(all, one), text[len(quoted):]
	}
}
