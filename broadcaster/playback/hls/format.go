package hls

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/bluenviron/gohlslib/v2/pkg/codecparams"
	hlscodecs "github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
	"castnet/transcoder"
)

// trackID is the only track of each file: sound and pictures are in files of their own.
const trackID = 1

// format is how one track looks in fMP4.
type format struct {
	track *media.Track
	// rfc6381 is the CODECS attribute's value.
	rfc6381 string
	// initialization is the file that EXT-X-MAP names: ftyp and moov.
	initialization []byte
}

// newFormat makes the initialization of a track whose first unit is given. It fails for codecs that are not packaged.
func newFormat(track *media.Track, first *media.Unit) (*format, error) {
	codec, named, err := codecOf(track, first)
	if err != nil {
		return nil, err
	}
	init := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: trackID, TimeScale: uint32(track.ClockRate), Codec: codec}}}
	var buf seekablebuffer.Buffer
	if err := init.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("%v initialization: %w", track.Codec, err)
	}
	f := &format{track: track, rfc6381: codecparams.Marshal(named), initialization: buf.Bytes()}
	if aac, ok := codec.(*codecs.MPEG4Audio); ok {
		f.rfc6381 = fmt.Sprintf("mp4a.40.%d", objectType(track.Config, &aac.Config))
	}
	return f, nil
}

// objectType is what an AAC decoder has to know of (ISO 14496-3, table 1.17): that of the core, or of what widens its band or its
// image. That is signalled before the core's parameters, or where older decoders don't look: behind them (section 1.6.6).
func objectType(written []byte, read *mpeg4audio.AudioSpecificConfig) mpeg4audio.ObjectType {
	const sync = "\x56\xe5" // 0x2b7, and the object type 5
	if behind := len(written) >= 5 && string(written[2:4]) == sync && written[4]&0x80 != 0; behind {
		return mpeg4audio.ObjectTypeSBR
	}
	return cmp.Or(read.ExtensionType, read.Type)
}

// codecOf describes a track as fMP4 and as playlists do.
func codecOf(track *media.Track, first *media.Unit) (codecs.Codec, hlscodecs.Codec, error) {
	switch track.Codec {
	case media.H264:
		sps, others := parameterSets(track)
		c := &codecs.H264{SPS: sps, PPS: others[0]}
		return c, &hlscodecs.H264{SPS: c.SPS, PPS: c.PPS}, nil
	case media.HEVC:
		sps, others := parameterSets(track)
		c := &codecs.H265{VPS: others[0], SPS: sps, PPS: others[1]}
		return c, &hlscodecs.H265{VPS: c.VPS, SPS: c.SPS, PPS: c.PPS}, nil
	case media.AV1:
		c := &codecs.AV1{}
		var obus av1.Bitstream
		if err := obus.Unmarshal(first.Payload); err != nil {
			return nil, nil, fmt.Errorf("AV1 temporal unit: %w", err)
		}
		for _, obu := range obus {
			if av1.OBUType(obu[0]>>3&0xf) == av1.OBUTypeSequenceHeader {
				c.SequenceHeader = obu
			}
		}
		return c, &hlscodecs.AV1{SequenceHeader: c.SequenceHeader}, nil
	case media.VP9:
		var h vp9.Header
		if err := h.Unmarshal(first.Payload); err != nil || h.ColorConfig == nil {
			return nil, nil, fmt.Errorf("VP9 key frame: %w", err)
		}
		c := &codecs.VP9{
			Width: h.Width(), Height: h.Height(), Profile: h.Profile, BitDepth: h.ColorConfig.BitDepth,
			ChromaSubsampling: h.ChromaSubsampling(), ColorRange: h.ColorConfig.ColorRange,
		}
		named := hlscodecs.VP9(*c)
		return c, &named, nil
	case media.AAC:
		var config mpeg4audio.AudioSpecificConfig
		if err := config.Unmarshal(track.Config); err != nil {
			return nil, nil, fmt.Errorf("AAC configuration: %w", err)
		}
		return &codecs.MPEG4Audio{Config: config}, &hlscodecs.MPEG4Audio{Config: config}, nil
	case media.Opus:
		return &codecs.Opus{ChannelCount: track.Channels}, &hlscodecs.Opus{ChannelCount: track.Channels}, nil
	default:
		return nil, nil, fmt.Errorf("%v cannot be packaged for HLS: H264, HEVC, AV1, VP9, AAC and Opus can", track.Codec)
	}
}

// payload is a unit's bytes as an fMP4 sample. NAL units get their length in front instead of a start code, parameter
// sets are left out: they are in the initialization.
func (f *format) payload(u *media.Unit) []byte {
	if f.track.Codec != media.H264 && f.track.Codec != media.HEVC {
		return u.Payload
	}
	out := make([]byte, 0, len(u.Payload))
	for nalu := range media.NALUs(u.Payload) {
		if set, _ := playback.ParameterSet(f.track.Codec, nalu[0]); set {
			continue
		}
		out = binary.BigEndian.AppendUint32(out, uint32(len(nalu)))
		out = append(out, nalu...)
	}
	return out
}

// parameterSets are a track's: the sequence's, and the others in their order (HEVC's video parameter set comes first).
func parameterSets(t *media.Track) (sps []byte, others [2][]byte) {
	n := 0
	for nalu := range media.NALUs(t.Config) {
		switch _, isSPS := playback.ParameterSet(t.Codec, nalu[0]); {
		case isSPS:
			sps = nalu
		case n < len(others):
			others[n] = nalu
			n++
		}
	}
	return sps, others
}

// fragment packs consecutive units into one moof and mdat. end is the DTS at which the last one ends.
func (f *format) fragment(number uint64, units []*media.Unit, end int64) ([]byte, error) {
	offset := f.track.Ticks(timelineOffset)
	samples := make([]*fmp4.Sample, len(units))
	for i, u := range units {
		until := end
		if i+1 < len(units) {
			until = units[i+1].DTS
		}
		samples[i] = &fmp4.Sample{
			Duration:        uint32(max(until-u.DTS, 1)),
			PTSOffset:       int32(u.PTS - u.DTS),
			IsNonSyncSample: f.track.Codec.IsVideo() && !u.Key,
			Payload:         f.payload(u),
		}
	}
	part := fmp4.Part{
		SequenceNumber: uint32(number),
		Tracks:         []*fmp4.PartTrack{{ID: trackID, BaseTime: uint64(max(units[0].DTS+offset, 0)), Samples: samples}},
	}
	var buf seekablebuffer.Buffer
	if err := part.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("fragment %d: %w", number, err)
	}
	return buf.Bytes(), nil
}

// expectedCodec is the CODECS value of a rung that has made nothing yet. Encoders are pinned to H264's High, HEVC's and
// AV1's Main profile in 8 bits; the level follows from the picture size at 30 pictures a second.
func expectedCodec(p transcoder.Profile) string {
	const most = math.MaxInt
	type level struct {
		pixels int // luma samples of a picture at most
		codec  string
	}
	levels := map[media.Codec][]level{
		media.H264: { // H.264 table A-1: 3, 3.1, 4, 5.1, in blocks of 16 by 16
			{1350 << 8, "avc1.64001e"}, {3600 << 8, "avc1.64001f"}, {8192 << 8, "avc1.640028"}, {most, "avc1.640033"},
		},
		media.HEVC: { // H.265 table A.8: 3, 3.1, 4, 5.1
			{552_960, "hvc1.1.6.L90.90"}, {983_040, "hvc1.1.6.L93.90"}, {2_228_224, "hvc1.1.6.L120.90"}, {most, "hvc1.1.6.L153.90"},
		},
		media.AV1: { // AV1 annex A.3: 2, 3, 3.1, 4, 5.1
			{147_456, "av01.0.00M.08"}, {665_856, "av01.0.04M.08"}, {1_065_024, "av01.0.05M.08"}, {2_359_296, "av01.0.08M.08"}, {most, "av01.0.13M.08"},
		},
	}
	pixels := p.Width * p.Height
	if p.Codec == media.H264 {
		pixels = (p.Width + 15) / 16 * ((p.Height + 15) / 16) << 8
	}
	for _, l := range levels[p.Codec] {
		if pixels <= l.pixels {
			return l.codec
		}
	}
	return ""
}
