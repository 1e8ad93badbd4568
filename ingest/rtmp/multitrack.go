package rtmp

import (
	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"castnet/ingest"
)

// videoTracks chooses one of the video tracks that a publisher sends at once (enhanced RTMP v2, as OBS does): the largest of
// those that are announced before the first picture. What carries no track number is track 0.
type videoTracks struct {
	tell   func(message string, args ...any)
	chosen uint8
	header *message.VideoExSequenceStart // of the chosen track, until the first picture; nil before it came
	area   int                           // of the chosen track's pictures in pixels, 0 where the header does not tell
	begun  bool                          // a picture came: the choice stands
	told   bool
}

// announce takes a track's header, and returns it where it is to be heeded now.
func (v *videoTracks) announce(track uint8, m *message.VideoExSequenceStart) *message.VideoExSequenceStart {
	switch size := area(m); {
	case v.begun && track == v.chosen:
		return m
	case !v.begun && (v.header == nil || track == v.chosen || size > v.area):
		v.chosen, v.header, v.area = track, m, size
	}
	return nil
}

// picture reports whether a track's picture is taken. header is what is to be heeded before, if anything.
func (v *videoTracks) picture(track uint8) (header *message.VideoExSequenceStart, taken bool) {
	if !v.begun && v.header != nil {
		header, v.header, v.begun = v.header, nil, true
	}
	taken = track == v.chosen
	if !taken && v.begun && !v.told {
		v.told = true
		v.tell("of several video tracks, the largest is taken", "taken", v.chosen, "left", track)
	}
	return header, taken
}

// area is the pixels of a picture, 0 where the codec's configuration does not tell.
func area(m *message.VideoExSequenceStart) int {
	switch {
	case m.AVCConfig != nil:
		var sps h264.SPS
		if sets := m.AVCConfig.SequenceParameterSets; len(sets) > 0 && sps.Unmarshal(sets[0].NALUnit) == nil {
			return sps.Width() * sps.Height()
		}
	case m.HEVCConfig != nil:
		for _, array := range m.HEVCConfig.NaluArrays {
			var sps h265.SPS
			if h265.NALUType(array.NaluType) == h265.NALUType_SPS_NUT && len(array.Nalus) > 0 && sps.Unmarshal(array.Nalus[0].NALUnit) == nil {
				return sps.Width() * sps.Height()
			}
		}
	case m.AV1Config != nil:
		var obus av1.Bitstream
		var header av1.SequenceHeader
		if obus.Unmarshal(m.AV1Config.ConfigOBUs) == nil && len(obus) > 0 && header.Unmarshal(obus[0]) == nil {
			return header.Width() * header.Height()
		}
	}
	return 0
}

// tone is one of the publisher's audio tracks.
type tone struct {
	ingest.Sound
	track uint8 // the publisher's number
}

// find finds an audio track that was announced; sound is nil for another one.
func (s *stream) find(track uint8) (n int, sound *ingest.Sound) {
	for n := range s.tones {
		if s.tones[n].track == track {
			return n, &s.tones[n].Sound
		}
	}
	return -1, nil
}

// tone gives an audio track that is announced its place; the first ones are taken. sound is nil for those beyond what is possible.
func (s *stream) tone(track uint8) (n int, sound *ingest.Sound) {
	if n, sound := s.find(track); sound != nil {
		return n, sound
	}
	if len(s.tones) == ingest.MaxSounds {
		if !s.told {
			s.told = true
			s.tell("there are too many audio tracks: the first are taken", "limit", ingest.MaxSounds, "left", track)
		}
		return -1, nil
	}
	s.tones = append(s.tones, tone{track: track})
	return len(s.tones) - 1, &s.tones[len(s.tones)-1].Sound
}
