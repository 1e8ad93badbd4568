package hostile_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"castnet/test/clip"
	"castnet/test/hostile"
	"castnet/test/testnet"
)

// udpPorts are those of SRT and of WebRTC.
func udpPorts(t *testing.T, n *testnet.Network, v *clip.Video, sound *clip.Audio, ts []byte) []port {
	t.Helper()
	said, err := hostile.RecordUDP(t.Context(), n.SRTAddress(), func(address string) error {
		out, err := exec.CommandContext(t.Context(), "/usr/bin/ffmpeg", "-v", "error", "-nostdin", "-re", "-i", v.File, "-i", sound.File,
			"-map", "0:v", "-map", "1:a", "-c", "copy", "-t", "1", "-f", "mpegts", "srt://"+address+"?streamid=publish:"+key(0)).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ffmpeg: %w\n%s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	packets := append([][]byte{stun("abcd:efgh"), dtls()}, srtp()...)
	return []port{
		udp("srt raw", n.SRTAddress(), said), udp("webrtc udp", n.WebRTCAddress(), packets),
		{name: "srt media", throw: mediaBySRT(n, ts)},
		{name: "webrtc media", throw: (&mediaByWHIP{n: n, v: v}).throw},
	}
}

// answerTime is how long an answer is waited for.
const answerTime = 2 * time.Millisecond

// udp throws spoiled datagrams at a port, each from another socket.
func udp(name, address string, datagrams [][]byte) port {
	return port{name: name, throw: func(ctx context.Context, r *rand.Rand) (kind, outcome string, err error) {
		kind, input := hostile.Spoil(r, datagrams)
		nc, err := new(net.Dialer).DialContext(ctx, "udp", address)
		if err != nil {
			return kind, "", err
		}
		defer nc.Close()
		if _, err := nc.Write(input[:min(len(input), 60_000)]); err != nil {
			return kind, "", err
		}
		_ = nc.SetReadDeadline(time.Now().Add(answerTime))
		if n, err := nc.Read(make([]byte, 2048)); err == nil && n > 0 {
			return kind, "answered", nil
		}
		return kind, "no answer", nil
	}}
}

// stun is a binding request (RFC 8489) of a user.
func stun(user string) []byte {
	padded := user + strings.Repeat("\x00", (4-len(user)%4)%4)
	b := binary.BigEndian.AppendUint16([]byte{0, 1}, uint16(4+len(padded)))
	b = append(b, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
	b = binary.BigEndian.AppendUint16(append(b, 0, 6), uint16(len(user)))
	return append(b, padded...)
}

// dtls is the beginning of a ClientHello (RFC 6347).
func dtls() []byte {
	return append([]byte{22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 1, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0, 38, 254, 253}, make([]byte, 40)...)
}

// srtp are packets that look like media and reports.
func srtp() [][]byte {
	media, report := make([]byte, 200), make([]byte, 60)
	media[0], media[1], report[0], report[1] = 0x80, 96, 0x80, 200
	return [][]byte{media, report}
}

// framed is a datagram as ICE over TCP carries it (RFC 4571).
func framed(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }

// mediaBySRT publishes spoiled transport streams.
func mediaBySRT(n *testnet.Network, ts []byte) func(context.Context, *rand.Rand) (string, string, error) {
	const packet = 188
	return func(_ context.Context, r *rand.Rand) (kind, outcome string, err error) {
		from := r.IntN(len(ts)/packet) * packet
		kind, input := hostile.Spoil(r, [][]byte{ts, ts[from:]})
		cfg := gosrt.DefaultConfig()
		cfg.StreamId, cfg.ConnectionTimeout = "publish:"+key(r.IntN(spare)), 5*time.Second
		conn, err := gosrt.Dial("srt", n.SRTAddress(), cfg)
		if err != nil {
			return kind, "refused", nil // the key is in use, or the port is loaded
		}
		defer func() { _ = conn.Close() }()
		for len(input) > 0 {
			k := min(7*packet, len(input))
			if _, err := conn.Write(input[:k]); err != nil {
				return kind, "sent away", nil
			}
			input = input[k:]
		}
		return kind, "taken", nil
	}
}

// mediaByWHIP publishes spoiled RTP by WebRTC, a hundred packets a session.
type mediaByWHIP struct {
	n  *testnet.Network
	v  *clip.Video
	mu sync.Mutex
	at int // of the next session's key

	sessions sync.Map // *rand.Rand → *whipSession
}

type whipSession struct {
	pc    *webrtc.PeerConnection
	track *webrtc.TrackLocalStaticRTP
	left  int
	seq   uint16
}

func (m *mediaByWHIP) throw(ctx context.Context, r *rand.Rand) (kind, outcome string, err error) {
	known, _ := m.sessions.Load(r)
	s, _ := known.(*whipSession)
	if s == nil {
		if s, outcome, err = m.open(ctx); s == nil {
			return "session", outcome, err
		}
		m.sessions.Store(r, s)
	}
	u := m.v.Units[r.IntN(len(m.v.Units))]
	payload := u.Payload[4:min(len(u.Payload), 1100)] // without its start code
	kind, payload = hostile.Spoil(r, [][]byte{payload, append([]byte{28, 0x85}, payload...), append([]byte{24, 0, byte(len(payload))}, payload...)})
	s.seq += uint16(1 + r.IntN(4)/3)
	p := &rtp.Packet{
		Header:  rtp.Header{Version: 2, SequenceNumber: s.seq, Timestamp: uint32(s.seq) * 3000, Marker: r.IntN(2) == 0},
		Payload: payload[:min(len(payload), 1200)],
	}
	if r.IntN(20) == 0 {
		p.Timestamp, p.SequenceNumber = r.Uint32(), uint16(r.Uint32())
	}
	outcome = "taken"
	if err := s.track.WriteRTP(p); err != nil {
		outcome = "sent away"
	}
	if s.left--; s.left == 0 || outcome != "taken" {
		m.sessions.Delete(r)
		_ = s.pc.Close()
	}
	return kind, outcome, nil
}

func (m *mediaByWHIP) open(ctx context.Context) (s *whipSession, outcome string, err error) {
	m.mu.Lock()
	m.at++
	name := key(m.at)
	m.mu.Unlock()
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		return nil, "", err
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, "", err
	}
	defer func() {
		if s == nil {
			_ = pc.Close()
		}
	}()
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90_000}, "video", "v")
	if err != nil {
		return nil, "", err
	}
	if _, err := pc.AddTrack(track); err != nil {
		return nil, "", err
	}
	connected := make(chan struct{})
	var once sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(connected) })
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return nil, "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return nil, "", err
	}
	<-gathered
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.n.HTTP+"/whip/"+name, strings.NewReader(pc.LocalDescription().SDP))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Content-Type", "application/sdp")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil || resp.StatusCode != http.StatusCreated {
		return nil, "refused", err
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		return nil, "", err
	}
	select {
	case <-connected:
		return &whipSession{pc: pc, track: track, left: 100}, "", nil
	case <-ctx.Done():
		return nil, "", errors.New("a WHIP session was admitted and did not connect")
	}
}
