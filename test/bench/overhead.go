package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"castnet/test/bench/transcode"
	"castnet/test/clip"
	"castnet/test/testnet"
	"castnet/transcoder"
)

const (
	// pairs is how often the network and the command line run, in turn.
	pairs = 5
	// quiet is how long the network gets to settle what a stream has left, before the command line runs.
	quiet = 2 * time.Second
)

// overhead measures what the network costs over the plain ffmpeg command line that makes the same ladder of the same
// pictures with the same x264 settings: CPU seconds of broadcaster, orchestrators and workers, against those of one
// ffmpeg, each in real time over the same stretch of the stream.
func overhead(ctx context.Context, measure time.Duration) (*result, error) {
	ffmpeg, err := exec.LookPath("ffmpeg") // make has put the one that the workers are built with first
	if err != nil {
		return nil, err
	}
	video, err := clip.Make(ctx, source)
	if err != nil {
		return nil, err
	}
	r := &result{
		Figures: figures{}, Samples: map[string]int{},
		Budget: figures{"cpu_ratio": 1.25, "transcoder_cpu_ratio": 1.05},
	}
	stretch := max((measure * 2 / 3 / (2 * pairs)).Truncate(gop), gop) // whole GOPs: key pictures cost more
	if err := inPairs(ctx, r, ffmpeg, video, stretch); err != nil {
		return nil, err
	}
	progress("the workers alone")
	short := source
	short.Seconds = 6 // three GOPs, so that several pairs fit
	alone, err := transcode.Run(ctx, transcode.Config{
		FFmpeg: ffmpeg, Worker: filepath.Join(testnet.Root(), "bin", "castnet-worker"), Clip: short,
		Ladder: transcoder.DefaultLadder(short.Width, short.Height), Budget: measure / 3,
	})
	if err != nil {
		return nil, err
	}
	r.Figures["transcoder_cpu_ratio"] = alone.CPURatio
	r.Samples["transcoder_cpu_ratio"] = len(alone.WorkerCPU)
	return r, nil
}

// inPairs fills in cpu_ratio, the median of the pairs, and what each part uses: seconds of CPU a second of stream.
func inPairs(ctx context.Context, r *result, ffmpeg string, video *clip.Video, stretch time.Duration) (err error) {
	s, err := raise(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var ratios, ours, theirs, broadcaster, orchestrators, workers []float64
	for i := range pairs {
		progress("pair %d of %d: %v of the stream", i+1, pairs, stretch)
		network, err := s.stretch(ctx, video, stretch)
		if err != nil {
			return err
		}
		plain, err := commandLine(ctx, ffmpeg, video, stretch)
		if err != nil {
			return err
		}
		progress("  %.2f CPU-s, the command line %.2f", network.sum(), plain)
		ratios = append(ratios, network.sum()/plain)
		perSecond := 1 / stretch.Seconds()
		ours, theirs = append(ours, network.sum()*perSecond), append(theirs, plain*perSecond)
		broadcaster = append(broadcaster, network.broadcaster*perSecond)
		orchestrators = append(orchestrators, network.orchestrators*perSecond)
		workers = append(workers, network.workers*perSecond)
	}
	for name, values := range map[string][]float64{
		"cpu_ratio": ratios, "network_cores": ours, "ffmpeg_cores": theirs,
		"broadcaster_cores": broadcaster, "orchestrators_cores": orchestrators, "workers_cores": workers,
	} {
		r.Figures[name] = percentile(values, 50)
	}
	r.Samples["cpu_ratio"] = len(ratios)
	return nil
}

// stretch pushes the clip and measures a stretch of it, once it has settled.
func (s *scene) stretch(ctx context.Context, video *clip.Video, d time.Duration) (usage, error) {
	if err := s.push(ctx, video); err != nil {
		return usage{}, err
	}
	if err := s.wait(ctx, settle); err != nil {
		return usage{}, err
	}
	before, err := used(s.network)
	if err != nil {
		return usage{}, err
	}
	if err := s.wait(ctx, d); err != nil {
		return usage{}, err
	}
	after, err := used(s.network)
	if err != nil {
		return usage{}, err
	}
	view, err := s.network.Stream(ctx, stream)
	if err != nil {
		return usage{}, err
	}
	if view.Verified.OK == 0 || view.Verified.Failed > 0 {
		return usage{}, fmt.Errorf("the network did not do its work: %d segments verified, %d failed", view.Verified.OK, view.Verified.Failed)
	}
	if err := s.endPush(); err != nil {
		return usage{}, err
	}
	select {
	case <-time.After(quiet):
		return after.minus(before), nil
	case <-ctx.Done():
		return usage{}, ctx.Err()
	}
}

// commandLine measures the same stretch of the same clip in the plain command line.
func commandLine(ctx context.Context, ffmpeg string, video *clip.Video, d time.Duration) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args := transcode.CommandLine(source, transcoder.DefaultLadder(source.Width, source.Height),
		"-re", "-stream_loop", "-1", "-i", video.File)
	cmd := exec.CommandContext(ctx, ffmpeg, args...) //nolint:gosec // the bench's own
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	var failed error
	go func() { failed = cmd.Wait(); close(ended) }()
	var at [2]float64
	for i, wait := range []time.Duration{settle, d} {
		select {
		case <-time.After(wait):
		case <-ended:
			return 0, fmt.Errorf("%v ended: %w", cmd.Args, failed)
		}
		own, _, err := spent(cmd.Process.Pid)
		if err != nil {
			return 0, err
		}
		at[i] = own
	}
	cancel()
	<-ended
	return at[1] - at[0], nil
}
