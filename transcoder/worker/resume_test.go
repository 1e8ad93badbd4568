package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// viewer feeds one stream and goes on in another session where one dies, as a broadcaster does.
type viewer struct {
	pool     *worker.Pool
	id       string
	customer string
	got      [][]int64 // timestamps by rendition
	deaths   int
}

// play feeds the clip segment by segment. In the second one it calls half in the middle.
func (w *viewer) play(ctx context.Context, v *clip.Video, half func()) error {
	session, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	for seq, units := range gops(v) {
		pause := func() {}
		if seq == 1 {
			pause = sync.OnceFunc(half)
		}
		for attempt := uint32(1); ; attempt++ {
			err := w.segment(ctx, session, part{v.Track, uint64(seq), attempt, units, pause})
			if err == nil {
				break
			}
			if !errors.Is(err, transcoder.ErrWorkerDied) {
				return err
			}
			w.deaths++
			_ = session.Close()
			if session, err = w.open(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *viewer) open(ctx context.Context) (transcoder.Session, error) {
	return w.pool.Open(ctx, transcoder.SessionConfig{ID: w.id, Customer: w.customer, Ladder: ladder})
}

// part is an attempt at a segment.
type part struct {
	track   *media.Track
	seq     uint64
	attempt uint32
	units   []*media.Unit
	pause   func()
}

func (w *viewer) segment(ctx context.Context, s transcoder.Session, p part) error {
	start := transcoder.StartSegment{
		Seq: p.seq, Attempt: p.attempt, Track: p.track, FirstPTS: p.units[0].PTS, Fresh: p.seq == 0 || p.attempt > 1,
	}
	if p.attempt > 1 {
		for _, pts := range w.got {
			last := p.units[0].PTS - 1
			if len(pts) > 0 {
				last = max(last, pts[len(pts)-1])
			}
			start.ResumeAfter = append(start.ResumeAfter, last)
		}
	}
	go func() {
		err := s.Send(ctx, start)
		for i, u := range p.units {
			if i == len(p.units)/2 {
				p.pause()
			}
			if err == nil {
				err = s.Send(ctx, transcoder.WriteUnit{Unit: u})
			}
		}
		if err == nil {
			_ = s.Send(ctx, transcoder.EndSegment{Seq: p.seq, Attempt: p.attempt, Drain: true}) // else Recv says it
		}
	}()
	for {
		out, err := s.Recv(ctx)
		if err != nil {
			return err
		}
		switch o := out.(type) {
		case transcoder.Rendered:
			w.got[o.Rendition] = append(w.got[o.Rendition], o.Unit.PTS)
		case transcoder.BadInput:
			return fmt.Errorf("%+v", o)
		case transcoder.SegmentDone:
			return nil
		}
	}
}

func gops(v *clip.Video) [][]*media.Unit {
	var out [][]*media.Unit
	for _, u := range v.Units {
		if u.Key {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], u)
	}
	return out
}

// One worker of three is killed, stopped, or left without memory in the middle of its work: no stream misses a picture
// or has one twice, and the others don't even notice.
func TestOthersLoseNothing(t *testing.T) {
	for name, strike := range map[string]func(pid int) error{
		"killed":  func(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) },
		"crashed": func(pid int) error { return syscall.Kill(pid, syscall.SIGSEGV) },
		"hung":    func(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) },
		"out of memory": func(pid int) error {
			return unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			const streams = 3
			p := start(t, worker.Config{MaxSessions: streams, Stall: 5 * time.Second})
			v := video(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var halfway, over sync.WaitGroup
			struck := make(chan struct{})
			viewers := make([]*viewer, streams)
			errs := make([]error, streams)
			halfway.Add(streams)
			for i := range viewers {
				viewers[i] = &viewer{pool: p, id: fmt.Sprint(i), got: make([][]int64, len(ladder))}
				over.Go(func() {
					errs[i] = viewers[i].play(ctx, v, func() { halfway.Done(); <-struck })
				})
			}
			halfway.Wait()
			if err := strike(slices.Min(children(t))); err != nil {
				t.Fatal(err)
			}
			close(struck)
			over.Wait()
			deaths := 0
			for i, w := range viewers {
				if errs[i] != nil {
					t.Errorf("stream %d: %v", i, errs[i])
				}
				deaths += w.deaths
				for r, got := range w.got {
					if want := timestamps(v); !slices.Equal(got, want) {
						t.Errorf("stream %d, rendition %d: %d pictures, want %d: %v", i, r, len(got), len(want), got)
					}
				}
			}
			if deaths != 1 {
				t.Errorf("%d workers died, want one", deaths)
			}
		})
	}
}

func timestamps(v *clip.Video) []int64 {
	var pts []int64
	for _, u := range v.Units {
		pts = append(pts, u.PTS)
	}
	slices.Sort(pts)
	return pts
}
