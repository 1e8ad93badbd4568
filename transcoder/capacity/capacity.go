// Package capacity measures what a transcoder really does: how many pixels a second, how many ladders at once in real
// time, and how late their pictures are.
package capacity

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"castnet/internal/media"
	"castnet/transcoder"
)

// Usable is the part of the throughput that real time can use: pictures come when they come, and a queue before an
// encoder that is busy all the time grows without end.
const Usable = 0.8

const (
	// late is what broadcasters hold a transcoder's lag against before they look for another.
	late = 300 * time.Millisecond
	// punctual is the part of a ladder's pictures that must be in time.
	punctual = 0.99
	// waver is the part by which a rate that is counted live is off.
	waver = 0.05
)

// Source is coded video to work on: whole groups of pictures in decoding order, each with a key first, and no B-frames.
type Source struct {
	Track *media.Track
	Units []*media.Unit
}

// validate also returns the track's clock of one round: sources are played again and again.
func (s *Source) validate() (round int64, err error) {
	if s.Track == nil || s.Track.FrameRate <= 0 || len(s.Units) == 0 || !s.Units[0].Key {
		return 0, errors.New("capacity: the source needs a frame rate, and pictures of which the first is a key")
	}
	return int64(float64(len(s.Units)) * float64(s.Track.ClockRate) / s.Track.FrameRate), nil
}

// Config says what to measure.
type Config struct {
	// Transcoder is what is measured. It must not refuse for want of measured capacity.
	Transcoder transcoder.Transcoder
	Source     Source
	// Ladder is what is made of it (default: the default ladder of the source's size).
	Ladder transcoder.Ladder
	// Parallel is how many sessions keep the transcoder busy altogether: its cores.
	Parallel int
	// Budget is how long it may take (default 30 s).
	Budget time.Duration
	// Watts is the power that the device takes at the moment, not a number where that is not known; nil: it never is.
	Watts func() float64
	// Progress is told what goes on; nil: nobody is.
	Progress func(string)
}

func (c *Config) validate() error {
	if c.Ladder == nil && c.Source.Track != nil {
		c.Ladder = transcoder.DefaultLadder(c.Source.Track.Width, c.Source.Track.Height)
	}
	if c.Budget == 0 {
		c.Budget = 30 * time.Second
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if c.Transcoder == nil || c.Parallel < 1 || c.Budget < 0 {
		return errors.New("capacity: a Transcoder, Parallel ≥ 1 and a Budget are needed")
	}
	if _, err := c.Source.validate(); err != nil {
		return err
	}
	return c.Ladder.Validate()
}

// demand is the pixels a second that one ladder takes in real time.
func (c *Config) demand() float64 {
	var sum float64
	for _, p := range c.Ladder {
		sum += float64(p.Pixels()) * c.Source.Track.FrameRate / float64(p.Divisor)
	}
	return sum
}

// Result is what was measured.
type Result struct {
	// Throughput is the pixels a second that were encoded when pictures came as fast as they were taken.
	Throughput int64 `json:"throughput_pixels_per_second"`
	// PixelsPerSecond is what can be taken on in real time.
	PixelsPerSecond int64 `json:"pixels_per_second"`
	// Ladders is how many ladders were made at once in real time, and P50 and P95 how late their pictures then were.
	Ladders int           `json:"ladders"`
	P50     time.Duration `json:"p50_ns"`
	P95     time.Duration `json:"p95_ns"`
	// Watts is what the device took, in the middle, when its throughput was measured; 0: not known.
	Watts float64 `json:"watts,omitempty"`
}

// Measure keeps the transcoder busy, which tells its throughput, then makes more ladders at once in real time, or fewer,
// until it is known how many can be.
func Measure(ctx context.Context, cfg Config) (Result, error) {
	var r Result
	if err := cfg.validate(); err != nil {
		return r, err
	}
	deadline := time.Now().Add(cfg.Budget)
	step := cfg.Budget / 6
	cfg.Progress(fmt.Sprintf("throughput of %d sessions, %v", cfg.Parallel, step.Round(time.Second)))
	watts := cfg.sampleWatts(step)
	flat, err := play(ctx, &cfg, cfg.Parallel, step, false)
	r.Watts = watts()
	if err != nil {
		return r, err
	}
	r.Throughput = int64(float64(flat.pixels) / step.Seconds())
	usable, demand := Usable*float64(r.Throughput), cfg.demand()
	failed := 0 // the least number that was too many; 0: none yet
	fits := func(n int) bool { return n > 0 && n != failed && float64(n)*demand <= float64(r.Throughput) }
	for n := max(int(usable/demand), 1); fits(n) && time.Until(deadline) > step/2; {
		cfg.Progress(fmt.Sprintf("%d ladders in real time, %v", n, step.Round(time.Second)))
		run, err := play(ctx, &cfg, n, min(step, time.Until(deadline)), true)
		switch {
		case errors.Is(err, transcoder.ErrBusy):
			failed = n
			n--
		case err != nil:
			return r, err
		case run.inTime() >= punctual:
			r.Ladders, r.P50, r.P95 = n, run.percentile(50), run.percentile(95)
			n++
		default:
			failed = n
			n--
		}
		if r.Ladders > 0 && n == r.Ladders {
			break // one more was too many
		}
	}
	r.PixelsPerSecond = int64(usable)
	if failed > 0 {
		r.PixelsPerSecond = min(r.PixelsPerSecond, int64((float64(failed)-waver)*demand))
	}
	r.PixelsPerSecond = min(max(r.PixelsPerSecond, int64((float64(r.Ladders)+waver)*demand)), r.Throughput)
	return r, nil
}

// wattSamples is how often the power is asked for while the throughput is measured.
const wattSamples = 10

// sampleWatts asks for the power again and again for about a time, until the function that it returns is called, which
// gives the median.
func (c *Config) sampleWatts(d time.Duration) func() float64 {
	if c.Watts == nil {
		return func() float64 { return 0 }
	}
	var seen []float64
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(max(d/wattSamples, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if w := c.Watts(); !math.IsNaN(w) {
					seen = append(seen, w)
				}
			case <-over:
				return
			}
		}
	}()
	return func() float64 {
		close(over)
		<-done
		if len(seen) == 0 {
			return 0
		}
		slices.Sort(seen)
		return seen[len(seen)/2]
	}
}

// Burst encodes as fast as it goes in one session for a moment, and returns how many pixels that were: what is left to be
// divided by is the time, or the processor time.
func Burst(ctx context.Context, cfg Config) (pixels int64, err error) {
	if err := cfg.validate(); err != nil {
		return 0, err
	}
	run, err := play(ctx, &cfg, 1, cfg.Budget, false)
	return run.pixels, err
}
