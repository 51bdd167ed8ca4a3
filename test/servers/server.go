package servers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// runner runs a server: as a child process or as a container. Its methods are
// called one at a time.
type runner interface {
	start(ctx context.Context) error // launched, maybe not ready
	stop(ctx context.Context) error  // orderly; by force when ctx ends
	kill() error                     // at once; returns when it is gone
	pause() error
	resume() error
	ended() <-chan struct{} // closed when the launched server is gone; nil: not known
	output() string         // the end of what the server said, for errors
	close() error           // ends everything and removes what belongs to the server
}

// stopTimeout bounds an orderly stop; after it the server is killed.
const stopTimeout = 30 * time.Second

// server is the life of a Broker or S3, whoever runs it.
type server struct {
	name  string
	probe func(context.Context) error // nil once the server answers as it should

	mu      sync.Mutex
	run     runner // nil: somebody else's
	running bool
	paused  bool
}

// Own says whether this process started the server, so that Stop and the
// other methods of its life work.
func (s *server) Own() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run != nil
}

// PID is the number of the server's process, for those who measure it. It
// changes with every Start. For a server that does not run, or that somebody else
// or a container runs, the error wraps ErrNotOwn.
func (s *server) PID() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.run.(interface{ pid() int })
	if !ok || !s.running {
		return 0, fmt.Errorf("find the process of %s: %w", s.name, ErrNotOwn)
	}
	return r.pid(), nil
}

// Start starts a server that was stopped or killed, at the same address and
// with the same data, and returns when it answers. It does nothing on a server
// that runs.
func (s *server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return fmt.Errorf("start %s: %w", s.name, ErrNotOwn)
	}
	if s.running {
		return nil
	}
	if err := s.run.start(ctx); err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	s.running, s.paused = true, false
	return s.ready(ctx)
}

// Stop ends the server in an orderly way, as SIGTERM does, and returns when it
// is gone; after 30 seconds or when ctx ends it is killed. Its data and its
// address stay. It does nothing on a server that is stopped. A broker takes
// about six seconds; Kill is for tests that only need it gone.
func (s *server) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	return s.end("stop", func() error {
		if s.paused { // a paused process does not see the signal
			if err := s.run.resume(); err != nil {
				return err
			}
		}
		return s.run.stop(ctx)
	})
}

// Kill ends the server at once, as a crash does. Start brings it back.
func (s *server) Kill() error {
	return s.end("kill", func() error { return s.run.kill() })
}

// end is what Stop and Kill have in common.
func (s *server) end(verb string, how func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return fmt.Errorf("%s %s: %w", verb, s.name, ErrNotOwn)
	}
	if !s.running {
		return nil
	}
	if err := how(); err != nil {
		return fmt.Errorf("%s %s: %w", verb, s.name, err)
	}
	s.running, s.paused = false, false
	return nil
}

// Pause freezes the server: connections stay open and nothing answers, as when
// a machine hangs. Resume ends that.
func (s *server) Pause() error { return s.freeze("pause", true) }

// Resume lets a paused server go on.
func (s *server) Resume() error { return s.freeze("resume", false) }

func (s *server) freeze(verb string, pause bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	switch {
	case s.run == nil:
		err = ErrNotOwn
	case !s.running:
		err = errors.New("it does not run; call Start first")
	case s.paused == pause:
		return nil
	case pause:
		err = s.run.pause()
	default:
		err = s.run.resume()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, s.name, err)
	}
	s.paused = pause
	return nil
}

// Close ends an own server with all its processes and removes its data. A
// server that somebody else started is left alone. Calls after the first do
// nothing.
func (s *server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return nil
	}
	err := s.run.close()
	s.run, s.running, s.paused = nil, false, false
	if err != nil {
		return fmt.Errorf("close %s: %w", s.name, err)
	}
	return nil
}

// launch starts an own server for the first time and closes it when that does
// not work, so that nothing is left of a half-started one.
func (s *server) launch(ctx context.Context) error {
	err := s.Start(ctx)
	if err != nil {
		err = errors.Join(err, s.Close())
	}
	return err
}

// ready waits until the probe is content, the server ends or ctx does.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.run.ended():
			s.running = false
			return fmt.Errorf("%s ended before it was ready; it said:\n%s", s.name, s.run.output())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %s: %w; it said:\n%s",
				s.name, time.Since(began).Round(time.Second), err, s.run.output())
		}
	}
}
