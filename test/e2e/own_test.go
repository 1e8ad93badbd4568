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

// ownRendition publishes 360p and 180p at once, as OBS does by enhanced RTMP's multitrack: 180p is the publisher's own, to
// the byte, and is in no receipt. Then it stops, and an orchestrator goes on with it at the first picture that is missing.
func ownRendition(t *testing.T, n *testnet.Network) {
	t.Helper()
	const seconds, gop = 24, 60
	var sizes []pusher.Stream
	var videos []*clip.Video
	for _, s := range [][2]int{{640, 360}, {320, 180}} {
		v, err := clip.Make(t.Context(), clip.Spec{Width: s[0], Height: s[1], FPS: 30, Seconds: seconds, GOP: gop, Bitrate: s[0] * s[1] * 2})
		if err != nil {
			t.Fatal(err)
		}
		videos = append(videos, v)
		sizes = append(sizes, pusher.Stream{Track: v.Track, Units: v.Units})
	}
	pushed := make(chan error, 1)
	enough := make(chan struct{}) // closed once 180p was seen to be the publisher's
	stop := 0                     // pictures of 180p that were sent; read once all is pushed
	go func() {
		ended := false
		pushed <- pusher.PushSizes(t.Context(), n.RTMP+"own", sizes, func(size, i int) bool {
			if size == 0 {
				return true
			}
			if i%gop == 0 {
				select {
				case <-enough:
					ended = true
				default:
				}
			}
			if !ended {
				stop = i + 1
			}
			return !ended
		})
	}()
	watched := make(chan map[string]*viewer.Variant, 1)
	go func() {
		seen, err := viewer.HLS(t.Context(), n.HTTP+"/hls/own/index.m3u8")
		if err != nil {
			t.Error(err)
		}
		watched <- seen
	}()

	own := func() (api.StreamView, error) { return n.Stream(t.Context(), "own") }
	eventually(t, 15*time.Second, "180p is the publisher's own, and in no receipt", own, func(v api.StreamView) bool {
		return slices.Equal(ownRenditions(v), []string{"180p"}) && v.Verified.OK >= 1 && receiptOf(t, v) == 2
	})
	close(enough)
	eventually(t, 20*time.Second, "180p is an orchestrator's, and in the receipts", own, func(v api.StreamView) bool {
		return len(ownRenditions(v)) == 0 && receiptOf(t, v) == 3
	})
	if err := <-pushed; err != nil {
		t.Fatal(err)
	}
	var seen map[string]*viewer.Variant
	select {
	case seen = <-watched:
	case <-time.After(30 * time.Second):
		t.Fatal("the playlists did not end within 30 s of the stream")
	}
	complete(t, seen, videos[0], "360p", "240p", "180p")
	small := seen["180p"]
	if small == nil || len(small.Sums) != len(videos[1].Units) {
		t.Fatal("180p is not whole")
	}
	for i, u := range videos[1].Units[:stop] {
		if small.Sums[i] != viewer.Sum(media.NALUs(u.Payload)) {
			t.Fatalf("picture %d of 180p is not the publisher's", i)
		}
	}
	for i, u := range videos[1].Units[stop:] {
		if small.Sums[stop+i] == viewer.Sum(media.NALUs(u.Payload)) {
			t.Fatalf("picture %d of 180p is the publisher's, who never sent it", stop+i)
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
