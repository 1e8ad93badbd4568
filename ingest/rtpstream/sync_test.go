package rtpstream_test

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"castnet/internal/media"
	"castnet/test/clip"
)

// TestSoundBeforePictures: sound that is published stays where it is when pictures come two seconds later, and their reports say
// that it took a tenth of a second longer: the pictures lie beside it.
func TestSoundBeforePictures(t *testing.T) {
	video, err := clip.Make(t.Context(), clip.Spec{Width: 160, Height: 120, FPS: 30, Seconds: 1, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	s, r := newStream(t, 1)
	shown, err := s.Layer(media.H264)
	if err != nil {
		t.Fatal(err)
	}
	s.Show(shown)
	tone, err := s.Opus(2)
	if err != nil {
		t.Fatal(err)
	}
	const (
		frame   = 20 * time.Millisecond
		late    = 100 * time.Millisecond // sound comes
		packets = 150
		first   = 100 // packet of sound that the first picture belongs beside
	)
	epoch := time.Unix(1_700_000_000, 0)
	ntp := func(at time.Duration) uint64 { return uint64(at) << 32 / uint64(time.Second) }
	var number uint16
	for n := range packets {
		at := time.Duration(n) * frame
		if picture := int64((at - first*frame) * 30 / time.Second); at >= first*frame && picture < 30 {
			stamp := uint32(picture) * 3000
			shown.Report(ntp(first*frame+time.Duration(picture*int64(time.Second)/30)), stamp)
			parts := payloads(media.H264, video.Units[picture].Payload)
			for i, part := range parts {
				number++
				h := rtp.Header{Version: 2, Marker: i == len(parts)-1, SequenceNumber: number, Timestamp: stamp}
				if _, err := shown.Packet(&rtp.Packet{Header: h, Payload: part}, epoch.Add(at)); err != nil {
					t.Fatal(err)
				}
			}
		}
		h := rtp.Header{Version: 2, Marker: true, SequenceNumber: uint16(n), Timestamp: uint32(n) * 960}
		tone.Report(ntp(at), h.Timestamp)
		if _, err := tone.Packet(&rtp.Packet{Header: h, Payload: []byte{0xfc, 0xff, 0xfe}}, epoch.Add(at+late)); err != nil {
			t.Fatal(err)
		}
	}
	r.Close(nil)
	heard, seen := r.Units[media.Opus], r.Units[media.H264]
	if len(heard) != packets || len(seen) == 0 {
		t.Fatalf("%d packets of sound of %d, %d pictures", len(heard), packets, len(seen))
	}
	for n, u := range heard {
		if u.PTS != heard[0].PTS+int64(n)*960 {
			t.Fatalf("packet %d of sound lies at %d, the first at %d", n, u.PTS, heard[0].PTS)
		}
	}
	beside := time.Duration(heard[first].PTS) * time.Second / 48_000
	if off := time.Duration(seen[0].PTS)*time.Second/media.VideoClockRate - beside; off.Abs() > time.Millisecond {
		t.Errorf("the first picture lies %v after its sound", off)
	}
}
