// Package unanswered tells the log of messages for which a condition has no answer: at once of the first, then once a minute of all.
package unanswered

import (
	"log/slog"
	"time"
)

const every = time.Minute

// Log counts messages without an answer. It is for one goroutine.
type Log struct {
	log   *slog.Logger
	done  string // what becomes of them, as in "kept"
	next  time.Time
	count int
}

// New makes a Log that says that such messages are done with in this way: kept, dropped.
func New(log *slog.Logger, done string) *Log { return &Log{log: log, done: done} }

// Add counts one message. It is called for messages without an answer only, so a clock is read for these alone.
func (l *Log) Add(err error) {
	l.count++
	now := time.Now()
	if now.Before(l.next) {
		return
	}
	l.log.Warn("messages have no answer to the condition, and are "+l.done, "messages", l.count, "last", err)
	l.next, l.count = now.Add(every), 0
}
