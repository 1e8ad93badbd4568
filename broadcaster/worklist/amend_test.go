package worklist_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"castnet/broadcaster/worklist"
	"castnet/internal/media"
)

// next is the first segment that is to be worked on, 0 and false where there is none.
func next(t *testing.T, w *worklist.List) (uint64, bool) {
	t.Helper()
	over, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	seg, ok := w.After(over, 0)
	if !ok {
		return 0, false
	}
	return seg.Seq, true
}

// TestSharedWork: what the publisher makes itself is nobody's work until it says so, and then from the segment on that it
// names, also where that was done with.
func TestSharedWork(t *testing.T) { synctest.Test(t, sharedWork) }

func sharedWork(t *testing.T) {
	w := worklist.New()
	w.Hold(0)
	for seq := range uint64(3) {
		w.Start(&media.Segment{Seq: seq}, []int{0})
	}
	first, _ := w.After(t.Context(), 0)
	w.Finish(first, []int{0})
	if seq, ok := next(t, w); !ok || seq != 1 {
		t.Fatalf("after the first is finished: segment %d, %v", seq, ok)
	}
	w.Amend(0, 1)
	again, ok := w.After(t.Context(), 0)
	if !ok || again != first || !slices.Equal(w.Rungs(again), []int{0, 1}) {
		t.Fatalf("after something else is to be made: %v, %v", again, ok)
	}
	if !w.Needs(1, 1) || w.Needs(1, 0) || w.Needs(2, 3) {
		t.Error("what is needed is not told right")
	}
	w.Hold(worklist.All)
	w.Finish(again, []int{1, 0})
	w.Amend(0, 2)
	if seq, ok := next(t, w); !ok || seq != 1 {
		t.Errorf("what has left the list came back: segment %d, %v", seq, ok)
	}
}

// TestNoWork: segments of which the publisher makes everything need nobody, and leave the list when they are complete.
func TestNoWork(t *testing.T) { synctest.Test(t, noWork) }

func noWork(t *testing.T) {
	w := worklist.New()
	for seq := range uint64(3) {
		w.Start(&media.Segment{Seq: seq}, nil)
		w.Hold(seq)
	}
	if seq, ok := next(t, w); ok {
		t.Errorf("segment %d is to be worked on", seq)
	}
	w.Amend(0, 5) // what is missing of the newest alone
	if seq, ok := next(t, w); !ok || seq != 2 {
		t.Errorf("segment %d, %v", seq, ok)
	}
	seg, _ := w.After(t.Context(), 0)
	w.Finish(seg, []int{5})
	w.End()
	if _, ok := w.After(t.Context(), 0); ok {
		t.Error("work after the end")
	}
	w.Hold(worklist.All)
	if err := w.Drained(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestMadeBeforeMoreIsAsked: what is made of a segment does not finish it where more is to be made of it by now.
func TestMadeBeforeMoreIsAsked(t *testing.T) { synctest.Test(t, madeBeforeMoreIsAsked) }

func madeBeforeMoreIsAsked(t *testing.T) {
	w := worklist.New()
	w.Start(&media.Segment{Seq: 0}, []int{0})
	seg, _ := w.After(t.Context(), 0)
	w.End()
	w.Amend(0, 1)
	w.Finish(seg, []int{0})
	w.Hold(worklist.All)
	if again, ok := w.After(t.Context(), 0); again != seg || !ok || !w.Needs(1, 1) {
		t.Fatalf("nobody makes what was asked for last: %v, %v", again, ok)
	}
	w.GiveUp(seg)
	if w.Needs(1, 1) {
		t.Error("a segment that was given up is still to be made")
	}
	if err := w.Drained(t.Context()); err != nil {
		t.Error(err)
	}
}
