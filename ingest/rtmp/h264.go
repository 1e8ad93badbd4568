package rtmp

import (
	"bytes"
	"fmt"
	"math"

	"github.com/abema/go-mp4"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"castnet/ingest"
	"castnet/internal/media"
)

// Limits of a picture: what decoders and the ladder can do with it.
const (
	minDimension = 16
	maxDimension = 8192
	maxNALUs     = 1024 // of one access unit; slices of one macroblock row each stay below it
	maxReorder   = 16   // H264's largest decoded picture buffer
)

// avc turns access units as RTMP carries them (length-prefixed, parameter sets apart) into those of the house (Annex B,
// parameter sets in every key unit), and knows the track that they belong to.
type avc struct {
	track      *media.Track // nil until parameter sets are known
	sps, pps   [][]byte
	lengthSize int
	frameRate  float64 // from the metadata, for streams whose VUI says nothing
	silent     bool    // the SPS says nothing of reordering
	reorder    int     // the most that was observed
	recent     [maxReorder]int64
	count      int // of pictures
}

// configure takes a decoder configuration record, and reports whether the track changed.
func (a *avc) configure(c *mp4.AVCDecoderConfiguration) (changed bool, err error) {
	if c.LengthSizeMinusOne == 2 {
		return false, badData("H264 configuration with 3-byte lengths, which the standard does not allow")
	}
	a.lengthSize = int(c.LengthSizeMinusOne) + 1
	var sps, pps [][]byte
	for _, s := range c.SequenceParameterSets {
		sps = append(sps, s.NALUnit)
	}
	for _, p := range c.PictureParameterSets {
		pps = append(pps, p.NALUnit)
	}
	return a.setParameters(sps, pps)
}

func (a *avc) setParameters(sps, pps [][]byte) (changed bool, err error) {
	if len(sps) == 0 {
		sps = a.sps
	}
	if len(pps) == 0 {
		pps = a.pps
	}
	if len(sps) == 0 || len(pps) == 0 || len(sps[0]) == 0 {
		return false, badData("H264 configuration without SPS or PPS")
	}
	config := annexB(append(append([][]byte{}, sps...), pps...))
	if a.track != nil && bytes.Equal(config, a.track.Config) {
		return false, nil
	}
	track, err := a.describe(sps[0])
	if err != nil {
		return false, err
	}
	track.Config = config
	a.track, a.sps, a.pps = track, sps, pps
	return true, nil
}

func (a *avc) describe(nalu []byte) (*media.Track, error) {
	var sps h264.SPS
	if err := sps.Unmarshal(nalu); err != nil {
		return nil, badData(fmt.Sprintf("cannot read the H264 sequence parameters: %v", err))
	}
	t := &media.Track{Codec: media.H264, ClockRate: media.VideoClockRate, Width: sps.Width(), Height: sps.Height()}
	if t.Width < minDimension || t.Width > maxDimension || t.Height < minDimension || t.Height > maxDimension {
		return nil, &ingest.Refusal{
			Code: ingest.CodeLimit, Message: "this picture size cannot be taken: choose another output resolution",
			Asked: fmt.Sprintf("%dx%d", t.Width, t.Height), Limit: fmt.Sprintf("%d to %d each way", minDimension, maxDimension),
		}
	}
	t.FrameRate = sps.FPS()
	if !(t.FrameRate >= 1 && t.FrameRate <= 300) { // also NaN, from a VUI of zeroes
		t.FrameRate = a.frameRate
	}
	declared, known := declaredReorder(&sps)
	t.Reorder, a.silent = max(a.reorder, declared), !known
	return t, nil
}

// declaredReorder is the reorder depth that the SPS states or implies, and whether it does.
func declaredReorder(sps *h264.SPS) (depth int, known bool) {
	const baseline = 66
	switch {
	case sps.ProfileIdc == baseline || sps.PicOrderCntType == 2: // output order is decoding order
		return 0, true
	case sps.VUI != nil && sps.VUI.BitstreamRestriction != nil:
		return int(min(sps.VUI.BitstreamRestriction.MaxNumReorderFrames, maxReorder)), true
	default:
		return 0, false
	}
}

// observe takes a picture's times in ms, and reports whether the track changed because more reordering was seen than
// it says. An encoder that reorders delays the first picture, which tells the depth before the first B-frame comes.
func (a *avc) observe(pts, dts int64) (changed bool) {
	depth := 0
	for _, earlier := range a.recent[:min(a.count, maxReorder)] {
		if earlier > pts {
			depth++
		}
	}
	if a.count == 0 && a.silent {
		rate := a.track.FrameRate
		if rate == 0 {
			rate = 30
		}
		depth = int(math.Round(min(float64(max(pts-dts, 0))*rate/1000, maxReorder)))
	}
	a.recent[a.count%maxReorder] = pts
	a.count++
	a.reorder = max(a.reorder, depth)
	if a.track.Reorder >= a.reorder {
		return false
	}
	track := *a.track
	track.Reorder = a.reorder
	a.track = &track
	return true
}

// NAL unit types (ITU-T H.264, table 7-1).
const (
	naluSlice     = 1
	naluIDR       = 5
	naluSPS       = 7
	naluPPS       = 8
	naluDelimiter = 9
	naluFiller    = 12
)

// picture is one converted access unit.
type picture struct {
	payload []byte // nil where the access unit held no picture
	key     bool
	changed bool // the track changed with it
}

// convert turns an access unit into Annex B. It owns au, and may write into it.
func (a *avc) convert(au []byte) (picture, error) {
	nalus, err := split(au, a.lengthSize)
	if err != nil {
		return picture{}, err
	}
	var p picture
	var sps, pps [][]byte
	coded, verbatim := false, a.lengthSize == 4
	for _, n := range nalus {
		switch kind := n[0] & 0x1f; {
		case kind >= naluSlice && kind <= naluIDR:
			coded = true
			p.key = p.key || kind == naluIDR
		case kind == naluSPS:
			sps = append(sps, n)
		case kind == naluPPS:
			pps = append(pps, n)
		case kind == naluDelimiter || kind == naluFiller:
			verbatim = false
		}
	}
	if (p.key || !coded) && len(sps)+len(pps) > 0 {
		if p.changed, err = a.setParameters(clone(sps), clone(pps)); err != nil {
			return picture{}, err
		}
	}
	switch {
	case !coded:
	case verbatim && !p.key && len(au) == lengthOf(nalus):
		p.payload = overwriteLengths(au, nalus)
	default:
		p.payload = a.assemble(nalus, p.key)
	}
	return p, nil
}

// assemble writes the NAL units that are worth keeping, after the parameter sets where the unit is a key.
func (a *avc) assemble(nalus [][]byte, key bool) []byte {
	size := lengthOf(nalus)
	if key && a.track != nil {
		size += len(a.track.Config)
	}
	out := make([]byte, 0, size)
	if key && a.track != nil {
		out = append(out, a.track.Config...)
	}
	for _, n := range nalus {
		switch kind := n[0] & 0x1f; {
		case kind == naluDelimiter, kind == naluFiller:
		case key && (kind == naluSPS || kind == naluPPS):
		default:
			out = append(append(out, 0, 0, 0, 1), n...)
		}
	}
	return out
}

// split finds the NAL units of a length-prefixed access unit. Empty ones are left out.
func split(au []byte, lengthSize int) ([][]byte, error) {
	nalus := make([][]byte, 0, 8)
	for len(au) > 0 {
		if len(au) < lengthSize {
			return nil, badData("an H264 access unit ends inside a length")
		}
		n := 0
		for _, b := range au[:lengthSize] {
			n = n<<8 | int(b)
		}
		au = au[lengthSize:]
		if n > len(au) {
			return nil, badData(fmt.Sprintf("an H264 access unit announces %d bytes and holds %d", n, len(au)))
		}
		if n > 0 {
			nalus = append(nalus, au[:n:n])
		}
		if len(nalus) > maxNALUs {
			return nil, badData(fmt.Sprintf("an H264 access unit has more than %d NAL units", maxNALUs))
		}
		au = au[n:]
	}
	return nalus, nil
}

// overwriteLengths replaces the four-byte lengths before nalus, which lie back to back in au, by start codes.
func overwriteLengths(au []byte, nalus [][]byte) []byte {
	at := 0
	for _, n := range nalus {
		copy(au[at:], []byte{0, 0, 0, 1})
		at += 4 + len(n)
	}
	return au
}

func annexB(nalus [][]byte) []byte {
	out := make([]byte, 0, lengthOf(nalus))
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

func clone(nalus [][]byte) [][]byte {
	out := make([][]byte, len(nalus))
	for i, n := range nalus {
		out[i] = bytes.Clone(n)
	}
	return out
}
