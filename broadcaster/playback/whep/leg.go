package whep

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/whep/packets"
	"castnet/internal/media"
	"castnet/internal/rtc"
)

const (
	// maxRepeats bounds the packets repeated to one viewer in a second: more than all of a 6 Mb/s stream. Who loses
	// more than that needs another rendition, not more packets.
	maxRepeats = 800
	// overhead is what a packet has beside its payload, in bytes: RTP with extensions, SRTP's tag, UDP and IP.
	overhead = 64
	// chosenPace and autoPace are how quickly is sent to a viewer nothing is known of yet, in bits a second: to one who has
	// chosen a rendition, a cached GOP of 2 s at 2.5 Mb/s reaches live in 80 ms; one who leaves it to the server
	// begins with less, and gets that more gently. No pace is above chosenPace: queues on the way hold a few dozen packets.
	chosenPace, autoPace = 60e6, 20e6
	// freeBurst is how many bytes may be sent at once, whatever the pace, where no queue is known: about a picture.
	freeBurst = 10 * (packets.MaxPayload + overhead)
	// maxDebt is how long what comes next may have to wait for repeated packets.
	maxDebt = 250 * time.Millisecond
)

// leg is one viewer's end of the feeds: the track of a peer connection. It implements webrtc.TrackLocal, so that nothing
// stands between the shared packets and SRTP. One feed at a time sends to it; what a player says comes from elsewhere.
type leg struct {
	kind     webrtc.RTPCodecType
	stream   string // sound and pictures of one viewer share it: players synchronize them
	codec    webrtc.RTPCodecCapability
	born     time.Time
	finished chan struct{} // closed by the feed that has sent the last there is

	// Set by Bind, before the viewer joins a feed.
	out                    webrtc.TrackLocalWriter
	ssrc, repeatSSRC       uint32
	payloadType, repeatsPT uint8
	numbered               bool // packets have transport-wide numbers, which the player reports
	sendReport             func(*rtcp.SenderReport)

	// Of the feed that sends, which alone may read them without the lock.
	next uint64 // the number of the next packet to send
	busy bool   // there is something to do though next is not there yet

	mu       sync.Mutex // guards what follows, and writing
	closed   bool
	waiting  bool // for a key unit to begin with
	sent     uint64
	octets   uint32
	lastPTS  int64 // of the packet sent last
	reported time.Time
	stints   []stint // the newest last
	tokens   float64 // bytes that may be sent now
	filled   time.Time
	selection

	// Headers of packets without and with a capture time; the extensions' values are changed in place.
	plain, timed  rtp.Header
	number        uint16 // of the next packet, transport-wide
	numberValue   [2]byte
	captureValue  [8]byte
	repeatsNumber uint16 // sequence number of the next repeated packet
	repeatsSince  time.Time
	repeats       int // since then
}

// stint is a run of a feed's packets that a viewer was sent one after the other. Sequence numbers have no holes but losses,
// whatever a viewer skips and wherever it moves.
type stint struct {
	feed   *feed
	from   uint64 // how many packets had been sent before
	number uint64 // of the first one in the feed
}

// keptStints is how many of a viewer's stints lost packets are repeated from.
const keptStints = 4

func newLeg(stream string, track *media.Track) *leg {
	kind := webrtc.RTPCodecTypeVideo
	if track.Codec.IsAudio() {
		kind = webrtc.RTPCodecTypeAudio
	}
	return &leg{
		kind: kind, stream: stream, codec: capability(track), born: time.Now(), finished: make(chan struct{}),
		waiting: true, busy: true, lastPTS: playback.NonePublished, selection: newSelection(),
	}
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
	l.plain = rtp.Header{Version: 2, PayloadType: l.payloadType, SSRC: l.ssrc}
	l.timed = l.plain
	for _, extension := range ctx.HeaderExtensions() {
		var err error
		switch id := uint8(extension.ID); extension.URI {
		case sdp.TransportCCURI:
			l.numbered = true
			err = errors.Join(l.plain.SetExtension(id, l.numberValue[:]), l.timed.SetExtension(id, l.numberValue[:]))
		case rtc.CaptureExtension:
			err = l.timed.SetExtension(id, l.captureValue[:])
		}
		if err != nil {
			return chosen, err
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

// begin lets the viewer go on with a packet of a feed, whatever it was sent before.
func (l *leg) begin(f *feed, number uint64) {
	if len(l.stints) == keptStints {
		l.stints = append(l.stints[:0], l.stints[1:]...)
	}
	l.stints = append(l.stints, stint{feed: f, from: l.sent, number: number})
	l.waiting, l.next, l.busy = false, number, true
}

// close lets nobody send any more.
func (l *leg) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// refill adds to what may be sent, by the time since it was called last.
func (l *leg) refill(now time.Time) {
	rate := l.pace() / 8
	l.tokens = min(l.tokens+rate*now.Sub(l.filled).Seconds(), max(rate*turnInterval.Seconds(), l.burst()))
	l.filled = now
}

// write sends the next packet, and returns the bytes of its payload. What cannot be sent is lost: the connection, if it
// is broken, will be closed by ICE.
func (l *leg) write(p *packets.Packet) int {
	l.transmit(p, uint16(l.sent), false)
	l.next++
	l.sent++
	l.octets += uint32(len(p.Payload))
	l.lastPTS = p.PTS
	return len(p.Payload)
}

// transmit sends a packet that has a sequence number, for the first time or once more.
func (l *leg) transmit(p *packets.Packet, sequence uint16, again bool) {
	h := &l.plain
	if p.Capture != 0 {
		h = &l.timed
		binary.BigEndian.PutUint64(l.captureValue[:], p.Capture)
	}
	h.Marker, h.SequenceNumber, h.Timestamp = p.Marker, sequence, uint32(p.PTS)
	payload := p.Payload
	if again && l.repeatsPT != 0 {
		repeated := *h
		h = &repeated
		h.PayloadType, h.SSRC, h.SequenceNumber = l.repeatsPT, l.repeatSSRC, l.repeatsNumber
		l.repeatsNumber++
		payload = append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(payload)), sequence), payload...)
	}
	size := len(payload) + overhead
	l.tokens -= float64(size)
	if l.numbered {
		binary.BigEndian.PutUint16(l.numberValue[:], l.number)
		l.noteSent(l.number, size)
		l.number++
	}
	_, _ = l.out.WriteRTP(h, payload)
}

// repeat answers a NACK.
func (l *leg) repeat(nack *rtcp.TransportLayerNack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.repeatsSince) >= time.Second {
		l.repeatsSince, l.repeats = now, 0
	}
	for _, pair := range nack.Nacks {
		for _, sequence := range pair.PacketList() {
			if l.closed || l.repeats >= maxRepeats || l.tokens < -l.pace()/8*maxDebt.Seconds() {
				return // the player will ask again
			}
			if l.repeatBack(uint64(uint16(l.sent) - sequence)) {
				l.repeats++
			}
		}
	}
}

// repeatBack sends the packet once more that was sent so many packets ago: 1 is the last one. It reports whether it is
// still there.
func (l *leg) repeatBack(back uint64) bool {
	if back == 0 || back > l.sent {
		return false
	}
	at := l.sent - back
	for _, s := range slices.Backward(l.stints) {
		if at < s.from {
			continue
		}
		p, ok := s.feed.find(s.number + at - s.from)
		if ok {
			l.transmit(&p, uint16(at), true)
		}
		return ok
	}
	return false
}

// repeatLast sends the last packet once more: a player whose last packets were lost sees no gap to ask about otherwise.
func (l *leg) repeatLast() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.repeatBack(1)
	}
}

// capability describes a track as SDP does.
func capability(t *media.Track) webrtc.RTPCodecCapability {
	if t.Codec == media.Opus {
		return webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}
	}
	c := webrtc.RTPCodecCapability{
		MimeType: "video/" + t.Codec.String(), ClockRate: media.VideoClockRate, // AV1, VP8 and VP9 are called so (RFC 7741, 9628)
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: "transport-cc"}},
	}
	if t.Codec == media.H264 {
		c.SDPFmtpLine = h264Line(profileLevel(t))
	}
	return c
}
