package playback

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"castnet/internal/media"
	"castnet/transcoder"
)

// maxParameterSets bounds the parameter sets of one key unit. Encoders write well below 200 bytes.
const maxParameterSets = 4096

// SameFormat reports whether a decoder that was made for one track decodes the other.
func SameFormat(a, b *media.Track) bool {
	return a == b || a.Codec == b.Codec && a.ClockRate == b.ClockRate && a.Width == b.Width && a.Height == b.Height &&
		a.Channels == b.Channels && bytes.Equal(a.Config, b.Config)
}

// trackOf reads a rendition's parameters from one of its key units. It returns prev itself where nothing changed.
func trackOf(prev *media.Track, profile transcoder.Profile, u *media.Unit) (*media.Track, error) {
	track := &media.Track{
		Codec: profile.Codec, ClockRate: media.VideoClockRate, Width: profile.Width, Height: profile.Height,
	}
	if profile.Codec != media.H264 && profile.Codec != media.HEVC {
		if prev != nil {
			return prev, nil // parameters are in the units alone
		}
		return track, nil
	}
	var sps []byte
	for nalu := range media.NALUs(u.Payload) {
		set, isSPS := ParameterSet(profile.Codec, nalu[0])
		if !set {
			continue
		}
		if len(track.Config)+len(nalu) > maxParameterSets {
			return nil, fmt.Errorf("parameter sets of more than %d bytes", maxParameterSets)
		}
		track.Config = append(append(track.Config, 0, 0, 0, 1), nalu...)
		if isSPS {
			sps = nalu
		}
	}
	if prev != nil && bytes.Equal(prev.Config, track.Config) {
		return prev, nil
	}
	if sps == nil {
		return nil, errors.New("key picture without parameter sets")
	}
	return track, readSPS(track, sps)
}

// ParameterSet tells by the first byte of a NAL unit whether it is a parameter set, and whether the sequence's.
func ParameterSet(codec media.Codec, header byte) (set, sps bool) {
	if codec == media.H264 {
		t := h264.NALUType(header & 0x1f)
		return t == h264.NALUTypeSPS || t == h264.NALUTypePPS, t == h264.NALUTypeSPS
	}
	t := h265.NALUType(header >> 1 & 0x3f)
	return t == h265.NALUType_VPS_NUT || t == h265.NALUType_SPS_NUT || t == h265.NALUType_PPS_NUT, t == h265.NALUType_SPS_NUT
}

func readSPS(track *media.Track, sps []byte) error {
	if track.Codec == media.H264 {
		var s h264.SPS
		if err := s.Unmarshal(sps); err != nil {
			return fmt.Errorf("sequence parameter set: %w", err)
		}
		track.Width, track.Height, track.FrameRate = s.Width(), s.Height(), s.FPS()
		return nil
	}
	var s h265.SPS
	if err := s.Unmarshal(sps); err != nil {
		return fmt.Errorf("sequence parameter set: %w", err)
	}
	track.Width, track.Height, track.FrameRate = s.Width(), s.Height(), s.FPS()
	return nil
}
