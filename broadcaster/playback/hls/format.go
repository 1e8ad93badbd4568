package hls

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/bluenviron/gohlslib/v2/pkg/codecparams"
	hlscodecs "github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
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

// newFormat makes the initialization of a track. It fails for codecs that are not packaged.
func newFormat(track *media.Track) (*format, error) {
	var codec codecs.Codec
	var named hlscodecs.Codec
	switch track.Codec {
	case media.H264:
		sps, others := parameterSets(track)
		c := &codecs.H264{SPS: sps, PPS: others[0]}
		codec, named = c, &hlscodecs.H264{SPS: c.SPS, PPS: c.PPS}
	case media.HEVC:
		sps, others := parameterSets(track)
		c := &codecs.H265{VPS: others[0], SPS: sps, PPS: others[1]}
		codec, named = c, &hlscodecs.H265{VPS: c.VPS, SPS: c.SPS, PPS: c.PPS}
	case media.AAC:
		var config mpeg4audio.AudioSpecificConfig
		if err := config.Unmarshal(track.Config); err != nil {
			return nil, fmt.Errorf("AAC configuration: %w", err)
		}
		codec, named = &codecs.MPEG4Audio{Config: config}, &hlscodecs.MPEG4Audio{Config: config}
	case media.Opus:
		codec, named = &codecs.Opus{ChannelCount: track.Channels}, &hlscodecs.Opus{ChannelCount: track.Channels}
	default:
		return nil, fmt.Errorf("%v cannot be packaged for HLS: H264, HEVC, AAC and Opus can", track.Codec)
	}
	init := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: trackID, TimeScale: uint32(track.ClockRate), Codec: codec}}}
	var buf seekablebuffer.Buffer
	if err := init.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("%v initialization: %w", track.Codec, err)
	}
	return &format{track: track, rfc6381: codecparams.Marshal(named), initialization: buf.Bytes()}, nil
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

// expectedCodec is the CODECS value of a rung that has made nothing yet. Encoders are pinned to H264's High and
// HEVC's Main profile; the level follows from the picture size at 30 pictures a second (H.264 table A-1).
func expectedCodec(p transcoder.Profile) string {
	switch p.Codec {
	case media.H264:
		blocks, level := (p.Width+15)/16*((p.Height+15)/16), 51
		switch {
		case blocks <= 1350:
			level = 30
		case blocks <= 3600:
			level = 31
		case blocks <= 8192:
			level = 40
		}
		return fmt.Sprintf("avc1.6400%02x", level)
	case media.HEVC:
		return "hvc1.1.6.L120.90"
	default:
		return strings.ToLower(p.Codec.String())
	}
}
