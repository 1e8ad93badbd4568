package worker_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/test/program"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

var ladder = transcoder.Ladder{
	{Name: "240p", Codec: media.H264, Width: 426, Height: 240, Bitrate: 500_000, Divisor: 1},
	{Name: "180p", Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1},
}

// binary is the real worker, built once for all tests.
var binary = program.Worker()

func TestMain(m *testing.M) {
	os.Exit(program.Run(m, binary)) //nolint:forbidigo // a TestMain is a main
}

func start(t *testing.T, cfg worker.Config) *worker.Pool {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Binary, cfg.Logger = path, slog.New(slog.DiscardHandler)
	return startConfig(t, cfg)
}

func startConfig(t *testing.T, cfg worker.Config) *worker.Pool {
	t.Helper()
	p, err := worker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if left := children(t); len(left) > 0 {
			t.Errorf("workers %v outlive the pool", left)
		}
	})
	return p
}

// children lists this process's children.
func children(t *testing.T) []int {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, l := range lists {
		text, _ := os.ReadFile(l) // the thread may have gone
		for f := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	for _, pid := range children(t) {
		if err := syscall.Kill(pid, sig); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, p *worker.Pool) transcoder.Session {
	t.Helper()
	s, err := p.Open(t.Context(), transcoder.SessionConfig{ID: t.Name(), Ladder: ladder})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, s) })
	return s
}

// shut closes a session; a second time is no error.
func shut(t *testing.T, s transcoder.Session) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func video(t *testing.T) *clip.Video {
	t.Helper()
	v, err := clip.Make(t.Context(), clip.Spec{Width: 640, Height: 360, FPS: 30, Seconds: 4, BFrames: 3, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// play sends units as one segment, and returns the timestamps of each rendition.
func play(t *testing.T, s transcoder.Session, v *clip.Video) [][]int64 {
	t.Helper()
	ctx := t.Context()
	sent := make(chan error, 1)
	go func() {
		err := s.Send(ctx, transcoder.StartSegment{Track: v.Track, Fresh: true, FirstPTS: v.Units[0].PTS})
		for _, u := range v.Units {
			err = errors.Join(err, s.Send(ctx, transcoder.WriteUnit{Unit: u}))
		}
		sent <- errors.Join(err, s.Send(ctx, transcoder.EndSegment{Drain: true}))
	}()
	pts := make([][]int64, len(ladder))
	for {
		out, err := s.Recv(ctx)
		if err != nil {
			t.Fatal(err)
		}
		switch o := out.(type) {
		case transcoder.Rendered:
			pts[o.Rendition] = append(pts[o.Rendition], o.Unit.PTS)
		case transcoder.BadInput:
			t.Fatalf("%+v", o)
		case transcoder.SegmentDone:
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			return pts
		}
	}
}

// begin sends a segment's first units and waits until something comes back.
func begin(t *testing.T, s transcoder.Session, v *clip.Video) {
	t.Helper()
	ctx := t.Context()
	inputs := []transcoder.Input{transcoder.StartSegment{Track: v.Track, Fresh: true, FirstPTS: v.Units[0].PTS}}
	for _, u := range v.Units[:10] {
		inputs = append(inputs, transcoder.WriteUnit{Unit: u})
	}
	for _, in := range inputs {
		if err := s.Send(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Recv(ctx); err != nil {
		t.Fatal(err)
	}
}

// end receives until the session's error, and returns it and when it came.
func end(t *testing.T, s transcoder.Session) (time.Duration, error) {
	t.Helper()
	started := time.Now()
	for {
		if _, err := s.Recv(t.Context()); err != nil {
			return time.Since(started), err
		}
	}
}

func TestSessions(t *testing.T) {
	p := start(t, worker.Config{MaxSessions: 2})
	v := video(t)
	var want []int64
	for _, u := range v.Units {
		want = append(want, u.PTS)
	}
	slices.Sort(want)
	for range 2 { // one session after the other, each in a process of its own
		s := open(t, p)
		for r, got := range play(t, s, v) {
			if !slices.Equal(got, want) {
				t.Errorf("rendition %d: %v", r, got)
			}
		}
		shut(t, s)
		if _, err := s.Recv(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("after Close: %v", err)
		}
	}
	a, b := open(t, p), open(t, p)
	if _, err := p.Open(t.Context(), transcoder.SessionConfig{Ladder: ladder}); !errors.Is(err, transcoder.ErrBusy) {
		t.Errorf("third session of two: %v", err)
	}
	if c := p.Capabilities(); c.Sessions != 2 || c.MaxSessions != 2 {
		t.Errorf("%+v", c)
	}
	shut(t, a)
	shut(t, open(t, p))
	shut(t, b)
}

// A crash ends the session at once, with its cause, and the next session works.
func TestKilledWorker(t *testing.T) {
	const stall = time.Hour
	p := start(t, worker.Config{Stall: stall})
	v := video(t)
	s := open(t, p)
	begin(t, s, v)
	signal(t, syscall.SIGKILL)
	after, err := end(t, s)
	if !errors.Is(err, transcoder.ErrWorkerDied) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("%v", err)
	}
	t.Logf("seen after %v", after) // long before its silence would tell
	if err := s.Send(t.Context(), transcoder.EndSegment{}); !errors.Is(err, transcoder.ErrWorkerDied) {
		t.Errorf("Send: %v", err)
	}
	next := open(t, p)
	play(t, next, v)
}

// A worker that says nothing while it owes something is killed.
func TestHungWorker(t *testing.T) {
	const stall = 3 * time.Second // which a busy machine's worker keeps to
	p := start(t, worker.Config{Stall: stall})
	s := open(t, p)
	begin(t, s, video(t))
	signal(t, syscall.SIGSTOP)
	after, err := end(t, s)
	if !errors.Is(err, transcoder.ErrWorkerDied) || !strings.Contains(err.Error(), "silent") {
		t.Errorf("%v", err)
	}
	if after > 10*stall {
		t.Errorf("seen after %v", after)
	}
}

// An idle session is no hung one: without an open segment silence is normal.
func TestIdleSession(t *testing.T) {
	p := start(t, worker.Config{Stall: 3 * time.Second}) // which a busy machine's worker keeps to once it has work
	s := open(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if _, err := s.Recv(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	play(t, s, video(t))
}

func TestRefusedLadder(t *testing.T) {
	p := start(t, worker.Config{})
	vp8 := transcoder.Ladder{{Name: "x", Codec: media.VP8, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1}}
	_, err := p.Open(t.Context(), transcoder.SessionConfig{Ladder: vp8})
	if err == nil || !strings.Contains(err.Error(), "they encode") {
		t.Errorf("%v", err)
	}
}

func TestMissingBinary(t *testing.T) {
	_, err := worker.New(worker.Config{Binary: "/nowhere/castnet-worker", Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("%v", err)
	}
	if _, err := worker.FindBinary(); err == nil || !strings.Contains(err.Error(), "not found beside") {
		t.Errorf("%v", err)
	}
}
