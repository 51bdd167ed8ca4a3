package page

import "time"

// State is how well something is. It is never alone: a text says what it means.
type State string

// The states, from the best to the worst.
const (
	OK   State = "ok"
	Note State = "note" // not at work, and that is in order: it drains, or has ended
	Warn State = "warn" // somebody should look, and nothing is down: the fallback holds batches, dead letters wait
	Fail State = "fail" // something is down
)

var states = []State{OK, Note, Warn, Fail}

// Status is what the process is at one moment: the answer of /api/status, and the data of each event of /events. What is zero
// or unknown is left out, but for rates and counts that always have a meaning.
type Status struct {
	Version string    `json:"version"`
	Go      string    `json:"go"` // the version of Go that built it
	Host    string    `json:"host,omitempty"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Now     time.Time `json:"now"`

	State     State      `json:"state"` // the worst of the pipelines', and a warning where Refused is there
	Refused   *Refused   `json:"refused,omitempty"`
	Pipelines []Pipeline `json:"pipelines"`

	// HistorySeconds is the time between two points of a History, HistoryPoints how many there are at most, and HistorySeq counts the
	// points since the process started. An event has the points that the one before it did not have.
	HistorySeconds int   `json:"history_seconds"`
	HistoryPoints  int   `json:"history_points"`
	HistorySeq     int64 `json:"history_seq"`
}

// Refused says that the configuration in the files is refused, and the one before runs on.
type Refused struct {
	Since time.Time `json:"since"` // the first reload that was refused
	Count int64     `json:"count"` // reloads that were refused since the process started
	Cause string    `json:"cause"` // as the latest of them found it
}

// Pipeline is one pipeline.
type Pipeline struct {
	Name  string   `json:"name"`
	State State    `json:"state"`
	Word  string   `json:"word"`           // the state in a word or two, as in "output fails"
	Says  []string `json:"says,omitempty"` // what is the matter, the worst first

	Phase  string     `json:"phase"` // new, running, draining, waiting or ended; see stats.Phase
	Since  time.Time  `json:"since"` // of the phase
	Starts int        `json:"starts"`
	Error  string     `json:"error,omitempty"` // waiting: why it failed; ended: what it left
	Next   *time.Time `json:"next,omitempty"`  // waiting: when it is started again

	Silent bool `json:"silent,omitempty"` // it does not tell what it is now: of its messages, connections and writes the last is shown that it told

	Received Rate `json:"received"`
	Written  Rate `json:"written"` // by the output, also what came home from the fallback

	Unsettled      int64      `json:"unsettled"`                  // messages that were read, and whose source was told nothing yet
	UnsettledBytes int64      `json:"unsettled_bytes"`            //
	Window         int64      `json:"window,omitempty"`           // how many there may be
	WindowBytes    int64      `json:"window_bytes,omitempty"`     //
	Oldest         *time.Time `json:"oldest,omitempty"`           // when the oldest of them was read
	Held           int64      `json:"held,omitempty"`             // messages of batches that can be written nowhere
	HeldBytes      int64      `json:"held_bytes,omitempty"`       //
	Refused        int64      `json:"refused,omitempty"`          // messages that stay in the fallback: the output refuses them and takes others
	RefusedBytes   int64      `json:"refused_bytes,omitempty"`    //
	Workers        int        `json:"workers,omitempty"`          // how many batches can be written at once
	Busy           int        `json:"busy"`                       // workers that have a batch
	LatenessP50    float64    `json:"lateness_p50,omitempty"`     // seconds from the time of a batch to its being stored, of the last minutes
	LatenessP99    float64    `json:"lateness_p99,omitempty"`     //
	DeadLetters    int64      `json:"dead_letters"`               // since the process started
	LastDeadLetter *time.Time `json:"last_dead_letter,omitempty"` // to five seconds; nil also when it is longer ago than History
	Reconnects     int64      `json:"reconnects"`                 // of the inputs

	Steps   []Step    `json:"steps"`
	Errors  []Failure `json:"errors,omitempty"` // the newest first
	History History   `json:"history"`
}

// Rate is what moved a second over the last ten, and in all.
type Rate struct {
	Messages float64 `json:"messages"`        // a second
	Bytes    float64 `json:"bytes,omitempty"` // a second; 0 where they are not counted
	Total    int64   `json:"total"`           // messages since the process started
}

// Step is one block of a pipeline.
type Step struct {
	Name   string `json:"name"`             // as in "output.s3"
	Role   string `json:"role"`             // input, processor, output, fallback or dead_letter
	Branch string `json:"branch,omitempty"` // that it stands in
	Kind   string `json:"kind,omitempty"`   // of a processor: transform, stage or policy
	About  string `json:"about,omitempty"`  // as in "bucket logs"
	State  State  `json:"state"`
	Word   string `json:"word"`

	Flow    Rate `json:"flow"`              // an input: what leaves it; others: what came over the arrow into it
	Back    Rate `json:"back"`              // fallback: what came home
	Rejects bool `json:"rejects,omitempty"` // whether an arrow leads from it to the dead letter

	Connected *bool `json:"connected,omitempty"` // input
	Unsettled int64 `json:"unsettled,omitempty"`
	Window    int64 `json:"window,omitempty"`
	Lost      int64 `json:"lost,omitempty"` // input: connections that died or could not be opened

	Rejected int64 `json:"rejected,omitempty"`
	Dropped  int64 `json:"dropped,omitempty"`

	Failing  *time.Time       `json:"failing,omitempty"` // output, fallback, dead letter: since when
	Writing  int              `json:"writing,omitempty"` // writes that have not come back
	Slowest  *time.Time       `json:"slowest,omitempty"` // when the first of these began
	Writes   int64            `json:"writes,omitempty"`
	Failed   int64            `json:"failed,omitempty"`
	FailedBy map[string]int64 `json:"failed_by,omitempty"` // by class, see engine.ClassOf
	Outages  int64            `json:"outages,omitempty"`
	Down     float64          `json:"down_seconds,omitempty"` // in all
	P50      float64          `json:"p50,omitempty"`          // seconds that a write took, of the last minutes
	P99      float64          `json:"p99,omitempty"`

	Gauges map[string]float64 `json:"gauges,omitempty"` // see engine.GaugeName
}

// Failure is something that went wrong, once or again and again.
type Failure struct {
	Step  string    `json:"step"`
	Class string    `json:"class"`
	Text  string    `json:"text"`            // of the latest
	Cause string    `json:"cause,omitempty"` // the same with what is wrong first
	Count int64     `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// History is what a pipeline did before, the oldest first. The last point of each is that of Status.HistorySeq.
type History struct {
	Received  []float64 `json:"received"`  // a second
	Written   []float64 `json:"written"`   // a second
	Unsettled []int64   `json:"unsettled"` // at that moment
	Errors    []int64   `json:"errors"`    // writes that failed and connections that were lost
}
