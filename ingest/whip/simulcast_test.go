package whip_test

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"castnet/ingest/ingesttest"
	"castnet/ingest/whip"
	"castnet/internal/media"
	"castnet/test/clip"
)

// sizes are several sizes of one picture, sent at once.
type sizes struct {
	pc       *webrtc.PeerConnection
	location string // of the session
	layers   []*sized
	asked    atomic.Bool // for a key frame
}

// sized is one of them. As a browser's it has its own RTP clock, which its reports explain, and a key frame when any is asked for one.
type sized struct {
	rid     string
	video   *clip.Video
	off     bool // it is not sent
	track   *webrtc.TrackLocalStaticRTP
	packets rtp.Packetizer
	headers map[uint8][]byte // RTP header extensions: which layer it is
	ssrc    webrtc.SSRC
	start   uint32      // of its RTP clock
	next    int         // picture of the clip
	arrived atomic.Bool // the server says so
}

// publishSizes connects a publisher that sends layers as they are named in the offer.
func publishSizes(t *testing.T, site string, layers ...*sized) *sizes {
	t.Helper()
	var tracks []*webrtc.TrackLocalStaticRTP
	for _, l := range layers {
		l.track, l.packets, l.start = newTrack(t, webrtc.WithRTPStreamID(l.rid)), packetizer(rtp.NewRandomSequencer()), rand.Uint32()
		tracks = append(tracks, l.track)
	}
	registry := &interceptor.Registry{}
	resend, err := nack.NewResponderInterceptor()
	if err != nil {
		t.Fatal(err)
	}
	registry.Add(resend) // a busy machine loses packets, as a network does
	pc, sender := newConnection(t, registry, tracks...)
	s := &sizes{pc: pc, layers: layers}
	s.location, _ = connect(t, pc, site, "/whip/demo")
	parameters := sender.GetParameters()
	for i, l := range layers {
		l.ssrc = parameters.Encodings[i].SSRC
		l.headers = make(map[uint8][]byte)
		for _, ext := range parameters.HeaderExtensions {
			switch ext.URI {
			case sdp.SDESMidURI:
				l.headers[uint8(ext.ID)] = []byte("0")
			case sdp.SDESRTPStreamIDURI:
				l.headers[uint8(ext.ID)] = []byte(l.rid)
			}
		}
		go s.heed(sender, l)
	}
	return s
}

// heed answers the requests for key frames and notes that packets arrive, until the connection is closed.
func (s *sizes) heed(sender *webrtc.RTPSender, l *sized) {
	for {
		packets, _, err := sender.ReadSimulcastRTCP(l.rid)
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication:
				if p.MediaSSRC == uint32(l.ssrc) {
					s.asked.Store(true)
				}
			case *rtcp.ReceiverReport:
				for _, r := range p.Reports {
					if r.SSRC == uint32(l.ssrc) {
						l.arrived.Store(true)
					}
				}
			}
		}
	}
}

// send sends picture n of each layer, and a report each second.
func (s *sizes) send(t *testing.T, n int) {
	t.Helper()
	const second = 30
	key := s.asked.Swap(false) || n == 0
	for _, l := range s.layers {
		if l.off {
			continue
		}
		if l.next++; l.next == len(l.video.Units) {
			l.next = 1
		}
		if key {
			l.next = 0 // the one key frame
		}
		stamp := l.start + uint32(n)*3000
		if n%second == 0 {
			const epoch = 3_900_000_000 // of NTP, some day in 2023
			report := rtcp.SenderReport{SSRC: uint32(l.ssrc), NTPTime: (epoch + uint64(n)/second) << 32, RTPTime: stamp}
			if err := s.pc.WriteRTCP([]rtcp.Packet{&report}); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range l.packets.Packetize(l.video.Units[l.next].Payload, 0) {
			p.Timestamp = stamp
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

// TestSimulcast sends three sizes at once: the largest is the stream from its beginning, whatever its place. When it ceases, as a
// browser's does that finds no bandwidth, the next one goes on, and when it is back it is shown again: each time from a key frame on
// that was asked for, on one timeline, and with no picture missing on the way up.
func TestSimulcast(t *testing.T) {
	var layers []*sized
	var largest *sized
	for i, width := range []int{320, 160, 640} {
		v, err := clip.Make(t.Context(), clip.Spec{Width: width, Height: width * 3 / 4, FPS: 30, Seconds: 2, GOP: 60, Bitrate: width * 250}) // see udpBitrate of ingest/rtsp
		if err != nil {
			t.Fatal(err)
		}
		largest = &sized{rid: "mlh"[i : i+1], video: v}
		layers = append(layers, largest)
	}
	g := ingesttest.NewGate()
	var passed atomic.Int64 // on the server's clock, which goes by the pictures
	site := start(t, g, func(c *whip.Config) {
		c.Now = func() time.Time { return time.Unix(1_700_000_000, passed.Load()) }
	})
	s := publishSizes(t, site, layers...)
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
	deadline := time.Now().Add(60 * time.Second)
	next := 0
	until := func(what string, reached func() bool) {
		for ; !reached(); next++ {
			if time.Now().After(deadline) {
				t.Fatalf("%s: the width is %d, after %d pictures", what, width(), next)
			}
			s.send(t, next)
			if layers[0].arrived.Load() && layers[1].arrived.Load() && layers[2].arrived.Load() {
				passed.Add(int64(time.Second / 30)) // the largest is chosen among those that have come by then
			}
			<-tick.C
		}
	}
	until("the first picture", func() bool { return width() != 0 })
	if width() != 640 {
		t.Errorf("it began with pictures of width %d", width())
	}
	until("the first seconds", func() bool { return r.Count(media.H264) >= 45 })
	largest.off = true
	until("without the largest", func() bool { return width() == 320 })
	before := r.Count(media.H264)
	until("the second largest", func() bool { return r.Count(media.H264) >= before+30 })
	largest.off = false
	until("the largest again", func() bool { return width() == 640 })
	before = r.Count(media.H264)
	until("what follows", func() bool { return r.Count(media.H264) >= before+30 })
	ask(t, http.MethodDelete, s.location, "")
	<-r.Closed

	const picture, slack = 3000, 5 // ticks; the clocks of the layers agree to a tick or two, and a moment that comes by two is moved by one
	units := r.Units[media.H264]
	var widths []int
	var down int64 // when the second largest took over
	for i, seg := range r.Segments {
		if i == 0 || seg.Track.Width != r.Segments[i-1].Track.Width {
			widths = append(widths, seg.Track.Width)
		}
		if i > 0 && seg.FirstPTS-r.Segments[i-1].FirstPTS < picture-slack {
			t.Errorf("segment %d begins %d ticks after the one before", i, seg.FirstPTS-r.Segments[i-1].FirstPTS)
		}
		if seg.Track.Width == 320 && down == 0 {
			down = seg.FirstPTS
		}
	}
	if r.Reason != nil || r.Dropped != 0 || len(widths) != 3 || widths[0] != 640 || widths[1] != 320 || widths[2] != 640 {
		t.Errorf("ended with %v, %d pictures dropped, widths %v", r.Reason, r.Dropped, widths)
	}
	for i := range units[1:] {
		from, to := units[i].PTS, units[i+1].PTS
		off := (to - units[0].PTS + slack) % picture
		if to <= from || off > 2*slack || from >= down && to-from > picture+2*slack {
			t.Errorf("picture %d at %d, the one before at %d", i+1, to-units[0].PTS, from-units[0].PTS)
		}
	}
}
