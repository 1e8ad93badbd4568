package orchestrator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"castnet/internal/media"
	"castnet/transcoder"
)

// Fleet is several transcoders as one: the local workers and the remote ones that have dialled in. A session goes to
// the least loaded. The zero value is an empty fleet. It is safe for concurrent use.
type Fleet struct {
	mu      sync.Mutex
	members map[*entry]struct{}
}

type entry struct{ transcoder.Transcoder }

// Add puts a transcoder into the fleet, until remove is called; its sessions are not touched by that.
func (f *Fleet) Add(t transcoder.Transcoder) (remove func()) {
	e := &entry{t}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.members == nil {
		f.members = make(map[*entry]struct{})
	}
	f.members[e] = struct{}{}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.members, e)
	}
}

// candidate is a transcoder with what it said of itself a moment ago.
type candidate struct {
	transcoder.Transcoder
	caps transcoder.Capabilities
}

// byLoad lists the transcoders, the one with the most unused capacity first.
func (f *Fleet) byLoad() []candidate {
	f.mu.Lock()
	list := make([]candidate, 0, len(f.members))
	for e := range f.members {
		list = append(list, candidate{Transcoder: e.Transcoder})
	}
	f.mu.Unlock()
	for i := range list {
		list[i].caps = list[i].Capabilities()
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.caps.FreePixelsPerSecond, a.caps.FreePixelsPerSecond), cmp.Compare(a.caps.Sessions, b.caps.Sessions))
	})
	return list
}

// Open opens the session at the least loaded transcoder that takes it.
func (f *Fleet) Open(ctx context.Context, cfg transcoder.SessionConfig) (transcoder.Session, error) {
	var errs []error
	for _, c := range f.byLoad() {
		if c.caps.Draining || c.caps.MaxSessions > 0 && c.caps.Sessions >= c.caps.MaxSessions {
			continue
		}
		session, err := c.Open(ctx, cfg)
		if err == nil {
			return session, nil
		}
		if !errors.Is(err, transcoder.ErrBusy) && !errors.Is(err, transcoder.ErrWorkerDied) && !errors.Is(err, transcoder.ErrDevice) {
			return nil, err // another one would refuse it too
		}
		errs = append(errs, fmt.Errorf("%s: %w", c.caps.Name, err))
	}
	if len(errs) == 0 {
		return nil, transcoder.ErrBusy
	}
	return nil, errors.Join(errs...)
}

// Members counts the transcoders, and those of them that are draining.
func (f *Fleet) Members() (all, draining int) {
	list := f.byLoad()
	for _, c := range list {
		if c.caps.Draining {
			draining++
		}
	}
	return len(list), draining
}

// Capabilities is the sum of what the transcoders can do that stay.
func (f *Fleet) Capabilities() transcoder.Capabilities {
	sum := transcoder.Capabilities{Name: "fleet"}
	bounded := true
	for _, c := range f.byLoad() {
		if c.caps.Draining {
			continue
		}
		if sum.Backend == "" {
			sum.Backend = c.caps.Backend
		}
		sum.Decode = union(sum.Decode, c.caps.Decode)
		sum.Encode = union(sum.Encode, c.caps.Encode)
		sum.PixelsPerSecond += c.caps.PixelsPerSecond
		sum.FreePixelsPerSecond += c.caps.FreePixelsPerSecond
		sum.Sessions += c.caps.Sessions
		sum.MaxSessions += c.caps.MaxSessions
		bounded = bounded && c.caps.MaxSessions > 0
	}
	if !bounded {
		sum.MaxSessions = 0
	}
	return sum
}

func union(a, b []media.Codec) []media.Codec {
	for _, c := range b {
		if !slices.Contains(a, c) {
			a = append(a, c)
		}
	}
	return a
}
