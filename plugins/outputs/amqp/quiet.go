package amqp

import "time"

// wish is for a quiet moment, see channels. All of it is done with the lock held.
type wish struct {
	c     *channels
	most  int  // channels that there shall be; 0 is for something else
	over  bool // fulfilled, or it has kept Writes from beginning for long enough
	timer *time.Timer
}

// wantMore is for one more channel than are there and wanted already.
func (c *channels) wantMore() *wish {
	c.growers++
	c.goal = max(c.goal, c.open()+c.growers)
	return c.want(&wish{c: c, most: c.goal})
}

// wantQuiet is for something else than a channel.
func (c *channels) wantQuiet() *wish {
	c.loners++
	return c.want(&wish{c: c})
}

func (c *channels) want(w *wish) *wish {
	w.timer = time.AfterFunc(quietWithin, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		w.end()
	})
	return w
}

// goal is how many channels there shall be; 0 where that is no matter.
func (w *wish) goal() int {
	if w == nil || w.over {
		return 0
	}
	return w.most
}

// end lets Writes begin again, as far as it is for this wish.
func (w *wish) end() {
	if w == nil || w.over {
		return
	}
	w.over = true
	w.timer.Stop()
	if w.most == 0 {
		w.c.loners--
	} else if w.c.growers--; w.c.growers == 0 {
		w.c.goal = 0
	}
	w.c.change()
}
