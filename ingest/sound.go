package ingest

import (
	"bytes"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"castnet/internal/media"
)

// OpusClockRate is the ticks a second of Opus timestamps, whatever was recorded (RFC 7587).
const OpusClockRate = 48_000

// Sound makes exact timestamps for the packets of one audio track, and knows the track. It is pure, and not safe for
// concurrent use.
type Sound struct {
	// Language and Label are the track's (media.Track), from when it is named next.
	Language, Label string

	track *media.Track // nil until it is known
	frame int64        // samples of one AAC packet
	next  int64        // expected PTS
}

// Track is the track as it is known now; nil until it is.
func (s *Sound) Track() *media.Track { return s.track }

// SetAAC takes an AudioSpecificConfig, and reports whether the track changed. An error is a *Refusal.
func (s *Sound) SetAAC(c *mpeg4audio.AudioSpecificConfig) (changed bool, err error) {
	config, err := c.Marshal()
	if err != nil {
		return false, BadData(fmt.Sprintf("cannot read the AAC configuration: %v", err))
	}
	if s.track != nil && bytes.Equal(config, s.track.Config) {
		return false, nil
	}
	channels := int(c.ChannelConfig)
	if channels == 7 {
		channels = 8
	}
	if c.SampleRate < 7350 || c.SampleRate > 96000 || channels < 1 || channels > 8 {
		return false, &Refusal{
			Code: CodeUnsupportedCodec, Message: "this AAC cannot be taken: use 48000 or 44100 Hz stereo",
			Asked: fmt.Sprintf("%d Hz, %d channels", c.SampleRate, channels), Limit: "7350 to 96000 Hz, 1 to 8 channels",
		}
	}
	s.frame = 1024
	if c.FrameLengthFlag {
		s.frame = 960
	}
	s.set(&media.Track{Codec: media.AAC, ClockRate: c.SampleRate, Config: config, Channels: channels})
	return true, nil
}

// SetOpus names an Opus track.
func (s *Sound) SetOpus(channels int) {
	s.set(&media.Track{Codec: media.Opus, ClockRate: OpusClockRate, Channels: channels})
}

func (s *Sound) set(t *media.Track) {
	t.Language, t.Label = s.Language, s.Label
	s.track = t
	s.next = -1 << 62
}

// Time takes a packet and its PTS in the track's clock, as coarse as the protocol tells it. Packets follow each other
// exactly as long as that agrees with what was told. ok is false where the packet is to be left out: it overlaps what was
// sent, as an encoder that runs back a little makes it, or it has no frames, which Opus forbids (RFC 6716, section 3.2.5).
func (s *Sound) Time(packet []byte, pts int64) (exact int64, ok bool) {
	frame := s.Duration(packet)
	if frame <= 0 {
		return 0, false
	}
	if off := pts - s.next; off > -frame && off < frame {
		pts = s.next
	} else if off < 0 {
		return 0, false
	}
	s.next = pts + frame
	return pts, true
}

// Duration is how long a packet lasts, in the track's clock.
func (s *Sound) Duration(packet []byte) int64 {
	if s.track.Codec == media.Opus {
		return opus.PacketDuration2(packet)
	}
	return s.frame
}
