package page

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

const (
	// maxStreams bounds what many open pages cost. Everybody beyond it is told to come again.
	maxStreams = 32
	// patience is how long a reader may leave an event in the network.
	patience = 10 * time.Second
)

// event is a Status as it is sent, once made for all streams that have seen the same points of the history.
type event struct {
	at        time.Time
	seen, seq int64
	text      []byte
}

// events sends a Status at once and then every second, as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). The first has the whole history, each other what is new. A
// last event "end" says that the process goes. Since there is one every second, a reader who hears nothing for some seconds has lost us.
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	select {
	case p.streams <- struct{}{}:
		defer func() { <-p.streams }()
	default:
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many status pages are open", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead {
		return // nothing that it writes would be seen, so it would never end
	}
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in between shall not collect them
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{}) // that of the request, which has been read
	send := func(text []byte) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(patience)) // where there is none, a slow reader is the server's affair
		_, err := w.Write(text)
		return err == nil && rc.Flush() == nil
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for seen := int64(0); ; {
		e := p.eventAfter(seen)
		if seen = e.seq; !send(e.text) {
			return
		}
		select {
		case <-ticker.C:
			continue
		case <-r.Context().Done(): // the reader went away, or the server ends
		case <-p.done:
		}
		send([]byte("event: end\ndata: {}\n\n"))
		return
	}
}

// eventAfter is the Status of now with the points of the history behind seen.
func (p *Page) eventAfter(seen int64) event {
	now := time.Now()
	p.mu.Lock()
	last := p.last
	p.mu.Unlock()
	if last.text != nil && last.seen == seen && now.Sub(last.at) < tick/2 {
		return last
	}
	status := p.Status(now, seen)
	data, err := json.Marshal(status)
	if err != nil { // no field of a Status can fail, but for a number that is none
		data = []byte("{}")
	}
	var text bytes.Buffer
	text.WriteString("retry: 1000\nevent: status\ndata: ")
	text.Write(data)
	text.WriteString("\n\n")
	made := event{at: now, seen: seen, seq: status.HistorySeq, text: text.Bytes()}
	p.mu.Lock()
	p.last = made
	p.mu.Unlock()
	return made
}
