package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"castnet/internal/media"
	"castnet/transcoder"
)

// sickFor is how long a device that failed, or refused a session, gets no new one while another is well.
const sickFor = 30 * time.Second

// place is a device of the pool. Its fields belong to the pool's mutex.
type place struct {
	transcoder.Place
	sessions int
	sick     time.Time // until then
}

// Probe runs the worker's self-test and returns what each device of this machine has really done, the best first.
func Probe(ctx context.Context, binary string) ([]transcoder.Place, error) {
	out, err := exec.CommandContext(ctx, binary, "probe").Output()
	if err != nil {
		return nil, fmt.Errorf("self-test of the worker: %w", err)
	}
	var places []transcoder.Place
	if err := json.Unmarshal(out, &places); err != nil {
		return nil, fmt.Errorf("self-test of the worker: %w", err)
	}
	return places, nil
}

// choose lists the devices that can make a session's renditions: those that are well first, then by kind as they were
// given, then by load.
func (p *Pool) choose(cfg transcoder.SessionConfig) []*place {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	var list []*place
	for _, at := range p.places {
		able := !slices.ContainsFunc(cfg.Ladder, func(r transcoder.Profile) bool { return !slices.Contains(at.Encode, r.Codec) })
		if able || cfg.Audio != nil || cfg.Still != nil {
			list = append(list, at)
		}
	}
	ill := func(at *place) time.Duration { return max(at.sick.Sub(now), 0) }
	kind := func(at *place) int {
		return slices.IndexFunc(p.places, func(q *place) bool { return q.Device.Backend == at.Device.Backend })
	}
	slices.SortStableFunc(list, func(a, b *place) int {
		return cmp.Or(
			cmp.Compare(ill(a), ill(b)), cmp.Compare(kind(a), kind(b)), cmp.Compare(a.sessions, b.sessions))
	})
	return list
}

func (p *Pool) occupy(at *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at.sessions++
}

// release ends a session's stay. A device that was its end gets no more for a while.
func (p *Pool) release(at *place, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at.sessions--
	if errors.Is(cause, transcoder.ErrDevice) {
		at.sick = time.Now().Add(sickFor)
		p.metrics.refusals.WithLabelValues(at.Device.String()).Inc()
	}
}

func union(a, b []media.Codec) []media.Codec {
	for _, c := range b {
		if !slices.Contains(a, c) {
			a = append(a, c)
		}
	}
	return a
}
