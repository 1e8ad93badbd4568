// Package packets splits a stream's units into RTP packets, once for all who are sent them.
package packets

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"castnet/internal/media"
)

// MaxPayload is the most bytes of one RTP packet's payload: with RTP's header and extension, SRTP's tag, RTX's two bytes, UDP and
// IPv6 it stays below the 1,280 bytes that every path carries.
const MaxPayload = 1160

const (
	stapA = 24 // RFC 6184: several NAL units in one packet
	fuA   = 28 // a fragment of a NAL unit
)

// Packet is one RTP packet of a rendition, without what differs between viewers. It is immutable and shared.
type Packet struct {
	Payload []byte
	PTS     int64 // its lowest bits are the RTP timestamp
	Marker  bool  // the last of its unit
	// Capture is abs-capture-time's value, on the first packet of a unit whose capture time is known; else 0.
	Capture uint64
	Key     bool // the first of a key unit
	Aligned bool // the first of a segment, where all rungs have a key unit; set by whoever knows
}

// Packetizer turns one unit into the packets that are appended to those given.
type Packetizer func(to []Packet, u *media.Unit) []Packet

// New makes the packetizer of a codec that browsers are sent.
func New(codec media.Codec) Packetizer {
	switch codec {
	case media.Opus:
		return packetizeOpus
	case media.VP8:
		return packetizeBy(&codecs.VP8Payloader{EnablePictureID: true})
	case media.VP9:
		return packetizeBy(&codecs.VP9Payloader{FlexibleMode: true})
	case media.AV1:
		return packetizeBy(&codecs.AV1Payloader{})
	default:
		return packetizeH264
	}
}

// packetizeBy splits units as a payloader does.
func packetizeBy(payloader rtp.Payloader) Packetizer {
	return func(to []Packet, u *media.Unit) []Packet {
		from := len(to)
		for _, payload := range payloader.Payload(MaxPayload, u.Payload) {
			to = append(to, Packet{Payload: payload, PTS: u.PTS})
		}
		return frame(to, from, u)
	}
}

// frame marks the packets of a unit, which begin at from.
func frame(to []Packet, from int, u *media.Unit) []Packet {
	if len(to) > from {
		to[from].Key = u.Key
		to[from].Capture = NTP(u.Capture)
		to[len(to)-1].Marker = true
	}
	return to
}

// packetizeOpus makes the one packet of a unit of sound (RFC 7587).
func packetizeOpus(to []Packet, u *media.Unit) []Packet {
	return append(to, Packet{Payload: u.Payload, PTS: u.PTS, Capture: NTP(u.Capture), Key: true})
}

// packetizeH264 splits an access unit by RFC 6184, packetization mode 1. Small NAL units share a packet, large ones
// are fragmented into packets of equal size, so that they can be sent in one go. The timestamp is the PTS itself.
func packetizeH264(to []Packet, u *media.Unit) []Packet {
	from := len(to)
	p := Packet{PTS: u.PTS}
	var small [][]byte // NAL units that wait to share a packet
	size := 0          // of that packet
	flush := func() {
		if len(small) > 0 {
			p.Payload = aggregate(small, size)
			to = append(to, p)
			small, size = small[:0], 0
		}
	}
	for nalu := range media.NALUs(u.Payload) {
		if len(nalu) > MaxPayload {
			flush()
			to = fragment(to, p, nalu)
			continue
		}
		if size+2+len(nalu) > MaxPayload {
			flush()
		}
		if len(small) == 0 {
			size = 1
		}
		small = append(small, nalu)
		size += 2 + len(nalu)
	}
	flush()
	return frame(to, from, u)
}

// aggregate makes the payload of one packet: the NAL unit itself, or a STAP-A of size bytes.
func aggregate(nalus [][]byte, size int) []byte {
	if len(nalus) == 1 {
		return nalus[0]
	}
	out := make([]byte, 1, size)
	for _, nalu := range nalus {
		out[0] = max(out[0]&0x60, nalu[0]&0x60) | out[0]&0x80 | nalu[0]&0x80 | stapA // the highest importance of all
		out = binary.BigEndian.AppendUint16(out, uint16(len(nalu)))
		out = append(out, nalu...)
	}
	return out
}

// fragment splits a NAL unit into FU-A packets.
func fragment(to []Packet, p Packet, nalu []byte) []Packet {
	const room = MaxPayload - 2
	header, rest := nalu[0], nalu[1:]
	buf := make([]byte, 0, len(rest)+(len(rest)/room+1)*2)
	for start := byte(0x80); len(rest) > 0; start = 0 {
		chunk := rest[:min(room, len(rest))]
		rest = rest[len(chunk):]
		var end byte
		if len(rest) == 0 {
			end = 0x40
		}
		at := len(buf)
		buf = append(buf, header&0xe0|fuA, start|end|header&0x1f)
		buf = append(buf, chunk...)
		p.Payload = buf[at:len(buf):len(buf)]
		to = append(to, p)
	}
	return to
}

// NTP is a moment as 32.32 fixed-point seconds since 1900, as abs-capture-time and RTCP want it; 0 where there is none.
func NTP(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	const from1900to1970 = 2_208_988_800
	return uint64(t.Unix()+from1900to1970)<<32 | uint64(t.Nanosecond())<<32/1e9
}
