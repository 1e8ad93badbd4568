package whip

import (
	"log/slog"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/rtpstream"
	"castnet/internal/media"
	"castnet/test/clip"
)

// began is when the first picture comes.
var began = time.Unix(1_700_000_000, 0)

// sent is a layer and what its publisher sends.
type sent struct {
	*layer
	video  *clip.Video // the first picture alone is a key frame
	number uint16
	next   int
}

// layersOf is a stream of layers of these widths, smallest first.
func layersOf(t *testing.T, widths ...int) (*stream, *ingesttest.Recorder, []*sent) {
	t.Helper()
	metrics, err := ingest.NewMetrics(prometheus.NewRegistry(), "test")
	if err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{}) // sends no request for a key frame, as it is not connected
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	g := ingesttest.NewGate()
	sink, err := g.Publish(t.Context(), ingest.Request{Key: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	s := newStream(&session{pc: pc, logger: slog.New(slog.DiscardHandler)}, rtpstream.New(sink, metrics))
	s.out.Expect(true, 0)
	s.began = began
	var all []*sent
	for _, width := range widths {
		v, err := clip.Make(t.Context(), clip.Spec{Width: width, Height: width * 3 / 4, FPS: 30, Seconds: 2, GOP: 60, Bitrate: width * 500})
		if err != nil {
			t.Fatal(err)
		}
		l := &layer{remote: &webrtc.TrackRemote{}, since: began}
		if l.track, err = s.out.Layer(media.H264); err != nil {
			t.Fatal(err)
		}
		s.layers, s.known[l.remote] = append(s.layers, l), l
		all = append(all, &sent{layer: l, video: v})
	}
	return s, <-g.Sinks, all
}

// take hands picture n of 30 a second to the stream.
func (l *sent) take(t *testing.T, s *stream, n int, key bool) {
	t.Helper()
	if l.next++; key || l.next == len(l.video.Units) {
		l.next = 0
	}
	if !key && l.next == 0 {
		l.next = 1
	}
	l.send(t, s, n, (&codecs.H264Payloader{}).Payload(1000, l.video.Units[l.next].Payload))
}

// send hands over what picture n consists of.
func (l *sent) send(t *testing.T, s *stream, n int, parts [][]byte) {
	t.Helper()
	at := began.Add(time.Duration(n) * time.Second / 30)
	for i, part := range parts {
		l.number++
		h := rtp.Header{Version: 2, Marker: i == len(parts)-1, SequenceNumber: l.number, Timestamp: uint32(n) * 3000}
		if err := s.take(arrival{track: l.remote, packet: &rtp.Packet{Header: h, Payload: part}, at: at}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLargestCeases: whichever place the layers have, when the largest ceases soon after its key frame, the one below it
// follows, not the smallest first.
func TestLargestCeases(t *testing.T) {
	for _, widths := range [][]int{{160, 320, 640}, {640, 160, 320}, {320, 640, 160}} {
		s, _, layers := layersOf(t, widths...)
		const ceases = 12 // 0.4 s after its key frame
		asked := false
		for n := range 60 {
			before := s.next
			for _, l := range layers {
				if n < ceases || l.video.Track.Width != 640 {
					l.take(t, s, n, n == 0 || asked && l.layer == s.next)
				}
			}
			asked = n >= ceases && s.next != before
			if n == ceases-1 && (s.shown == nil || s.shown.track.Pixels() != 640*480) {
				t.Fatalf("%v: the largest is not shown", widths)
			}
			if n >= ceases && s.next.track.Pixels() == 160*120 {
				t.Fatalf("%v: the smallest is next after %d pictures", widths, n)
			}
		}
		if s.shown.track.Pixels() != 320*240 {
			t.Errorf("%v: %d pixels are shown at last", widths, s.shown.track.Pixels())
		}
	}
}

// TestUnreadableLayer has a layer that nobody sees send what is no picture, from its beginning or later: the others go on.
func TestUnreadableLayer(t *testing.T) {
	unreadable := [][]byte{{0x67, 0xff, 0xff}, {0x68, 0xff}, {0x65, 0xff}}
	for _, from := range []int{0, 30} {
		s, r, layers := layersOf(t, 160, 320, 240)
		for n := range 60 {
			for i, l := range layers {
				if i == 0 && n >= from {
					l.send(t, s, n, unreadable)
				} else {
					l.take(t, s, n, n == 0)
				}
			}
		}
		if len(s.layers) != 2 || layers[0].track != nil || s.shown != layers[1].layer || r.Count(media.H264) != 60 {
			t.Errorf("from %d on: %d layers are left, %d pictures came", from, len(s.layers), r.Count(media.H264))
		}
	}
}
