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

// TestKeyForAMoveDown: whoever is to move down as its connection is overrun does not wait for a rung's next regular key
// picture; whoever moves up, or chose to move, does.
func TestKeyForAMoveDown(t *testing.T) {
	t.Parallel()
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	var asked []int
	hub, err := playback.New(playback.Config{
		ID: "demo", Logger: slog.New(slog.DiscardHandler), Metrics: metrics, OnKeyRequest: func(i int) { asked = append(asked, i) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.SetLadder(transcoder.Ladder{{Name: "360p", Codec: media.H264}, {Name: "180p", Codec: media.H264}}); err != nil {
		t.Fatal(err)
	}
	var feeds []*feed
	for _, r := range []*playback.Rendition{hub.Rendition("180p"), hub.Rendition("360p")} {
		f := newFeed(nil, hub, r, media.H264, metrics)
		f.packets, f.haveKey, f.newest = []packets.Packet{{PTS: 100, Key: true}}, true, 190
		feeds = append(feeds, f)
	}
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
