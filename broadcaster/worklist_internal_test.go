package broadcaster

import (
	"context"
	"testing"

	"castnet/internal/media"
)

// A pass that is over gets nothing more, although there is a backlog: what it sent would overtake what has to be made
// again.
func TestWorklistGivesNothingAfterTheEnd(t *testing.T) {
	w := newWorklist()
	w.start(&media.Segment{})
	w.add(&media.Unit{Key: true})
	seg, ok := w.after(t.Context(), 0)
	if !ok {
		t.Fatal("there is no segment")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := w.after(over, 0); ok {
		t.Error("a segment for a pass that is over")
	}
	if u, err := w.unit(over, seg, 0); u != nil || err == nil {
		t.Errorf("unit %v, error %v for a pass that is over", u, err)
	}
}
