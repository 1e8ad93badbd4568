package worker

import (
	"time"

	"castnet/transcoder"
)

// DeviceStatus is how a device of a pool is doing.
type DeviceStatus struct {
	// Place says what the device did in its last self-test, and how much it was measured at.
	transcoder.Place
	// InService says that it gets new sessions. Drained says that it has lost those that it had; one that is neither waits
	// for its self-test, which is at Test or under way. Why says what speaks against it.
	InService, Drained bool
	Why                string
	Test               time.Time
	// Sessions counts those on it. Room is how many it has been seen to hold, 0: no limit was met lately.
	Sessions, Room int
	// Rate is the pixels a second that its sessions encode; Free how many more it takes on, with those that share its
	// encoder reckoned in, and 0 where it was not measured.
	Rate, Free int64
	// Barred counts the customers that get nothing on it for a while.
	Barred int
	// Card is what the card's driver tells; nil of the processor, and where nobody tells.
	Card *transcoder.Card
}

// Devices says how each device is doing, in the order in which they were given.
func (p *Pool) Devices() []DeviceStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	var all []DeviceStatus
	for _, at := range p.places {
		s := DeviceStatus{Place: at.Place, InService: at.state == inService, Drained: at.state == drained, Why: at.why, Sessions: at.sessions}
		if s.Drained {
			s.Test = at.test
		}
		if at.full(now) {
			s.Room = at.room
		}
		for l := range p.loads {
			if l.at == at {
				s.Rate += l.rate(now)
			}
		}
		s.Free = max(p.capacity(at.encoder())-p.used(at.encoder(), now), 0)
		for _, until := range at.barred {
			if now.Before(until) {
				s.Barred++
			}
		}
		s.Card = p.told(at)
		all = append(all, s)
	}
	return all
}

// told is what a card's driver tells; nil where nobody tells.
func (p *Pool) told(at *place) *transcoder.Card {
	if !at.card() || p.cfg.Cards == nil {
		return nil
	}
	c, err := p.cfg.Cards.Card(at.Device.Index)
	if err != nil {
		return nil
	}
	return &c
}
