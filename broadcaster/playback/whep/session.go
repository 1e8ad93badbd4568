package whep

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"castnet/broadcaster/playback"
)

const (
	// connectTimeout is how long a viewer may take from the answer to the first packet.
	connectTimeout = 20 * time.Second
	// repeatsAfterEnd is how long lost packets of a stream's end are still repeated.
	repeatsAfterEnd = 2 * time.Second
)

// session is one viewer.
type session struct {
	id     string
	hub    *playback.Hub
	pc     *webrtc.PeerConnection
	logger *slog.Logger

	legs  []*leg  // pictures, then sound
	feeds []*feed // of each leg

	connected chan struct{}
	closing   chan struct{}
	once      struct{ connected, closing sync.Once }
}

func newSession(id string, hub *playback.Hub, pc *webrtc.PeerConnection, logger *slog.Logger) *session {
	s := &session{
		id: id, hub: hub, pc: pc, logger: logger.With("stream", hub.ID(), "viewer", id[:8]),
		connected: make(chan struct{}), closing: make(chan struct{}),
	}
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			s.once.connected.Do(func() { close(s.connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			s.close()
		default: // on its way
		}
	})
	return s
}

// close asks the session to end.
func (s *session) close() { s.once.closing.Do(func() { close(s.closing) }) }

// add makes a leg of the peer connection.
func (s *session) add(l *leg, f *feed) error {
	sender, err := s.pc.AddTrack(l)
	if err != nil {
		return err
	}
	l.sendReport = func(report *rtcp.SenderReport) {
		_ = s.pc.WriteRTCP([]rtcp.Packet{report}) // a lost report is followed by another
	}
	l.sender = sender
	s.legs, s.feeds = append(s.legs, l), append(s.feeds, f)
	return nil
}

// run serves the viewer until it leaves, the stream is over, or ctx is done.
func (s *session) run(ctx context.Context) {
	var readers sync.WaitGroup
	defer readers.Wait()
	defer func() {
		if err := s.pc.Close(); err != nil {
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
	s.logger.Info("WHEP viewer joined", "rendition", s.feeds[0].rendition.Name())
	defer s.logger.Info("WHEP viewer left")

	for i, l := range s.legs {
		if l.out == nil {
			continue // the player takes pictures only
		}
		f := s.feeds[i]
		readers.Go(func() { s.control(l, f) })
		select {
		case f.joins <- l:
			defer f.leave(l)
		case <-f.done:
		}
	}
	select {
	case <-ctx.Done():
	case <-s.closing:
	case <-s.feeds[0].done: // the stream is over, and all of it has been sent
		for i, l := range s.legs {
			l.probe(s.feeds[i])
		}
		select {
		case <-ctx.Done():
		case <-s.closing:
		case <-time.After(repeatsAfterEnd):
		}
	}
}

func (f *feed) leave(l *leg) {
	select {
	case f.leaves <- l:
	case <-f.done:
	}
}

// control reads what a player asks for until its connection is closed.
func (s *session) control(l *leg, f *feed) {
	for {
		packets, _, err := l.sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch p := packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				f.rendition.RequestKey()
			case *rtcp.TransportLayerNack:
				l.repeat(f, p)
			}
		}
	}
}
