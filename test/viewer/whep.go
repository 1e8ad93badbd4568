package viewer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// maxHeld is how many packets may wait for one before them that was lost. It is more than the network repeats.
const maxHeld = 1024

// Picture is one access unit that has arrived whole, and all before it back to a key picture too: it could be shown.
type Picture struct {
	// PTS is the RTP timestamp. The network sends the source's own, in 90 kHz ticks, so it is unambiguous for the
	// first 13 hours of a stream.
	PTS int64
	// At is when the last of its packets was read.
	At time.Time
}

// WHEP is a WebRTC player without a screen. Its offer is ready, so that nothing but the network's part of joining
// remains.
type WHEP struct {
	pc      *webrtc.PeerConnection
	offer   string
	reading sync.WaitGroup

	mu  sync.Mutex
	err error // what ended the reading
}

// NewWHEP prepares a player, which calls seen for each picture, from one goroutine.
func NewWHEP(seen func(Picture)) (*WHEP, error) {
	return newWHEP(func(w *WHEP, t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		w.reading.Go(func() {
			w.read(t, func(packets []*rtp.Packet) { seen(Picture{PTS: int64(packets[0].Timestamp), At: time.Now()}) })
		})
	}, webrtc.RTPCodecTypeVideo)
}

// newWHEP prepares a player of the given kinds of tracks, which is told of each one that comes.
func newWHEP(onTrack func(*WHEP, *webrtc.TrackRemote, *webrtc.RTPReceiver), kinds ...webrtc.RTPCodecType) (*WHEP, error) {
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	interceptors := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(engine, interceptors); err != nil {
		return nil, err
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(interceptors))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	w := &WHEP{pc: pc}
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) { onTrack(w, t, r) })
	if err := w.prepare(kinds); err != nil {
		return nil, errors.Join(err, pc.Close())
	}
	return w, nil
}

func (w *WHEP) prepare(kinds []webrtc.RTPCodecType) error {
	receive := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
	for _, kind := range kinds {
		if _, err := w.pc.AddTransceiverFromKind(kind, receive); err != nil {
			return err
		}
	}
	offer, err := w.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	w.offer = offer.SDP
	return w.pc.SetLocalDescription(offer)
}

// Join posts the offer, without waiting for candidates as browsers' players do, and takes the answer. After a refusal
// it may be called again.
func (w *WHEP) Join(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(w.offer))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/sdp")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST %s: %s: %s", url, resp.Status, answer)
	}
	return w.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
}

// Close leaves. It returns what went wrong before: a packet that never came.
func (w *WHEP) Close() error {
	err := w.pc.Close()
	w.reading.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(err, w.err)
}

// read puts packets into order and tells of each whole picture, or packet of sound.
func (w *WHEP) read(track *webrtc.TrackRemote, whole func([]*rtp.Packet)) {
	o := order{sound: track.Kind() == webrtc.RTPCodecTypeAudio}
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return // the end of the session
		}
		if err := o.push(p, whole); err != nil {
			w.mu.Lock()
			w.err = err
			w.mu.Unlock()
			return
		}
	}
}

// order is the packets of one track on their way into pictures.
type order struct {
	sound   bool // each packet is a whole unit
	started bool
	next    uint16                 // the sequence number that is due
	held    map[uint16]*rtp.Packet // those that came before their turn
	picture []*rtp.Packet          // the one in the making
	key     bool                   // it is a key picture, or one has been seen
}

func (o *order) push(p *rtp.Packet, whole func(picture []*rtp.Packet)) error {
	if !o.started {
		o.started, o.next, o.held = true, p.SequenceNumber, make(map[uint16]*rtp.Packet)
	}
	if int16(p.SequenceNumber-o.next) < 0 {
		return nil // repeated
	}
	o.held[p.SequenceNumber] = p
	for p := o.held[o.next]; p != nil; p = o.held[o.next] {
		delete(o.held, o.next)
		o.next++
		o.key = o.key || isKey(p.Payload)
		o.picture = append(o.picture, p)
		if !p.Marker && !o.sound {
			continue
		}
		if o.key || o.sound {
			whole(o.picture)
		}
		o.picture = nil
	}
	if len(o.held) > maxHeld {
		return fmt.Errorf("packet %d is lost: %d came after it", o.next, len(o.held))
	}
	return nil
}

// isKey reports whether a packet carries a part of an IDR picture or its parameter sets (RFC 6184).
func isKey(payload []byte) bool {
	const (
		idr, sps   = 5, 7
		stapA, fuA = 24, 28
	)
	if len(payload) < 4 {
		return false
	}
	kind := payload[0] & 0x1f
	switch kind {
	case stapA:
		kind = payload[3] & 0x1f // of the first NAL unit, behind its size
	case fuA:
		kind = payload[1] & 0x1f
	}
	return kind == idr || kind == sps
}
