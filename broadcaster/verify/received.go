package verify

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/media"
	"castnet/internal/receipt"
)

// Bounds of a rendition's bytes around its bitrate. A segment begins with a key picture, so short ones may be far above
// the rate; a still picture goes far below it.
const (
	maxRateFactor = 3
	byteSlack     = 256 << 10
	minFrameBytes = 8
	// minSpan and maxSpan bound the time that a segment's pictures are taken to cover, in seconds.
	minSpan, maxSpan = 0.5, 15.0
)

// Received gathers what came back of one rendition in one attempt, unit by unit. A unit that is malformed is noted, not
// refused: the receipt is what is judged.
type Received struct {
	rung      receipt.Rung
	merkle    *receipt.Merkle
	pts       []int64
	payloads  map[common.Hash]struct{} // of units that could be copies
	firstKey  bool                     // the first unit is a key with parameter sets
	codingErr error                    // the first unit that is not what the codec allows
	wrongSize string                   // the first size that is not the rung's
}

// NewReceived begins an attempt at a rung.
func NewReceived(rung receipt.Rung) *Received {
	return &Received{rung: rung, merkle: receipt.NewMerkle(rung.Hash()), payloads: make(map[common.Hash]struct{})}
}

// Add counts a unit, in the order in which it came.
func (r *Received) Add(u *media.Unit) {
	hash := r.merkle.Add(u)
	if len(u.Payload) >= minCopyBytes {
		r.payloads[hash] = struct{}{}
	}
	seen, err := inspect(r.rung.Codec, u.Payload)
	if err == nil && u.Key != seen.key {
		err = fmt.Errorf("the unit is marked key=%t and is coded key=%t", u.Key, seen.key)
	}
	if err != nil && r.codingErr == nil {
		r.codingErr = fmt.Errorf("picture at PTS %d: %w", u.PTS, err)
	}
	for _, size := range seen.sizes {
		if size != [2]int{int(r.rung.Width), int(r.rung.Height)} && r.wrongSize == "" {
			r.wrongSize = fmt.Sprintf("%dx%d at PTS %d", size[0], size[1], u.PTS)
		}
	}
	if len(r.pts) == 0 {
		r.firstKey = u.Key && len(seen.sizes) > 0
	}
	r.pts = append(r.pts, u.PTS)
}

// Frames is the number of units that came.
func (r *Received) Frames() int { return len(r.pts) }

// copyOf looks for a payload that is the source's, byte for byte.
func (r *Received) copyOf(s *Sent) (pts int64, found bool) {
	for hash := range r.payloads {
		if pts, found := s.payloads[hash]; found {
			return pts, true
		}
	}
	return 0, false
}

// byteBounds is what a rendition may weigh.
func (r *Received) byteBounds(rung *receipt.Rung) (least, most uint64) {
	frames := len(r.pts)
	if frames == 0 {
		return 0, 0
	}
	span := minSpan
	if frames > 1 {
		ticks := r.pts[frames-1] - r.pts[0]
		ticks += ticks / int64(frames-1) // the last picture lasts as long as the others
		span = min(max(span, float64(ticks)/media.VideoClockRate), maxSpan)
	}
	return uint64(frames) * minFrameBytes, byteSlack + uint64(maxRateFactor*span*float64(rung.Bitrate)/8)
}

// seen is what a coded picture shows without being decoded.
type seen struct {
	key   bool
	sizes [][2]int // one for each parameter set
}

var errNoPicture = errors.New("it holds no coded picture")

// inspect looks at every parameter set of a unit.
func inspect(codec media.Codec, payload []byte) (seen, error) {
	switch codec {
	case media.H264:
		return inspectNALs(payload, h264NAL)
	case media.HEVC:
		return inspectNALs(payload, hevcNAL)
	case media.AV1:
		return inspectAV1(payload)
	default:
		return seen{}, fmt.Errorf("codec %v is not made here", codec)
	}
}

// nalKind is what one NAL unit is to us.
type nalKind struct {
	picture, key bool
	size         *[2]int
}

// inspectNALs walks through Annex B. It looks at every NAL unit, wherever it stands.
func inspectNALs(payload []byte, classify func(nal []byte) (nalKind, error)) (s seen, err error) {
	startCode := []byte{0, 0, 1}
	if !bytes.HasPrefix(payload, []byte{0, 0, 0, 1}) {
		return s, errors.New("it does not begin with a 4-byte start code")
	}
	picture := false
	for rest := payload[4:]; len(rest) > 0; {
		nal := rest
		rest = nil
		if i := bytes.Index(nal, startCode); i >= 0 {
			nal, rest = nal[:i], nal[i+len(startCode):]
			nal = bytes.TrimRight(nal, "\x00") // of a 4-byte start code, or trailing zeros
		}
		if len(nal) == 0 {
			continue
		}
		kind, err := classify(nal)
		if err != nil {
			return s, err
		}
		picture = picture || kind.picture
		s.key = s.key || kind.key
		if kind.size != nil {
			s.sizes = append(s.sizes, *kind.size)
		}
	}
	if !picture {
		return s, errNoPicture
	}
	return s, nil
}

// h264NAL follows ITU-T H.264 table 7-1.
func h264NAL(nal []byte) (nalKind, error) {
	switch t := h264.NALUType(nal[0] & 0x1f); t {
	case h264.NALUTypeNonIDR, h264.NALUTypeDataPartitionA:
		return nalKind{picture: true}, nil
	case h264.NALUTypeIDR:
		return nalKind{picture: true, key: true}, nil
	case h264.NALUTypeSPS:
		var sps h264.SPS
		if err := sps.Unmarshal(nal); err != nil {
			return nalKind{}, fmt.Errorf("sequence parameter set: %w", err)
		}
		return nalKind{size: &[2]int{sps.Width(), sps.Height()}}, nil
	default:
		return nalKind{}, nil
	}
}

// hevcNAL follows ITU-T H.265 table 7-1.
func hevcNAL(nal []byte) (nalKind, error) {
	switch t := h265.NALUType((nal[0] >> 1) & 0x3f); {
	case t == h265.NALUType_IDR_W_RADL || t == h265.NALUType_IDR_N_LP || t == h265.NALUType_CRA_NUT:
		return nalKind{picture: true, key: true}, nil
	case t < 32:
		return nalKind{picture: true}, nil
	case t == h265.NALUType_SPS_NUT:
		var sps h265.SPS
		if err := sps.Unmarshal(nal); err != nil {
			return nalKind{}, fmt.Errorf("sequence parameter set: %w", err)
		}
		return nalKind{size: &[2]int{sps.Width(), sps.Height()}}, nil
	default:
		return nalKind{}, nil
	}
}

// OBU types that carry a picture (AV1 specification, section 6.2.2).
const (
	obuFrameHeader av1.OBUType = 3
	obuTileGroup   av1.OBUType = 4
	obuFrame       av1.OBUType = 6
)

// inspectAV1 looks at the OBUs of a temporal unit. A key picture is one with a sequence header before it.
func inspectAV1(payload []byte) (s seen, err error) {
	var obus av1.Bitstream
	if err := obus.Unmarshal(payload); err != nil {
		return s, err
	}
	picture := false
	for _, obu := range obus {
		var header av1.OBUHeader
		if err := header.Unmarshal(obu); err != nil {
			return s, err
		}
		switch header.Type {
		case av1.OBUTypeSequenceHeader:
			var sequence av1.SequenceHeader
			if err := sequence.Unmarshal(obu); err != nil {
				return s, fmt.Errorf("sequence header: %w", err)
			}
			s.key = true
			s.sizes = append(s.sizes, [2]int{sequence.Width(), sequence.Height()})
		case obuFrameHeader, obuTileGroup, obuFrame:
			picture = true
		default: // metadata, padding
		}
	}
	if !picture {
		return s, errNoPicture
	}
	return s, nil
}
