package broadcaster

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLooksAreBounded: there are so many places over all streams, each for one at a time; who finds none is told which knob
// there is.
func TestLooksAreBounded(t *testing.T) {
	b := &Broadcaster{cfg: Config{AuditTimeout: time.Hour}, looks: make(chan struct{}, 2)}
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

// TestLooksBeginInTime: where all places are taken, who gets one has time left to look, and the others do not hold it.
func TestLooksBeginInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &Broadcaster{cfg: Config{AuditTimeout: 4 * time.Second}, looks: make(chan struct{}, 1)}
		done, err := b.looking(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), b.cfg.AuditTimeout)
		defer cancel()
		began := time.Now()
		if _, err := b.looking(ctx); err == nil || time.Since(began) != 2*time.Second || ctx.Err() != nil {
			t.Errorf("without a place: %v after %v", err, time.Since(began))
		}
		time.AfterFunc(time.Second, done)
		if _, err := b.looking(ctx); err != nil || ctx.Err() != nil {
			t.Errorf("with a place after a second: %v", err)
		}
	})
}
