package packets_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"castnet/broadcaster/playback/whep/packets"
	"castnet/internal/media"
)

// TestH264 puts access units together again as players do: whatever the sizes of their NAL units, nothing is lost, no packet is
// too large, and the first and the last say so.
func TestH264(t *testing.T) {
	for _, sizes := range [][]int{
		{1}, {2, 3}, {packets.MaxPayload}, {packets.MaxPayload + 1}, {packets.MaxPayload - 3, 1}, {30, 5, 50_000}, {5000, 10, 10, 5000, 700, 700}, {2*(packets.MaxPayload-2) + 1},
	} {
		u := &media.Unit{PTS: 900, Key: true, Capture: time.Unix(1_700_000_000, 500_000_000)}
		for i, size := range sizes {
			u.Payload = append(append(u.Payload, 0, 0, 0, 1, 0x65), bytes.Repeat([]byte{byte(i + 2)}, size-1)...)
		}
		all := packets.New(media.H264)(nil, u)
		var player codecs.H264Packet
		var got []byte
		for i, p := range all {
			first, last := i == 0, i == len(all)-1
			if len(p.Payload) > packets.MaxPayload || p.PTS != u.PTS || p.Key != first || p.Marker != last || (p.Capture == packets.NTP(u.Capture)) != first {
				t.Errorf("%v: packet %d: %d bytes, %+v", sizes, i, len(p.Payload), p)
			}
			b, err := player.Unmarshal(p.Payload)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, b...)
		}
		if !bytes.Equal(got, u.Payload) {
			t.Errorf("%v: %d bytes arrive, sent were %d", sizes, len(got), len(u.Payload))
		}
	}
}

// TestNTP: NTP counts from 1900, in 2⁻³² seconds (RFC 5905: the Unix epoch is second 2,208,988,800).
func TestNTP(t *testing.T) {
	if got := packets.NTP(time.Unix(1, 250_000_000)); got != 2_208_988_801<<32|1<<30 {
		t.Errorf("%x", got)
	}
	if packets.NTP(time.Time{}) != 0 {
		t.Error("no time is a time")
	}
}
