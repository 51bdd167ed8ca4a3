package admin

import (
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine/stats"
)

// stuckAfter is how long one write may take before the process counts as stuck. Every output of logpipe has timeouts that are far below: a write
// that does not come back by then will not, and only a new process gets its worker back.
const stuckAfter = 15 * time.Minute

// verdict is what there is to say of one pipeline.
type verdict struct {
	pipeline, text string
	bad            bool
}

// livez says whether the process moves. It fails only when something inside hangs, which a new process would not: never because a broker or a
// store is down, for a new process would find it as down.
func (s *Server) livez(w http.ResponseWriter, _ *http.Request) {
	all := s.options.Set.All()
	states := stats.States(all)
	verdicts := make([]verdict, len(all))
	for i, p := range all {
		verdicts[i] = alive(p, states[i], time.Now())
	}
	answer(w, verdicts, "no pipeline runs")
}

func alive(p *stats.Pipeline, now stats.Seen, at time.Time) verdict {
	if !now.OK {
		return verdict{p.Name, fmt.Sprintf("does not tell its state within %v; something in it hangs", stats.LookTimeout), true}
	}
	for _, o := range now.Outputs {
		if took := at.Sub(o.Oldest); !o.Oldest.IsZero() && took > stuckAfter {
			return verdict{p.Name, fmt.Sprintf("a write of %s has not come back for %v", o.Name, took.Round(time.Second)), true}
		}
	}
	return verdict{p.Name, "moves", false}
}

// readyz says whether all pipelines are built and started. It does not look at brokers and stores: logpipe is of use while they are down.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	var verdicts []verdict
	for _, p := range s.options.Set.All() {
		verdicts = append(verdicts, ready(p.Name, p.Life()))
	}
	answer(w, verdicts, "no pipeline is started yet")
}

func ready(name string, life stats.Life) verdict {
	switch life.Phase {
	case stats.Running:
		return verdict{name, "runs", false}
	case stats.Ended:
		if life.Err != nil {
			return verdict{name, "has ended: " + life.Err.Error(), false}
		}
		return verdict{name, "has ended", false}
	case stats.Draining:
		return verdict{name, "drains", true}
	case stats.Waiting:
		return verdict{name, fmt.Sprintf("broke, and is started again at %s: %v", life.Next.UTC().Format(time.RFC3339), life.Err), true}
	}
	return verdict{name, "is not started yet", true}
}

// answer is 200 when nothing is bad, and has a line for each pipeline. What is bad stands in front.
func answer(w http.ResponseWriter, verdicts []verdict, none string) {
	var good, bad strings.Builder
	for _, v := range verdicts {
		into := &good
		if v.bad {
			into = &bad
		}
		fmt.Fprintf(into, "%s: %s\n", v.pipeline, strings.ReplaceAll(v.text, "\n", " "))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	switch {
	case len(verdicts) == 0:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, none+"\n") // who asked may be gone
		return
	case bad.Len() > 0:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		_, _ = io.WriteString(w, "ok\n")
	}
	_, _ = io.WriteString(w, bad.String()+good.String())
}

// handleProfiles adds /debug/pprof/.
func (s *Server) handleProfiles() {
	s.Handle("/debug/pprof/", long(http.HandlerFunc(pprof.Index)))
	s.Handle("/debug/pprof/cmdline", http.NotFoundHandler()) // a command line may hold what is nobody's business
	s.Handle("/debug/pprof/profile", long(http.HandlerFunc(pprof.Profile)))
	s.Handle("/debug/pprof/symbol", long(http.HandlerFunc(pprof.Symbol)))
	s.Handle("/debug/pprof/trace", long(http.HandlerFunc(pprof.Trace)))
}

// profileTimeout is how long a profile may take; go tool pprof asks for 30 s.
const profileTimeout = 5 * time.Minute

func long(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A test's recorder has no deadlines; a real connection has.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(profileTimeout))
		h.ServeHTTP(w, r)
	})
}
