package whip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"castnet/ingest"
	"castnet/ingest/rtpstream"
	"castnet/internal/media"
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
	// layerInterval is how often simulcast layers are compared. Another one takes the active one's place where it sends
	// layerFactor times as much, which is also so where the active one sends nothing any more.
	layerInterval = time.Second
	layerFactor   = 1.5
	// layerWait is how long the layers are waited for at first: the ladder is made for the one that begins.
	layerWait = 250 * time.Millisecond
)

// maxLayers bounds the layers of pictures: browsers send three.
const maxLayers = 8

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
		var err error
		select {
		case <-ctx.Done():
			return ingest.ErrUnavailable
		case <-v.closing:
			return v.reason
		case a := <-v.packets:
			if a.packet != nil {
				last = a.at
			}
			err = s.take(a)
		case <-tick.C:
			now := cfg.Now()
			if now.Sub(last) > cfg.IdleTimeout {
				return &ingest.Refusal{Code: ingest.CodeLimit, Message: "nothing came from the publisher for too long", Limit: cfg.IdleTimeout.String()}
			}
			s.keepKeys(now)
			err = s.weigh(now)
		}
		if err != nil {
			return err
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

// stream is what the loop knows of a publisher's tracks.
type stream struct {
	session *session
	out     *rtpstream.Stream
	layers  []*layer // of pictures
	active  *layer
	tone    *layer
	weighed time.Time // when the layers were compared; at first, when the first of them came
}

// layer is one RTP track: sound, the pictures, or one of several sizes of them.
type layer struct {
	remote *webrtc.TrackRemote
	order  reorder
	track  *rtpstream.Track // nil while the layer is not the active one
	bytes  int              // since the layers were compared
	asked  time.Time        // when a key frame was asked for
	held   []arrival        // packets in their order, until a layer is active
}

func newStream(v *session, out *rtpstream.Stream) *stream {
	pictures, sounds := false, 0
	for _, t := range v.pc.GetTransceivers() {
		if t.Direction() != webrtc.RTPTransceiverDirectionRecvonly {
			continue
		}
		pictures = pictures || t.Kind() == webrtc.RTPCodecTypeVideo
		if t.Kind() == webrtc.RTPCodecTypeAudio {
			sounds = 1
		}
	}
	out.Expect(pictures, sounds)
	return &stream{session: v, out: out}
}

// take works one packet or report. An error ends the publisher.
func (s *stream) take(a arrival) error {
	l, err := s.layer(a.track, a.at)
	if err != nil {
		return err
	}
	if a.report != nil {
		if l.track != nil {
			l.track.Report(a.report.NTPTime, a.report.RTPTime)
		}
		return nil
	}
	l.bytes += len(a.packet.Payload)
	for _, p := range l.order.push(a.packet, a.at) {
		switch {
		case l == s.tone || l == s.active:
			if err := s.packet(l, p, a.at); err != nil {
				return err
			}
		case s.active == nil && l.remote.Kind() == webrtc.RTPCodecTypeVideo:
			l.held = append(l.held, arrival{packet: p, at: a.at})
		}
	}
	if s.active == nil && len(s.layers) > 0 && (a.at.Sub(s.weighed) >= layerWait || len(l.held) >= queue) {
		return s.begin()
	}
	return nil
}

// packet takes the next packet of a layer that is published.
func (s *stream) packet(l *layer, p *rtp.Packet, at time.Time) error {
	need, err := l.track.Packet(p, at)
	if need && err == nil {
		s.askKey(l, at)
	}
	return err
}

// begin publishes the best of the layers that have come, from its first packet.
func (s *stream) begin() error {
	best := slices.MaxFunc(s.layers, func(a, b *layer) int { return a.bytes - b.bytes })
	if err := s.activate(best); err != nil {
		return err
	}
	for _, held := range best.held {
		if err := s.packet(best, held.packet, held.at); err != nil {
			return err
		}
	}
	for _, l := range s.layers {
		l.held, l.bytes = nil, 0
	}
	return nil
}

// layer finds what is known of a track, or begins it. Pictures of which there is one size are published at once.
func (s *stream) layer(remote *webrtc.TrackRemote, now time.Time) (*layer, error) {
	if s.tone != nil && s.tone.remote == remote {
		return s.tone, nil
	}
	for _, l := range s.layers {
		if l.remote == remote {
			return l, nil
		}
	}
	l := &layer{remote: remote}
	if remote.Kind() == webrtc.RTPCodecTypeAudio {
		if s.tone != nil {
			return l, nil // a second sound: left out
		}
		var err error
		l.track, err = s.out.Opus(max(int(remote.Codec().Channels), 1))
		s.tone = l
		return l, err
	}
	if len(s.layers) == maxLayers {
		return nil, errCrowd
	}
	s.layers = append(s.layers, l)
	if s.weighed.IsZero() {
		s.weighed = now
	}
	if s.active == nil && remote.RID() == "" {
		return l, s.activate(l)
	}
	return l, nil
}

// activate makes a layer the one that is published.
func (s *stream) activate(l *layer) error {
	var codec media.Codec
	switch mime := l.remote.Codec().MimeType; mime {
	case webrtc.MimeTypeH264:
		codec = media.H264
	case webrtc.MimeTypeVP8:
		codec = media.VP8
	case webrtc.MimeTypeVP9:
		codec = media.VP9
	case webrtc.MimeTypeAV1:
		codec = media.AV1
	default:
		return &ingest.Refusal{
			Code: ingest.CodeUnsupportedCodec, Message: "this codec cannot be taken by WebRTC: use H264, VP8, VP9 or AV1",
			Asked: mime, Limit: "H264, VP8, VP9, AV1",
		}
	}
	track, err := s.out.Video(codec, nil)
	if err != nil {
		return err
	}
	if s.active != nil {
		s.active.track = nil
		s.session.logger.Info("publisher's layer changed", "from", s.active.remote.RID(), "to", l.remote.RID())
	}
	l.track, s.active = track, l
	return nil
}

// askKey asks for a key frame, not too often.
func (s *stream) askKey(l *layer, now time.Time) {
	if now.Sub(l.asked) < keyRetry {
		return
	}
	l.asked = now
	s.session.requestKey(l.remote)
}

// keepKeys asks for a key frame where none came for long, and sees to it that the best layer is the active one.
func (s *stream) keepKeys(now time.Time) {
	if s.active == nil {
		return
	}
	if now.Sub(s.active.track.LastKey()) >= keyInterval {
		s.askKey(s.active, now)
	}
}

// weigh compares the layers by what they send, and makes the best the active one.
func (s *stream) weigh(now time.Time) error {
	if s.active == nil || len(s.layers) < 2 || now.Sub(s.weighed) < layerInterval {
		return nil
	}
	s.weighed = now
	best := s.active
	for _, l := range s.layers {
		if float64(l.bytes) > layerFactor*float64(best.bytes) {
			best = l
		}
	}
	for _, l := range s.layers {
		l.bytes = 0
	}
	if best == s.active {
		return nil
	}
	if err := s.activate(best); err != nil {
		return err
	}
	s.askKey(best, now)
	return nil
}
