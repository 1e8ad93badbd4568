package whep

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"castnet/internal/media"
)

// NewMuxes makes what lets all WebRTC sessions of a process share one UDP socket and one TCP listener. The caller
// closes both muxes; closing them closes the sockets.
func NewMuxes(udp net.PacketConn, tcp net.Listener, logger *slog.Logger) (ice.UDPMux, ice.TCPMux) {
	log := (&loggers{logger}).NewLogger("mux")
	udpMux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: udp, Logger: log})
	tcpMux := ice.NewTCPMuxDefault(ice.TCPMuxParams{
		Listener: tcp, Logger: log, ReadBufferSize: 64, WriteBufferSize: 1 << 20,
		FirstStunBindTimeout: 5 * time.Second, AliveDurationForConnFromStun: 30 * time.Second,
	})
	return udpMux, tcpMux
}

// captureExtension is the header extension that says when a picture was taken.
const captureExtension = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

// engine makes peer connections.
type engine struct {
	settings    webrtc.SettingEngine
	certificate webrtc.Certificate
}

func newEngine(udp ice.UDPMux, tcp ice.TCPMux, logger *slog.Logger) (*engine, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("whep: DTLS key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("whep: DTLS certificate: %w", err)
	}
	e := &engine{certificate: *certificate}
	s := &e.settings
	s.LoggerFactory = &loggers{logger}
	s.SetICEUDPMux(udp)
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if tcp != nil {
		s.SetICETCPMux(tcp)
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
	return e, nil
}

// connection makes a peer connection that offers a rendition, in whatever H264 profile the player names, and sound.
// There are no interceptors: repeating and reports are done by the feeds, on shared packets.
func (e *engine) connection(video *media.Track) (*webrtc.PeerConnection, error) {
	engine := &webrtc.MediaEngine{}
	next := webrtc.PayloadType(96)
	seen := make(map[string]bool)
	for _, profile := range []string{profileLevel(video), "42e01f", "42001f", "4d001f", "64001f"} {
		if seen[profile[:4]] {
			continue
		}
		seen[profile[:4]] = true
		c := capability(video)
		c.SDPFmtpLine = h264Line(profile)
		rtx := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: media.VideoClockRate, SDPFmtpLine: aptLine(next)}
		for _, codec := range []webrtc.RTPCodecParameters{
			{RTPCodecCapability: c, PayloadType: next}, {RTPCodecCapability: rtx, PayloadType: next + 1},
		} {
			if err := engine.RegisterCodec(codec, webrtc.RTPCodecTypeVideo); err != nil {
				return nil, err
			}
		}
		next += 2
	}
	opus := webrtc.RTPCodecParameters{RTPCodecCapability: capability(&media.Track{Codec: media.Opus}), PayloadType: 111}
	if err := engine.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		extension := webrtc.RTPHeaderExtensionCapability{URI: captureExtension}
		if err := engine.RegisterHeaderExtension(extension, kind, webrtc.RTPTransceiverDirectionSendonly); err != nil {
			return nil, err
		}
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(e.settings), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	return api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{e.certificate}})
}

// profileLevel is a track's profile-level-id (RFC 6184): the three bytes after the SPS's header. Constrained Baseline
// is written as browsers write it.
func profileLevel(t *media.Track) string {
	for nalu := range media.NALUs(t.Config) {
		if nalu[0]&0x1f != 7 || len(nalu) < 4 {
			continue
		}
		id := [3]byte(nalu[1:4])
		if id[0] == 0x42 && id[1]&0x40 != 0 {
			id[1] = 0xe0
		}
		return hex.EncodeToString(id[:])
	}
	return "42e01f"
}

func h264Line(profileLevel string) string {
	return "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profileLevel
}

// profileOf is the profile without the level, of a line as h264Line makes them.
func profileOf(line string) string {
	_, id, _ := strings.Cut(strings.ToLower(line), "profile-level-id=")
	return id[:min(4, len(id))]
}

func aptLine(of webrtc.PayloadType) string { return fmt.Sprintf("apt=%d", of) }

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
