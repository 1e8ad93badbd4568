package rtpstream_test

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/rtpstream"
	"castnet/internal/media"
	"castnet/test/clip"
)

// layer is one size of a clip, with an RTP clock of its own.
type layer struct {
	*rtpstream.Track
	video  *clip.Video
	start  uint32 // of its clock
	late   time.Duration
	number uint16
	next   int // picture of the clip: the first alone is a key frame
}

// take hands over picture n of 30 a second, as a key frame or not.
func (l *layer) take(t *testing.T, n int, key bool) {
	t.Helper()
	if l.next++; key || l.next == len(l.video.Units) {
		l.next = 0
	}
	if !key && l.next == 0 {
		l.next = 1
	}
	now := time.Unix(1_700_000_000, int64(n)*int64(time.Second)/30).Add(l.late)
	stamp := l.start + uint32(n)*3000
	l.Report(uint64(n)<<32/30, stamp)
	parts := payloads(media.H264, l.video.Units[l.next].Payload)
	for i, part := range parts {
		l.number++
		h := rtp.Header{Version: 2, Marker: i == len(parts)-1, SequenceNumber: l.number, Timestamp: stamp}
		if _, err := l.Packet(&rtp.Packet{Header: h, Payload: part}, now); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLayers goes from one layer to another while both make key frames when either is asked for one, as browsers do: there is no
// segment of one moment, no picture is missing, and all are on one timeline though the second layer comes later than the first.
func TestLayers(t *testing.T) {
	g := ingesttest.NewGate()
	sink, err := g.Publish(t.Context(), ingest.Request{Key: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := ingest.NewMetrics(prometheus.NewRegistry(), "test")
	if err != nil {
		t.Fatal(err)
	}
	s := rtpstream.New(sink, metrics)
	s.Expect(true, 0)
	var layers []*layer
	for i, width := range []int{160, 320} {
		v, err := clip.Make(t.Context(), clip.Spec{Width: width, Height: width * 3 / 4, FPS: 30, Seconds: 2, GOP: 60})
		if err != nil {
			t.Fatal(err)
		}
		track, err := s.Layer(media.H264)
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, &layer{Track: track, video: v, start: uint32(i) * 0x8765_4321, late: time.Duration(i) * 100 * time.Millisecond})
	}
	small, large := layers[0], layers[1]
	s.Show(small.Track)
	const begins, switches, ends = 30, 50, 80
	for n := range ends {
		if n == switches {
			s.Show(large.Track)
		}
		key := n == 0 || n == switches
		small.take(t, n, key)
		if n >= begins {
			large.take(t, n, key || n == begins)
		}
	}
	sink.Close(nil)
	r := <-g.Sinks
	if len(r.Segments) != 2 || r.Segments[0].Track.Width != 160 || r.Segments[1].Track.Width != 320 || s.Shown() != large.Track {
		t.Errorf("segments %+v", r.Segments)
	}
	units := r.Units[media.H264]
	for i, u := range units {
		if i > 0 && (u.PTS <= units[i-1].PTS || u.PTS > units[i-1].PTS+3001) {
			t.Errorf("picture %d at %d, the one before at %d", i, u.PTS, units[i-1].PTS)
		}
	}
	const last = (ends - 1) * 3000
	if at := units[len(units)-1].PTS - units[0].PTS; at < last-2 || at > last+2 {
		t.Errorf("the last picture is at %d", at)
	}
}
