// Package transcode measures the worker processes against the ffmpeg command line: same libav, ladder, preset, threads
// and pictures, in one run.
package transcode

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// Config says what to measure with.
type Config struct {
	// FFmpeg is the command line built with the libav that Worker links; Worker is castnet-worker.
	FFmpeg, Worker string
	// Clip is the source. Its GOP is the segment.
	Clip clip.Spec
	// Ladder is what both make of it; nil: the default ladder of the source's size.
	Ladder transcoder.Ladder
	// Live is the source of the latencies; the zero value is Clip, without its B-frames, which delay by themselves.
	Live clip.Spec
	// Pairs is how often both run, in turn. Default 5.
	Pairs int
	// Budget bounds the pairs: those that don't fit are left out, but for the first. Default 60 s.
	Budget time.Duration
	// CPUOnly leaves out what is not about CPU time.
	CPUOnly bool
}

func (c *Config) validate() error {
	if c.FFmpeg == "" || c.Worker == "" {
		return errors.New("bench transcode: paths of ffmpeg and castnet-worker are needed")
	}
	if c.Ladder == nil {
		c.Ladder = transcoder.DefaultLadder(c.Clip.Width, c.Clip.Height)
	}
	if c.Live == (clip.Spec{}) {
		c.Live = c.Clip
		c.Live.BFrames = 0
	}
	if c.Pairs == 0 {
		c.Pairs = 5
	}
	if c.Budget == 0 {
		c.Budget = time.Minute
	}
	return c.Ladder.Validate()
}

// Figures is what was measured.
type Figures struct {
	// CPURatio is the worker's CPU time over the command line's: the median of the pairs.
	CPURatio float64
	// WorkerCPU and FFmpegCPU are the CPU seconds of each run.
	WorkerCPU, FFmpegCPU []float64
	// SSIMDelta is the least, over the rungs, of the worker's mean SSIM with the source less the command line's.
	SSIMDelta float64
	// WorkerRSS is the largest resident size of a worker, in MiB.
	WorkerRSS float64
	// Lags is of each rung at the source's own speed.
	Lags []Lag
	// Resume is the time to the first new unit of a worker that replaces another at the end of a segment; Respawn the
	// time from a worker's death until another session is open. Both without the network's share.
	Resume, Respawn time.Duration
}

// Lag is how long after a source unit went in a rung's unit came out.
type Lag struct {
	Rung     string
	P50, P95 time.Duration
	Units    int // that were measured
}

// Run measures. It starts processes and takes as long as they do, about Budget.
func Run(ctx context.Context, cfg Config) (Figures, error) {
	var f Figures
	if err := cfg.validate(); err != nil {
		return f, err
	}
	video, err := clip.Make(ctx, cfg.Clip)
	if err != nil {
		return f, err
	}
	pool, err := worker.New(worker.Config{Binary: cfg.Worker, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return f, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- pool.Run(ctx) }()
	if err = measure(ctx, cfg, video, pool, &f); err == nil && !cfg.CPUOnly {
		err = times(ctx, cfg, pool, &f)
	}
	if err == nil && !cfg.CPUOnly {
		f.SSIMDelta, err = quality(ctx, cfg, video, pool)
	}
	cancel()
	return f, errors.Join(err, <-ran)
}

func measure(ctx context.Context, cfg Config, video *clip.Video, pool *worker.Pool, f *Figures) error {
	started := time.Now()
	var ratios []float64
	for i := range cfg.Pairs {
		if i > 0 && time.Since(started)*time.Duration(i+1)/time.Duration(i) > cfg.Budget {
			break
		}
		ours, err := cpu(func() error {
			rss, err := ladder(ctx, pool, cfg.Ladder, video, func(transcoder.Rendered) {})
			f.WorkerRSS = max(f.WorkerRSS, rss)
			return err
		})
		if err != nil {
			return fmt.Errorf("worker: %w", err)
		}
		theirs, err := cpu(func() error { return commandLine(ctx, cfg, video, nowhere) })
		if err != nil {
			return fmt.Errorf("ffmpeg: %w", err)
		}
		f.WorkerCPU, f.FFmpegCPU = append(f.WorkerCPU, ours), append(f.FFmpegCPU, theirs)
		ratios = append(ratios, ours/theirs)
	}
	slices.Sort(ratios)
	f.CPURatio = ratios[len(ratios)/2]
	return nil
}

// times measures latencies, with nothing else running.
func times(ctx context.Context, cfg Config, pool *worker.Pool, f *Figures) error {
	video, err := clip.Make(ctx, cfg.Live)
	if err != nil {
		return err
	}
	ladder := transcoder.DefaultLadder(cfg.Live.Width, cfg.Live.Height)
	took, err := RealTime(ctx, pool, ladder, video)
	if err != nil {
		return fmt.Errorf("real time: %w", err)
	}
	for i, rung := range took {
		f.Lags = append(f.Lags, Lag{ladder[i].Name, rung[len(rung)/2], rung[len(rung)*95/100], len(rung)})
	}
	if f.Resume, err = resume(ctx, pool, ladder, video); err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	if f.Respawn, err = respawn(ctx, pool, ladder); err != nil {
		return fmt.Errorf("respawn: %w", err)
	}
	return nil
}

// cpu is the CPU seconds of the children that end during do.
func cpu(do func() error) (float64, error) {
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &before); err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &after)
	seconds := func(r syscall.Rusage) float64 {
		return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
	}
	return seconds(after) - seconds(before), err
}

// Play runs the whole clip through a session as fast as it goes, and calls each with its units.
func Play(ctx context.Context, pool *worker.Pool, l transcoder.Ladder, video *clip.Video, each func(transcoder.Rendered)) error {
	_, err := ladder(ctx, pool, l, video, each)
	return err
}

// ladder runs the whole clip through one worker, which has been reaped when it returns, and calls each with its units.
func ladder(ctx context.Context, pool *worker.Pool, l transcoder.Ladder, video *clip.Video, each func(transcoder.Rendered)) (rss float64, err error) {
	session, err := pool.Open(ctx, transcoder.SessionConfig{ID: "bench", Ladder: l})
	if err != nil {
		return 0, err
	}
	defer func() { _ = session.Close() }()
	sent := make(chan error, 1)
	go func() { sent <- send(ctx, session, video, func(*media.Unit) {}) }()
	want := 0
	for _, p := range l {
		want += (len(video.Units) + p.Divisor - 1) / p.Divisor
	}
	if err := receive(ctx, session, want, each); err != nil {
		return 0, err
	}
	return childRSS(), <-sent
}

// receive takes n units out of a session.
func receive(ctx context.Context, s transcoder.Session, n int, each func(transcoder.Rendered)) error {
	for n > 0 {
		out, err := s.Recv(ctx)
		if err != nil {
			return err
		}
		switch o := out.(type) {
		case transcoder.Rendered:
			n--
			each(o)
		case transcoder.BadInput:
			return fmt.Errorf("%+v", o)
		}
	}
	return nil
}

// send puts the whole clip into a session, a segment a GOP; before is called ahead of each unit.
func send(ctx context.Context, s transcoder.Session, video *clip.Video, before func(*media.Unit)) error {
	seq := uint64(0)
	for i, u := range video.Units {
		if u.Key {
			if i > 0 {
				if err := s.Send(ctx, transcoder.EndSegment{Seq: seq, Drain: true}); err != nil {
					return err
				}
				seq++
			}
			start := transcoder.StartSegment{Seq: seq, FirstPTS: u.PTS, Track: video.Track, Fresh: i == 0}
			if err := s.Send(ctx, start); err != nil {
				return err
			}
		}
		before(u)
		if err := s.Send(ctx, transcoder.WriteUnit{Unit: u}); err != nil {
			return err
		}
	}
	return s.Send(ctx, transcoder.EndSegment{Seq: seq, Drain: true})
}

// CommandLine is the arguments of ffmpeg that make the same renditions as a person would by hand: the same encoder, told
// the same; each rendition scaled from the source by the same kernel (bicubic), where the worker scales it from the one
// above by code of its own; one thread a codec. input names the source, with its options.
func CommandLine(source clip.Spec, ladder transcoder.Ladder, input ...string) []string {
	return arguments(source, ladder, nowhere, input...)
}

// nowhere is the arguments of an output that costs nothing.
func nowhere(int) []string { return []string{"-f", "null", "-"} }

func arguments(source clip.Spec, ladder transcoder.Ladder, output func(rung int) []string, input ...string) []string {
	args := append([]string{"-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-threads", "1"}, input...)
	for i, p := range ladder {
		rate := strconv.Itoa(p.Bitrate)
		fps := float64(source.FPS) / float64(p.Divisor)
		args = append(args, "-map", "0:v", "-filter_threads", "1",
			"-vf", fmt.Sprintf("fps=%g,scale=%d:%d:flags=bicubic", fps, p.Width, p.Height),
			"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "high", "-threads", "1",
			"-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-qmin", "14", "-forced-idr", "1",
			"-force_key_frames", fmt.Sprintf("expr:gte(n,n_forced*%d)", source.GOP/p.Divisor),
			"-x264-params", "keyint=infinite:scenecut=0:bframes=0:sliced-threads=0")
		args = append(args, output(i)...)
	}
	return args
}

func commandLine(ctx context.Context, cfg Config, video *clip.Video, output func(rung int) []string) error {
	args := arguments(cfg.Clip, cfg.Ladder, output, "-i", video.File)
	if out, err := exec.CommandContext(ctx, cfg.FFmpeg, args...).CombinedOutput(); err != nil { //nolint:gosec // the bench's own
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
