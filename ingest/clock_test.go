package ingest_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"castnet/ingest"
)

// TestCaptureClockFindsTheEnvelope sends 60 s of units with jitter over a floor and checks that the clock settles at the
// floor, advances smoothly, and never says that a unit was captured after it came.
func TestCaptureClockFindsTheEnvelope(t *testing.T) {
	const step = 33 * time.Millisecond
	for _, tc := range []struct {
		name  string
		first time.Duration // delay of the first unit
		drift float64       // of the publisher's clock against ours
		want  time.Duration // how far from the floor it may end
	}{
		{"steady", 0, 0, 3 * time.Millisecond},
		{"first unit late", 300 * time.Millisecond, 0, 3 * time.Millisecond},
		{"publisher's clock slow", 0, 100e-6, 5 * time.Millisecond},
		{"publisher's clock fast", 0, -100e-6, 5 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			var clock ingest.CaptureClock
			epoch := time.Unix(1_700_000_000, 0)
			var last, captured, taken time.Time
			arrival := epoch
			for i := range 1800 {
				pts := time.Duration(i) * step
				taken = epoch.Add(time.Duration(float64(pts) * (1 + tc.drift)))
				delay := time.Duration(rng.ExpFloat64() * float64(5*time.Millisecond))
				if i == 0 {
					delay = tc.first
				}
				if at := taken.Add(delay); at.After(arrival) {
					arrival = at
				}
				captured = clock.Capture(pts, arrival)
				if captured.After(arrival) {
					t.Fatalf("unit %d captured %v after it arrived", i, captured.Sub(arrival))
				}
				if i > 600 { // after 20 s even 300 ms are slewed away
					if d := captured.Sub(last) - step; d.Abs() > step/40 {
						t.Fatalf("unit %d: capture time advanced by %v more than PTS", i, d)
					}
				}
				last = captured
			}
			if off := captured.Sub(taken); off.Abs() > tc.want {
				t.Errorf("ends %v from the floor, allowed %v", off, tc.want)
			}
		})
	}
}
