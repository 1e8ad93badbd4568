package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"castnet/broadcaster/api"
	"castnet/internal/media"
	"castnet/test/clip"
	pusher "castnet/test/publisher"
	"castnet/test/testnet"
	"castnet/test/viewer"
)

// ownRendition publishes 240p and 120p at once, as OBS does by enhanced RTMP's multitrack: 120p is the publisher's own, to
// the byte, and is in no receipt. Then it stops, and an orchestrator goes on with it at the first picture that is missing.
func ownRendition(t *testing.T, n *testnet.Network) {
	t.Helper()
	const seconds, gop = 120, 60 // more than is pushed
	var sizes []pusher.Stream
	var videos []*clip.Video
	for _, s := range [][2]int{{320, 240}, {160, 120}} {
		v, err := clip.Make(t.Context(), clip.Spec{Width: s[0], Height: s[1], FPS: 30, Seconds: seconds, GOP: gop, Bitrate: s[0] * s[1] * 2})
		if err != nil {
			t.Fatal(err)
		}
		videos = append(videos, v)
		sizes = append(sizes, pusher.Stream{Track: v.Track, Units: v.Units})
	}
	pushed := make(chan error, 1)
	until := [2]chan struct{}{make(chan struct{}), make(chan struct{})} // closed when a size was sent for long enough
	var sent [2]int                                                     // pictures of each; read once all is pushed
	go func() {
		var ended [2]bool
		pushed <- pusher.PushSizes(t.Context(), n.RTMP+"own", sizes, func(size, i int) bool {
			if i%gop == 0 {
				select {
				case <-until[size]:
					ended[size] = true
				default:
				}
			}
			if !ended[size] {
				sent[size] = i + 1
			}
			return !ended[size]
		})
	}()
	watched := watch(t, n, "own")

	own := func() (api.StreamView, error) { return n.Stream(t.Context(), "own") }
	eventually(t, patience, "120p is the publisher's own, and in no receipt", own, func(v api.StreamView) bool {
		return slices.Equal(ownRenditions(v), []string{"120p"}) && v.Verified.OK >= 1 && receiptOf(t, v) == 2
	})
	close(until[1])
	eventually(t, patience, "120p is an orchestrator's, and in the receipts", own, func(v api.StreamView) bool {
		return len(ownRenditions(v)) == 0 && receiptOf(t, v) == 3
	})
	close(until[0])
	if err := <-pushed; err != nil {
		t.Fatal(err)
	}
	seen := watched()
	whole(t, seen, "240p", "160p", "120p")
	small := seen["120p"]
	if small == nil || len(small.Sums) != sent[0] {
		t.Fatalf("120p has not the %d pictures that were sent", sent[0])
	}
	for i, u := range videos[1].Units[:sent[0]] {
		if theirs := small.Sums[i] == viewer.Sum(media.NALUs(u.Payload)); theirs != (i < sent[1]) {
			t.Fatalf("picture %d of 120p is the publisher's: %v; they sent %d", i, theirs, sent[1])
		}
	}
	v, err := own()
	if err != nil {
		t.Fatal(err)
	}
	if v.Verified.Failed != 0 {
		t.Errorf("%d segments failed: %s", v.Verified.Failed, v.Verified.LastFailure)
	}
	var opened time.Time // of the event before
	for _, e := range v.Events {
		switch {
		case strings.Contains(e.Text, "serves this stream"):
			opened = e.At
		case strings.Contains(e.Text, "other renditions are needed"):
			t.Logf("between the leases %v passed", opened.Sub(e.At))
		}
	}
}

// ownRenditions names those that the publisher makes.
func ownRenditions(v api.StreamView) (names []string) {
	for _, r := range v.Renditions {
		if r.Own {
			names = append(names, r.Name)
		}
	}
	return names
}

// receiptOf is how many renditions the last receipt is for.
func receiptOf(t *testing.T, v api.StreamView) int {
	t.Helper()
	var r struct {
		Receipt struct{ Renditions []json.RawMessage }
	}
	if len(v.Verified.Receipt) == 0 {
		return 0
	}
	if err := json.Unmarshal(v.Verified.Receipt, &r); err != nil {
		t.Fatal(err)
	}
	return len(r.Receipt.Renditions)
}
