// Command gpu checks what castnet-worker makes of the devices of a machine: self-test, correctness, speed, latency, and
// sessions until one is refused. `make gpu-bundle` packs it with all that it needs, for a bare NVIDIA machine.
package main

import (
	"context"
	"encoding/gob"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"castnet/internal/media"
	"castnet/test/bench/transcode"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/cards"
	"castnet/transcoder/worker"
)

// source is what every device gets: 1080p30 of a camera, without B-frames.
var source = clip.Spec{Width: 1920, Height: 1080, FPS: 30, Seconds: 8, GOP: 60, Bitrate: 6_000_000} //nolint:gochecknoglobals // a constant

// tooMany is where the search for the session limit ends.
const tooMany = 64

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	pack := flag.String("pack", "", "write the clip into this folder, and do nothing else")
	dir := flag.String("dir", ".", "the folder with castnet-worker, ffmpeg and the clip")
	flag.Parse()
	run := func() error { return check(ctx, *dir) }
	if *pack != "" {
		run = func() error { return packClip(ctx, *pack) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gpu:", err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

// say is for whoever runs this.
func say(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format, args...) }

func packClip(ctx context.Context, dir string) error {
	v, err := clip.Make(ctx, source)
	if err != nil {
		return err
	}
	mp4, err := os.ReadFile(v.File)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "clip.mp4"), mp4, 0o600); err != nil { //nolint:gosec // the bundle's own
		return err
	}
	f, err := os.Create(filepath.Join(dir, "clip.gob")) //nolint:gosec // the bundle's own
	if err != nil {
		return err
	}
	return errors.Join(gob.NewEncoder(f).Encode(v), f.Close())
}

func unpackClip(dir string) (*clip.Video, error) {
	f, err := os.Open(filepath.Join(dir, "clip.gob")) //nolint:gosec // the bundle's own
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	v := new(clip.Video)
	err = gob.NewDecoder(f).Decode(v)
	v.File = filepath.Join(dir, "clip.mp4")
	return v, err
}

// check fails where a device does not do what its self-test says that it can.
func check(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir) // workers start in /
	if err != nil {
		return err
	}
	video, err := unpackClip(dir)
	if err != nil {
		return err
	}
	binary := filepath.Join(dir, "castnet-worker")
	places, err := worker.Probe(ctx, binary)
	if err != nil {
		return err
	}
	say("%v\n", "self-test")
	for _, p := range places {
		say("  %-16v decodes %v, encodes %v\n", p.Device, p.Decode, p.Encode)
		if p.Problem != "" {
			say("  %-16s %s\n", "", p.Problem)
		}
	}
	watch, err := cards.New(cards.Config{Logger: slog.New(slog.NewTextHandler(os.Stdout, nil))})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan error, 1)
	go func() { watched <- watch.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-watched; err != nil {
			say("watch of the cards: %v\n", err)
		}
	}()
	var failed error
	for _, p := range places {
		if len(p.Encode) == 0 {
			continue
		}
		if err := examine(ctx, dir, p, video, watch); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%v: %w", p.Device, err))
		}
	}
	return failed
}

// examine does everything with one device.
func examine(ctx context.Context, dir string, place transcoder.Place, video *clip.Video, watch *cards.Watch) error {
	pool, err := worker.New(worker.Config{
		Binary: filepath.Join(dir, "castnet-worker"), Places: []transcoder.Place{place}, MaxSessions: tooMany,
		Cards: watch, Stall: 20 * time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- pool.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ran; err != nil {
			say("  the pool ended: %v\n", err)
		}
	}()
	say("%v\n", place.Device)
	var failed error
	for _, c := range place.Encode {
		if err := correct(ctx, dir, pool, c, video); err != nil {
			say("  %v: FAILED: %v\n", c, err)
			failed = errors.Join(failed, fmt.Errorf("%v: %w", c, err))
		}
	}
	ladder := transcoder.DefaultLadder(source.Width, source.Height)
	took, err := transcode.RealTime(ctx, pool, ladder, video)
	if err != nil {
		return errors.Join(failed, fmt.Errorf("real time: %w", err))
	}
	for i, rung := range took {
		say("  unit in to unit out, real time, %s: p50 %v, p95 %v, worst %v\n", ladder[i].Name, round(rung[len(rung)/2]),
			round(rung[len(rung)*95/100]), round(rung[len(rung)-1]))
	}
	sessions(ctx, pool, ladder, video, func() {
		if c, err := watch.Card(place.Device.Index); err == nil && place.Device.Backend != transcoder.Software {
			say("  the card, by NVML: %+v\n", c)
		}
	})
	return failed
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// correct transcodes the clip as fast as it goes, checks that no picture is missing, and compares H264 with the source.
func correct(ctx context.Context, dir string, pool *worker.Pool, c media.Codec, video *clip.Video) error {
	ladder := transcoder.DefaultLadder(source.Width, source.Height)
	for i := range ladder {
		ladder[i].Codec = c
	}
	got := make([][]*media.Unit, len(ladder))
	started := time.Now()
	err := transcode.Play(ctx, pool, ladder, video, func(r transcoder.Rendered) { got[r.Rendition] = append(got[r.Rendition], r.Unit) })
	if err != nil {
		return err
	}
	speed := float64(len(video.Units)) / time.Since(started).Seconds()
	say("  %v: %.0f pictures a second (1080p into %d rungs, one session)\n", c, speed, len(ladder))
	var want []int64
	for _, u := range video.Units {
		want = append(want, u.PTS)
	}
	slices.Sort(want)
	for i, p := range ladder {
		var have []int64
		for _, u := range got[i] {
			have = append(have, u.PTS)
		}
		if !slices.Equal(have, want) {
			return fmt.Errorf("%s: %d pictures of %d, or others", p.Name, len(have), len(want))
		}
		if c != media.H264 {
			continue
		}
		like, err := likeness(ctx, dir, p, got[i], video)
		if err != nil {
			return err
		}
		say("    %s: every picture, SSIM %.4f\n", p.Name, like)
	}
	return nil
}

func likeness(ctx context.Context, dir string, p transcoder.Profile, units []*media.Unit, video *clip.Video) (float64, error) {
	f, err := os.CreateTemp("", "castnet-gpu-*.h264")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	for _, u := range units {
		_, err = f.Write(u.Payload)
		if err != nil {
			return 0, errors.Join(err, f.Close())
		}
	}
	if err := f.Close(); err != nil {
		return 0, err
	}
	return transcode.SSIM(ctx, filepath.Join(dir, "ffmpeg"), f.Name(), video.File, p)
}

// sessions opens sessions, each at work, until one is refused. meanwhile is called when all that there can be are open.
func sessions(ctx context.Context, pool *worker.Pool, ladder transcoder.Ladder, video *clip.Video, meanwhile func()) {
	var open []transcoder.Session
	defer func() {
		meanwhile()
		for _, s := range open {
			_ = s.Close()
		}
	}()
	for len(open) < tooMany {
		s, err := pool.Open(ctx, transcoder.SessionConfig{ID: fmt.Sprint("many-", len(open)), Ladder: ladder})
		if err == nil {
			open = append(open, s)
			err = first(ctx, s, video)
		}
		if err != nil {
			say("  session %d is refused: %v\n", len(open)+1, err)
			return
		}
	}
	say("  %d sessions at once, none refused\n", tooMany)
}

// first makes a session decode and encode a picture.
func first(ctx context.Context, s transcoder.Session, video *clip.Video) error {
	err := s.Send(ctx, transcoder.StartSegment{Track: video.Track, Fresh: true, FirstPTS: video.Units[0].PTS})
	if err == nil {
		err = s.Send(ctx, transcoder.WriteUnit{Unit: video.Units[0]})
	}
	for err == nil {
		var out transcoder.Output
		if out, err = s.Recv(ctx); err == nil {
			if _, ok := out.(transcoder.Rendered); ok {
				return nil
			}
		}
	}
	return err
}
