package whep_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/internal/clip"
	"castnet/broadcaster/playback/whep"
	"castnet/internal/media"
	"castnet/internal/rtc"
	"castnet/transcoder"
)

var ladder = transcoder.Ladder{
	{Name: "360p", Codec: media.H264, Width: 480, Height: 360, Bitrate: 700_000, Divisor: 1},
	{Name: "180p", Codec: media.H264, Width: 240, Height: 180, Bitrate: 200_000, Divisor: 1},
}

// timeout bounds what a test waits for.
const timeout = 2 * time.Minute

type directory map[string]*playback.Hub

func (d directory) Hub(id string) (*playback.Hub, bool) { h, ok := d[id]; return h, ok }

// rig is a server with one stream, "demo".
type rig struct {
	*testing.T
	url   string
	hub   *playback.Hub
	clip  *clip.Clip
	rungs []*clip.Clip
	keys  chan int // key requests

	at     int
	seq    uint64
	grants []*playback.Grant
}

func newRig(t *testing.T, change func(*whep.Config)) *rig {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	must(t, err)
	r := &rig{T: t, keys: make(chan int, 100)}
	r.hub, err = playback.New(playback.Config{ID: "demo", Logger: log, Metrics: metrics, OnKeyRequest: func(i int) { r.keys <- i }})
	must(t, err)
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	host, err := rtc.NewHost(udp, tcp, log)
	must(t, err)
	cfg := whep.Config{Directory: directory{"demo": r.hub}, Metrics: metrics, Logger: log, Host: host}
	if change != nil {
		change(&cfg)
	}
	server, err := whep.NewServer(cfg)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	front := httptest.NewServer(server)
	t.Cleanup(func() {
		front.Close()
		cancel()
		running.Wait()
		must(t, host.Close())
	})
	r.url = front.URL + "/whep/demo"
	return r
}

// load makes the clips; only the source may have B-frames.
func (r *rig) load(pictures, keys, bFrames int) {
	r.clip = clip.Make(r, clip.Options{Width: 640, Height: 480, Pictures: pictures, Keys: keys, BFrames: bFrames})
	for _, p := range ladder {
		c := clip.Make(r, clip.Options{Width: p.Width, Height: p.Height, Pictures: pictures, Keys: keys})
		c.Retime(r.clip.Units)
		r.rungs = append(r.rungs, c)
	}
	must(r.T, r.hub.SetLadder(ladder))
}

// unit is picture i of a clip that is played again and again.
func unit(c *clip.Clip, i int) *media.Unit {
	u := *c.Units[i%len(c.Units)]
	shift := int64(i/len(c.Units)*len(c.Units)) * media.VideoClockRate / 30
	u.PTS, u.DTS = u.PTS+shift, u.DTS+shift
	return &u
}

// publish publishes n more pictures, the clip again and again; of the rungs too where the source has no B-frames.
func (r *rig) publish(n int) {
	r.Helper()
	for range n {
		u := unit(r.clip, r.at)
		u.Capture = time.Unix(1_700_000_000, 0).Add(r.clip.Video.Duration(u.PTS))
		if u.Key {
			must(r.T, r.hub.StartSegment(&media.Segment{Seq: r.seq, FirstPTS: u.PTS, DecodeFrom: u.PTS, Track: r.clip.Video}))
			r.grants = append(r.grants, r.hub.Admit(r.seq))
			r.seq++
		}
		must(r.T, r.hub.PublishSource(u))
		for i, c := range r.rungs {
			if r.clip.Video.Reorder == 0 {
				must(r.T, r.grants[r.seq-1].Publish(i, unit(c, r.at)))
			}
		}
		r.at++
	}
}

// play publishes a picture after each interval, until over is closed; without it, to the end of the clip. await returns when it is
// over.
func (r *rig) play(interval time.Duration, over <-chan struct{}) (await func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		pace := time.NewTicker(interval)
		defer pace.Stop()
		for over != nil || r.at < len(r.clip.Units) {
			select {
			case <-pace.C:
				r.publish(1)
			case <-over:
				return
			case <-r.Context().Done():
				return
			}
		}
	}()
	return func() { <-done }
}

// viewer is a player made of pion.
type viewer struct {
	*testing.T
	pc       *webrtc.PeerConnection
	location string
	answer   string
	header   http.Header
	tracks   chan *webrtc.TrackRemote

	started           bool
	next              uint16                 // sequence number
	held              map[uint16]*rtp.Packet // those that came too early
	current, fragment []byte
}

// watch joins as a player does: offer at once, no waiting for candidates.
func (r *rig) watch(query string, settings webrtc.SettingEngine) *viewer {
	r.Helper()
	engine := &webrtc.MediaEngine{}
	must(r.T, engine.RegisterDefaultCodecs())
	must(r.T, engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: rtc.CaptureExtension}, webrtc.RTPCodecTypeVideo))
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	interceptors := &interceptor.Registry{}
	must(r.T, webrtc.RegisterDefaultInterceptors(engine, interceptors))
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(interceptors))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	must(r.T, err)
	v := &viewer{T: r.T, pc: pc, tracks: make(chan *webrtc.TrackRemote, 2), held: make(map[uint16]*rtp.Packet)}
	r.Cleanup(func() { _ = pc.Close() })
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { v.tracks <- t })
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		_, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		must(r.T, err)
	}
	offer, err := pc.CreateOffer(nil)
	must(r.T, err)
	must(r.T, pc.SetLocalDescription(offer))
	res, err := http.Post(r.url+query, "application/sdp", strings.NewReader(offer.SDP))
	must(r.T, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	must(r.T, err)
	if res.StatusCode != http.StatusCreated || !strings.Contains(res.Header.Get("Access-Control-Expose-Headers"), "Location") {
		r.Fatalf("%d %s", res.StatusCode, answer)
	}
	v.location, v.answer = strings.TrimSuffix(r.url, "/whep/demo")+res.Header.Get("Location"), string(answer)
	v.header = res.Header
	must(r.T, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: v.answer}))
	return v
}

// track awaits a track.
func (v *viewer) track() *webrtc.TrackRemote {
	v.Helper()
	select {
	case t := <-v.tracks:
		return t
	case <-time.After(timeout):
		v.Fatal("no track came")
		return nil
	}
}

// picture is an access unit put together again.
type picture struct {
	timestamp uint32
	payload   []byte
	at        time.Time
}

// pictures reads n pictures or more, whose packets must follow each other without a hole once repeated ones are in place. It
// asks often: pion hands a repeated packet out to who asks for the next one after it came, and to nobody who waits already.
func (v *viewer) pictures(t *webrtc.TrackRemote, n int) []picture {
	v.Helper()
	var got []picture
	for heard := time.Now(); len(got) < n; {
		must(v.T, t.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		p, _, err := t.ReadRTP()
		if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() && time.Since(heard) < timeout {
			continue
		}
		if err != nil {
			v.Fatalf("after %d pictures of %d: %v", len(got), n, err)
		}
		heard = time.Now()
		if !v.started {
			v.started, v.next = true, p.SequenceNumber
		}
		v.held[p.SequenceNumber] = p
		for p = v.held[v.next]; p != nil; p = v.held[v.next] {
			delete(v.held, v.next)
			v.next++
			v.unpack(p.Payload)
			if p.Marker {
				got = append(got, picture{p.Timestamp, v.current, time.Now()})
				v.current = nil
			}
		}
	}
	return got
}

// unpack appends a packet's NAL units to the current picture as Annex B (RFC 6184).
func (v *viewer) unpack(payload []byte) {
	v.Helper()
	if len(payload) > 1200 {
		v.Errorf("a packet of %d bytes", len(payload))
	}
	add := func(nalu []byte) { v.current = append(append(v.current, 0, 0, 0, 1), nalu...) }
	switch payload[0] & 0x1f {
	case 24:
		for p := payload[1:]; len(p) > 2; {
			size := int(p[0])<<8 | int(p[1])
			add(p[2 : 2+size])
			p = p[2+size:]
		}
	case 28:
		if payload[1]&0x80 != 0 {
			v.fragment = []byte{payload[0]&0xe0 | payload[1]&0x1f}
		}
		v.fragment = append(v.fragment, payload[2:]...)
		if payload[1]&0x40 != 0 {
			add(v.fragment)
		}
	default:
		add(payload)
	}
}

func (v *viewer) same(got []picture, want []*media.Unit) {
	v.Helper()
	for i, p := range got {
		if p.timestamp != uint32(want[i].PTS) || !bytes.Equal(p.payload, want[i].Payload) {
			v.Fatalf("picture %d: PTS %d with %d bytes, published was %d with %d", i, p.timestamp, len(p.payload), want[i].PTS, len(want[i].Payload))
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryRendition: viewers of each rendition, who join in the middle of a GOP, get every picture since its key
// picture, byte for byte, to the stream's end.
func TestEveryRendition(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(150, 60, 0)
	r.publish(80)
	units := map[string][]*media.Unit{"source": r.clip.Units, "360p": r.rungs[0].Units, "180p": r.rungs[1].Units}
	viewers, tracks := make(map[string]*viewer), make(map[string]*webrtc.TrackRemote)
	for name := range units {
		viewers[name] = r.watch("?rendition="+name, webrtc.SettingEngine{})
		tracks[name] = viewers[name].track() // the cached GOP is being sent
	}
	if got := r.hub.Viewers(playback.WHEP); got != 3 {
		t.Errorf("%d viewers", got)
	}
	r.publish(60)
	for name, v := range viewers {
		v.same(v.pictures(tracks[name], 80), units[name][60:])
	}
	r.publish(10)
	r.hub.Close(nil) // connections are closed 2 s later, read or not
	for name, v := range viewers {
		v.same(v.pictures(tracks[name], 10), units[name][140:])
	}
}

func TestSound(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	sound := &media.Track{Codec: media.Opus, ClockRate: 48000, Channels: 2}
	r.hub.AddAudio(0, sound)
	r.load(10, 5, 0)
	r.publish(10)
	publish := func(i int64) {
		must(t, r.hub.PublishAudio(0, media.Opus, &media.Unit{PTS: i * 960, DTS: i * 960, Payload: []byte{0xfc, byte(i)}}))
	}
	publish(0)
	v := r.watch("", webrtc.SettingEngine{})
	track := v.track()
	if track.Kind() != webrtc.RTPCodecTypeAudio {
		track = v.track()
	}
	for i := range int64(49) {
		publish(i + 1)
	}
	must(t, track.SetReadDeadline(time.Now().Add(timeout)))
	for i := range 50 {
		p, _, err := track.ReadRTP()
		must(t, err)
		if p.Timestamp != uint32(i*960) || p.Payload[1] != byte(i) {
			t.Errorf("packet %d has timestamp %d", i, p.Timestamp)
		}
	}
	if !strings.Contains(v.answer, "opus") {
		t.Error("no Opus in the answer")
	}
}

// TestSoundAlone: a stream without pictures is heard, in the language that is asked for, by a player that would take pictures, too.
func TestSoundAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.hub.AddAudio(0, &media.Track{Codec: media.Opus, ClockRate: 48000, Channels: 2, Language: "en"})
	r.hub.AddAudio(1, &media.Track{Codec: media.Opus, ClockRate: 48000, Channels: 2, Language: "pt-BR"})
	must(t, r.hub.SetAudioOnly())
	for i := range int64(50) {
		for n := range 2 {
			must(t, r.hub.PublishAudio(n, media.Opus, &media.Unit{PTS: i * 960, DTS: i * 960, Payload: []byte{0xfc, byte(n), byte(i)}}))
		}
	}
	for query, n := range map[string]byte{"": 0, "?audio=2": 1, "?audio=en": 0, "?audio=pt-br&rendition=auto": 1} {
		v := r.watch(query, webrtc.SettingEngine{})
		track := v.track()
		must(t, track.SetReadDeadline(time.Now().Add(timeout)))
		p, _, err := track.ReadRTP()
		must(t, err)
		if p.Payload[1] != n || p.Timestamp != uint32(p.Payload[2])*960 {
			t.Errorf("%s: sound %d, wanted %d, at %d", query, p.Payload[1], n, p.Timestamp)
		}
		if video := v.section("video"); !strings.Contains(video, "a=inactive") {
			t.Errorf("%s: pictures are promised: %s", query, video)
		}
		if links := strings.Join(v.header.Values("Link"), ", "); strings.Contains(links, "/layer") || !strings.Contains(links, "/events") {
			t.Errorf("%s: links %s", query, links)
		}
	}
	for _, tc := range []struct{ query, offer, text string }{
		{"?audio=de", "m=audio", `its tracks are 1 en, 2 pt-BR`},
		{"?rendition=360p", "m=audio", "nothing but sound"},
		{"", "m=video", "no audio section"},
	} {
		res, err := http.Post(r.url+tc.query, "application/sdp", strings.NewReader(tc.offer))
		must(t, err)
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode < 400 || !strings.Contains(string(text), tc.text) {
			t.Errorf("%s, %s: %d %s", tc.query, tc.offer, res.StatusCode, text)
		}
	}
}

// section is the first of the answer's sections of a kind.
func (v *viewer) section(kind string) string {
	_, section, _ := strings.Cut(v.answer, "m="+kind)
	section, _, _ = strings.Cut(section, "m=")
	return "m=" + kind + section
}

// TestRepeats: a packet that a player says it lost is sent again, and a lost picture makes a key request.
func TestRepeats(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(300, 300, 0)
	r.publish(10)
	v := r.watch("?rendition=180p", webrtc.SettingEngine{})
	track := v.track()
	must(t, track.SetReadDeadline(time.Now().Add(timeout)))
	first, _, err := track.ReadRTP()
	must(t, err)
	if first.PayloadType == 0 || len(first.GetExtensionIDs()) != 2 {
		t.Errorf("the first packet lacks its capture time: %v", first.Header)
	}
	complain := func() {
		must(t, v.pc.WriteRTCP([]rtcp.Packet{
			&rtcp.TransportLayerNack{MediaSSRC: uint32(track.SSRC()), Nacks: []rtcp.NackPair{{PacketID: first.SequenceNumber}}},
			&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())},
		}))
	}
	complain()
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for {
		again, attributes, err := track.ReadRTP()
		must(t, err)
		if again.SequenceNumber != first.SequenceNumber {
			if again.Marker {
				<-pace.C // the player's library hands out repeated packets between others
				r.publish(1)
				if r.at%30 == 0 {
					complain() // as players do until the packet comes
				}
			}
			continue
		}
		if !bytes.Equal(again.Payload, first.Payload) || attributes.Get(webrtc.AttributeRtxSsrc) == nil {
			t.Errorf("repeated with %d bytes, the packet has %d; RTX %v", len(again.Payload), len(first.Payload), attributes)
		}
		break
	}
	select {
	case i := <-r.keys:
		if i != 1 {
			t.Errorf("a key picture was asked of rung %d", i)
		}
	case <-time.After(timeout):
		t.Error("a lost picture led to no key request")
	}
}

// TestFirstPicture: the first picture comes as soon as the connection stands, out of the cached GOP, and the viewer
// is live soon after, though the next key picture is far away.
func TestFirstPicture(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(120, 120, 0)
	r.publish(100)
	const allowed = 2 * time.Second
	quickest := time.Hour // a busy machine is late, but not with all of them
	for tries := 0; quickest > allowed && tries < 10; tries++ {
		begun := time.Now()
		v := r.watch("?rendition=360p", webrtc.SettingEngine{})
		got := v.pictures(v.track(), 100)
		v.same(got, r.rungs[0].Units)
		behind := got[99].at.Sub(got[0].at)
		t.Logf("first picture after %v, live %v later", got[0].at.Sub(begun), behind)
		quickest = min(quickest, behind)
	}
	if quickest > allowed {
		t.Errorf("live only %v after the first picture", quickest)
	}
}

// TestTCP: a viewer whose network lets no UDP through.
func TestTCP(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(60, 30, 0)
	r.publish(40)
	var settings webrtc.SettingEngine
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	v := r.watch("?rendition=180p", settings)
	v.same(v.pictures(v.track(), 10), r.rungs[1].Units[30:])
}

// TestSlowViewer: a viewer that stops reading slows nobody.
func TestSlowViewer(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(310, 30, 0)
	for _, u := range r.clip.Units { // filler to 9 MB in all: more than the slow viewer's sockets hold
		u.Payload = append(append(u.Payload, 0, 0, 0, 1, 12), bytes.Repeat([]byte{0xff}, 30_000)...)
	}
	r.publish(10)
	gate := &gate{open: make(chan struct{})}
	var settings webrtc.SettingEngine
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	settings.SetICEProxyDialer(gate)
	slow := r.watch("?rendition=source", settings)
	t.Cleanup(func() { close(gate.open) })
	slow.track()
	gate.shut.Store(true)
	quick := r.watch("?rendition=source", webrtc.SettingEngine{})
	track := quick.track()
	var got []picture
	for r.at < len(r.clip.Units) { // as many at a time as a busy machine's sockets hold; later ones tell that earlier ones are lost
		got = append(got, quick.pictures(track, r.at-5-len(got))...)
		r.publish(10)
	}
	quick.same(got, r.clip.Units)
}

// gate dials connections whose reader can be stopped.
type gate struct {
	shut atomic.Bool
	open chan struct{}
}

func (g *gate) Dial(network, address string) (net.Conn, error) {
	conn, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return &gated{conn, g}, conn.(*net.TCPConn).SetReadBuffer(4096)
}

type gated struct {
	net.Conn
	gate *gate
}

func (c *gated) Read(b []byte) (int, error) {
	if c.gate.shut.Load() {
		<-c.gate.open
	}
	return c.Conn.Read(b)
}

// TestRefusals: each refusal says what can be done.
func TestRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *whep.Config) { c.MaxViewers = 1; c.Wait = time.Second })
	r.load(30, 15, 2)
	r.publish(20)
	offer := "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
	request := func(method, url, kind, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		must(t, err)
		req.Header.Set("Content-Type", kind)
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		must(t, err)
		return res.StatusCode, string(text)
	}
	const sdp = "application/sdp"
	for name, tc := range map[string]struct {
		method, url, kind, body string
		status                  int
		text                    string
	}{
		"not live":           {"POST", strings.Replace(r.url, "demo", "other", 1), sdp, offer, 404, `stream "other" is not live`},
		"no such rendition":  {"POST", r.url + "?rendition=8k", sdp, offer, 404, "there are 360p, 180p"},
		"B-frames":           {"POST", r.url + "?rendition=source", sdp, offer, 409, "ask for rendition=auto or one of 360p, 180p"},
		"nothing made yet":   {"POST", r.url + "?rendition=360p", sdp, offer, 503, "try again"},
		"content type":       {"POST", r.url, "text/plain", offer, 415, "application/sdp is needed"},
		"no such sound":      {"POST", r.url + "?audio=2", sdp, offer, 404, `no track of sound "2": its tracks are none`},
		"too large":          {"POST", r.url, sdp, strings.Repeat("m=video", 1<<15), 413, "at most 65536 bytes"},
		"GET":                {"GET", r.url, "", "", 405, "POST an offer"},
		"unknown session":    {"DELETE", r.url + "/0123", "", "", 404, "no such session"},
		"preflight":          {"OPTIONS", r.url, "", "", 204, ""},
		"preflight resource": {"OPTIONS", r.url + "/0123", "", "", 204, ""},
	} {
		if status, text := request(tc.method, tc.url, tc.kind, tc.body); status != tc.status || !strings.Contains(text, tc.text) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}

	slow, err := net.Dial("tcp", strings.Split(r.url, "/")[2]) // an offer that never comes to its end
	must(t, err)
	defer slow.Close()
	_, err = io.WriteString(slow, "POST /whep/demo HTTP/1.1\r\nHost: demo\r\nContent-Type: "+sdp+"\r\nContent-Length: 100\r\n\r\nv=0\r\n")
	must(t, err)
	must(t, slow.SetReadDeadline(time.Now().Add(timeout)))
	if answer, err := io.ReadAll(slow); err != nil || !strings.Contains(string(answer), "408 Request Timeout") {
		t.Errorf("an offer that never ends: %q, %v", answer, err)
	}

	for _, i := range []int{0, 1} { // now the rungs have begun
		r.rungs[i].Units[0].PTS = r.clip.Units[0].PTS
		must(t, r.hub.Admit(0).Publish(i, r.rungs[i].Units[0]))
	}
	if status, text := request("POST", r.url, sdp, "v=0\r\nm=video garbage"); status != 400 {
		t.Errorf("garbage: %d %s", status, text)
	}
	if status, text := request("POST", r.url, sdp, "v=0\r\nm=audio"); status != 400 || !strings.Contains(text, "no video section") {
		t.Errorf("a player of sound: %d %s", status, text)
	}
	v := r.watch("", webrtc.SettingEngine{})
	if status, text := request("POST", r.url, sdp, offer); status != 503 || !strings.Contains(text, "--max-viewers") {
		t.Errorf("one viewer too many: %d %s", status, text)
	}
	if status, _ := request("PATCH", v.location, "application/trickle-ice-sdpfrag", "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n"); status != 204 {
		t.Errorf("trickle: %d", status)
	}
	if status, _ := request("PATCH", v.location, "application/trickle-ice-sdpfrag", "a=candidate:nonsense\r\n"); status != 400 {
		t.Errorf("bad candidate: %d", status)
	}
	v.track()
	closed := make(chan struct{})
	v.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateClosed {
			close(closed)
		}
	})
	if status, _ := request("DELETE", v.location, "", ""); status != 200 {
		t.Errorf("DELETE: %d", status)
	}
	select {
	case <-closed: // by DTLS
	case <-time.After(timeout):
		t.Error("the connection outlives DELETE")
	}
}
