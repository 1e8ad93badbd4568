package main

import (
	"context"
	"errors"
	"time"

	"castnet/test/abr"
	"castnet/test/clip"
)

// adaptive measures what a viewer in Chromium sees whose link becomes narrow, good again, and lossy.
func adaptive(ctx context.Context, measure time.Duration) (r *result, err error) {
	video, err := clip.Make(ctx, clip.Spec{Width: abr.Wide, Height: abr.Wide * 9 / 16, FPS: fps, Seconds: 10, GOP: 2 * fps, Bitrate: 2_000_000})
	if err != nil {
		return nil, err
	}
	s, err := raise(ctx, "--ladder", abr.Ladder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.push(ctx, video, time.Hour); err != nil {
		return nil, err
	}
	if err := s.wait(ctx, settle); err != nil {
		return nil, err
	}
	progress("a browser behind a link")
	seen, err := abr.Watch(ctx, s.network, stream, abr.Times{
		Start: 20 * time.Second, Squeeze: measure / 4, Release: 20 * time.Second, Radio: measure / 4,
	})
	if err != nil {
		return nil, err
	}
	return &result{
		Figures: figures{
			"top_ms": milliseconds(seen.Top), "down_ms": milliseconds(seen.Down), "up_ms": milliseconds(seen.Up),
			"squeeze_freeze_ms": milliseconds(seen.SqueezeGap), "release_freeze_ms": milliseconds(seen.ReleaseGap),
			"lossy_freeze_ms": milliseconds(seen.RadioGap), "lossy_fps": seen.RadioPictures,
			"decoder_errors": float64(seen.Errors), "lost_packets": float64(seen.Lost), "overflowed_packets": float64(seen.Overflowed),
			"browser_freezes": float64(seen.Freezes),
		},
		Samples: map[string]int{"down_ms": 1, "up_ms": 1},
		Budget: figures{
			"down_ms": 5000, "squeeze_freeze_ms": 500, "release_freeze_ms": 500, "up_ms": 15_000, "decoder_errors": 0, "lossy_fps": 0.8 * fps,
		},
		atLeast: map[string]bool{"lossy_fps": true},
	}, nil
}
