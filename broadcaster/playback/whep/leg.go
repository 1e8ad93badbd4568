package whep

import (
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"castnet/internal/media"
	"castnet/internal/rtc"
)

const (
	// maxRepeats bounds the packets repeated to one viewer in a second: more than all of a 6 Mb/s stream. Who loses
	// more than that needs another rendition, not more packets.
	maxRepeats = 800
	// oneByteExtension is RFC 8285's header extension profile.
	oneByteExtension = 0xbede
)

// leg is one viewer's end of a feed: the track of a peer connection. It implements webrtc.TrackLocal, so that nothing
// stands between the shared packets and SRTP.
type leg struct {
	kind   webrtc.RTPCodecType
	stream string // sound and pictures of one viewer share it: players synchronize them
	codec  webrtc.RTPCodecCapability

	// Set by Bind, before the viewer joins its feed.
	out                    webrtc.TrackLocalWriter
	ssrc, repeatSSRC       uint32
	payloadType, repeatsPT uint8
	captureID              uint8 // of the abs-capture-time extension; 0 where it wasn't negotiated
	sender                 *webrtc.RTPSender
	sendReport             func(*rtcp.SenderReport)

	// Of the feed's goroutine.
	waiting  bool   // for a key unit to begin with
	next     uint64 // the number of the next packet to send
	header   rtp.Header
	reported time.Time
	packets  uint32
	octets   uint32

	// position is next, and offset what to add to a packet's number for its sequence number, for those who answer
	// NACKs. The offset is not 0 once the viewer has skipped packets: sequence numbers have no holes but losses.
	position atomic.Uint64
	offset   atomic.Uint32

	repeats struct {
		sync.Mutex
		sequence uint16
		since    time.Time
		count    int
	}
}

func newLeg(kind webrtc.RTPCodecType, stream string, codec webrtc.RTPCodecCapability) *leg {
	return &leg{kind: kind, stream: stream, codec: codec}
}

// Bind takes over what was negotiated. It implements webrtc.TrackLocal.
func (l *leg) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	chosen, ok := choose(ctx.CodecParameters(), l.codec)
	if !ok {
		return chosen, errors.New("the player takes no " + l.codec.MimeType)
	}
	l.out = ctx.WriteStream()
	l.ssrc, l.repeatSSRC = uint32(ctx.SSRC()), uint32(ctx.SSRCRetransmission())
	l.payloadType, l.repeatsPT = uint8(chosen.PayloadType), repeatType(ctx.CodecParameters(), chosen.PayloadType)
	for _, extension := range ctx.HeaderExtensions() {
		if extension.URI == rtc.CaptureExtension {
			l.captureID = uint8(extension.ID)
		}
	}
	return chosen, nil
}

// Unbind implements webrtc.TrackLocal.
func (l *leg) Unbind(webrtc.TrackLocalContext) error { return nil }

// ID implements webrtc.TrackLocal.
func (l *leg) ID() string { return l.kind.String() }

// RID implements webrtc.TrackLocal.
func (l *leg) RID() string { return "" }

// StreamID implements webrtc.TrackLocal.
func (l *leg) StreamID() string { return l.stream }

// Kind implements webrtc.TrackLocal.
func (l *leg) Kind() webrtc.RTPCodecType { return l.kind }

// choose finds the negotiated codec that is the rendition's: by H264 profile where the player takes that, else any of
// the same format, as decoders take more than they name.
func choose(negotiated []webrtc.RTPCodecParameters, want webrtc.RTPCodecCapability) (best webrtc.RTPCodecParameters, ok bool) {
	for _, c := range negotiated {
		if !strings.EqualFold(c.MimeType, want.MimeType) {
			continue
		}
		if h264 := strings.EqualFold(c.MimeType, webrtc.MimeTypeH264); h264 && !strings.Contains(c.SDPFmtpLine, "packetization-mode=1") {
			continue
		} else if !h264 || profileOf(c.SDPFmtpLine) == profileOf(want.SDPFmtpLine) {
			return c, true
		}
		if !ok {
			best, ok = c, true
		}
	}
	return best, ok
}

// repeatType is the payload type of a codec's repeated packets (RTX, RFC 4588), 0 where the player has none.
func repeatType(negotiated []webrtc.RTPCodecParameters, of webrtc.PayloadType) uint8 {
	for _, c := range negotiated {
		if strings.EqualFold(c.MimeType, webrtc.MimeTypeRTX) && c.SDPFmtpLine == aptLine(of) {
			return uint8(c.PayloadType)
		}
	}
	return 0
}

// begin lets the viewer go on with a packet, whatever it was sent before.
func (l *leg) begin(number uint64) {
	if l.packets > 0 {
		l.offset.Add(uint32(l.next - number)) // the next sequence number follows the last one
	}
	l.waiting = false
	l.next = number
}

// write sends the next packet. What cannot be sent is lost: the connection, if it is broken, will be closed by ICE.
func (l *leg) write(p *packet) {
	l.header = rtp.Header{
		Version: 2, Marker: p.marker, PayloadType: l.payloadType, SequenceNumber: uint16(l.next) + uint16(l.offset.Load()),
		Timestamp: p.timestamp, SSRC: l.ssrc,
	}
	l.extend(&l.header, p)
	_, _ = l.out.WriteRTP(&l.header, p.payload)
	l.next++
	l.position.Store(l.next)
	l.packets++
	l.octets += uint32(len(p.payload))
}

func (l *leg) extend(h *rtp.Header, p *packet) {
	if l.captureID == 0 || p.capture == 0 {
		return
	}
	h.Extension, h.ExtensionProfile = true, oneByteExtension
	_ = h.SetExtension(l.captureID, binary.BigEndian.AppendUint64(nil, p.capture)) // ids were negotiated: 1 to 14
}

// repeat answers a NACK.
func (l *leg) repeat(f *feed, nack *rtcp.TransportLayerNack) {
	l.repeats.Lock()
	defer l.repeats.Unlock()
	if now := time.Now(); now.Sub(l.repeats.since) >= time.Second {
		l.repeats.since, l.repeats.count = now, 0
	}
	position, offset := l.position.Load(), uint16(l.offset.Load())
	for _, pair := range nack.Nacks {
		for _, sequence := range pair.PacketList() {
			back := uint64(uint16(position) + offset - sequence) // how long ago it was sent, in packets
			p, ok := packet{}, back > 0 && back <= position && l.repeats.count < maxRepeats
			if ok {
				p, ok = f.find(position - back)
			}
			if !ok {
				continue
			}
			l.repeats.count++
			l.writeRepeat(&p, sequence)
		}
	}
}

// probe sends the last packet once more: a player whose last packets were lost sees no gap to ask about otherwise.
func (l *leg) probe(f *feed) {
	position := l.position.Load()
	if l.out == nil || position == 0 {
		return
	}
	if p, ok := f.find(position - 1); ok {
		l.repeats.Lock()
		defer l.repeats.Unlock()
		l.writeRepeat(&p, uint16(position-1)+uint16(l.offset.Load()))
	}
}

func (l *leg) writeRepeat(p *packet, sequence uint16) {
	h := rtp.Header{
		Version: 2, Marker: p.marker, PayloadType: l.payloadType, SequenceNumber: sequence, Timestamp: p.timestamp, SSRC: l.ssrc,
	}
	payload := p.payload
	if l.repeatsPT != 0 {
		h.PayloadType, h.SSRC, h.SequenceNumber = l.repeatsPT, l.repeatSSRC, l.repeats.sequence
		l.repeats.sequence++
		payload = append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(payload)), sequence), payload...)
	}
	l.extend(&h, p)
	_, _ = l.out.WriteRTP(&h, payload)
}

// capability describes a track as SDP does.
func capability(t *media.Track) webrtc.RTPCodecCapability {
	if t.Codec == media.Opus {
		return webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}
	}
	c := webrtc.RTPCodecCapability{
		MimeType: "video/" + t.Codec.String(), ClockRate: media.VideoClockRate, // AV1, VP8 and VP9 are called so (RFC 7741, 9628)
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}},
	}
	if t.Codec == media.H264 {
		c.SDPFmtpLine = h264Line(profileLevel(t))
	}
	return c
}
