package http

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// answer is what a client is told.
type answer struct {
	status   int
	code     string // for programs
	text     string // for people
	again    int    // Retry-After, in seconds; 0: to repeat it is of no use
	hangUp   bool   // the rest of the body is not wanted
	drain    bool   // not worth a line in the log
	messages int    // of a 200
}

// How long clients are asked to wait. What is busy is mostly so for a moment; what is full is so for as long as something is down.
const (
	soon  = 1
	later = 5
)

var (
	wrongMethod = answer{status: http.StatusMethodNotAllowed, code: "wrong_method", text: "logs are sent by POST"}
	wrongToken  = answer{status: http.StatusUnauthorized, code: "wrong_token", text: "the request has no token that is known here; send it as Authorization: Bearer TOKEN"}

	tooManyRequests = answer{status: http.StatusTooManyRequests, code: "too_many_requests", text: "as many requests are open as max_requests allows", again: soon}
	tooManyBytes    = answer{status: http.StatusTooManyRequests, code: "too_many_bytes", text: "the bodies that are being read take all the memory that max_pending_bytes allows", again: soon, hangUp: true}

	noRoom   = answer{status: http.StatusServiceUnavailable, code: "no_room", text: "the pipeline has no room now; nothing of the request was taken", again: later}
	draining = answer{status: http.StatusServiceUnavailable, code: "ending", text: "this process ends; nothing of the request was taken", again: later, hangUp: true, drain: true}
	ended    = answer{status: http.StatusServiceUnavailable, code: "ended", text: "the input was closed before all was stored; send it again", again: later, hangUp: true, drain: true}
)

func stored(messages int) answer { return answer{status: http.StatusOK, messages: messages} }

func wrongPath(path string) answer {
	return answer{status: http.StatusNotFound, code: "wrong_path", text: "logs are sent to " + path}
}

func tooLarge(limit engine.Bytes) answer {
	return answer{status: http.StatusRequestEntityTooLarge, code: "too_large", hangUp: true,
		text: fmt.Sprintf("the body has more than %s, packed or unpacked; send less at once, or raise max_body_bytes", limit)}
}

func tooManyMessages(limit int) answer {
	return answer{status: http.StatusRequestEntityTooLarge, code: "too_many_messages",
		text: fmt.Sprintf("the body has more than %d messages; send less at once, or raise max_messages", limit)}
}

func tooSlow(limit time.Duration) answer {
	return answer{status: http.StatusRequestTimeout, code: "too_slow", hangUp: true, text: fmt.Sprintf("the body did not come within %v", limit)}
}

func wrongEncoding(name string) answer {
	return answer{status: http.StatusUnsupportedMediaType, code: "wrong_encoding", hangUp: true,
		text: fmt.Sprintf("Content-Encoding %q is not known; use gzip, zstd or none", name)}
}

func wrongType(name, advice string) answer {
	return answer{status: http.StatusUnsupportedMediaType, code: "wrong_type", hangUp: true,
		text: fmt.Sprintf("Content-Type %q is not taken; %s", name, advice)}
}

func damaged(what string, err error) answer {
	return answer{status: http.StatusBadRequest, code: "damaged", hangUp: true, text: fmt.Sprintf("%s: %v", what, err)}
}

func notJSON(err error) answer {
	return answer{status: http.StatusBadRequest, code: "not_json",
		text: fmt.Sprintf("%v; a JSON document is one value, or an array of messages; lines are application/x-ndjson", err)}
}

func notStoredYet(after time.Duration) answer {
	return answer{status: http.StatusServiceUnavailable, code: "not_stored_yet", again: later,
		text: fmt.Sprintf("not all is stored after %v; it will be, so what is sent again is there twice", after)}
}

// Error lets the reading of a body end in an answer.
func (a answer) Error() string { return a.text }

func (a answer) write(w http.ResponseWriter) {
	var body []byte
	if a.status == http.StatusOK {
		body = strconv.AppendInt([]byte(`{"messages":`), int64(a.messages), 10)
		body = append(body, '}')
	} else {
		body, _ = json.Marshal(struct { // it has texts and a number
			Status  int    `json:"status"`
			Error   string `json:"error"`
			Message string `json:"message"`
		}{a.status, a.code, a.text})
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	switch a.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="logpipe"`)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	}
	if a.again > 0 {
		h.Set("Retry-After", strconv.Itoa(a.again))
	}
	if a.hangUp {
		h.Set("Connection", "close")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(append(body, '\n')) // a client that does not read it sends it again
}
