package whep

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/whep/bandwidth"
	"castnet/broadcaster/playback/whep/packets"
	"castnet/internal/media"
	"castnet/transcoder"
)

var sizes = transcoder.Ladder{
	{Name: "360p", Codec: media.H264, Width: 640, Height: 360, Bitrate: 800_000}, {Name: "180p", Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000},
}

// twoSizes are feeds of a stream's 180p and 360p, which have come as far as 190.
func twoSizes(t *testing.T, onKeyRequest func(int)) (*playback.Hub, []*feed) {
	t.Helper()
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	hub, err := playback.New(playback.Config{
		ID: "demo", Logger: slog.New(slog.DiscardHandler), Metrics: metrics, OnKeyRequest: onKeyRequest,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.SetLadder(sizes); err != nil {
		t.Fatal(err)
	}
	var feeds []*feed
	for _, r := range []*playback.Rendition{hub.Rendition("180p"), hub.Rendition("360p")} {
		f := newFeed(nil, hub, r, media.H264, metrics)
		f.packets, f.haveKey, f.newest = []packets.Packet{{PTS: 100, Key: true}}, true, 190
		feeds = append(feeds, f)
	}
	return hub, feeds
}

// TestWantedEnds: who wants a rendition that ends is not held up for it, and nobody is promised one that has ended.
func TestWantedEnds(t *testing.T) {
	t.Parallel()
	hub, feeds := twoSizes(t, nil)
	now := time.Now()
	wants180 := func() *leg {
		l := &leg{born: now, lastPTS: 200, selection: newSelection()}
		l.offer(feeds, feeds[1])
		if !l.pick("180p") || l.wanted == l.current {
			t.Fatal("180p is not wanted")
		}
		return l
	}
	aligned := &packets.Packet{PTS: 300, Aligned: true}
	crosses, amended, picks := wants180(), wants180(), wants180()
	if c := crosses.crossing(aligned, now); c != hold {
		t.Errorf("before a segment that 180p has not come to: %d", c)
	}
	if err := hub.Amend(sizes[:1]); err != nil {
		t.Fatal(err)
	}
	if c := crosses.crossing(aligned, now); c != stay || crosses.wanted != crosses.current || !crosses.heldFrom.IsZero() {
		t.Errorf("after the end of 180p: %d, %d is wanted", c, crosses.wanted)
	}
	amended.amend(nil)
	if picks.pick("180p") {
		t.Error("180p is promised after its end")
	}
	for name, l := range map[string]*leg{"crosses": crosses, "amended": amended, "picks": picks} {
		if all, _ := l.layers(); len(all.Layers) != 1 || l.wanted != l.current || l.shown() != feeds[1] {
			t.Errorf("%s: %+v, %d is wanted", name, all.Layers, l.wanted)
		}
	}
	if !picks.pick("360p") {
		t.Error("360p is there")
	}
}

// TestKeyForAMoveDown: whoever is to move down as its connection is overrun does not wait for a rung's next regular key
// picture; whoever moves up, or chose to move, does.
func TestKeyForAMoveDown(t *testing.T) {
	t.Parallel()
	var asked []int
	_, feeds := twoSizes(t, func(i int) { asked = append(asked, i) })
	now := time.Now()
	move := func(from, to int, overrun bool) {
		l := &leg{born: now, lastPTS: 200, selection: newSelection()}
		l.feeds, l.current, l.wanted = feeds, from, to
		l.estimator = bandwidth.New(1_000_000)
		if overrun { // it has reported, and then no longer
			l.estimator.Report(nil, time.Second)
			l.estimator.Sent(1, 1200, time.Second)
			l.estimator.Dead(time.Minute)
		}
		if c := l.crossing(nil, now); c != stay {
			t.Errorf("from %d to %d: %d", from, to, c)
		}
	}
	move(0, 1, true)
	move(1, 0, false)
	if len(asked) > 0 {
		t.Errorf("asked for %v", asked)
	}
	move(1, 0, true)
	move(1, 0, true) // at once, for another viewer
	if len(asked) != 1 || asked[0] != 1 {
		t.Errorf("asked for %v, wanted one of 180p", asked)
	}
}
