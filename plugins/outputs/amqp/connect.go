package amqp

import (
	"context"
	"errors"
	"fmt"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// connect returns a connection that lives and on which everything is declared. One caller at a time does the work.
func (o *output) connect(ctx context.Context) (*link, error) {
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if o.closed {
		return nil, errClosed
	}
	if l := o.link; l != nil && !l.conn.IsClosed() {
		if !l.stale.Swap(false) {
			return l, nil
		}
		err := l.alone(ctx, true, func() error { return o.declare(ctx, l.conn) })
		if err != nil {
			l.stale.Store(true)
		}
		if err != nil && !errors.Is(err, errBusy) { // it is tried again with the next Write
			return nil, err
		}
		return l, nil
	}
	conn, err := o.dialer.Dial(ctx)
	if err != nil {
		return nil, err
	}
	conn.Tell(o.env.Log)
	if err := o.declare(ctx, conn); err != nil {
		// The reason is known; that the good-bye failed as well would say nothing more.
		_ = conn.Shut(ctx)
		return nil, err
	}
	l := &link{conn: conn, timeout: o.cfg.Timeout, channels: newChannels(conn, &o.most, o.few)}
	if err := l.first(ctx); err != nil {
		_ = conn.Shut(ctx)
		return nil, err
	}
	o.link = l
	o.logs.Go(l.logBlocked(o.env.Log))
	o.logs.Go(l.yield)
	if o.env.Role == engine.RoleDeadLetter && o.cfg.Queue != "" {
		o.logs.Go(func() {
			o.depth.Follow(conn, o.cfg.Queue, func(ask func()) {
				// Where there is no room, or never a quiet moment, the length stays unknown for this time.
				_ = l.alone(context.Background(), false, func() error { ask(); return nil })
			})
		})
	}
	return l, nil
}

// declare makes sure that everything is there.
func (o *output) declare(ctx context.Context, conn *rabbitmq.Connection) error {
	release := conn.Guard(ctx)
	d := conn.NewDeclarer()
	err := o.declareAll(d)
	d.Close()
	for _, text := range d.Warnings {
		if !o.warned[text] {
			o.warned[text] = true
			o.env.Log.Warn(text)
		}
	}
	if aborted := release(); aborted != nil {
		return aborted
	}
	return err
}

func (o *output) declareAll(d *rabbitmq.Declarer) error {
	// Without a queue the exchange is somebody else's: its type is not known here.
	d.Check = o.cfg.Declare == rabbitmq.DeclareNever || o.cfg.Queue == ""
	if err := d.Exchange(o.cfg.Exchange, o.cfg.ExchangeType, o.cfg.ExchangeArguments); err != nil || o.cfg.Queue == "" {
		return err
	}
	err := d.DeadLettered(rabbitmq.Queue{Name: o.cfg.Queue, Type: o.cfg.QueueType, Arguments: o.cfg.Arguments,
		DeadLetterExchange: o.cfg.DeadLetterExchange, DeadLetterRoutingKey: o.cfg.DeadLetterRoutingKey})
	if err != nil {
		return err
	}
	key, err := o.cfg.key(&engine.Batch{})
	if err != nil {
		return fmt.Errorf("routing key: %w", err)
	}
	return d.Bind(o.cfg.Exchange, key, o.cfg.Queue, o.cfg.BindingArguments)
}
