package rtmp

import (
	"time"

	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"castnet/ingest"
	"castnet/internal/media"
)

// videoTracks are the video tracks that a publisher sends at once (enhanced RTMP v2, as OBS does). The largest of those that are
// announced before the first picture is the stream's; the others are its further ones, the publisher's own renditions. What
// carries no track number is track 0.
type videoTracks struct {
	announced []announcement // until the first picture
	begun     bool           // that came: the choice stands
	views     []*view        // those that are taken
	told      bool           // that there are more
}

type announcement struct {
	track  uint8
	header *message.VideoExSequenceStart
}

// largest is the track that is the stream's: where the headers tell no sizes the first one.
func (v *videoTracks) largest() uint8 {
	if v.begun {
		return v.views[0].track
	}
	var best announcement
	for i, a := range v.announced {
		if i == 0 || area(a.header) > area(best.header) {
			best = a
		}
	}
	return best.track
}

// view is one video track: what is known of its codec.
type view struct {
	track      uint8         // the publisher's number
	place      int           // among the timeline's: pictures, or a further one
	video      *ingest.Video // nil until the codec is known
	codec      media.Codec
	lengthSize int  // of NAL units; 0 for codecs that have none
	leftOut    bool // it could not be read
}

// view finds a video track that is taken; nil for another one.
func (s *stream) view(track uint8) *view {
	for _, v := range s.tracks.views {
		if v.track == track {
			return v
		}
	}
	return nil
}

// announceVideo takes the header of a video track.
func (s *stream) announceVideo(track uint8, m *message.VideoExSequenceStart) error {
	v := &s.tracks
	if _, err := codecOf(m.FourCC); err != nil {
		return s.untaken(track, track == v.largest(), m.FourCC)
	}
	if v.begun {
		return s.take(track, m)
	}
	for i, a := range v.announced {
		if a.track == track {
			v.announced[i].header = m
			return nil
		}
	}
	if len(v.announced) > ingest.MaxFurther {
		s.tooMany(track)
		return nil
	}
	v.announced = append(v.announced, announcement{track, m})
	return nil
}

func (s *stream) tooMany(track uint8) {
	if !s.tracks.told {
		s.tracks.told = true
		s.tell("there are too many video tracks: the first are taken", "limit", 1+ingest.MaxFurther, "left", track)
	}
}

// begin takes the tracks that are announced. The largest comes last, with which the stream begins.
func (s *stream) begin() error {
	v := &s.tracks
	largest := v.largest()
	v.views, v.begun = []*view{{track: largest, place: pictures}}, true
	for _, a := range v.announced {
		if a.track != largest {
			if err := s.take(a.track, a.header); err != nil {
				return err
			}
		}
	}
	for _, a := range v.announced {
		if a.track == largest {
			return s.startVideo(v.views[0], a.header)
		}
	}
	return nil
}

// take heeds the header of a track once the stream has begun.
func (s *stream) take(track uint8, m *message.VideoExSequenceStart) error {
	v := s.view(track)
	if v == nil {
		if len(s.tracks.views) > ingest.MaxFurther {
			s.tooMany(track)
			return nil
		}
		v = &view{track: track, place: further + len(s.tracks.views) - 1}
		s.tracks.views = append(s.tracks.views, v)
	}
	return s.startVideo(v, m)
}

// leaveOut goes on without a further track that cannot be read. Without the stream's own one it cannot.
func (s *stream) leaveOut(v *view, why error) error {
	if v.place == pictures {
		return why
	}
	v.leftOut = true
	s.tell("a further video track is left out", "track", v.track, "why", why)
	return nil
}

// trackPicture takes a picture of a video track.
func (s *stream) trackPicture(track uint8, p *picture, now time.Time) error {
	if !s.tracks.begun && len(s.tracks.announced) > 0 {
		if err := s.begin(); err != nil {
			return err
		}
	}
	switch v := s.view(track); {
	case v != nil:
		return s.picture(v, p, now)
	case !s.tracks.begun: // nothing else may come
		return s.out.Undecodable(now)
	default:
		return nil
	}
}

// name tells what a video track is now.
func (s *stream) name(v *view) error {
	if v.place == pictures {
		return s.out.SetPictures(v.video.Track())
	}
	return s.out.SetFurther(v.place-further, v.video.Track())
}

// publish hands on a unit of a video track.
func (s *stream) publish(v *view, u *media.Unit, now time.Time) error {
	if v.place == pictures {
		return s.out.Picture(u, now)
	}
	return s.out.Further(v.place-further, u, now)
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
