package whep

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
	"castnet/internal/rtc"
)

// repeatsAfterEnd is how long lost packets of a stream's end are still repeated.
const repeatsAfterEnd = 2 * time.Second

// session is one viewer.
type session struct {
	id     string
	hub    *playback.Hub
	place  netip.Prefix // where it is
	born   time.Time
	logger *slog.Logger
	pc     *webrtc.PeerConnection

	candidates *rtc.Candidates // once its offer has been answered

	legs     []*leg  // pictures, then sound
	pictures *leg    // nil where the stream has none
	feeds    []*feed // all that the legs may come by, or could once

	amended <-chan struct{} // closed when the stream has another ladder than the one that was offered

	listeners atomic.Int32 // streams of events

	connected chan struct{}
	closing   chan struct{}
	ended     chan struct{} // closed when run has ended
	once      struct{ connected, closing sync.Once }
}

func newSession(hub *playback.Hub, place netip.Prefix, logger *slog.Logger) *session {
	id := rand.Text()
	return &session{
		id: id, hub: hub, place: place, born: time.Now(), logger: logger.With("stream", hub.ID(), "viewer", id[:8]),
		amended: hub.Amended(), connected: make(chan struct{}), closing: make(chan struct{}), ended: make(chan struct{}),
	}
}

// open gives the session its connection.
func (s *session) open(host *rtc.Host, w wish) error {
	var video *media.Track
	if w.pictures != nil {
		video = w.pictures.Track()
	}
	pc, err := connection(host, video, s)
	if err != nil {
		return err
	}
	s.pc = pc
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			s.once.connected.Do(func() { close(s.connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			s.close()
		default: // on its way
		}
	})
	return nil
}

func (s *session) isConnected() bool {
	select {
	case <-s.connected:
		return true
	default:
		return false
	}
}

// close asks the session to end.
func (s *session) close() { s.once.closing.Do(func() { close(s.closing) }) }

// hangUp closes the connection.
func (s *session) hangUp() error {
	if s.pc == nil {
		return nil
	}
	return s.pc.Close()
}

// add makes a leg of the peer connection, for one of these feeds at a time.
func (s *session) add(l *leg, feeds []*feed, chosen *feed) error {
	if _, err := s.pc.AddTrack(l); err != nil {
		return err
	}
	l.sendReport = func(report *rtcp.SenderReport) {
		_ = s.pc.WriteRTCP([]rtcp.Packet{report}) // a lost report is followed by another
	}
	l.offer(feeds, chosen)
	s.legs = append(s.legs, l)
	if l.kind == webrtc.RTPCodecTypeVideo {
		s.pictures = l
	}
	return nil
}

// run serves the viewer until it leaves, the stream is over, or ctx is done. amend is called when the ladder has changed.
func (s *session) run(ctx context.Context, amend func(context.Context)) {
	defer close(s.ended)
	defer func() {
		if err := s.hangUp(); err != nil {
			s.logger.Debug("WHEP close", "error", err)
		}
	}()
	select {
	case <-ctx.Done():
		return
	case <-s.closing:
		return
	case <-time.After(connectTimeout):
		s.logger.Info("WHEP viewer never connected", "waited", connectTimeout)
		return
	case <-s.connected:
	}
	s.hub.AddViewers(playback.WHEP, 1)
	defer s.hub.AddViewers(playback.WHEP, -1)
	s.logger.Info("WHEP viewer joined")
	defer s.logger.Info("WHEP viewer left")
	for _, l := range s.legs {
		defer l.close()
		if l.out == nil || !l.start().join(l, func() {}) {
			close(l.finished) // the player does not take it, or it is over
		}
	}
	for i := 0; i < len(s.legs); {
		select {
		case <-ctx.Done():
			return
		case <-s.closing:
			return
		case <-s.amended:
			s.amended = s.hub.Amended()
			amend(ctx)
		case <-s.legs[i].finished:
			i++
		}
	}
	for _, l := range s.legs { // the stream is over, and all of it has been sent
		l.repeatLast()
	}
	select {
	case <-ctx.Done():
	case <-s.closing:
	case <-time.After(repeatsAfterEnd):
	}
}

// Control takes what the player sends by RTCP. It implements rtc.Peer.
func (s *session) Control(packets []rtcp.Packet) {
	for _, packet := range packets {
		to := packet.DestinationSSRC()
		for _, l := range s.legs {
			switch p := packet.(type) {
			case *rtcp.TransportLayerCC: // it is about all packets, whatever it is addressed to
				l.heed(p)
			case *rtcp.TransportLayerNack:
				if slices.Contains(to, l.ssrc) {
					l.repeat(p)
				}
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				if slices.Contains(to, l.ssrc) {
					l.requestKey()
				}
			}
		}
	}
}

// Abused implements rtc.Peer.
func (s *session) Abused() { s.close() }
