package engine

// Gauger is a plugin that knows numbers about itself: how long its queue is, how much its file holds. Gauges is asked every few
// seconds, from any goroutine, between the plugin's making and its Close. It answers from memory and does not block.
type Gauger interface {
	Gauges() []Gauge // every few seconds, see above
}

// Gauge is a number that goes up and down.
type Gauge struct {
	Name  GaugeName // what is counted
	Value float64   // in the unit that the name ends with
}

// GaugeName says what a Gauge counts, in snake_case with its unit at the end. Plugins may have names of their own.
type GaugeName string

// The names that logpipe's own pages, metrics and alerts know.
const (
	QueueMessages   GaugeName = "queue_messages"   // that wait in the queue that an input reads, without those delivered to us
	QueueConsumers  GaugeName = "queue_consumers"  // of that queue
	DeadMessages    GaugeName = "dead_messages"    // that wait in the queue of a dead letter
	BacklogMessages GaugeName = "backlog_messages" // that a fallback holds
	BacklogBytes    GaugeName = "backlog_bytes"
	BacklogFiles    GaugeName = "backlog_files"
	OpenGroups      GaugeName = "open_groups"      // batches that a stage is filling
	OpenMessages    GaugeName = "open_messages"    // messages in them
	FullestShare    GaugeName = "fullest_ratio"    // how full the fullest of them is, 0 to 1
	WaitingMessages GaugeName = "waiting_messages" // that a processor lets pass later, because of a rate

	CompressionRatio GaugeName = "compression_ratio" // how many bytes became one in what an output has stored since its start
)
