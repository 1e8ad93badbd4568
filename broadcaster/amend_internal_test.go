package broadcaster

import (
	"testing"
	"time"

	"castnet/broadcaster/worklist"
	"castnet/internal/media"
)

// TestWhatWasFedWholeIsOwed: a lease that hands over leaves off what it has not fed whole. It finishes what it has, although
// more is to be made of it by now: an orchestrator that has a signed source is owed for it.
func TestWhatWasFedWholeIsOwed(t *testing.T) {
	work := worklist.New()
	l := &lease{
		s:     &Stream{b: &Broadcaster{}, work: work},
		rungs: []int{0}, attempts: make(map[uint64]*attempt), changed: make(chan struct{}),
	}
	for seq := range uint64(2) {
		work.Start(&media.Segment{Seq: seq, Track: &media.Track{Codec: media.H264}}, l.rungs)
		seg, ok := work.After(t.Context(), seq)
		if !ok {
			t.Fatal("there is no segment")
		}
		l.attempts[seq] = &attempt{seg: seg}
	}
	l.attempts[0].ended = time.Now()
	work.Amend(0, 1)

	left := l.abandoned()
	if len(left) != 1 || left[0].seg.Seq != 1 {
		t.Errorf("%d attempts are left off", len(left))
	}
	if len(l.attempts) != 1 || l.attempts[0] == nil {
		t.Errorf("the receipts of %d attempts are waited for", len(l.attempts))
	}
}
