// Package rtc is what publishers and viewers by WebRTC share: one UDP port and one TCP port for all of them, one DTLS
// certificate, one set of ICE and SRTP settings, and the parts of WHIP and WHEP that are the same (RFC 9725).
package rtc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/transport/v4/packetio"
	"github.com/pion/webrtc/v4"
)

// CaptureExtension is the header extension that says when a picture was taken.
const CaptureExtension = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

// Host makes the peer connections of a process, on its ports. It is safe for concurrent use.
type Host struct {
	settings    webrtc.SettingEngine
	certificate webrtc.Certificate
	socket      *socket // nil where the UDP socket isn't the kernel's
	udp         ice.UDPMux
	tcp         ice.TCPMux
}

// NewHost takes the sockets that all connections share; tcp, for networks that let no UDP through, may be nil. Close
// closes them.
func NewHost(udp net.PacketConn, tcp net.Listener, logger *slog.Logger) (*Host, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("rtc: DTLS key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("rtc: DTLS certificate: %w", err)
	}
	log := &loggers{logger}
	h := &Host{certificate: *certificate}
	if conn, ok := udp.(*net.UDPConn); ok {
		if h.socket, err = newSocket(conn); err != nil {
			return nil, fmt.Errorf("rtc: UDP socket: %w", err)
		}
		udp = h.socket
	}
	h.udp = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: udp, Logger: log.NewLogger("mux")})
	s := &h.settings
	s.LoggerFactory = log
	s.SetICEUDPMux(h.udp)
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if tcp != nil {
		h.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: tcp, Logger: log.NewLogger("mux"), ReadBufferSize: 64, WriteBufferSize: 1 << 20,
			FirstStunBindTimeout: 5 * time.Second, AliveDurationForConnFromStun: 30 * time.Second,
		})
		s.SetICETCPMux(h.tcp)
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	s.SetNetworkTypes(networks)
	s.DisableActiveTCP(true)
	s.SetIncludeLoopbackCandidate(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetICETimeouts(5*time.Second, 10*time.Second, 2*time.Second)
	// AES-GCM costs half of AES-CM with HMAC; both are offered.
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	// ICE has already shown that the peer is where it says it is.
	s.SetDTLSInsecureSkipHelloVerify(true)
	return h, nil
}

// Close closes the shared ports.
func (h *Host) Close() error {
	err := h.udp.Close()
	if h.tcp != nil {
		err = errors.Join(err, h.tcp.Close())
	}
	return err
}

// Hold begins a batch of packets: until Release, packets to one peer may wait for each other, so that they cost less.
// Who holds sends at once, and does nothing in between that may block.
func (h *Host) Hold() {
	if h.socket != nil {
		h.socket.hold()
	}
}

// Release ends a batch: all that waits is sent before it returns.
func (h *Host) Release() {
	if h.socket != nil {
		h.socket.release()
	}
}

// Receiver makes a peer connection that takes media, with these codecs, header extensions and interceptors. abused is called
// where the other side names streams without bounds, each of which costs memory: the connection should be closed. It must not
// block.
func (h *Host) Receiver(codecs *webrtc.MediaEngine, interceptors *interceptor.Registry, abused func()) (*webrtc.PeerConnection, error) {
	buffer := func(kind packetio.BufferPacketType, _ uint32) io.ReadWriteCloser {
		b := packetio.NewBuffer()
		b.SetLimitSize(maxUnreadMedia)
		if kind == packetio.RTCPBufferPacket {
			b.SetLimitSize(maxUnreadReports)
		}
		return b
	}
	return h.connection(codecs, interceptors, buffer, abused)
}

// Peer is the other side of a connection that only sends.
type Peer interface {
	// Control is given what the other side sends by RTCP as it comes, whichever stream it is about. It must not block.
	Control(packets []rtcp.Packet)
	// Abused is called where the other side does what costs memory without bounds: the connection should be closed. It must not
	// block.
	Abused()
}

// Sender makes a peer connection that only sends, without interceptors.
func (h *Host) Sender(codecs *webrtc.MediaEngine, peer Peer) (*webrtc.PeerConnection, error) {
	buffer := func(kind packetio.BufferPacketType, _ uint32) io.ReadWriteCloser {
		if kind == packetio.RTCPBufferPacket {
			return &controls{heed: peer.Control}
		}
		return unread{}
	}
	return h.connection(codecs, &interceptor.Registry{}, buffer, peer.Abused)
}

// connection makes a peer connection, which keeps the packets of the streams that the other side names in buffers.
func (h *Host) connection(codecs *webrtc.MediaEngine, interceptors *interceptor.Registry, buffer buffers, abused func()) (*webrtc.PeerConnection, error) {
	settings := h.settings
	settings.BufferFactory = bounded(buffer, abused)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(interceptors))
	return api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{h.certificate}})
}

// Answer takes an offer, but for what pruned leaves out, and returns the answer with all of this side's candidates: they are its
// own and known at once.
func Answer(ctx context.Context, pc *webrtc.PeerConnection, offer string) (string, error) {
	offer, err := pruned(offer)
	if err == nil {
		err = pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer})
	}
	if err != nil {
		return "", fmt.Errorf("the offer cannot be taken: %w", err)
	}
	for _, t := range pc.GetTransceivers() { // what is asked for and not there must not look as if it would come
		if t.Direction() == webrtc.RTPTransceiverDirectionSendonly && t.Sender() == nil {
			if err := t.Stop(); err != nil {
				return "", fmt.Errorf("the offer cannot be answered: %w", err)
			}
		}
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("the offer cannot be answered: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("the offer cannot be answered: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("the offer was not answered in time: %w", err)
	}
	return pc.LocalDescription().SDP, nil
}

// loggers lets pion log into slog, at debug level: what it reports is the peers' doing.
type loggers struct{ logger *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (l *loggers) NewLogger(scope string) logging.LeveledLogger {
	return &logger{l.logger.With("scope", scope)}
}

type logger struct{ *slog.Logger }

func (l *logger) Trace(string)          {}
func (l *logger) Tracef(string, ...any) {}
func (l *logger) Debug(string)          {}
func (l *logger) Debugf(string, ...any) {}
func (l *logger) Info(string)           {}
func (l *logger) Infof(string, ...any)  {}

func (l *logger) Warn(text string)              { l.Logger.Debug(text) }
func (l *logger) Warnf(format string, a ...any) { l.Logger.Debug(fmt.Sprintf(format, a...)) }

func (l *logger) Error(text string)              { l.Logger.Debug(text) }
func (l *logger) Errorf(format string, a ...any) { l.Logger.Debug(fmt.Sprintf(format, a...)) }
