package media_test

import (
	"math"
	"testing"

	"castnet/internal/media"
)

func TestRescale(t *testing.T) {
	for _, c := range []struct{ v, from, to, want int64 }{
		{1, 2, 1, 1},
		{-1, 2, 1, -1},
		{3, 90_000, 48_000, 2},
		{-3, 90_000, 48_000, -2}, // halves away from zero
		{math.MaxInt64, 1, 1, math.MaxInt64},
		{math.MaxInt64, 3, 2, 6148914691236517205},
		{math.MaxInt64, 2, 3, math.MaxInt64}, // does not fit
		{math.MinInt64, 1, 1, -math.MaxInt64},
		{math.MinInt64, 44_100, 48_000, -math.MaxInt64},
	} {
		if got := media.Rescale(c.v, c.from, c.to); got != c.want {
			t.Errorf("%d from %d to %d: %d, want %d", c.v, c.from, c.to, got, c.want)
		}
	}
}
