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
	pairs = 3
	// quiet is how long the network gets to settle what a stream has left, before the command line runs.
	quiet = 2 * time.Second
)

// overhead measures what the network costs over the plain ffmpeg command line that makes the same ladder of the same
// pictures with the same x264 settings: CPU seconds of broadcaster, orchestrators and workers for a whole stream, lease
// and tickets included, against those of one ffmpeg, each in real time. Whole streams, since on a busy machine either
// may lag behind: all of the work is counted whenever it is done.
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
	length := max((measure * 3 / 5 / (2 * pairs)).Truncate(gop), gop) // whole GOPs: key pictures cost more
	if err := inPairs(ctx, r, ffmpeg, video, length); err != nil {
		return nil, err
	}
	progress("the workers alone")
	short := source
	short.Seconds = 6 // three GOPs, so that several pairs fit
	alone, err := transcode.Run(ctx, transcode.Config{
		FFmpeg: ffmpeg, Worker: filepath.Join(testnet.Root(), "bin", "castnet-worker"), Clip: short,
		Ladder: transcoder.DefaultLadder(short.Width, short.Height), Budget: measure * 2 / 5,
	})
	if err != nil {
		return nil, err
	}
	r.Figures["transcoder_cpu_ratio"] = alone.CPURatio
	r.Samples["transcoder_cpu_ratio"] = len(alone.WorkerCPU)
	return r, nil
}

// inPairs fills in cpu_ratio, the median of the pairs, and what each part uses: seconds of CPU a second of stream.
func inPairs(ctx context.Context, r *result, ffmpeg string, video *clip.Video, length time.Duration) (err error) {
	s, err := raise(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var ratios, ours, theirs, broadcaster, orchestrators, workers []float64
	for i := range pairs {
		progress("pair %d of %d: streams of %v", i+1, pairs, length)
		network, err := s.whole(ctx, video, length)
		if err != nil {
			return err
		}
		plain, err := commandLine(ctx, ffmpeg, video, length)
		if err != nil {
			return err
		}
		progress("  %.2f CPU-s, the command line %.2f", network.sum(), plain)
		ratios = append(ratios, network.sum()/plain)
		perSecond := 1 / length.Seconds()
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

// whole pushes a stream of some length and measures it from before its first picture until it is settled.
func (s *scene) whole(ctx context.Context, video *clip.Video, length time.Duration) (usage, error) {
	before, err := used(s.network)
	if err != nil {
		return usage{}, err
	}
	if err := s.push(ctx, video, length); err != nil {
		return usage{}, err
	}
	if err := <-s.pushed; err != nil {
		return usage{}, fmt.Errorf("publisher: %w", err)
	}
	s.stop()
	s.stop = nil
	if err := s.settled(ctx); err != nil {
		return usage{}, err
	}
	after, err := used(s.network)
	return after.minus(before), err
}

// settled waits until every segment of the stream has been verified and the worker that made them has gone.
func (s *scene) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		select {
		case <-time.After(quiet): // the lease ends, its worker is killed and reaped
		case <-ctx.Done():
			return errors.New("the network did not do all of its work: is the machine too busy?")
		}
		view, err := s.network.Stream(ctx, stream)
		if err != nil {
			return err
		}
		if view.Segments.Count > 0 && view.Verified.OK == view.Segments.Count {
			return nil
		}
	}
}

// commandLine measures the same of the same clip in the plain command line.
func commandLine(ctx context.Context, ffmpeg string, video *clip.Video, length time.Duration) (float64, error) {
	args := transcode.CommandLine(source, transcoder.DefaultLadder(source.Width, source.Height),
		"-re", "-t", fmt.Sprint(length.Seconds()), "-i", video.File)
	cmd := exec.CommandContext(ctx, ffmpeg, args...) //nolint:gosec // the bench's own
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%v: %w: %s", cmd.Args, err, out)
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), nil
}
