package wire

import (
	"errors"
	"fmt"
	"math"

	"castnet/internal/media"
	"castnet/transcoder"
)

// Limits of what a track or unit from outside may claim.
const (
	maxConfigBytes = 64 << 10 // parameter sets; the largest seen in the field are below 1 KiB
	maxClockRate   = 1 << 20
	maxFrameRate   = 1000
	maxReorder     = 16 // H264 and HEVC allow no more
	maxChannels    = 8
)

// ErrInvalid is wrapped by every error of a message that breaks the wire's rules.
var ErrInvalid = errors.New("invalid message")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// EncodeTrack makes the message of a track; nil stays nil.
func EncodeTrack(t *media.Track) *Track {
	if t == nil {
		return nil
	}
	return &Track{
		Codec: uint32(t.Codec), ClockRate: uint32(t.ClockRate), Config: t.Config,
		Width: uint32(t.Width), Height: uint32(t.Height), FrameRate: t.FrameRate, Reorder: uint32(t.Reorder),
		Channels: uint32(t.Channels),
	}
}

// DecodeTrack checks and converts a track. The configuration bytes are shared, not copied.
func DecodeTrack(m *Track) (*media.Track, error) {
	c, err := decodeCodec(m.GetCodec())
	if err != nil {
		return nil, fmt.Errorf("track: %w", err)
	}
	switch {
	case m.GetClockRate() == 0 || m.GetClockRate() > maxClockRate:
		return nil, invalid("clock of %d ticks a second: allowed are 1 to %d", m.GetClockRate(), maxClockRate)
	case c.IsVideo() && m.GetClockRate() != media.VideoClockRate:
		return nil, invalid("video clock of %d ticks a second: it is %d", m.GetClockRate(), media.VideoClockRate)
	case len(m.GetConfig()) > maxConfigBytes:
		return nil, invalid("codec configuration of %d bytes: allowed are %d", len(m.GetConfig()), maxConfigBytes)
	case m.GetWidth() > transcoder.MaxDimension || m.GetHeight() > transcoder.MaxDimension:
		return nil, invalid("picture of %dx%d: allowed are %d each way", m.GetWidth(), m.GetHeight(), transcoder.MaxDimension)
	case math.IsNaN(m.GetFrameRate()) || m.GetFrameRate() < 0 || m.GetFrameRate() > maxFrameRate:
		return nil, invalid("%g pictures a second: allowed are 0 (unknown) to %d", m.GetFrameRate(), maxFrameRate)
	case m.GetReorder() > maxReorder:
		return nil, invalid("reorder depth %d: allowed are 0 to %d", m.GetReorder(), maxReorder)
	case m.GetChannels() > maxChannels || c.IsAudio() && m.GetChannels() == 0:
		return nil, invalid("%d audio channels: allowed are 1 to %d", m.GetChannels(), maxChannels)
	}
	return &media.Track{
		Codec: c, ClockRate: int(m.GetClockRate()), Config: m.GetConfig(),
		Width: int(m.GetWidth()), Height: int(m.GetHeight()), FrameRate: m.GetFrameRate(), Reorder: int(m.GetReorder()),
		Channels: int(m.GetChannels()),
	}, nil
}

func decodeCodec(v uint32) (media.Codec, error) {
	c := media.Codec(v)
	if v > math.MaxUint8 || !c.IsVideo() && !c.IsAudio() {
		return 0, invalid("codec number %d is not known", v)
	}
	return c, nil
}

// EncodeUnit makes the message of a unit, sharing its payload. The capture time stays at the broadcaster.
func EncodeUnit(u *media.Unit) *Unit {
	return &Unit{Pts: u.PTS, Dts: u.DTS, Key: u.Key, Discontinuity: u.Discontinuity, Payload: u.Payload}
}

// DecodeUnit checks and converts a unit, sharing its payload.
func DecodeUnit(m *Unit) (*media.Unit, error) {
	switch n := len(m.GetPayload()); {
	case n == 0:
		return nil, invalid("unit %d is empty", m.GetPts())
	case n > media.MaxUnitBytes:
		return nil, fmt.Errorf("unit %d of %d bytes: %w", m.GetPts(), n, media.ErrUnitTooLarge)
	}
	return &media.Unit{
		PTS: m.GetPts(), DTS: m.GetDts(), Key: m.GetKey(), Discontinuity: m.GetDiscontinuity(), Payload: m.GetPayload(),
	}, nil
}

// EncodeLadder makes the messages of a ladder.
func EncodeLadder(l transcoder.Ladder) []*Profile {
	out := make([]*Profile, len(l))
	for i, p := range l {
		out[i] = &Profile{
			Name: p.Name, Codec: uint32(p.Codec), Width: uint32(p.Width), Height: uint32(p.Height),
			Bitrate: uint32(p.Bitrate), Divisor: uint32(p.Divisor),
		}
	}
	return out
}

// DecodeLadder converts a ladder and validates it as transcoder.Ladder.Validate does.
func DecodeLadder(ms []*Profile) (transcoder.Ladder, error) {
	if len(ms) > transcoder.MaxRungs {
		return nil, invalid("ladder of %d rungs: allowed are %d", len(ms), transcoder.MaxRungs)
	}
	l := make(transcoder.Ladder, len(ms))
	for i, m := range ms {
		c, err := decodeCodec(m.GetCodec())
		if err != nil {
			return nil, fmt.Errorf("rung %d: %w", i, err)
		}
		l[i] = transcoder.Profile{
			Name: m.GetName(), Codec: c, Width: int(m.GetWidth()), Height: int(m.GetHeight()),
			Bitrate: int(m.GetBitrate()), Divisor: int(m.GetDivisor()),
		}
	}
	if err := l.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return l, nil
}

func ladderPTS(pts []int64) error {
	if len(pts) > transcoder.MaxRungs {
		return invalid("timestamps for %d renditions: allowed are %d", len(pts), transcoder.MaxRungs)
	}
	return nil
}

func decodeRendition(v uint32) (int, error) {
	if v >= transcoder.MaxRungs {
		return 0, invalid("rendition %d: a ladder has at most %d", v, transcoder.MaxRungs)
	}
	return int(v), nil
}
