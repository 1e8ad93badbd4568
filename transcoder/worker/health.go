package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"castnet/transcoder"
)

const (
	// avoidFor is how long a device that refused a session gets no new one while another takes it.
	avoidFor = 30 * time.Second
	// fullFor is how long a device that refused a session beside others is taken to hold no more than those: cards have
	// limits of sessions and memory that no driver tells.
	fullFor = 10 * time.Minute
	// faultLimit is how many sessions may end with their workers within faultWindow until their device is tested. Where it
	// is libav that blames the device, and the sessions are of as many customers, it is drained, whatever its self-test
	// says: one customer, with as many streams as it likes, cannot have that.
	faultLimit  = 3
	faultWindow = 10 * time.Second
	// testLimit is how long a self-test may take. A card takes half a second for its first context.
	testLimit = 5 * time.Second
	// moveWithin is how long a session on a drained device may take to end with its segment: a segment and a half.
	moveWithin = 3 * time.Second
	// barFor is how long customers whose sessions drained a device get none on it: at what makes it fail their streams they
	// have had their turn, and the same ones cannot drain it again and again. A self-test that fails acquits them.
	barFor = 30 * time.Minute
	// lastRetest is the longest pause between the self-tests of a drained device.
	lastRetest = 5 * time.Minute
	// forgetAfter is how long a device must have been in service for its earlier drains not to count.
	forgetAfter = time.Hour
)

// state is whether a device gets sessions.
type state int

const (
	inService state = iota
	suspect         // gets no new sessions until its self-test is over
	drained         // and loses those that it has
)

// health is what speaks against a device.
type health struct {
	state  state
	why    string        // it is not in service
	wake   chan struct{} // tells the device's keeper of a new state; capacity 1
	faults []fault       // recent ones
	avoid  time.Time     // it is the last choice until then

	room      int // sessions that it has been seen to hold, until roomUntil
	roomUntil time.Time

	barred map[string]time.Time // customers, until when

	retest time.Duration // the pause before the next self-test
	test   time.Time     // when that is, of a drained device
	since  time.Time     // it is in service
}

// fault is a session that ended by no fault of its own.
type fault struct {
	session, customer string
	at                time.Time
	device            bool // libav blamed the device; else the worker died, which streams can cause, too
}

func (h *health) full(now time.Time) bool { return h.room > 0 && now.Before(h.roomUntil) }

// note adds a fault, and returns how many distinct sessions have had one recently, and which customers one that the device is
// blamed for.
func (h *health) note(f fault) (sessions int, blame map[string]bool) {
	recent := h.faults[:0]
	for _, old := range h.faults {
		switch {
		case f.at.Sub(old.at) >= faultWindow:
		case old.session == f.session && old.customer == f.customer: // it went on, and ended again
			f.device = f.device || old.device
		default:
			recent = append(recent, old)
		}
	}
	h.faults = append(recent, f)
	blame = make(map[string]bool)
	for _, f := range h.faults {
		if f.device {
			blame[f.customer] = true
		}
	}
	return len(h.faults), blame
}

// bar keeps customers from the device for a while.
func (h *health) bar(customers map[string]bool, now time.Time) {
	maps.DeleteFunc(h.barred, func(_ string, until time.Time) bool { return !now.Before(until) })
	if h.barred == nil {
		h.barred = make(map[string]time.Time)
	}
	for c := range customers {
		h.barred[c] = now.Add(barFor)
	}
}

// release ends a session's stay, and holds its end against the device where it is to blame.
func (p *Pool) release(l *load, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.loads, l)
	l.at.sessions--
	if l.moved() { // what happens on a drained device is no news
		return
	}
	switch device := errors.Is(cause, transcoder.ErrDevice); {
	case device && !l.hasWorked():
		p.refused(l.at, cause)
	case device, errors.Is(cause, transcoder.ErrWorkerDied):
		p.failed(l, device, cause)
	}
}

// refused learns from a session that a device would not begin: beside others, how many it holds; alone, that it may be ill.
// The lock is held.
func (p *Pool) refused(at *place, cause error) {
	p.metrics.refusals.WithLabelValues(at.Device.String()).Inc()
	if !at.card() {
		return
	}
	now := time.Now()
	at.avoid = now.Add(avoidFor)
	if at.sessions > 0 {
		at.room, at.roomUntil = at.sessions, now.Add(fullFor)
		return
	}
	p.doubt(at, fmt.Sprintf("it refused a session with none on it: %v", cause))
}

// failed counts a session that ended in the middle. The processor is never drained: there would be nobody to take over.
// The lock is held.
func (p *Pool) failed(l *load, device bool, cause error) {
	at := l.at
	p.metrics.faults.WithLabelValues(at.Device.String()).Inc()
	if !at.card() {
		return
	}
	now := time.Now()
	sessions, blame := at.note(fault{session: l.session, customer: l.customer, at: now, device: device})
	if device {
		at.avoid = now.Add(avoidFor)
	}
	switch {
	case len(blame) >= faultLimit:
		at.bar(blame, now)
		p.drain(at, fmt.Sprintf("it failed sessions of %d customers within %v, the last one: %v", len(blame), faultWindow, cause))
	case device:
		p.doubt(at, fmt.Sprintf("it failed a session: %v", cause))
	case sessions >= faultLimit:
		p.doubt(at, fmt.Sprintf("%d sessions ended on it within %v, the last one: %v", sessions, faultWindow, cause))
	}
}

// doubt keeps new sessions from a device until its self-test has been made. The lock is held.
func (p *Pool) doubt(at *place, why string) {
	if at.state != inService {
		return
	}
	at.state, at.why = suspect, why
	p.wake(at)
	p.cfg.Logger.Warn("device is suspect: no new sessions until its self-test is over", "device", at.Device.String(), "why", why)
}

// drain takes a device out of service and has its sessions moved. The lock is held.
func (p *Pool) drain(at *place, why string) {
	if at.state == drained {
		return
	}
	now := time.Now()
	if at.retest == 0 || now.Sub(at.since) > forgetAfter {
		at.retest = p.cfg.Retest
	}
	at.state, at.why, at.faults, at.test = drained, why, nil, now.Add(at.retest)
	moved := 0
	for l := range p.loads {
		if l.at == at && !l.moved() { // a process that hangs in a driver may still be here from the last drain
			close(l.move)
			moved++
		}
	}
	p.wake(at)
	p.metrics.drains.WithLabelValues(at.Device.String()).Inc()
	p.cfg.Logger.Error("device drained: its sessions move, and new ones go elsewhere until its self-test passes",
		"device", at.Device.String(), "sessions", moved, "why", why, "self_test_in", at.retest)
}

func (p *Pool) wake(at *place) {
	select {
	case at.wake <- struct{}{}:
	default: // it has been woken
	}
}

// keep tests a device when something speaks against it, again and again until it passes, until ctx ends.
func (p *Pool) keep(ctx context.Context, at *place) {
	for {
		select {
		case <-at.wake:
		case <-ctx.Done():
			return
		}
		for ctx.Err() == nil {
			if p.examine(ctx, at) {
				break
			}
		}
	}
}

// examine makes one self-test, of a drained device after a pause, and reports whether the device is in service.
func (p *Pool) examine(ctx context.Context, at *place) bool {
	p.mu.Lock()
	before, pause := at.state, at.retest
	p.mu.Unlock()
	switch before {
	case inService:
		return true
	case drained:
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		}
	case suspect: // at once
	}
	found := p.selfTest(ctx, at.Device)
	if ctx.Err() != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.state != before {
		return false // drained meanwhile, by what happened to more sessions
	}
	// Beside other sessions the encoder may have none left for a test.
	works := len(found.Decode) > 0 && (len(found.Encode) > 0 || before == suspect && at.sessions > 0)
	switch {
	case !works:
		at.retest = min(max(2*at.retest, p.cfg.Retest), lastRetest)
		why := "its self-test failed: " + found.Problem
		if before == suspect {
			p.drain(at, why)
			break
		}
		at.why, at.Problem, at.test = why, found.Problem, time.Now().Add(at.retest)
		clear(at.barred) // it was the device that failed their sessions
		p.cfg.Logger.Warn("self-test failed", "device", at.Device.String(), "problem", found.Problem, "again_in", at.retest)
	case before == drained:
		at.Decode, at.Encode, at.Problem = found.Decode, found.Encode, found.Problem
		at.retest = min(2*at.retest, lastRetest) // the next drain's
		at.since, at.avoid = time.Now(), time.Time{}
		fallthrough
	default:
		at.state, at.why = inService, ""
		p.cfg.Logger.Info("self-test passed: device is in service", "device", at.Device.String(), "can", at.Abilities())
	}
	return works
}

// selfTest says what a device can do now; nothing, where it does not answer in time.
func (p *Pool) selfTest(ctx context.Context, d transcoder.Device) transcoder.Place {
	ctx, cancel := context.WithTimeout(ctx, testLimit)
	defer cancel()
	done := make(chan transcoder.Place, 1)
	p.running.Go(func() { // a process inside a driver that hangs cannot be killed
		places, err := probe(ctx, p.cfg.Binary, d.String())
		switch {
		case err != nil:
			done <- transcoder.Place{Device: d, Problem: err.Error()}
		case len(places) != 1:
			done <- transcoder.Place{Device: d, Problem: fmt.Sprintf("the self-test tells of %d devices, one was asked for", len(places))}
		default:
			done <- places[0]
		}
	})
	select {
	case found := <-done:
		return found
	case <-ctx.Done():
		return transcoder.Place{Device: d, Problem: fmt.Sprintf("no answer within %v", testLimit)}
	}
}
