package whip_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/whip"
	"castnet/internal/media"
	"castnet/internal/rtc"
	"castnet/test/clip"
)

// server runs a server until the test ends.
func server(t *testing.T, g ingest.Gate, change func(*whip.Config)) http.Handler {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, err := rtc.NewHost(udp, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	cfg := whip.Config{Host: host, Gate: g, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Registerer: prometheus.NewRegistry()}
	if change != nil {
		change(&cfg)
	}
	server, err := whip.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Errorf("close the ports: %v", err)
		}
	})
	ingesttest.Run(t, server.Run) // ends before the ports are closed
	return server
}

// start runs a server on a site of its own, and returns the URL of that.
func start(t *testing.T, g ingest.Gate, change func(*whip.Config)) string {
	t.Helper()
	site := httptest.NewServer(server(t, g, change))
	t.Cleanup(site.Close)
	return site.URL
}

// answer is an HTTP response, read.
type answer struct {
	status int
	header http.Header
	text   string
}

// ask sends a request with headers, given as name and value in turn.
func ask(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(all)}
}

const kind = "Content-Type"

// client is a publisher by pion.
type client struct {
	pc       *webrtc.PeerConnection
	video    *webrtc.TrackLocalStaticRTP
	location string // of the session
	etag     string
	packets  rtp.Packetizer
}

// publish connects to a server. lost says which packets never leave, by their number.
func publish(t *testing.T, site, path string, lost func(n int) bool) *client {
	t.Helper()
	n := 0
	return publishThrough(t, site, path, func(h *rtp.Header, payload []byte, a interceptor.Attributes, next interceptor.RTPWriter) (int, error) {
		n++
		if lost != nil && lost(n) {
			return len(payload), nil
		}
		return next.Write(h, payload, a)
	})
}

// publishThrough does the same; each packet leaves through write.
func publishThrough(t *testing.T, site, path string, write writer) *client {
	t.Helper()
	registry := &interceptor.Registry{}
	registry.Add(&writing{write: write})
	c := &client{packets: packetizer(rtp.NewFixedSequencer(65000))}
	c.video = newTrack(t)
	c.pc, _ = newConnection(t, registry, c.video)
	c.location, c.etag = connect(t, c.pc, site, path)
	return c
}

// newTrack makes a track of H264, packetizer packets of one.
func newTrack(t *testing.T, options ...func(*webrtc.TrackLocalStaticRTP)) *webrtc.TrackLocalStaticRTP {
	t.Helper()
	h264 := webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}
	track, err := webrtc.NewTrackLocalStaticRTP(h264, "video", "clip", options...)
	if err != nil {
		t.Fatal(err)
	}
	return track
}

func packetizer(numbers rtp.Sequencer) rtp.Packetizer {
	return rtp.NewPacketizer(1200, 96, 1, &codecs.H264Payloader{}, numbers, 90000)
}

// newConnection makes a peer connection that sends a picture, in one size or several.
func newConnection(t *testing.T, registry *interceptor.Registry, layers ...*webrtc.TrackLocalStaticRTP) (*webrtc.PeerConnection, *webrtc.RTPSender) {
	t.Helper()
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	if err := webrtc.ConfigureSimulcastExtensionHeaders(engine); err != nil {
		t.Fatal(err)
	}
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings)).
		NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	transceiver, err := pc.AddTransceiverFromTrack(layers[0], webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers[1:] {
		if err := transceiver.Sender().AddEncoding(l); err != nil {
			t.Fatal(err)
		}
	}
	return pc, transceiver.Sender()
}

// connect offers what a peer connection sends, and waits until it is connected.
func connect(t *testing.T, pc *webrtc.PeerConnection, site, path string) (location, etag string) {
	t.Helper()
	var once sync.Once
	connected := make(chan struct{})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(connected) }) // again after an ICE restart
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	a := ask(t, http.MethodPost, site+path, pc.LocalDescription().SDP, kind, "application/sdp", "Authorization", "Bearer demo")
	if a.status != http.StatusCreated {
		t.Fatalf("%d: %s", a.status, a.text)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: a.text}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-connected:
	case <-time.After(2 * time.Minute):
		t.Fatal("never connected")
	}
	return site + a.header.Get("Location"), a.header.Get("ETag")
}

// writer lets a packet leave by next, or not.
type writer func(h *rtp.Header, payload []byte, a interceptor.Attributes, next interceptor.RTPWriter) (int, error)

// writing is a publisher's interceptor.
type writing struct {
	interceptor.NoOp
	write writer
}

func (i *writing) NewInterceptor(string) (interceptor.Interceptor, error) { return i, nil }

func (i *writing) BindLocalStream(_ *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		return i.write(h, payload, a, next)
	})
}

// send sends units on their clock, as fast as the server takes them.
func (c *client) send(t *testing.T, units []*media.Unit) {
	t.Helper()
	for _, u := range units {
		for _, p := range c.packets.Packetize(u.Payload, 0) {
			p.Timestamp = uint32(u.PTS) + 0xfffff000 // wraps within the first picture
			if err := c.video.WriteRTP(p); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func made(t *testing.T, seconds int) *clip.Video {
	t.Helper()
	v, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: seconds, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// slices are a unit's coded slices without what a publisher or the server may add: parameter sets and SEI.
func slices(u *media.Unit) []byte {
	var out []byte
	for n := range media.NALUs(u.Payload) {
		if kind := n[0] & 0x1f; kind >= 1 && kind <= 5 {
			out = append(out, n...)
		}
	}
	return out
}

// wait reads the recorder until it has n pictures.
func wait(t *testing.T, r *ingesttest.Recorder, n int) {
	t.Helper()
	end := time.After(2 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for r.Count(media.H264) < n {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%d pictures came, of %d", r.Count(media.H264), n)
		}
	}
}

func TestPublish(t *testing.T) {
	video := made(t, 3)
	g := ingesttest.NewGate()
	c := publish(t, start(t, g, nil), "/whip", nil)
	r := g.Next(t)
	for i := range 3 { // a second at a time: a burst of all would overflow socket buffers
		c.send(t, video.Units[30*i:30*i+30])
		wait(t, r, 30*i+30)
	}
	if a := ask(t, http.MethodDelete, c.location, ""); a.status != http.StatusOK {
		t.Fatalf("%d: %s", a.status, a.text)
	}
	<-r.Closed
	if r.Reason != nil || r.Starts != 1 || len(r.Tracks) != 1 || r.Tracks[0].Width != 320 || r.Tracks[0].Reorder != 0 {
		t.Errorf("ended with %v after %d starts, tracks %+v", r.Reason, r.Starts, r.Tracks)
	}
	units := r.Units[media.H264]
	for i, u := range units {
		want := video.Units[i]
		if u.PTS-units[0].PTS != want.PTS-video.Units[0].PTS || u.DTS != u.PTS || u.Key != want.Key || !bytes.Equal(slices(u), slices(want)) {
			t.Fatalf("picture %d: PTS %d, DTS %d, key %v, %d bytes", i, u.PTS, u.DTS, u.Key, len(u.Payload))
		}
	}
	if request := g.Requests[0]; request.Key != "demo" || request.Protocol != "whip" {
		t.Errorf("asked as %+v", request)
	}
	if a := ask(t, http.MethodDelete, c.location, ""); a.status != http.StatusNotFound || !strings.Contains(a.text, "ended") {
		t.Errorf("a second goodbye: %d: %s", a.status, a.text)
	}
}

// TestLoss loses one packet for good: pictures that refer to what is lost are left out, up to the next key frame, and the
// gap is marked.
func TestLoss(t *testing.T) {
	video := made(t, 3)
	g := ingesttest.NewGate()
	lost := 0
	c := publish(t, start(t, g, nil), "/whip/demo", func(int) bool { lost--; return lost == 0 })
	r := g.Next(t)
	c.send(t, video.Units[:30])
	wait(t, r, 30)
	lost = 5 // the fifth packet from here
	c.send(t, video.Units[30:60])
	c.send(t, video.Units[60:75])
	tick := time.NewTicker(20 * time.Millisecond) // the packets behind a gap wait until others come late enough
	defer tick.Stop()
	for _, u := range video.Units[75:] {
		<-tick.C
		c.send(t, []*media.Unit{u})
	}
	wait(t, r, 60)
	ask(t, http.MethodDelete, c.location, "")
	<-r.Closed
	var broken []int
	for i, u := range r.Units[media.H264] {
		if u.Discontinuity {
			broken = append(broken, i)
			if !u.Key {
				t.Errorf("picture %d goes on after a loss, and is no key frame", i)
			}
		}
	}
	if len(broken) != 1 {
		t.Errorf("gaps are marked at %v", broken)
	}
}

// TestICERestart moves a publisher to other ICE credentials, as one does that changes networks.
func TestICERestart(t *testing.T) {
	video := made(t, 2)
	g := ingesttest.NewGate()
	c := publish(t, start(t, g, nil), "/whip/demo", nil)
	r := g.Next(t)
	c.send(t, video.Units[:30])
	wait(t, r, 30)

	const trickle = "application/trickle-ice-sdpfrag"
	for match, want := range map[string]int{"": http.StatusPreconditionRequired, `"other"`: http.StatusPreconditionFailed} {
		if a := ask(t, http.MethodPatch, c.location, "a=mid:0\r\n", kind, trickle, "If-Match", match); a.status != want {
			t.Errorf("If-Match %q: %d: %s", match, a.status, a.text)
		}
	}
	if a := ask(t, http.MethodPatch, c.location, "a=mid:0\r\n", kind, trickle, "If-Match", c.etag); a.status != http.StatusNoContent {
		t.Errorf("trickle: %d: %s", a.status, a.text)
	}
	offer, err := c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	var fragment strings.Builder
	for line := range strings.Lines(c.pc.LocalDescription().SDP) {
		if strings.HasPrefix(line, "a=ice-") || strings.HasPrefix(line, "a=candidate") {
			fragment.WriteString(line)
		}
	}
	a := ask(t, http.MethodPatch, c.location, fragment.String(), kind, trickle, "If-Match", "*")
	if a.status != http.StatusOK || a.header.Get("ETag") == c.etag || a.header.Get(kind) != trickle {
		t.Fatalf("%d, ETag %s: %s", a.status, a.header.Get("ETag"), a.text)
	}
	var full strings.Builder
	for line := range strings.Lines(c.pc.CurrentRemoteDescription().SDP) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag"):
			for fresh := range strings.Lines(a.text) {
				if strings.HasPrefix(fresh, "a=ice-") || strings.HasPrefix(fresh, "a=candidate") {
					full.WriteString(fresh)
				}
			}
		case strings.HasPrefix(line, "a=ice-pwd"), strings.HasPrefix(line, "a=candidate"):
		default:
			full.WriteString(line)
		}
	}
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: full.String()}); err != nil {
		t.Fatal(err)
	}
	for _, u := range video.Units[30:] { // what is sent while ICE looks for a way is lost: the clip's second key frame too
		c.send(t, []*media.Unit{u})
	}
	before := r.Count(media.H264)
	end := time.After(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; r.Count(media.H264) < before+10; i++ {
		select {
		case <-tick.C:
			u := *video.Units[i%60]
			u.PTS = int64(60+i) * 3000
			c.send(t, []*media.Unit{&u})
		case <-end:
			t.Fatal("nothing comes after the restart")
		}
	}
}

func TestRefusals(t *testing.T) {
	g := ingesttest.NewGate()
	site := start(t, g, func(c *whip.Config) { c.MaxPublishers = 1 })
	const sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	for _, tc := range []struct {
		name, method, path, kind, body string
		status                         int
		says                           string
	}{
		{"page", http.MethodGet, "/whip/demo", "", "", 405, "POST an offer"},
		{"elsewhere", http.MethodPost, "/whip/a/b/c", "application/sdp", sdp, 404, "/whip/KEY"},
		{"kind", http.MethodPost, "/whip/demo", "text/plain", sdp, 415, "application/sdp"},
		{"no key", http.MethodPost, "/whip", "application/sdp", sdp + "m=video", 403, "stream key is missing"},
		{"long key", http.MethodPost, "/whip/" + strings.Repeat("k", 300), "application/sdp", sdp + "m=video", 403, "256 bytes"},
		{"neither", http.MethodPost, "/whip/demo", "application/sdp", sdp, 400, "neither a video section"},
		{"garbage", http.MethodPost, "/whip/demo", "application/sdp", "m=video\x00\xff", 400, "cannot be taken"},
		{"huge", http.MethodPost, "/whip/demo", "application/sdp", strings.Repeat("m=video\r\n", 20000), 413, "too large"},
		{"no session", http.MethodDelete, "/whip/session/none", "", "", 404, "no such session"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := ask(t, tc.method, site+tc.path, tc.body, kind, tc.kind)
			if a.status != tc.status || !strings.Contains(a.text, tc.says) {
				t.Errorf("%d: %q, want %d with %q", a.status, a.text, tc.status, tc.says)
			}
		})
	}
	<-g.Next(t).Closed // the garbage had a right key, so the gate knew it
	first := publish(t, site, "/whip/demo", nil)
	offer := first.pc.LocalDescription().SDP
	if a := ask(t, http.MethodPost, site+"/whip/demo", offer, kind, "application/sdp"); a.status != 503 || !strings.Contains(a.text, "allowed 1") {
		t.Errorf("one too many: %d: %s", a.status, a.text)
	}
	ask(t, http.MethodDelete, first.location, "")
	<-g.Next(t).Closed

	other := start(t, g, nil)
	publish(t, other, "/whip/demo", nil)
	for key, want := range map[string]string{"demo": "409 already publishing", "nope": "403 no stream has this key"} {
		a := ask(t, http.MethodPost, other+"/whip/"+key, offer, kind, "application/sdp")
		if got := fmt.Sprint(a.status, " ", a.text); !strings.HasPrefix(got, want[:3]) || !strings.Contains(got, want[4:]) {
			t.Errorf("key %s: %q, want %q", key, got, want)
		}
	}
}

// TestSilence ends a publisher that connects and sends nothing.
func TestSilence(t *testing.T) {
	g := ingesttest.NewGate()
	publish(t, start(t, g, func(c *whip.Config) { c.IdleTimeout = 100 * time.Millisecond }), "/whip/demo", nil)
	r := g.Wait(t)
	if ingest.CodeOf(r.Reason) != ingest.CodeLimit {
		t.Errorf("ended with %v", r.Reason)
	}
}

// TestCrowd sends a publisher away that names more RTP streams than there is a use for, by its packets of media or by its reports.
func TestCrowd(t *testing.T) {
	picture := made(t, 1).Units[:1]
	for name, crowd := range map[string]func(t *testing.T, c *client, ssrc uint32){
		"media": func(t *testing.T, c *client, _ uint32) {
			t.Helper()
			c.send(t, picture)
		},
		"reports": func(t *testing.T, c *client, ssrc uint32) {
			t.Helper()
			_ = c.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}}) // fails once we are sent away
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := ingesttest.NewGate()
			next := uint32(1000)
			c := publishThrough(t, start(t, g, nil), "/whip/demo", func(h *rtp.Header, payload []byte, a interceptor.Attributes, to interceptor.RTPWriter) (int, error) {
				next++
				strange := *h
				strange.SSRC = next
				return to.Write(&strange, payload, a)
			})
			r := g.Next(t)
			tick := time.NewTicker(time.Millisecond) // sockets drop what comes all at once
			defer tick.Stop()
			end := time.After(2 * time.Minute)
			for ssrc, gone := uint32(1), false; !gone; ssrc++ {
				select {
				case <-tick.C:
					crowd(t, c, ssrc)
				case <-r.Closed:
					gone = true
				case <-end:
					t.Fatal("the publisher may go on")
				}
			}
			if r.Reason == nil || !strings.Contains(r.Reason.Error(), "more RTP streams") {
				t.Errorf("ended with %v", r.Reason)
			}
		})
	}
}
