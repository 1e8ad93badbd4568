package e2e_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"castnet/test/abr"
)

// A viewer in Chromium, who has chosen nothing, behind a link that becomes narrow: the network moves it down, and up again
// when there is room, and the picture goes on; also on a link that loses and disorders packets. `make bench-abr` is the
// long form, with figures.
func TestViewerBehindANarrowLink(t *testing.T) {
	n := network(t, "--ladder", abr.Ladder)
	ctx, stop := context.WithCancel(t.Context())
	pushed := make(chan error, 1)
	go func() { pushed <- abr.Push(ctx, n.RTMP+"demo") }()
	served(t, n, 1)
	seen, err := abr.Watch(ctx, n, "demo", abr.Times{
		Start: 20 * time.Second, Squeeze: 6 * time.Second, Release: 15 * time.Second, Radio: 3 * time.Second,
	})
	stop()
	if err := errors.Join(err, <-pushed); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", seen)
	switch {
	case seen.Top >= 20*time.Second:
		t.Error("it never saw the wide rendition")
	case seen.Down > 5*time.Second:
		t.Error("it was not moved down within 5 s")
	case seen.Up >= 15*time.Second:
		t.Error("it was not moved up again within 15 s")
	}
	// A gap of 500 ms is what the bench allows; a machine at work shows a browser's pictures late.
	if seen.SqueezeGap > time.Second || seen.RadioGap > time.Second || seen.Errors > 0 || seen.RadioPictures < 15 {
		t.Error("the picture did not go on")
	}
}
