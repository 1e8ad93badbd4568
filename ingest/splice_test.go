package ingest_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"castnet/ingest"
	"castnet/internal/media"
)

// TestSplice publishes a stream by several publishers, one after the other, with clocks that begin anywhere, and holds
// the timeline against the time that really passed.
func TestSplice(t *testing.T) {
	sound := &media.Track{Codec: media.AAC, ClockRate: 44_100, Channels: 2}
	picture := track()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var s ingest.Splice
		now := time.Unix(1_800_000_000, 0)
		var taken time.Time // the timeline's zero on the wall, by the first publisher
		last := map[*media.Track]int64{}
		for visit := range 1 + rng.IntN(5) {
			pause := time.Duration(rng.Int64N(int64(10 * time.Second)))
			if visit > 0 {
				now = now.Add(pause)
				s.Next()
			}
			begin := time.Duration(rng.Int64N(int64(time.Hour)))
			delay := time.Duration(rng.IntN(3)) * 33 * time.Millisecond // of pictures that are shown later than decoded
			for i := range 20 + rng.IntN(50) {
				at := begin + time.Duration(i)*33*time.Millisecond
				for _, tr := range []*media.Track{picture, sound} {
					u := &media.Unit{PTS: tr.Ticks(at + delay), DTS: tr.Ticks(at), Capture: now}
					if tr == sound {
						u.PTS = u.DTS
					}
					before := *u
					s.Place(tr, u)
					s.Keep(tr, u)
					switch {
					case visit == 0 && u.PTS != before.PTS:
						t.Fatalf("seed %d: the first publisher's %d became %d", seed, before.PTS, u.PTS)
					case u.PTS-u.DTS != before.PTS-before.DTS:
						t.Fatalf("seed %d: a picture's times moved apart: %+v became %+v", seed, before, u)
					case u.PTS <= last[tr] && (visit > 0 || i > 0):
						t.Fatalf("seed %d, visit %d: %v unit %d at %d after %d", seed, visit, tr.Codec, i, u.PTS, last[tr])
					case u.Discontinuity != (visit > 0 && i == 0 && tr == picture):
						t.Fatalf("seed %d, visit %d: unit %d of %v: discontinuity %v", seed, visit, i, tr.Codec, u.Discontinuity)
					}
					last[tr] = u.PTS
					if visit == 0 && i == 0 && tr == picture {
						taken = now.Add(-tr.Duration(u.PTS))
					}
					// The timeline goes as the wall does: what was pushed together may be apart by the least gap, and by
					// how much later pictures are shown.
					if off := (now.Sub(taken) - tr.Duration(u.PTS)).Abs(); off > time.Duration(visit+1)*(200+70)*time.Millisecond {
						t.Fatalf("seed %d, visit %d: a unit of %v is at %v of the timeline, taken at %v of it", seed, visit, tr.Codec, tr.Duration(u.PTS), now.Sub(taken))
					}
				}
				now = now.Add(33 * time.Millisecond)
			}
		}
	}
}
