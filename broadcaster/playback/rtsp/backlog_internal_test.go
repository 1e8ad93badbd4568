package rtsp

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// TestBacklogIsBounded: where the pictures stop and the sound goes on, the backlog neither grows by time nor by bytes, and who plays
// goes on with the sound, who comes begins with what there is.
func TestBacklogIsBounded(t *testing.T) {
	video, audio := &outgoing{}, &outgoing{}
	for name, c := range map[string]struct {
		step  time.Duration // between two units of sound
		bytes int           // of each
		packs int
		most  int // units that may be kept
	}{
		"time":    {20 * time.Millisecond, 100, 1, int(backlogAge/(20*time.Millisecond)) + 2},
		"bytes":   {time.Millisecond, 1 << 20, 1, backlogBytes>>20 + 2},
		"packets": {0, 1, 1000, backlogBytes/(1000*packetBytes) + 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBacklog()
			epoch := time.Unix(1_000_000, 0)
			b.add(packed{track: video, at: epoch}, true)
			var at place
			if p, _, ok := b.get(&at); !ok || p.track != video {
				t.Fatal("the key picture is not there")
			}
			for i := range 2000 {
				b.add(packed{track: audio, at: epoch.Add(time.Duration(i) * c.step), bytes: c.bytes, packets: make([]*rtp.Packet, c.packs), pts: int64(i)}, false)
				if p, _, ok := b.get(&at); !ok || p.pts != int64(i) {
					t.Fatalf("who plays gets %d (%v), not %d", p.pts, ok, i)
				}
			}
			if len(b.units) > c.most || b.bytes > backlogBytes {
				t.Errorf("%d units of %d bytes are kept, expected were at most %d of %d", len(b.units), b.bytes, c.most, backlogBytes)
			}
			var fresh place
			got := 0
			for _, _, ok := b.get(&fresh); ok; _, _, ok = b.get(&fresh) {
				got++
			}
			if got != len(b.units) {
				t.Errorf("who comes gets %d units of %d", got, len(b.units))
			}
			b.add(packed{track: video, at: epoch.Add(2000 * c.step), pts: -1}, true)
			fresh = place{}
			if p, _, ok := b.get(&fresh); !ok || p.pts != -1 {
				t.Errorf("who comes at the next key picture gets %d (%v)", p.pts, ok)
			}
			sum := 0
			for i := range b.units {
				sum += b.units[i].weight()
			}
			if sum != b.bytes {
				t.Errorf("%d bytes are counted, there are %d", b.bytes, sum)
			}
		})
	}
}
