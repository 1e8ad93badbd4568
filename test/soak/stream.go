package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// stream is a session that plays a clip again and again, and counts what comes of it.
type stream struct {
	transcoder.Session
	video *clip.Video
	begun chan struct{} // closed at the first picture

	pictures, missing, duplicated int
}

func newStream(s transcoder.Session, v *clip.Video) *stream {
	return &stream{Session: s, video: v, begun: make(chan struct{})}
}

// run plays until ctx ends.
func (s *stream) run(ctx context.Context) error {
	defer func() { _ = s.Close() }()
	sent := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { sent <- s.send(ctx); cancel() }()
	err := s.receive(ctx)
	cancel()
	return over(ctx, errors.Join(err, <-sent))
}

// send plays in real time, a segment a group of pictures.
func (s *stream) send(ctx context.Context) error {
	tick := time.NewTicker(time.Duration(float64(time.Second) / s.video.Track.FrameRate))
	defer tick.Stop()
	round := int64(len(s.video.Units)) * int64(media.VideoClockRate/s.video.Track.FrameRate)
	seq := uint64(0)
	for lap := int64(0); ; lap++ {
		for _, u := range s.video.Units {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
			played := *u
			played.PTS += lap * round
			played.DTS += lap * round
			inputs := []transcoder.Input{transcoder.WriteUnit{Unit: &played}}
			if u.Key {
				inputs = append([]transcoder.Input{transcoder.StartSegment{
					Seq: seq + 1, FirstPTS: played.PTS, Track: s.video.Track, Fresh: seq == 0,
				}}, inputs...)
				if seq > 0 {
					inputs = append([]transcoder.Input{transcoder.EndSegment{Seq: seq, Drain: true}}, inputs...)
				}
				seq++
			}
			for _, in := range inputs {
				if err := s.Send(ctx, in); err != nil {
					return err
				}
			}
		}
	}
}

// receive counts: the pictures of each rendition come one picture's time after the other.
func (s *stream) receive(ctx context.Context) error {
	step := int64(media.VideoClockRate / s.video.Track.FrameRate)
	last := make(map[int]int64)
	for {
		out, err := s.Recv(ctx)
		if err != nil {
			return err
		}
		switch o := out.(type) {
		case transcoder.BadInput:
			return fmt.Errorf("%+v", o)
		case transcoder.Rendered:
			before, ok := last[o.Rendition]
			last[o.Rendition] = o.Unit.PTS
			if s.pictures++; s.pictures == 1 {
				close(s.begun)
			}
			switch gone := (o.Unit.PTS - before) / step; {
			case !ok || gone == 1:
			case gone < 1:
				s.duplicated++
			default:
				s.missing += int(gone) - 1
			}
		}
	}
}

// pass opens sessions that last a moment, one after the other, with a pause between them: whole ones, ones broken off, and
// pictures.
func pass(ctx context.Context, pool *worker.Pool, v *clip.Video, pause time.Duration, f *figures) error {
	ladder := transcoder.DefaultLadder(v.Track.Width, v.Track.Height)
	for n := 0; ctx.Err() == nil; n++ {
		cfg := transcoder.SessionConfig{ID: fmt.Sprint("passing-", n), Ladder: ladder}
		units := v.Units
		switch n % 3 {
		case 1:
			units = units[:len(units)/3]
		case 2:
			cfg.Ladder, cfg.Still = nil, &transcoder.StillJob{From: v.Track, Width: 160, Height: 90}
		}
		s, err := pool.Open(ctx, cfg)
		if err == nil {
			err = once(ctx, s, v.Track, units, cfg.Still != nil)
			err = errors.Join(err, s.Close())
		}
		if err != nil && !errors.Is(err, transcoder.ErrWorkerDied) { // that one was killed
			return over(ctx, err)
		}
		f.Sessions++
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return nil
}

// once plays some units, and breaks off without an end unless they are pictures for people.
func once(ctx context.Context, s transcoder.Session, track *media.Track, units []*media.Unit, still bool) error {
	var sending sync.WaitGroup
	defer sending.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	want := len(units) / 2
	if still {
		want = 1
	}
	sending.Go(func() {
		if !still && s.Send(ctx, transcoder.StartSegment{Track: track, Fresh: true, FirstPTS: units[0].PTS}) != nil {
			return // receiving meets the reason
		}
		for _, u := range units {
			if still && !u.Key {
				continue
			}
			if s.Send(ctx, transcoder.WriteUnit{Unit: u}) != nil {
				return
			}
		}
	})
	for want > 0 {
		out, err := s.Recv(ctx)
		if err != nil {
			return err
		}
		if _, ok := out.(transcoder.Rendered); ok {
			want--
		}
	}
	return nil
}
