package main

import (
	"context"
	"fmt"
	"path"
	"syscall"
	"time"

	"github.com/logpipe/logpipe/internal/sleep"
	"github.com/logpipe/logpipe/test/proxy"
)

// fault is something that happens, and how it ends. It may last for a while in between.
type fault struct {
	what  string
	most  time.Duration // how long it lasts at most; 0: it has no length
	begin func(ctx context.Context) error
	end   func(ctx context.Context) error // nil: it ends by itself
}

// faults lets one fault follow the other until the time is over. Some overlap: an upload fault stays while a process dies.
func (s *soak) faults(ctx context.Context) error {
	for time.Since(s.began) < *length {
		f := s.draw()
		long := time.Duration(0)
		if f.most > 0 {
			long = f.most/4 + time.Duration(s.rand.Int64N(int64(f.most*3/4)))
		}
		s.say("%s%s", f.what, during(long))
		from := time.Since(s.began)
		if err := f.begin(ctx); err != nil {
			return fmt.Errorf("%s: %w", f.what, err)
		}
		second := s.draw()
		overlap := long > 0 && f.end != nil && second.most == 0
		if overlap {
			if err := sleep.For(ctx, long/2); err != nil {
				return err
			}
			s.say("  meanwhile: %s", second.what)
			if err := second.begin(ctx); err != nil {
				return fmt.Errorf("%s: %w", second.what, err)
			}
			long /= 2
		}
		if err := sleep.For(ctx, long); err != nil {
			return err
		}
		if f.end != nil {
			if err := f.end(ctx); err != nil {
				return fmt.Errorf("end of %s: %w", f.what, err)
			}
		}
		s.happened = append(s.happened, event{f.what, from, time.Since(s.began)})
		if overlap {
			s.happened = append(s.happened, event{second.what, from, time.Since(s.began)})
		}
		if err := sleep.For(ctx, time.Duration(s.rand.Int64N(int64(2*time.Second)))); err != nil {
			return err
		}
	}
	return nil
}

func during(long time.Duration) string {
	if long == 0 {
		return ""
	}
	return fmt.Sprintf(", for %.1fs", long.Seconds())
}

// draw chooses a fault. What takes the broker away is rare, because its start takes long.
func (s *soak) draw() fault {
	n := s.rand.IntN(100)
	r := s.replicas[s.rand.IntN(len(s.replicas))]
	switch {
	case n < 30:
		return s.processFault(n, r)
	case n < 62:
		return s.storeFault(n - 30)
	case n < 96:
		return s.wayFault(n-62, int64(s.rand.IntN(200_000)))
	default:
		return fault{what: "the broker is killed and started again", begin: s.restartBroker}
	}
}

func (s *soak) processFault(n int, r *replica) fault {
	switch {
	case n < 14:
		return fault{what: fmt.Sprintf("replica %d is killed", r.number), begin: func(context.Context) error {
			r.p.Kill()
			s.repeats++
			return r.start()
		}}
	case n < 22:
		return fault{what: fmt.Sprintf("replica %d is told to end", r.number), begin: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			code, err := r.p.Stop(ctx)
			if err != nil {
				return err
			}
			if code != 0 { // the broker has again what is left
				s.repeats++
			}
			return r.start()
		}}
	default:
		return fault{what: fmt.Sprintf("replica %d is frozen", r.number), most: 15 * time.Second,
			begin: func(context.Context) error { return r.p.Signal(syscall.SIGSTOP) },
			end:   func(context.Context) error { return r.p.Signal(syscall.SIGCONT) }}
	}
}

func (s *soak) storeFault(n int) fault {
	broken := func(what string, most time.Duration, f proxy.Fault) fault {
		return fault{what: what, most: most,
			begin: func(context.Context) error { s.store.Break(f); return nil },
			end:   func(context.Context) error { s.store.Heal(); return nil }}
	}
	switch {
	case n < 6:
		return broken("S3 answers 503 SlowDown", 8*time.Second, proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
	case n < 9:
		return broken("S3 answers 403", 8*time.Second, proxy.Answer(403, "AccessDenied", "Access Denied"))
	case n < 14:
		return broken("S3 hangs", 8*time.Second, proxy.Hang)
	case n < 20:
		return broken("S3 stores and loses its answers", 6*time.Second, proxy.LoseAnswer)
	case n < 23:
		return broken("S3 hangs up in its answer", 6*time.Second, proxy.HangUpInAnswer)
	case n < 26:
		return broken("S3 hangs up in the middle of uploads", 6*time.Second, proxy.HangUp(300))
	case n < 28:
		return broken("S3 is slow", 10*time.Second, proxy.Slow(2<<10))
	default:
		return fault{what: "S3 goes away", most: 8 * time.Second, begin: s.s3.Stop, end: s.s3.Start}
	}
}

func (s *soak) wayFault(n int, bytes int64) fault {
	heal := func(context.Context) error { s.way.Heal(); return nil }
	now := func(f func()) func(context.Context) error { return func(context.Context) error { f(); return nil } }
	switch {
	case n < 8:
		return fault{what: "the network to the broker is cut", most: 6 * time.Second, begin: now(s.way.Cut), end: heal}
	case n < 16:
		return fault{what: "packets to the broker vanish", most: 12 * time.Second, begin: now(s.way.Vanish), end: heal}
	case n < 22:
		return fault{what: "connections to the broker are reset", begin: now(s.way.Reset)}
	case n < 27:
		return fault{what: fmt.Sprintf("connections to the broker are cut after %d bytes", bytes), begin: now(func() { s.way.CutAfter(bytes) })}
	case n < 30:
		return fault{what: "the network to the broker is slow", most: 8 * time.Second, begin: now(func() { s.way.Slow(20 << 10) }), end: heal}
	default:
		return fault{what: "an operator closes all connections", begin: func(ctx context.Context) error {
			_, err := s.server.CloseConnections(ctx, path.Base(s.url))
			return err
		}}
	}
}

// restartBroker kills a broker that has its queues on disk: what a node of 3.10 declared in the two seconds before never confirms anything
// afterwards, to no client, until it is deleted.
func (s *soak) restartBroker(ctx context.Context) error {
	if err := s.server.SyncDeclarations(ctx); err != nil {
		return err
	}
	if err := s.server.Kill(); err != nil {
		return err
	}
	if err := sleep.For(ctx, time.Second); err != nil {
		return err
	}
	return s.server.Start(ctx)
}
