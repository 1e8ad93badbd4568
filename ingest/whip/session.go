package whip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"castnet/ingest"
	"castnet/ingest/rtpstream"
	"castnet/internal/rtc"
)

const (
	// keyInterval is the longest that a publisher may go without a key frame before it is asked for one: segments
	// are about 2 s.
	keyInterval = 1900 * time.Millisecond
	// keyRetry is how soon it is asked again.
	keyRetry = 300 * time.Millisecond
	// queue bounds the packets that wait to be taken: a quarter of a second of a fast stream.
	queue = 512
)

var (
	errVanished       = errors.New("the publisher's connection ended without a goodbye")
	errCrowd    error = &ingest.Refusal{
		Code:    ingest.CodeLimit,
		Message: fmt.Sprintf("the publisher sends more RTP streams than there is a use for: send one picture, in at most %d sizes, and one sound", maxLayers),
	}
)

// connection makes a peer connection that takes one picture track, in several layers where the publisher sends them, and
// one of sound.
func connection(host *rtc.Host, abused func()) (*webrtc.PeerConnection, error) {
	codecs := &webrtc.MediaEngine{}
	if err := codecs.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	if err := webrtc.ConfigureSimulcastExtensionHeaders(codecs); err != nil {
		return nil, err
	}
	registry := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(codecs, registry); err != nil {
		return nil, err
	}
	return host.Receiver(codecs, registry, abused)
}

// session is one publisher. Readers of its tracks feed one loop, which alone knows the stream.
type session struct {
	id     string
	server *Server
	pc     *webrtc.PeerConnection
	logger *slog.Logger

	packets   chan arrival
	connected chan struct{}
	closing   chan struct{}
	over      chan struct{} // closed when its key is free again
	once      struct{ connected, closing sync.Once }
	reason    error // set before closing is closed

	readers    sync.WaitGroup
	candidates *rtc.Candidates // once its offer has been answered
}

// arrival is a packet or a report of one track, at the time it came.
type arrival struct {
	track  *webrtc.TrackRemote
	packet *rtp.Packet
	report *rtcp.SenderReport
	at     time.Time
}

func newSession(id string, server *Server) (*session, error) {
	v := &session{
		id: id, server: server, packets: make(chan arrival, queue),
		connected: make(chan struct{}), closing: make(chan struct{}),
		over: make(chan struct{}),
	}
	pc, err := connection(server.cfg.Host, func() { v.end(errCrowd) })
	if err != nil {
		return nil, err
	}
	v.pc = pc
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			v.once.connected.Do(func() { close(v.connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			v.end(errVanished)
		case webrtc.PeerConnectionStateUnknown, webrtc.PeerConnectionStateNew, webrtc.PeerConnectionStateConnecting,
			webrtc.PeerConnectionStateDisconnected:
		}
	})
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		v.readers.Go(func() { v.readPackets(track) })
		v.readers.Go(func() { v.readReports(track, receiver) })
	})
	return v, nil
}

// end asks the session to end, for a reason; nil is a goodbye.
func (v *session) end(reason error) {
	v.once.closing.Do(func() {
		v.reason = reason
		close(v.closing)
	})
}

// run takes the publisher's media until it ends.
func (v *session) run(ctx context.Context, sink ingest.Sink) {
	cfg := v.server.cfg
	v.server.metrics.Publishers.Inc()
	defer v.server.metrics.Publishers.Dec()
	began := cfg.Now()
	v.logger.Info("publisher came in")
	reason := v.media(ctx, sink)
	sink.Close(reason)
	close(v.over)
	if err := v.pc.Close(); err != nil {
		v.logger.Debug("WHIP close", "error", err)
	}
	v.end(reason) // lets the readers go
	v.readers.Wait()
	lasted := cfg.Now().Sub(began).Round(time.Millisecond)
	switch {
	case reason == nil:
		v.logger.Info("publisher ended its stream", "after", lasted)
	case errors.Is(reason, errVanished):
		v.logger.Info("publisher vanished", "after", lasted)
	default:
		v.server.metrics.Refused.WithLabelValues(string(ingest.CodeOf(reason))).Inc()
		v.logger.Warn("publisher refused", "after", lasted, "reason", reason)
	}
}

// media returns why the publisher ended; nil where it said goodbye.
func (v *session) media(ctx context.Context, sink ingest.Sink) error {
	cfg := v.server.cfg
	connect := time.NewTimer(cfg.ConnectTimeout)
	defer connect.Stop()
	select {
	case <-ctx.Done():
		return ingest.ErrUnavailable
	case <-v.closing:
		return v.reason
	case <-connect.C:
		return &ingest.Refusal{Code: ingest.CodeLimit, Message: "the connection was never made: is UDP or TCP to the WebRTC port open?", Limit: cfg.ConnectTimeout.String()}
	case <-v.connected:
	}
	s := newStream(v, rtpstream.New(sink, v.server.metrics))
	tick := time.NewTicker(keyRetry)
	defer tick.Stop()
	last := cfg.Now()
	for {
		select {
		case <-ctx.Done():
			return ingest.ErrUnavailable
		case <-v.closing:
			return v.reason
		case a := <-v.packets:
			if a.packet != nil {
				last = a.at
			}
			if err := s.take(a); err != nil {
				return err
			}
		case <-tick.C:
			now := cfg.Now()
			if now.Sub(last) > cfg.IdleTimeout {
				return &ingest.Refusal{Code: ingest.CodeLimit, Message: "nothing came from the publisher for too long", Limit: cfg.IdleTimeout.String()}
			}
			s.keepKeys(now)
		}
	}
}

// readPackets hands a track's packets to the loop until the connection is closed.
func (v *session) readPackets(track *webrtc.TrackRemote) {
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		select {
		case v.packets <- arrival{track: track, packet: p, at: v.server.cfg.Now()}:
		case <-v.closing:
			return
		}
	}
}

// readReports hands a track's sender reports to the loop until the connection is closed.
func (v *session) readReports(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	read := receiver.ReadRTCP
	if rid := track.RID(); rid != "" {
		read = func() ([]rtcp.Packet, interceptor.Attributes, error) { return receiver.ReadSimulcastRTCP(rid) }
	}
	for {
		packets, _, err := read()
		if err != nil {
			return
		}
		for _, p := range packets {
			report, ok := p.(*rtcp.SenderReport)
			if !ok || report.SSRC != uint32(track.SSRC()) {
				continue
			}
			select {
			case v.packets <- arrival{track: track, report: report, at: v.server.cfg.Now()}:
			case <-v.closing:
				return
			}
		}
	}
}

// requestKey asks the publisher for a key frame of a track.
func (v *session) requestKey(track *webrtc.TrackRemote) {
	_ = v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}}) // asked again if it is lost
}
