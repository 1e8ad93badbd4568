package orchestrator_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"castnet/internal/media"
	"castnet/transcoder"
)

// fake is a transcoder whose "encoder" names its input: protocol cases need no pixels. The real one has tests of its
// own, and one here (real_test.go).
type fake struct {
	mu       sync.Mutex
	sessions []*fakeSession
	max      int
	badPTS   *int64 // a unit that cannot be decoded
	width    int    // what the decoder says, 0: what the track says
	endless  uint64 // a segment that is never done, 0: none
}

func (f *fake) Open(_ context.Context, cfg transcoder.SessionConfig) (transcoder.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.max > 0 && len(f.sessions) >= f.max {
		return nil, transcoder.ErrBusy
	}
	s := &fakeSession{fake: f, customer: cfg.Customer, ladder: cfg.Ladder, out: make(chan transcoder.Output, 1024), gone: make(chan struct{})}
	f.sessions = append(f.sessions, s)
	return s, nil
}

func (f *fake) Capabilities() transcoder.Capabilities {
	return transcoder.Capabilities{
		Name: "fake", Backend: "software", Decode: []media.Codec{media.H264}, Encode: []media.Codec{media.H264},
		PixelsPerSecond: 1e9, FreePixelsPerSecond: 1e9, MaxSessions: 16,
	}
}

// latest is the session opened last.
func (f *fake) latest() *fakeSession {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sessions[len(f.sessions)-1]
}

type fakeSession struct {
	fake     *fake
	customer string
	ladder   transcoder.Ladder
	out      chan transcoder.Output

	mu       sync.Mutex
	inputs   []transcoder.Input
	now      *transcoder.StartSegment
	started  bool // a decoder that has seen no key shows nothing
	failed   bool // the open segment has
	frames   int
	prefix   int
	err      error
	gone     chan struct{}
	released sync.Once
}

// die ends the session as a killed worker does.
func (s *fakeSession) die() {
	s.mu.Lock()
	s.err = fmt.Errorf("signal: killed: %w", transcoder.ErrWorkerDied)
	s.mu.Unlock()
	s.released.Do(func() { close(s.gone) })
}

func (s *fakeSession) Close() error {
	s.released.Do(func() { close(s.gone) })
	return nil
}

// seen is what was sent in.
func (s *fakeSession) seen() []transcoder.Input {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.inputs)
}

func (s *fakeSession) Recv(ctx context.Context) (transcoder.Output, error) {
	select {
	case out := <-s.out:
		return out, nil
	case <-s.gone:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err != nil {
			return nil, s.err
		}
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *fakeSession) Send(_ context.Context, in transcoder.Input) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.inputs = append(s.inputs, in)
	switch m := in.(type) {
	case transcoder.StartSegment:
		if s.now != nil {
			return &transcoder.InputError{Reason: "a segment is open"}
		}
		if !s.started && !m.Fresh {
			return &transcoder.InputError{Reason: "the first segment of a session is fresh"}
		}
		s.now, s.started, s.failed, s.frames, s.prefix = &m, true, false, 0, 0
	case transcoder.WriteUnit:
		if s.now == nil {
			return &transcoder.InputError{Reason: "no segment is open"}
		}
		s.decode(&m)
	case transcoder.CancelSegment:
		if s.now != nil && s.now.Seq == m.Seq {
			s.now = nil
		}
	case transcoder.EndSegment:
		if s.now == nil {
			return &transcoder.InputError{Reason: "no segment is open"}
		}
		if s.failed || s.fake.endless > 0 && m.Seq == s.fake.endless {
			s.now = nil
			return nil
		}
		width := s.now.Track.Width
		if s.fake.width > 0 {
			width = s.fake.width
		}
		s.out <- transcoder.SegmentDone{
			Seq: m.Seq, Attempt: m.Attempt, Width: width, Height: s.now.Track.Height, Frames: s.frames, PrefixFrames: s.prefix,
		}
		s.now = nil
	}
	return nil
}

func (s *fakeSession) decode(m *transcoder.WriteUnit) {
	if bad := s.fake.badPTS; bad != nil && m.Unit.PTS == *bad {
		s.out <- transcoder.BadInput{Seq: s.now.Seq, Attempt: s.now.Attempt, PTS: m.Unit.PTS, Reason: "no slice in it"}
		s.failed, s.started = true, false
	}
	if s.failed {
		return // the rest of a segment that failed
	}
	if m.Prefix {
		s.prefix++
		return
	}
	s.frames++
	for i, p := range s.ladder {
		if s.now.ResumeAfter != nil && m.Unit.PTS <= s.now.ResumeAfter[i] {
			continue
		}
		s.out <- transcoder.Rendered{Seq: s.now.Seq, Attempt: s.now.Attempt, Rendition: i, Unit: rendition(p.Name, m.Unit)}
	}
	s.out <- transcoder.Progress{Seq: s.now.Seq, Attempt: s.now.Attempt, DecodedPTS: m.Unit.PTS, OutputPTS: make([]int64, len(s.ladder))}
}

// rendition is what the fake makes of a unit.
func rendition(name string, u *media.Unit) *media.Unit {
	return &media.Unit{PTS: u.PTS, DTS: u.DTS, Key: u.Key, Payload: fmt.Appendf(nil, "%s of %s", name, u.Payload)}
}
