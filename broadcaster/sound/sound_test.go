package sound_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"castnet/broadcaster/sound"
	"castnet/internal/media"
	"castnet/transcoder"
)

// worker makes of each packet one with the same PTS, held back until the next comes or the track ends.
type worker struct {
	mu     sync.Mutex
	opened []*transcoder.AudioJob
	fails  int // sessions that end at their first packet
	full   int // attempts that are refused before
}

func (w *worker) Capabilities() transcoder.Capabilities { return transcoder.Capabilities{} }

func (w *worker) Open(_ context.Context, cfg transcoder.SessionConfig) (transcoder.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full > 0 {
		w.full--
		return nil, errFull
	}
	w.opened = append(w.opened, cfg.Audio)
	s := &session{out: make(chan transcoder.Output, 100), closed: make(chan struct{})}
	if w.fails > 0 {
		w.fails--
		s.broken = true
	}
	return s, nil
}

type session struct {
	broken bool
	held   *media.Unit
	out    chan transcoder.Output
	closed chan struct{}
}

var (
	errBroken = errors.New("the worker died")
	errFull   = errors.New("the pool is busy")
)

func (s *session) Send(_ context.Context, in transcoder.Input) error {
	if s.broken {
		return errBroken
	}
	if s.held != nil {
		s.out <- transcoder.Rendered{Unit: s.held}
	}
	switch in := in.(type) {
	case transcoder.WriteUnit:
		s.held = in.Unit
	case transcoder.EndSegment:
		s.out <- transcoder.SegmentDone{}
	}
	return nil
}

func (s *session) Recv(ctx context.Context) (transcoder.Output, error) {
	select {
	case out := <-s.out:
		return out, nil
	case <-s.closed:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *session) Close() error { close(s.closed); return nil }

// made is what a converter published.
type made struct {
	n     int
	codec media.Codec
	pts   int64
}

// converter runs one over a worker; end ends it and returns what it made.
func converter(t *testing.T, w *worker, wanted func(n int, codec media.Codec) bool) (c *sound.Converter, end func() []made) {
	t.Helper()
	var mu sync.Mutex
	var all []made
	c = sound.New(sound.Config{
		ID: "demo", Local: w, Wanted: wanted, Logger: slog.New(slog.DiscardHandler),
		Dropped: func() { t.Error("a packet was dropped") },
		Publish: func(n int, codec media.Codec, u *media.Unit) error {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, made{n, codec, u.PTS})
			return nil
		},
	})
	ended := make(chan struct{})
	go func() { c.Run(t.Context()); close(ended) }()
	return c, func() []made {
		c.End()
		<-ended
		return all
	}
}

func track(codec media.Codec) *media.Track {
	return &media.Track{Codec: codec, ClockRate: 48_000, Channels: 2, Language: "de"}
}

func always(int, media.Codec) bool { return true }

// TestTracks: each track becomes the other codec, to its last packet.
func TestTracks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, end := converter(t, &worker{}, always)
		aac, opus := track(media.AAC), track(media.Opus)
		for i := range int64(10) {
			c.Add(0, aac, &media.Unit{PTS: i})
			c.Add(1, opus, &media.Unit{PTS: i})
			synctest.Wait()
		}
		all := end()
		for n, codec := range []media.Codec{media.Opus, media.AAC} {
			for i := range int64(10) {
				if !slices.Contains(all, made{n, codec, i}) {
					t.Errorf("track %d: packet %d is missing", n, i)
				}
			}
		}
		if len(all) != 20 {
			t.Errorf("%d packets", len(all))
		}
		if m := sound.Made(aac); m.Codec != media.Opus || m.Language != "de" {
			t.Errorf("of AAC in German becomes %+v", m)
		}
	})
}

// TestOnDemand: nothing is made before somebody wants it.
func TestOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, wanted := &worker{}, false
		c, end := converter(t, w, func(int, media.Codec) bool { return wanted })
		aac := track(media.AAC)
		for i := range int64(10) {
			wanted = i >= 5
			c.Add(0, aac, &media.Unit{PTS: i})
			synctest.Wait()
			if i == 4 && len(w.opened) > 0 {
				t.Error("a session was opened for nobody")
			}
		}
		if all := end(); len(all) != 5 || all[0].pts != 5 {
			t.Errorf("made %v", all)
		}
	})
}

// TestReplaced: a track with new parameters has a new session, and so has one whose worker died, after a pause.
func TestReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &worker{fails: 1}
		c, end := converter(t, w, always)
		first, second := track(media.AAC), track(media.AAC)
		c.Add(0, first, &media.Unit{PTS: 0}) // is lost with its worker
		<-time.After(2 * time.Second)
		c.Add(0, first, &media.Unit{PTS: 1})
		c.Add(0, second, &media.Unit{PTS: 2})
		synctest.Wait()
		all := end()
		if !slices.Equal(all, []made{{0, media.Opus, 1}, {0, media.Opus, 2}}) {
			t.Errorf("made %v", all)
		}
		if len(w.opened) != 3 || w.opened[1].From != first || w.opened[2].From != second {
			t.Errorf("%d sessions", len(w.opened))
		}
	})
}

// TestNobodyConverts: while no converter can be had, what comes is dropped and not kept for later, this is told of once, and the
// end of the track is the end.
func TestNobodyConverts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const attempts = 5
		var log bytes.Buffer
		dropped, made := 0, 0
		c := sound.New(sound.Config{
			ID: "demo", Local: &worker{full: attempts}, Wanted: always, Dropped: func() { dropped++ },
			Logger: slog.New(slog.NewTextHandler(&log, nil)), // from level info on
			Publish: func(int, media.Codec, *media.Unit) error {
				made++
				return nil
			},
		})
		ended := make(chan struct{})
		go func() { c.Run(t.Context()); close(ended) }()
		aac, sent := track(media.AAC), 0
		for began := time.Now(); time.Since(began) < (attempts-1)*time.Second; sent++ {
			c.Add(0, aac, &media.Unit{PTS: int64(sent)})
			<-time.After(20 * time.Millisecond)
		}
		for ; sent < 500; sent++ { // at once, as segments come
			c.Add(0, aac, &media.Unit{PTS: int64(sent)})
		}
		over := time.Now()
		c.End()
		<-ended
		if took := time.Since(over); took > time.Second {
			t.Errorf("the end took %v", took)
		}
		if made > 0 || dropped < sent-attempts {
			t.Errorf("of %d packets %d were dropped, %d converted", sent, dropped, made)
		}
		if n := strings.Count(log.String(), "another"); n != 1 {
			t.Errorf("told of %d times:\n%s", n, log.String())
		}
	})
}
