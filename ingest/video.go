package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp8"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"

	"castnet/internal/media"
)

// Limits of a picture: what decoders and the ladder can do with it.
const (
	minDimension = 16
	// MaxParts bounds the NAL units or OBUs of one access unit; slices of one macroblock row each stay below it.
	MaxParts   = 1024
	maxReorder = 16 // the largest decoded picture buffer of H264 and HEVC
)

// Picture is one access unit in the form of the house.
type Picture struct {
	Payload []byte // nil where the access unit held no picture
	Key     bool
	Changed bool // the track changed with it
}

// Video turns the access units of one video track, in the parts that protocols carry them in, into units of the house
// (see media.Unit), and knows the track that they belong to. It is pure, and not safe for concurrent use.
type Video struct {
	codec     media.Codec
	track     *media.Track // nil until parameters are known
	sets      [3][][]byte  // H264, HEVC: parameter sets, by kind
	sequence  []byte       // AV1: the sequence header
	frameRate float64      // from outside, for streams that say nothing of it
	silent    bool         // the parameters say nothing of reordering
	reorder   int          // the most that was observed
	recent    [maxReorder]int64
	count     int // of pictures
}

// NewVideo begins a track of this codec. frameRate, in pictures a second, stands in where the stream names none; 0 is
// unknown.
func NewVideo(codec media.Codec, frameRate float64) *Video {
	return &Video{codec: codec, frameRate: frameRate}
}

// Track is the track as it is known now; nil until it is.
func (v *Video) Track() *media.Track { return v.track }

// Convert takes the next access unit and copies it. Its parts are NAL units without start codes or lengths (H264, HEVC),
// OBUs (AV1), or one frame (VP8, VP9). An error is a *Refusal.
func (v *Video) Convert(parts [][]byte) (Picture, error) {
	if len(parts) > MaxParts {
		return Picture{}, BadData(fmt.Sprintf("one picture has %d parts, more than the %d that are allowed", len(parts), MaxParts))
	}
	switch v.codec {
	case media.H264, media.HEVC:
		return v.convertNALUs(parts)
	case media.AV1:
		return v.convertOBUs(parts)
	case media.VP8, media.VP9:
		return v.convertFrame(parts)
	default:
		return Picture{}, BadData(v.codec.String() + " is no video codec")
	}
}

// SetParameters takes the parameter sets that a protocol tells apart from the pictures (H264, HEVC), in any order, and
// reports whether the track changed.
func (v *Video) SetParameters(nalus [][]byte) (changed bool, err error) {
	var found [3][][]byte
	for _, n := range nalus {
		if len(n) == 0 {
			continue
		}
		if p := v.classify(n); p.set >= 0 {
			found[p.set] = append(found[p.set], bytes.Clone(n))
		}
	}
	for i := range found {
		if found[i] == nil {
			found[i] = v.sets[i]
		}
	}
	needed := found[1:] // H264 has no VPS
	if v.codec == media.HEVC {
		needed = found[:]
	}
	if slices.ContainsFunc(needed, func(s [][]byte) bool { return len(s) == 0 }) {
		return false, BadData(v.codec.String() + " parameter sets are missing")
	}
	config := annexB(slices.Concat(found[0], found[1], found[2]))
	if v.track != nil && bytes.Equal(config, v.track.Config) {
		return false, nil
	}
	track := &media.Track{Codec: v.codec, ClockRate: media.VideoClockRate, Config: config}
	if err := v.describe(track, found[1][0]); err != nil {
		return false, err
	}
	v.track, v.sets = track, found
	return true, nil
}

// describe reads a sequence parameter set into a track.
func (v *Video) describe(t *media.Track, set []byte) error {
	read := describeH264
	if v.codec == media.HEVC {
		read = describeHEVC
	}
	declared, known, err := read(t, set)
	if err != nil {
		return BadData(fmt.Sprintf("cannot read the %v sequence parameters: %v", v.codec, err))
	}
	t.Reorder, v.silent = max(v.reorder, declared), !known
	return v.bound(t)
}

// describeH264 returns the reorder depth that the SPS states or implies, and whether it does.
func describeH264(t *media.Track, set []byte) (reorder int, known bool, err error) {
	var sps h264.SPS
	if err := sps.Unmarshal(set); err != nil {
		return 0, false, err
	}
	t.Width, t.Height, t.FrameRate = sps.Width(), sps.Height(), sps.FPS()
	const baseline = 66
	switch {
	case sps.ProfileIdc == baseline || sps.PicOrderCntType == 2: // output order is decoding order
		return 0, true, nil
	case sps.VUI != nil && sps.VUI.BitstreamRestriction != nil:
		return int(min(sps.VUI.BitstreamRestriction.MaxNumReorderFrames, maxReorder)), true, nil
	default:
		return 0, false, nil
	}
}

// describeHEVC returns the reorder depth that the SPS states.
func describeHEVC(t *media.Track, set []byte) (reorder int, known bool, err error) {
	var sps h265.SPS
	if err := sps.Unmarshal(set); err != nil {
		return 0, false, err
	}
	t.Width, t.Height, t.FrameRate = sps.Width(), sps.Height(), sps.FPS()
	if n := len(sps.MaxNumReorderPics); n > 0 {
		return int(min(sps.MaxNumReorderPics[n-1], maxReorder)), true, nil
	}
	return 0, false, nil
}

// bound refuses sizes that cannot be worked with, and puts the frame rate right.
func (v *Video) bound(t *media.Track) error {
	if t.Width < minDimension || t.Width > media.MaxDimension || t.Height < minDimension || t.Height > media.MaxDimension {
		return &Refusal{
			Code: CodeLimit, Message: "this picture size cannot be taken: choose another output resolution",
			Asked: fmt.Sprintf("%dx%d", t.Width, t.Height), Limit: fmt.Sprintf("%d to %d each way", minDimension, media.MaxDimension),
		}
	}
	if !(t.FrameRate >= 1 && t.FrameRate <= 300) { // also NaN, from a VUI of zeroes
		t.FrameRate = v.frameRate
	}
	return nil
}

// Observe takes a picture's times in ms, and reports whether the track changed because more reordering was seen than
// it says. An encoder that reorders delays the first picture, which tells the depth before the first B-frame comes.
func (v *Video) Observe(pts, dts int64) (changed bool) {
	depth := 0
	for _, earlier := range v.recent[:min(v.count, maxReorder)] {
		if earlier > pts {
			depth++
		}
	}
	if v.count == 0 && v.silent {
		rate := v.track.FrameRate
		if rate == 0 {
			rate = 30
		}
		depth = int(math.Round(min(float64(max(pts-dts, 0))*rate/1000, maxReorder)))
	}
	v.recent[v.count%maxReorder] = pts
	v.count++
	v.reorder = max(v.reorder, depth)
	if v.track.Reorder >= v.reorder {
		return false
	}
	track := *v.track
	track.Reorder = v.reorder
	v.track = &track
	return true
}

// role is what a NAL unit is to us.
type role struct {
	set     int  // 0 VPS, 1 SPS, 2 PPS; -1: none of them
	picture bool // part of a coded picture
	key     bool // of a closed random-access point
	drop    bool // delimiters and filler
}

func (v *Video) classify(n []byte) role {
	r := role{set: -1}
	if v.codec == media.H264 {
		switch t := h264.NALUType(n[0] & 0x1f); t {
		case h264.NALUTypeSPS:
			r.set = 1
		case h264.NALUTypePPS:
			r.set = 2
		case h264.NALUTypeAccessUnitDelimiter, h264.NALUTypeFillerData:
			r.drop = true
		default:
			r.picture = t >= h264.NALUTypeNonIDR && t <= h264.NALUTypeIDR
			r.key = t == h264.NALUTypeIDR
		}
		return r
	}
	const reservedVCL = 32 // HEVC: below it, coded slices (ITU-T H.265, table 7-1)
	switch t := h265.NALUType(n[0] >> 1 & 0x3f); t {
	case h265.NALUType_VPS_NUT, h265.NALUType_SPS_NUT, h265.NALUType_PPS_NUT:
		r.set = int(t - h265.NALUType_VPS_NUT)
	case h265.NALUType_AUD_NUT, h265.NALUType_FD_NUT:
		r.drop = true
	case h265.NALUType_CRA_NUT:
		// Pictures that follow it and are shown before it may refer to what was before it, unless nothing is reordered.
		r.picture, r.key = true, v.track != nil && v.track.Reorder == 0
	default:
		r.picture = t < reservedVCL
		r.key = t == h265.NALUType_IDR_W_RADL || t == h265.NALUType_IDR_N_LP
	}
	return r
}

func (v *Video) convertNALUs(nalus [][]byte) (Picture, error) {
	var p Picture
	var sets, kept, bare [][]byte // parameter sets, what is worth keeping, and that without parameter sets
	coded := false
	for _, n := range nalus {
		if len(n) == 0 {
			continue
		}
		r := v.classify(n)
		coded = coded || r.picture
		p.Key = p.Key || r.key
		switch {
		case r.drop:
			continue
		case r.set >= 0:
			sets = append(sets, n)
		default:
			bare = append(bare, n)
		}
		kept = append(kept, n)
	}
	if (p.Key || !coded) && len(sets) > 0 {
		var err error
		if p.Changed, err = v.SetParameters(sets); err != nil {
			return Picture{}, err
		}
	}
	switch {
	case !coded:
	case p.Key && v.track != nil:
		config := v.track.Config
		p.Payload = appendAnnexB(append(make([]byte, 0, len(config)+lengthOf(bare)), config...), bare)
	default:
		p.Payload = annexB(kept)
	}
	return p, nil
}

// convertOBUs takes a temporal unit.
func (v *Video) convertOBUs(obus [][]byte) (Picture, error) {
	var p Picture
	kept := make([][]byte, 0, len(obus)+1)
	for _, o := range obus {
		if len(o) == 0 {
			continue
		}
		switch av1.OBUType(o[0] >> 3 & 0xf) {
		case av1.OBUTypeTemporalDelimiter:
			continue
		case av1.OBUTypeSequenceHeader:
			var err error
			if p.Changed, err = v.setSequence(o); err != nil {
				return Picture{}, err
			}
			p.Key = true
		}
		kept = append(kept, o)
	}
	if len(kept) == 0 || len(kept) == 1 && p.Key {
		return Picture{Changed: p.Changed}, nil
	}
	var err error
	if p.Payload, err = av1.Bitstream(kept).Marshal(); err != nil {
		return Picture{}, BadData(fmt.Sprintf("cannot read an AV1 temporal unit: %v", err))
	}
	return p, nil
}

func (v *Video) setSequence(obu []byte) (changed bool, err error) {
	if bytes.Equal(obu, v.sequence) {
		return false, nil
	}
	var h av1.SequenceHeader
	if err := h.Unmarshal(obu); err != nil {
		return false, BadData(fmt.Sprintf("cannot read the AV1 sequence header: %v", err))
	}
	if err := v.setSize(h.Width(), h.Height()); err != nil {
		return false, err
	}
	v.sequence = bytes.Clone(obu)
	return true, nil
}

// convertFrame takes a frame of VP8 or VP9, or a superframe of VP9.
func (v *Video) convertFrame(parts [][]byte) (Picture, error) {
	if len(parts) != 1 || len(parts[0]) == 0 {
		return Picture{}, nil
	}
	frame := parts[0]
	p := Picture{Payload: bytes.Clone(frame)}
	var width, height int
	var err error
	if v.codec == media.VP8 {
		p.Key = vp8.IsRandomAccess(frame)
		if p.Key {
			width, height, err = sizeVP8(frame)
		}
	} else {
		p.Key = vp9.IsRandomAccess(frame)
		if p.Key {
			var h vp9.Header
			err = h.Unmarshal(frame)
			width, height = h.Width(), h.Height()
		}
	}
	if err != nil {
		return Picture{}, BadData(fmt.Sprintf("cannot read the header of a %v key frame: %v", v.codec, err))
	}
	if p.Key && (v.track == nil || v.track.Width != width || v.track.Height != height) {
		p.Changed = true
		if err := v.setSize(width, height); err != nil {
			return Picture{}, err
		}
	}
	return p, nil
}

// setSize makes a track of a codec that never reorders.
func (v *Video) setSize(width, height int) error {
	t := &media.Track{Codec: v.codec, ClockRate: media.VideoClockRate, Width: width, Height: height}
	if err := v.bound(t); err != nil {
		return err
	}
	v.track = t
	return nil
}

// sizeVP8 reads a key frame's size (RFC 6386, section 9.1).
func sizeVP8(frame []byte) (width, height int, err error) {
	if len(frame) < 10 || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a {
		return 0, 0, errors.New("no start code")
	}
	const mask = 1<<14 - 1 // two more bits ask the player to scale
	return (int(frame[6]) | int(frame[7])<<8) & mask, (int(frame[8]) | int(frame[9])<<8) & mask, nil
}

func annexB(nalus [][]byte) []byte { return appendAnnexB(make([]byte, 0, lengthOf(nalus)), nalus) }

func appendAnnexB(out []byte, nalus [][]byte) []byte {
	for _, n := range nalus {
		out = append(append(out, 0, 0, 0, 1), n...)
	}
	return out
}

// lengthOf is the size of nalus with four bytes before each.
func lengthOf(nalus [][]byte) int {
	size := 0
	for _, n := range nalus {
		size += 4 + len(n)
	}
	return size
}
