package worklist_test

import (
	"context"
	"testing"

	"castnet/broadcaster/worklist"
	"castnet/internal/media"
)

// A pass that is over gets nothing more, although there is a backlog: what it sent would overtake what has to be made
// again.
func TestWorklistGivesNothingAfterTheEnd(t *testing.T) {
	w := worklist.New()
	w.Start(&media.Segment{}, []int{0})
	w.Add(&media.Unit{Key: true})
	seg, ok := w.After(t.Context(), 0)
	if !ok {
		t.Fatal("there is no segment")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := w.After(over, 0); ok {
		t.Error("a segment for a pass that is over")
	}
	if u, err := w.Unit(over, seg, 0); u != nil || err == nil {
		t.Errorf("unit %v, error %v for a pass that is over", u, err)
	}
}
