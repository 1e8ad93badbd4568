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
// long form, with figures. Decoders make no errors, ever; what is held against the clock has three tries, as a machine that is busy
// shows a browser's pictures late.
func TestViewerBehindANarrowLink(t *testing.T) {
	n := network(t, "--ladder", abr.Ladder)
	ctx, stop := context.WithCancel(t.Context())
	pushed := make(chan error, 1)
	go func() { pushed <- abr.Push(ctx, n.RTMP+"demo") }()
	served(t, n, 1)
	var err error
	wrong := "not watched"
	for tries := 0; err == nil && wrong != "" && tries < 3; tries++ {
		var seen abr.Seen
		seen, err = abr.Watch(ctx, n, "demo", abr.Times{
			Start: 20 * time.Second, Squeeze: 6 * time.Second, Release: 15 * time.Second, Radio: 3 * time.Second,
		})
		wrong = late(seen)
		t.Logf("%+v %s", seen, wrong)
		if seen.Errors > 0 {
			t.Errorf("%d pictures were not decoded", seen.Errors)
		}
	}
	stop()
	if err := errors.Join(err, <-pushed); err != nil {
		t.Fatal(err)
	}
	if wrong != "" {
		t.Error(wrong)
	}
}

// late says what a viewer had to wait for for too long.
func late(seen abr.Seen) string {
	switch {
	case seen.Top >= 20*time.Second:
		return "it never saw the wide rendition"
	case seen.Down > 5*time.Second:
		return "it was not moved down within 5 s"
	case seen.Up >= 15*time.Second:
		return "it was not moved up again within 15 s"
	case seen.SqueezeGap > time.Second || seen.RadioGap > time.Second || seen.RadioPictures < 15:
		return "the picture did not go on" // 500 ms are what the bench allows
	}
	return ""
}
