// Command soak runs transcoding sessions in worker processes for an hour (SOAK_MINUTES), beside others that come, go, and
// are killed, and tells at the end what grew: memory, processes, files, goroutines. Its last line is a JSON object, as
// the benches' is. Others come one right after the other, which takes all cores there are, or SOAK_PAUSE seconds apart.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"

	"castnet/test/children"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// lasting are the sources of the sessions that go on from the beginning to the end, in real time.
var lasting = []clip.Spec{ //nolint:gochecknoglobals // a constant
	{Width: 1280, Height: 720, FPS: 30, Seconds: 8, GOP: 60, Bitrate: 2_500_000},
	{Width: 640, Height: 360, FPS: 30, Seconds: 8, GOP: 60, BFrames: 2, Bitrate: 1_000_000},
}

// passing is the source of those that come and go.
var passing = clip.Spec{Width: 640, Height: 360, FPS: 30, Seconds: 4, GOP: 30} //nolint:gochecknoglobals // a constant

const (
	// warmUp is the part of the time in which pools and caches may still grow, and window the part at its end, and at
	// the end of all, that is compared.
	warmUp, window = 0.2, 0.1
	sampleEvery    = 2 * time.Second
	killEvery      = 20 * time.Second
	mayGrow        = 1.05 // issue: flat within 5 %
)

// figures is what the soak found.
type figures struct {
	Minutes          float64   `json:"minutes"`
	WorkerRSSMiB     []float64 `json:"worker_rss_mib"` // of each lasting session's process, at the end
	WorkerRSSGrowth  []float64 `json:"worker_rss_growth"`
	ParentRSSMiB     float64   `json:"parent_rss_mib"`
	ParentRSSGrowth  float64   `json:"parent_rss_growth"`
	WorkerFiles      int       `json:"worker_files_more"` // than after the warm-up
	ParentFiles      int       `json:"parent_files_left"` // over, when all is closed
	Goroutines       int       `json:"goroutines_left"`
	Processes        int       `json:"processes_left"`
	Pictures         int       `json:"pictures"`
	FramesMissing    int       `json:"frames_missing"`
	FramesDuplicated int       `json:"frames_duplicated"`
	Sessions         int       `json:"sessions_passed"`
	Kills            int       `json:"kills"`
}

func (f *figures) ok() bool {
	flat := f.ParentRSSGrowth <= mayGrow && len(f.WorkerRSSGrowth) == len(lasting)
	for _, g := range f.WorkerRSSGrowth {
		flat = flat && g <= mayGrow
	}
	return flat && f.WorkerFiles <= 0 && f.ParentFiles <= 0 && f.Goroutines <= 0 && f.Processes == 0 &&
		f.FramesMissing == 0 && f.FramesDuplicated == 0
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s, err := settings()
	if err != nil {
		fatal(err)
	}
	f, err := soak(ctx, s)
	if err != nil {
		fatal(err)
	}
	line, err := json.Marshal(map[string]any{
		"bench": "soak-transcode", "figures": f, "budget": map[string]float64{"rss_growth": mayGrow}, "ok": f.ok(),
	})
	if err != nil {
		fatal(err)
	}
	_, _ = fmt.Fprintln(os.Stdout, string(line))
}

// schedule is how long all lasts, and the pause between sessions that come and go.
type schedule struct{ length, pause time.Duration }

// settings reads the schedule from the environment.
func settings() (schedule, error) {
	minutes, err := number("SOAK_MINUTES", 60)
	if err != nil || !(minutes > 0) {
		return schedule{}, fmt.Errorf("SOAK_MINUTES=%s: give a number of minutes, more than 0", os.Getenv("SOAK_MINUTES"))
	}
	pause, err := number("SOAK_PAUSE", 0)
	if err != nil || !(pause >= 0) {
		return schedule{}, fmt.Errorf("SOAK_PAUSE=%s: give a number of seconds, 0 or more", os.Getenv("SOAK_PAUSE"))
	}
	return schedule{time.Duration(minutes * float64(time.Minute)), time.Duration(pause * float64(time.Second))}, nil
}

func number(name string, fallback float64) (float64, error) {
	if text := os.Getenv(name); text != "" {
		return strconv.ParseFloat(text, 64)
	}
	return fallback, nil
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "soak:", err)
	os.Exit(1) //nolint:forbidigo // this is a main
}

// soak runs the sessions, and compares what is there before and after.
func soak(ctx context.Context, s schedule) (figures, error) {
	f := figures{Minutes: s.length.Minutes()}
	binary, err := filepath.Abs("bin/castnet-worker")
	if err != nil {
		return f, err
	}
	var videos []*clip.Video
	for _, spec := range append(lasting, passing) {
		v, err := clip.Make(ctx, spec)
		if err != nil {
			return f, err
		}
		videos = append(videos, v)
	}
	before, err := look(os.Getpid())
	if err != nil {
		return f, err
	}
	pool, err := worker.New(worker.Config{
		Binary: binary, MaxSessions: 16, Stall: 10 * time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return f, err
	}
	running, end := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- pool.Run(running) }()
	err = play(ctx, pool, videos, s, &f)
	end()
	if err = errors.Join(err, <-ran); err != nil {
		return f, err
	}
	after, err := look(os.Getpid())
	f.ParentFiles, f.Goroutines, f.Processes = after.files-before.files, after.goroutines-before.goroutines, len(children.List())
	return f, err
}

// play runs the lasting sessions, the passing ones, and the watch over all processes.
func play(ctx context.Context, pool *worker.Pool, videos []*clip.Video, s schedule, f *figures) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.length, errOver)
	defer cancel()
	n := len(lasting)
	streams := make([]*stream, n)
	ended := make(chan error, n)
	for i := range streams {
		open, err := pool.Open(ctx, transcoder.SessionConfig{
			ID: fmt.Sprint("lasting-", i), Ladder: transcoder.DefaultLadder(lasting[i].Width, lasting[i].Height),
		})
		if err != nil {
			return err
		}
		streams[i] = newStream(open, videos[i])
		go func() { ended <- streams[i].run(ctx); cancel() }()
	}
	errs := make([]error, 0, n+2)
	for _, s := range streams {
		select {
		case <-s.begun:
		case err := <-ended:
			return fmt.Errorf("a lasting session did not begin: %w", err)
		}
	}
	w := newWatch(children.List(), s.length)
	passed := make(chan error, 1)
	go func() { passed <- pass(ctx, pool, videos[n], s.pause, f); cancel() }()
	err := w.run(ctx, f)
	cancel()
	errs = append(errs, err, <-passed)
	for range streams {
		errs = append(errs, <-ended)
	}
	for _, s := range streams {
		f.Pictures += s.pictures
		f.FramesMissing += s.missing
		f.FramesDuplicated += s.duplicated
	}
	w.judge(f)
	return errors.Join(errs...)
}

var errOver = errors.New("the time is over")

// over is nil for what only the end of the time caused.
func over(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), errOver) {
		return nil
	}
	return err
}
