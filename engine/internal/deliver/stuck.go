package deliver

// sayStuck writes a line when a dead letter was refused again while others are stored, and one when none is left that is. The other lines
// of a dead letter speak of outages, and this is none: without these, one that can go nowhere would be held for ever, its input would never
// be acked to the end, and nothing would say why.
//
// It waits for the second refusal, because a place that was busy for a moment is no news.
func (d *Burier) sayStuck(err error, again bool) {
	guilty := 0
	for _, w := range d.stuck.Waiting {
		if w.Guilty {
			guilty++
		}
	}
	switch {
	case guilty == 0 && d.said:
		d.said = false
		d.r.Log.Info("no dead letter is stuck any more", "plugin", d.Attempt.Name)
	case guilty > 0 && again && err != nil && !d.said:
		d.said = true
		d.r.Log.Warn("a dead letter is stuck while others are stored; it is held and tried again", "plugin", d.Attempt.Name, "stuck", d.held, "error", err)
	}
}
