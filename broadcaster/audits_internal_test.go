package broadcaster

import (
	"context"
	"strings"
	"testing"
)

// TestLooksAreBounded: there are so many places over all streams, each for one at a time; who finds none is told which knob
// there is.
func TestLooksAreBounded(t *testing.T) {
	b := &Broadcaster{looks: make(chan struct{}, 2)}
	done, err := b.looking(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.looking(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := b.looking(ended); err == nil || !strings.Contains(err.Error(), "all 2 places") || !strings.Contains(err.Error(), "--audits") {
		t.Errorf("a third: %v", err)
	}
	done()
	if _, err := b.looking(t.Context()); err != nil {
		t.Errorf("after one is done: %v", err)
	}
}
