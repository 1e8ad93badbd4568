package whip_test

import (
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"castnet/ingest/ingesttest"
	"castnet/internal/media"
	"castnet/test/clip"
)

// sizes are several sizes of one picture, sent at once.
type sizes struct {
	layers []*sized
}

type sized struct {
	rid     string
	video   *clip.Video
	track   *webrtc.TrackLocalStaticRTP
	packets rtp.Packetizer
	headers map[uint8][]byte // RTP header extensions: which layer it is
}

// publishSizes connects a publisher that sends layers as they are named in the offer.
func publishSizes(t *testing.T, site string, layers ...*sized) *sizes {
	t.Helper()
	var tracks []*webrtc.TrackLocalStaticRTP
	for _, l := range layers {
		l.track, l.packets = newTrack(t, webrtc.WithRTPStreamID(l.rid)), packetizer(rtp.NewRandomSequencer())
		tracks = append(tracks, l.track)
	}
	pc, sender := newConnection(t, &interceptor.Registry{}, tracks...)
	connect(t, pc, site, "/whip/demo")
	for _, l := range layers {
		l.headers = make(map[uint8][]byte)
		for _, ext := range sender.GetParameters().HeaderExtensions {
			switch ext.URI {
			case sdp.SDESMidURI:
				l.headers[uint8(ext.ID)] = []byte("0")
			case sdp.SDESRTPStreamIDURI:
				l.headers[uint8(ext.ID)] = []byte(l.rid)
			}
		}
	}
	return &sizes{layers}
}

// send sends picture n of each layer.
func (s *sizes) send(t *testing.T, n int) {
	t.Helper()
	for _, l := range s.layers {
		u := l.video.Units[n%len(l.video.Units)]
		for _, p := range l.packets.Packetize(u.Payload, 0) {
			p.Timestamp = uint32(n) * 3000
			for id, value := range l.headers {
				if err := p.SetExtension(id, value); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.track.WriteRTP(p); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestSimulcast sends three sizes at once: the largest is the stream from its beginning, whatever its place, and when it
// ceases the next one goes on.
func TestSimulcast(t *testing.T) {
	var layers []*sized
	for rid, size := range map[string]clip.Spec{"l": {Width: 160, Height: 120}, "h": {Width: 640, Height: 480}, "m": {Width: 320, Height: 240}} {
		size.FPS, size.Seconds, size.GOP = 30, 2, 30
		v, err := clip.Make(t.Context(), size)
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, &sized{rid: rid, video: v})
	}
	g := ingesttest.NewGate()
	s := publishSizes(t, start(t, g, nil), layers...)
	r := g.Next(t)
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	width := func() int {
		select {
		case <-r.Started:
			return r.Video().Width
		default:
			return 0
		}
	}
	deadline := time.Now().Add(30 * time.Second)
	next := 0
	until := func(what string, reached func() bool) {
		for ; !reached(); next++ {
			if time.Now().After(deadline) {
				t.Fatalf("%s: the width is %d, after %d pictures", what, width(), next)
			}
			s.send(t, next)
			<-tick.C
		}
	}
	until("the first picture", func() bool { return width() != 0 })
	if width() != 640 || r.Count(media.H264) < 1 {
		t.Errorf("it began with %d pictures of width %d", r.Count(media.H264), width())
	}
	for i, l := range s.layers {
		if l.rid == "h" {
			s.layers = append(s.layers[:i:i], s.layers[i+1:]...)
			break
		}
	}
	until("without the largest", func() bool { return width() == 320 })
}
