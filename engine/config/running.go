package config

import (
	"encoding/json"
	"net/http"
)

// Running is the answer to GET /api/config: what a process runs.
type Running struct {
	Salt      []byte      `json:"salt"` // of the marks that stand for secrets
	Pipelines []Evaluated `json:"pipelines"`
}

// Handler answers GET /api/config with what running returns at that moment.
func Handler(running func() Running) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(running()) // the client went away
	})
}
