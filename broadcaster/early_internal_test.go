package broadcaster

import (
	"testing"

	"castnet/internal/media"
)

// TestEarlyIsBounded: where no picture comes, the newest sound is kept, and no more of it than was promised.
func TestEarlyIsBounded(t *testing.T) {
	for _, size := range []int{1, 64 << 10} {
		e := early{open: true}
		const last = 3 * maxEarly
		for i := range last + 1 {
			e.add(earlySound{unit: &media.Unit{PTS: int64(i), Payload: make([]byte, size)}})
		}
		waited := e.take()
		if want := min(maxEarly, maxEarlyBytes/size); len(waited) != want || waited[want-1].unit.PTS != last {
			t.Errorf("%d packets of %d bytes have waited, the last is number %d; want %d, %d", len(waited), size, waited[len(waited)-1].unit.PTS, want, last)
		}
		if e.open || len(e.take()) > 0 {
			t.Error("the wait is not over")
		}
	}
}
