// Package cost says what a pipeline's output to S3 costs a month, and which of its settings would halve that.
package cost

import (
	"math"
	"time"
)

// Month is 30 days. Rates of requests and bytes are multiplied with it, and prices are for one.
const Month = 30 * 24 * time.Hour

// Load is what a pipeline has to do.
type Load struct {
	Rate         float64       // messages a second that reach the output, of all processes together
	MessageBytes float64       // of one body
	Partitions   float64       // how many values partition_by has at a time, each as often as the others; at least 1
	Replicas     float64       // processes that share the messages; each has batches of its own
	Ratio        float64       // how many bytes become one by compression
	Retention    time.Duration // how long objects are kept
}

// Settings are those of a pipeline that decide what it costs.
type Settings struct {
	Count         int           // messages of a batch at most
	Bytes         int64         // bodies of a batch at most
	Age           time.Duration // how long a batch waits at most
	Fields        []string      // of partition_by
	MaxPartitions int           // batches that are open at most
	OpenMessages  int           // messages in them at most; 0 is derived from Count
	OpenBytes     int64         // bytes in them at most; 0 is derived from Bytes
	MaxInFlight   int           // messages that are read and not stored at most; 0: as many as the batches need

	Compression  string // none, gzip or zstd
	StorageClass string
	KMS          bool // each object is encrypted by a key of KMS,
	BucketKey    bool // or by one of the bucket that is made of it
}

// Batch is what seals most batches, and how many messages they have then.
type Batch struct {
	Messages float64 `json:"messages"`
	By       string  `json:"sealed_by"` // the attribute
}

// limits are open_messages and open_bytes, derived as the batch stage does where they are 0.
func (s Settings) limits() (messages, bytes float64) {
	messages, bytes = float64(s.OpenMessages), float64(s.OpenBytes)
	if s.OpenMessages == 0 {
		messages = math.Max(10*float64(s.Count), 5000)
	}
	if s.OpenBytes == 0 {
		bytes = math.Max(4*float64(s.Bytes), 64<<20)
	}
	return messages, bytes
}

// Batch is the mean batch under a load that is spread evenly over partitions and time.
//
// A batch begins with its first message, and is sealed when it is full or so old; in the meantime others of its partition arrive. So one that is sealed
// by its age has 1 + rate·age messages, of the rate of one partition in one process. Half of what a full batch has is open at a time, on the mean, and a
// partition has no open batch until the next message comes: of batches of n messages, n-1 of n partitions have one. Where that is more than may be open,
// batches are sealed early.
func (s Settings) Batch(l Load) Batch {
	each := l.Rate / l.Partitions / l.Replicas
	messages, bytes := s.limits()
	b := Batch{float64(s.Count), "count"}
	least := func(n float64, by string) {
		if n = math.Max(n, 1); n < b.Messages {
			b = Batch{n, by}
		}
	}
	least(math.Floor(float64(s.Bytes)/l.MessageBytes), "bytes")
	least(1+each*s.Age.Seconds(), "age")
	if most := float64(s.MaxPartitions); l.Partitions > most {
		least(l.Partitions/(l.Partitions-most), "max_partitions")
	}
	least(1+2*messages/l.Partitions, "open_messages")
	least(1+2*bytes/l.MessageBytes/l.Partitions, "open_bytes")
	if s.MaxInFlight > 0 {
		least(1+2*float64(s.MaxInFlight)/l.Partitions, "max_in_flight")
	}
	return b
}

// Cost is what a month costs, in the currency of the prices.
type Cost struct {
	Batch       Batch   `json:"batch"`
	Requests    float64 `json:"put_requests"`      // a month; one an object, as there are no multipart uploads
	ObjectBytes float64 `json:"object_bytes"`      // of one, after compression
	Stored      float64 `json:"stored_bytes"`      // that a month adds, after compression
	Kept        float64 `json:"kept_bytes"`        // that are billed at any time, with what a class adds to small objects
	Open        float64 `json:"open_bytes"`        // bodies that wait in open batches, which a process holds in memory
	ForRequests float64 `json:"cost_put_requests"` //
	ForStorage  float64 `json:"cost_storage"`      // with monitoring, where a class has it
	ForTransfer float64 `json:"cost_transfer_in"`  //
	ForKeys     float64 `json:"cost_kms,omitempty"`
	Total       float64 `json:"cost"`
}

// Of is what a load costs with these settings.
func Of(s Settings, l Load, p Prices) (Cost, error) {
	class, err := p.class(s.StorageClass)
	if err != nil {
		return Cost{}, err
	}
	c := Cost{Batch: s.Batch(l)}
	seconds := Month.Seconds()
	line := l.MessageBytes + 1 // its line feed
	if s.Compression != "none" && s.Compression != "" {
		line /= l.Ratio
	}
	c.Requests = l.Rate * seconds / c.Batch.Messages
	c.ObjectBytes = c.Batch.Messages * line
	c.Stored = c.Requests * c.ObjectBytes
	c.Open = l.Partitions * (c.Batch.Messages - 1) / 2 * l.MessageBytes
	months := math.Max(l.Retention.Hours()/24, class.LeastDays) / 30
	c.Kept = c.Requests * months * (math.Max(c.ObjectBytes, class.LeastBytes) + class.OverheadBytes)
	c.ForRequests = c.Requests / 1000 * class.Put
	c.ForStorage = c.Kept / gib * class.Storage
	if c.ObjectBytes >= leastMonitored {
		c.ForStorage += c.Requests * months / 1000 * class.Monitoring
	}
	c.ForTransfer = c.Stored / gib * p.TransferIn
	if s.KMS && !s.BucketKey {
		c.ForKeys = c.Requests / 10_000 * p.KMS
	}
	c.Total = c.ForRequests + c.ForStorage + c.ForTransfer + c.ForKeys
	return c, nil
}
