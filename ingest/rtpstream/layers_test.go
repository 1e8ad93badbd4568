package rtpstream_test

import (
	"slices"
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
	start  uint32        // of its clock
	late   time.Duration // it comes
	wrong  time.Duration // are its reports
	number uint16
	next   int // picture of the clip: the first alone is a key frame
}

// take hands over picture n of 30 a second, as a key frame or not.
func (l *layer) take(t *testing.T, n int, key bool) {
	t.Helper()
	l.hand(t, n, l.make(t, n, key))
}

// make reports, and makes the packets of picture n.
func (l *layer) make(t *testing.T, n int, key bool) (packets []*rtp.Packet) {
	t.Helper()
	if l.next++; key || l.next == len(l.video.Units) {
		l.next = 0
	}
	if !key && l.next == 0 {
		l.next = 1
	}
	stamp := l.start + uint32(n)*3000
	l.Report(uint64(n+int(l.wrong.Seconds()*30))<<32/30, stamp)
	parts := payloads(media.H264, l.video.Units[l.next].Payload)
	for i, part := range parts {
		l.number++
		h := rtp.Header{Version: 2, Marker: i == len(parts)-1, SequenceNumber: l.number, Timestamp: stamp}
		packets = append(packets, &rtp.Packet{Header: h, Payload: part})
	}
	return packets
}

// hand hands packets over when picture n is due.
func (l *layer) hand(t *testing.T, n int, packets []*rtp.Packet) {
	t.Helper()
	now := time.Unix(1_700_000_000, int64(n)*int64(time.Second)/30).Add(l.late)
	for _, p := range packets {
		if _, err := l.Packet(p, now); err != nil {
			t.Fatal(err)
		}
	}
}

// newStream is a stream of pictures with so many tracks of sound, and what records it.
func newStream(t *testing.T, sounds int) (*rtpstream.Stream, *ingesttest.Recorder) {
	t.Helper()
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
	s.Expect(true, sounds)
	return s, <-g.Sinks
}

// twoLayers is a stream of two, of which the first and smaller one is shown; the larger one comes later.
func twoLayers(t *testing.T) (s *rtpstream.Stream, r *ingesttest.Recorder, layers [2]*layer) {
	t.Helper()
	s, r = newStream(t, 0)
	for i, width := range []int{160, 320} {
		v, err := clip.Make(t.Context(), clip.Spec{Width: width, Height: width * 3 / 4, FPS: 30, Seconds: 2, GOP: 60})
		if err != nil {
			t.Fatal(err)
		}
		track, err := s.Layer(media.H264)
		if err != nil {
			t.Fatal(err)
		}
		layers[i] = &layer{Track: track, video: v, start: uint32(i) * 0x8765_4321, late: time.Duration(i) * 100 * time.Millisecond}
	}
	s.Show(layers[0].Track)
	return s, r, layers
}

// steady fails where one of n pictures is missing, comes twice, or has not the time that it should. One tick is for the clocks, which
// agree to that, and one for a moment that came by both layers.
func steady(t *testing.T, units []*media.Unit, n int) {
	t.Helper()
	for i, u := range units {
		if at := u.PTS - units[0].PTS; i > 0 && u.PTS <= units[i-1].PTS || at > int64(i)*3000+2 || at < int64(i)*3000-2 {
			t.Errorf("picture %d at %d", i, at)
		}
	}
	if len(units) != n {
		t.Errorf("%d pictures came, of %d", len(units), n)
	}
}

// TestLayers goes from one layer to another while both make key frames when either is asked for one, as browsers do: there is no
// segment of one moment, no picture is missing, and all are on one timeline though the second layer comes later than the first.
func TestLayers(t *testing.T) {
	s, r, layers := twoLayers(t)
	small, large := layers[0], layers[1]
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

// TestLateKey has the larger layer's key frame on its way for 0.3 s while the smaller one goes on: what was to be seen meanwhile
// comes once, from the larger one. Where the rest of it does not come within a second, nothing of the smaller one is missing.
func TestLateKey(t *testing.T) {
	for _, took := range []int{1, 9, 45} {
		s, r, layers := twoLayers(t)
		small, large := layers[0], layers[1]
		const begins, switches, ends = 30, 50, 110
		var key, behind []*rtp.Packet
		for n := range ends {
			if n == switches {
				s.Show(large.Track)
				key = large.make(t, n, true)
				large.hand(t, n, key[:1])
			}
			small.take(t, n, n == 0)
			switch {
			case n < begins || n == switches:
			case n < switches:
				large.take(t, n, n == begins)
			case n < switches+took:
				behind = append(behind, large.make(t, n, false)...)
			case n == switches+took && took < 30:
				large.hand(t, n, key[1:])
				large.hand(t, n, behind)
				large.take(t, n, false)
			case took < 30:
				large.take(t, n, false)
			}
		}
		steady(t, r.Units[media.H264], ends)
		if (s.Shown() == large.Track) != (took < 30) {
			t.Errorf("after %d pictures another layer is shown than should be", took)
		}
	}
}

// TestWrongReports goes to a layer whose reports are an hour off, and to one whose clock has jumped back by ten seconds.
func TestWrongReports(t *testing.T) {
	for _, back := range []uint32{0, 10 * 90_000} {
		s, r, layers := twoLayers(t)
		small, large := layers[0], layers[1]
		large.late, large.wrong = 0, time.Hour
		const switches, ends = 50, 80
		for n := range ends {
			if n == switches {
				s.Show(large.Track)
				large.start -= back
			}
			small.take(t, n, n == 0)
			large.take(t, n, n == 0 || n == switches)
		}
		// the moment of the change comes by both
		steady(t, slices.Delete(r.Units[media.H264], switches, switches+1), ends)
	}
}

// TestFirstKey: the first picture begins a segment, though another layer is to be shown by then.
func TestFirstKey(t *testing.T) {
	s, r, layers := twoLayers(t)
	small, large := layers[0], layers[1]
	s.Show(large.Track)
	small.take(t, 0, true)
	if units := r.Units[media.H264]; len(units) != 1 || !units[0].Key {
		t.Errorf("%d pictures, none of them a key frame", len(units))
	}
}
