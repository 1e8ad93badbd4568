package capacity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"castnet/transcoder"
)

// played is what came out of sessions.
type played struct {
	pixels int64
	lags   []time.Duration // of each unit that was due, from its source unit
}

func (p *played) inTime() float64 {
	if len(p.lags) == 0 {
		return 0
	}
	n := 0
	for _, lag := range p.lags {
		if lag <= late {
			n++
		}
	}
	return float64(n) / float64(len(p.lags))
}

// percentile sorts the lags.
func (p *played) percentile(n int) time.Duration {
	if len(p.lags) == 0 {
		return 0
	}
	slices.Sort(p.lags)
	return p.lags[(len(p.lags)-1)*n/100]
}

// play runs n sessions for a time, each with the whole ladder, at the source's own speed or as fast as they take it.
func play(ctx context.Context, cfg *Config, n int, d time.Duration, realTime bool) (played, error) {
	var sum played
	sessions := make([]*session, 0, n)
	defer func() {
		for _, s := range sessions {
			_ = s.Close()
		}
	}()
	for i := range n {
		open, err := cfg.Transcoder.Open(ctx, transcoder.SessionConfig{ID: fmt.Sprint("capacity-", i), Ladder: cfg.Ladder})
		if err != nil {
			return sum, err
		}
		s := &session{Session: open, cfg: cfg, sent: make(map[int64]*picture)}
		if realTime { // sessions of their own streams: not all at the same moment
			s.phase = time.Duration(float64(time.Second) / cfg.Source.Track.FrameRate * float64(i) / float64(n))
			s.every = time.Duration(float64(time.Second) / cfg.Source.Track.FrameRate)
		}
		sessions = append(sessions, s)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, d, errOver)
	defer cancel()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i, s := range sessions {
		all.Go(func() {
			if errs[i] = s.run(ctx); errs[i] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	now := time.Now()
	for _, s := range sessions {
		sum.pixels += s.pixels
		sum.lags = append(sum.lags, s.lags...)
		for _, p := range s.sent { // what should have come
			if lag := now.Sub(p.at); lag > late {
				sum.lags = append(sum.lags, slices.Repeat([]time.Duration{lag}, p.missing)...)
			}
		}
	}
	return sum, errors.Join(errs...)
}

var errOver = errors.New("the time is over")

// session is a transcoder's session under measurement.
type session struct {
	transcoder.Session
	cfg          *Config
	phase, every time.Duration // 0: as fast as it takes them

	pixels int64
	lags   []time.Duration
	mu     sync.Mutex
	sent   map[int64]*picture // by PTS, until all rungs have come
}

type picture struct {
	at      time.Time
	missing int
}

// run plays until ctx ends.
func (s *session) run(ctx context.Context) error {
	sent := make(chan error, 1)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		err := s.send(ctx)
		sent <- err
		stop(err)
	}()
	err := s.receive(ctx)
	stop(err)
	if err = errors.Join(err, <-sent); errors.Is(context.Cause(ctx), errOver) {
		return nil
	}
	return err
}

func (s *session) send(ctx context.Context) error {
	round, err := s.cfg.Source.validate()
	if err != nil {
		return err
	}
	start := time.Now().Add(s.phase)
	due := time.NewTimer(0)
	defer due.Stop()
	<-due.C
	n := len(s.cfg.Source.Units)
	for i := 0; ; i++ {
		u := *s.cfg.Source.Units[i%n]
		u.PTS += int64(i/n) * round
		u.DTS += int64(i/n) * round
		if s.every > 0 {
			due.Reset(time.Until(start.Add(time.Duration(i) * s.every)))
			select {
			case <-due.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if u.Key {
			if err := s.boundary(ctx, i, u.PTS); err != nil {
				return err
			}
		}
		s.mu.Lock()
		s.sent[u.PTS] = &picture{at: time.Now(), missing: s.punctual()}
		s.mu.Unlock()
		if err := s.Send(ctx, transcoder.WriteUnit{Unit: &u}); err != nil {
			return err
		}
	}
}

// boundary ends a segment and begins the next; segments are numbered by their first unit.
func (s *session) boundary(ctx context.Context, i int, pts int64) error {
	if i > 0 {
		before := i - 1
		for n := len(s.cfg.Source.Units); !s.cfg.Source.Units[before%n].Key; {
			before--
		}
		if err := s.Send(ctx, transcoder.EndSegment{Seq: uint64(before), Drain: true}); err != nil {
			return err
		}
	}
	return s.Send(ctx, transcoder.StartSegment{Seq: uint64(i), FirstPTS: pts, Track: s.cfg.Source.Track, Fresh: i == 0})
}

// punctual is how many rungs make something of every picture: those are waited for.
func (s *session) punctual() int {
	n := 0
	for _, p := range s.cfg.Ladder {
		if p.Divisor == 1 {
			n++
		}
	}
	return n
}

func (s *session) receive(ctx context.Context) error {
	for {
		out, err := s.Recv(ctx)
		if err != nil {
			return err
		}
		switch out := out.(type) {
		case transcoder.BadInput:
			return fmt.Errorf("the source was refused: %s", out.Reason)
		case transcoder.Rendered:
			s.rendered(out)
		}
	}
}

func (s *session) rendered(out transcoder.Rendered) {
	if out.Rendition >= len(s.cfg.Ladder) {
		return
	}
	rung := s.cfg.Ladder[out.Rendition]
	s.pixels += rung.Pixels()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.sent[out.Unit.PTS]
	if p == nil || rung.Divisor != 1 {
		return
	}
	s.lags = append(s.lags, time.Since(p.at))
	if p.missing--; p.missing == 0 {
		delete(s.sent, out.Unit.PTS)
	}
}
