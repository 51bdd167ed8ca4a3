package recovery

import (
	"log/slog"
	"time"
)

// homecoming tells the log how far the fallback's way home is: that it began when it is a long one, now and then how much came, and
// that it is done. It belongs to the goroutine of the recovery.
type homecoming struct {
	log    *slog.Logger
	plugin string

	batches, messages int       // since it was last said that all is home
	began, said       time.Time // of these; and the last line
}

// How often it is said at most.
const homecomingEvery = 10 * time.Second

// came counts a batch that left the fallback.
func (h *homecoming) came(messages int) {
	now := time.Now()
	if h.batches == 0 {
		h.began = now
	}
	h.batches++
	h.messages += messages
	if now.Sub(h.began) >= homecomingEvery {
		h.say(now, "fallback comes home")
	}
}

// done says that nothing is left in the fallback. It is called again and again while that is so.
func (h *homecoming) done() {
	if h.batches > 0 && h.say(time.Now(), "fallback is home") {
		h.batches, h.messages = 0, 0
	}
}

// say writes the line, unless there was one a moment ago.
func (h *homecoming) say(now time.Time, text string) bool {
	if now.Sub(h.said) < homecomingEvery {
		return false
	}
	h.said = now
	h.log.Info(text, "plugin", h.plugin, "batches", h.batches, "messages", h.messages, "after", now.Sub(h.began).Round(time.Millisecond))
	return true
}

// refused says that the first batch is refused for its own sake. Others may follow it without a line.
func (h *homecoming) refused(id string, messages int, err error) {
	h.log.Warn("fallback does not come home: the output refuses a batch while it takes others. It stays there and is tried again; others come home",
		"plugin", h.plugin, "batch", id, "messages", messages, "error", err)
}

// accepted says that none is refused any more.
func (h *homecoming) accepted() {
	h.log.Info("the output refuses no batch of the fallback any more", "plugin", h.plugin)
}
