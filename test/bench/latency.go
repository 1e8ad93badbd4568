package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"castnet/test/clip"
	"castnet/test/viewer"
	"castnet/transcoder"
)

const (
	// settle is how long a stream runs before its pictures count: decoders, encoders and rate control have begun.
	settle = 4 * time.Second
	// arrive is how long a picture may take before it is missing.
	arrive = 2 * time.Second
	// joins is how many viewers come.
	joins = 24
	// nearLive is how far behind live a viewer is who has joined.
	nearLive = 150 * time.Millisecond
	// joinLimit is where a join is given up; it counts as that long.
	joinLimit = 5 * time.Second
)

// latency measures from the publisher's socket to the viewer's: how old a picture is when its last packet comes by
// WHEP, in the ladder's rungs and passed through, and how long joining takes. In the same run it measures the engine
// alone, fed with the same units at the same pace: what of the age is decoding, scaling and encoding. Last it measures from
// glass to glass, and sound against pictures, in a browser.
func latency(ctx context.Context, measure time.Duration) (*result, error) {
	video, err := clip.Make(ctx, source)
	if err != nil {
		return nil, err
	}
	r := &result{
		Figures: figures{}, Samples: map[string]int{},
		Budget: figures{
			"p50_ms": 80, "p95_ms": 150, "join_p90_ms": 150, "passthrough_p95_ms": 10,
			"glass_p95_ms": 400, "glass_fps": 20, // of 30 that are drawn: ages alone would say nothing of a picture that stands
		},
		Goals:   figures{"whep_sync_ms": 45, "hls_sync_ms": 45, "glass_join_p90_ms": 150},
		atLeast: map[string]bool{"glass_fps": true},
	}
	for _, part := range []func(context.Context, *result, *clip.Video, time.Duration) error{
		engineAlone, throughLadder, passedThrough, glassToGlass, flashAndBeep,
	} {
		if err := part(ctx, r, video, measure); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// throughLadder measures the rungs of the default ladder for three eighths of the time, then joins for an eighth.
func throughLadder(ctx context.Context, r *result, video *clip.Video, measure time.Duration) (err error) {
	var rungs []string
	for _, p := range transcoder.DefaultLadder(source.Width, source.Height) {
		rungs = append(rungs, p.Name)
	}
	progress("the network: one viewer of each of %v", rungs)
	s, err := raise(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	ages, missing, err := s.ages(ctx, video, rungs, measure*3/8)
	if err != nil {
		return err
	}
	r.Samples["p95_ms"] = len(ages[rungs[0]])
	r.Figures["frames_missing"] = float64(missing)
	for _, name := range rungs {
		p95 := percentile(ages[name], 95)
		r.Figures["p50_ms_"+name], r.Figures["p95_ms_"+name] = percentile(ages[name], 50), p95
		if p95 > r.Figures["p95_ms"] {
			r.Figures["p50_ms"], r.Figures["p95_ms"] = percentile(ages[name], 50), p95
		}
	}
	progress("%d viewers join", joins)
	took, err := s.joins(ctx, rungs, measure/8)
	if err != nil {
		return err
	}
	r.Figures["join_p50_ms"], r.Figures["join_p90_ms"] = percentile(took, 50), percentile(took, 90)
	r.Samples["join_p90_ms"] = len(took)
	return nil
}

// passedThrough measures the source in a network without a ladder, for an eighth of the time.
func passedThrough(ctx context.Context, r *result, video *clip.Video, measure time.Duration) (err error) {
	progress("the network without a ladder")
	s, err := raise(ctx, "--ladder", "none")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	ages, missing, err := s.ages(ctx, video, []string{"source"}, measure/8)
	if err != nil {
		return err
	}
	r.Figures["passthrough_p50_ms"] = percentile(ages["source"], 50)
	r.Figures["passthrough_p95_ms"] = percentile(ages["source"], 95)
	r.Samples["passthrough_p95_ms"] = len(ages["source"])
	r.Figures["frames_missing"] += float64(missing)
	return nil
}

// ages pushes, and measures how old the pictures that are sent within a stretch are when each viewer has them, in
// milliseconds; and how many never came.
func (s *scene) ages(ctx context.Context, video *clip.Video, renditions []string, stretch time.Duration) (ages map[string][]float64, missing int, err error) {
	if err := s.push(ctx, video, time.Hour); err != nil {
		return nil, 0, err
	}
	if err := s.watch(ctx, renditions...); err != nil {
		return nil, 0, err
	}
	if err := s.wait(ctx, settle); err != nil {
		return nil, 0, err
	}
	from := time.Now()
	if err := s.wait(ctx, stretch); err != nil {
		return nil, 0, err
	}
	to := time.Now()
	if err := s.wait(ctx, arrive); err != nil {
		return nil, 0, err
	}
	ages = make(map[string][]float64)
	for _, pts := range s.sent.between(from, to) {
		sent, _ := s.sent.get(pts)
		for _, name := range renditions {
			seen, ok := s.seen[name].get(pts)
			if !ok {
				missing++
				continue
			}
			ages[name] = append(ages[name], milliseconds(seen.Sub(sent)))
		}
	}
	return ages, missing, nil
}

// joins lets viewers come at random moments within a stretch, to one rung after the other, and returns how long each
// took, in milliseconds.
func (s *scene) joins(ctx context.Context, rungs []string, stretch time.Duration) ([]float64, error) {
	var wg sync.WaitGroup
	took, errs := make([]float64, joins), make([]error, joins)
	slot := stretch / joins
	for i := range joins {
		rest := time.Duration(rand.Int64N(int64(slot))) //nolint:gosec // a random moment is no secret
		if err := s.wait(ctx, rest); err != nil {
			errs[i] = err
			break
		}
		wg.Go(func() {
			var d time.Duration
			d, errs[i] = s.joining(ctx, rungs[i%len(rungs)])
			took[i] = milliseconds(d)
		})
		if err := s.wait(ctx, slot-rest); err != nil {
			errs[i] = err
			break
		}
	}
	wg.Wait()
	return took, errors.Join(errs...)
}

// joining measures from the POST of the offer to the first picture that can be shown and is near live. Live is what
// somebody sees who has watched the same rendition all along: a picture is near live when that viewer got it at most
// nearLive before, or has not got it yet. So the pictures' age, which is measured by itself, does not count twice, and
// a burst of old pictures does not count as joined.
func (s *scene) joining(ctx context.Context, rung string) (time.Duration, error) {
	joined := make(chan time.Time, 1)
	v, err := viewer.NewWHEP(func(p viewer.Picture) {
		if live, ok := s.seen[rung].get(p.PTS); ok && p.At.Sub(live) > nearLive {
			return
		}
		select {
		case joined <- p.At:
		default:
		}
	})
	if err != nil {
		return 0, err
	}
	limit := time.NewTimer(joinLimit)
	defer limit.Stop()
	posted := time.Now()
	took := joinLimit
	err = v.Join(ctx, s.url(rung))
	if err == nil {
		select {
		case at := <-joined:
			took = at.Sub(posted)
		case <-limit.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return took, errors.Join(err, v.Close())
}
