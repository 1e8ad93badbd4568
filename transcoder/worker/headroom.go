package worker

import (
	"errors"
	"fmt"

	"castnet/transcoder"
)

// Cards tells the state of this machine's cards by their number. It returns an error that wraps transcoder.ErrDevice for
// a card that does not answer, and any other for one that it cannot tell of.
type Cards interface {
	Card(index int) (transcoder.Card, error)
}

const (
	// minCardMemory is what must be free on a card for another session: its CUDA context takes 200 to 400 MiB, the
	// surfaces of a decoder and three encoders for 1080p about 150.
	minCardMemory = 600 << 20
	// busiest is the part of the time that an engine of a card may work and still take a session: one 1080p ladder more
	// takes a few percent, and queues grow fast near the end.
	busiest = 0.9
	// coolBy is how many degrees below its throttling a card must be for another session.
	coolBy = 3
)

// cardRoom says why a card has no room for a session by its own account; nil where it has, or where nobody can tell. The
// lock is held.
func (p *Pool) cardRoom(at *place) error {
	if !at.card() || p.cfg.Cards == nil {
		return nil
	}
	c, err := p.cfg.Cards.Card(at.Device.Index)
	switch {
	case errors.Is(err, transcoder.ErrDevice):
		p.doubt(at, err.Error())
		return fmt.Errorf("%w: %w", transcoder.ErrBusy, err)
	case err != nil:
		return nil //nolint:nilerr // sessions and pixels are counted all the same
	}
	full := func(what, is, limit string) error {
		return fmt.Errorf("%w: %v: %s is %s, for another session it may be %s", transcoder.ErrBusy, at.Device, what, is, limit)
	}
	percent := func(part float64) string { return fmt.Sprintf("%.0f %%", 100*part) }
	engine := func(part float64) bool { return part > busiest } // false where it is not known
	switch free := c.MemoryTotal - c.MemoryUsed; {
	case free < minCardMemory:
		return full("free memory", fmt.Sprintf("%d MiB", free>>20), fmt.Sprintf("%d at least", minCardMemory>>20))
	case engine(c.Busy):
		return full("the card's load", percent(c.Busy), percent(busiest))
	case engine(c.Decoder):
		return full("the decoders' load", percent(c.Decoder), percent(busiest))
	case at.Device.Backend == transcoder.Nvidia && engine(c.Encoder):
		return full("the encoders' load", percent(c.Encoder), percent(busiest))
	case c.Slowdown > 0 && c.Temperature > c.Slowdown-coolBy:
		return full("the temperature", fmt.Sprintf("%.0f °C", c.Temperature), fmt.Sprintf("%.0f", c.Slowdown-coolBy))
	}
	return nil
}
