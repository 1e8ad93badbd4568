package bandwidth

import "time"

const (
	// fits is how much of the estimate a rendition may have to be moved down to, and headroom how much more than its own
	// rate must be carried for one to be moved up to. Between the two, what shows stays.
	fits, headroom = 0.85, 1.2
	// tight is how far a rendition may exceed the estimate before it is left: estimates are short, rates longer averages.
	tight = 1.1
	// steady is how long after a move none goes up; it doubles, to patience, with each that had to be undone soon.
	steady, patience = 2 * time.Second, 32 * time.Second
	// undone is how soon a move down after one up tells that it was a mistake.
	undone = 10 * time.Second
)

// Chooser picks renditions for one viewer. The zero Chooser is ready.
type Chooser struct {
	moved time.Duration
	up    bool // the last move went up
	wait  time.Duration
}

// Choose returns which of the renditions to show, given the bits a second that each has now, smallest rendition first.
func (c *Chooser) Choose(current int, rates []float64, e *Estimator, now time.Duration) int {
	estimate := e.Estimate()
	switch {
	case estimate == 0:
		return current
	case rates[current] > tight*estimate:
		return largest(rates[:current+1], fits*estimate)
	case e.Queued() || now-c.moved < max(c.wait, steady) && c.moved > 0:
		return current
	}
	return max(current, largest(rates, estimate/headroom))
}

// Moved notes that the viewer is shown another rendition from now on.
func (c *Chooser) Moved(up bool, now time.Duration) {
	switch {
	case up:
		if c.wait > steady && now-c.moved > 2*c.wait {
			c.wait = steady // what went wrong is long ago
		}
	case c.up && now-c.moved < undone:
		c.wait = min(2*max(c.wait, steady), patience)
	}
	c.moved, c.up = now, up
}

// Worth is the bits a second that are worth knowing about: with less, the largest rendition isn't moved up to.
func Worth(rates []float64) float64 { return 1.1 * headroom * rates[len(rates)-1] }

// largest is the last of the rates that is within a limit, or the first where none is.
func largest(rates []float64, limit float64) int {
	for i := len(rates) - 1; i > 0; i-- {
		if rates[i] <= limit {
			return i
		}
	}
	return 0
}
