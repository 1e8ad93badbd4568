// Package media is the vocabulary of a live stream: tracks, units (coded frames) and the clocks they are timed by.
//
// It is pure: no goroutines, no I/O, nothing local imported.
package media

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"
)

// VideoClockRate is the number of ticks a second of every video timestamp (RTP's 90 kHz).
const VideoClockRate = 90_000

// MaxDimension bounds a picture each way, in luma samples: what every worker can decode within its memory, and more than
// 2160p. What is larger is refused where it enters.
const MaxDimension = 4096

// MaxUnitBytes bounds one coded frame. A 2160p key frame at a very high rate stays below 4 MiB; what is larger is
// refused where it enters.
const MaxUnitBytes = 8 << 20

// Codec names a coding format of one track.
type Codec uint8

// The codecs that Castnet knows. The values travel on the wire and inside signed profiles: never renumber.
const (
	CodecUnknown Codec = 0
	H264         Codec = 1
	HEVC         Codec = 2
	AV1          Codec = 3
	VP8          Codec = 4
	VP9          Codec = 5
	AAC          Codec = 16
	Opus         Codec = 17
)

// IsVideo reports whether c codes pictures.
func (c Codec) IsVideo() bool { return c >= H264 && c <= VP9 }

// IsAudio reports whether c codes sound.
func (c Codec) IsAudio() bool { return c == AAC || c == Opus }

// String gives the name that people read.
func (c Codec) String() string {
	switch c {
	case H264:
		return "H264"
	case HEVC:
		return "HEVC"
	case AV1:
		return "AV1"
	case VP8:
		return "VP8"
	case VP9:
		return "VP9"
	case AAC:
		return "AAC"
	case Opus:
		return "Opus"
	default:
		return fmt.Sprintf("codec(%d)", uint8(c))
	}
}

// Track describes one elementary stream. It is immutable; a change of parameters is a new Track.
type Track struct {
	Codec Codec
	// ClockRate is the ticks a second of PTS and DTS: VideoClockRate for video, the sample rate for audio.
	ClockRate int
	// Config is what a decoder needs before the first unit. H264/HEVC: parameter sets as Annex B with 4-byte start
	// codes (also repeated in every key unit). AAC: the AudioSpecificConfig. Others: empty.
	Config []byte

	// Width and Height are the picture's size in luma samples after cropping; 0 for audio.
	Width, Height int
	// FrameRate is the nominal rate in pictures a second, 0 where unknown.
	FrameRate float64
	// Reorder is how many pictures may precede a picture in coding order and follow it in display order: 0 means
	// that there are no B-frames. It comes from the VUI or from what ingest has seen of PTS − DTS.
	Reorder int

	// Channels is the number of audio channels; 0 for video.
	Channels int
	// Language is the sound's language as BCP 47 writes it ("de", "pt-BR"), empty where unknown. Label is the sound's name
	// for people ("Commentary"), empty without.
	Language, Label string
}

// Duration converts ticks of this track's clock into a duration.
func (t *Track) Duration(ticks int64) time.Duration {
	return time.Duration(Rescale(ticks, int64(t.ClockRate), int64(time.Second)))
}

// Ticks converts a duration into ticks of this track's clock.
func (t *Track) Ticks(d time.Duration) int64 {
	return Rescale(int64(d), int64(time.Second), int64(t.ClockRate))
}

// Unit is one access unit: one picture, or one audio packet. Units are immutable once they are published and are
// shared by pointer between all readers: never write to one, never copy its payload for a reader.
type Unit struct {
	// PTS and DTS are in ticks of the track's clock. PTS is unique within a track, and travels verbatim through
	// encoder, receipt and playback.
	PTS, DTS int64
	// Key marks a closed random-access point: decoding may start here, and nothing after it refers to before it.
	Key bool
	// Discontinuity says that units before this one were lost, or that timestamps jumped.
	Discontinuity bool
	// Capture is when the picture was taken, by this machine's clock: the lower envelope of arrival − PTS.
	// Zero where unknown.
	Capture time.Time
	// Payload holds the coded bytes. H264/HEVC: Annex B with 4-byte start codes, no access unit delimiter, parameter
	// sets in every key unit. AV1: a temporal unit of OBUs. VP8/VP9: a frame. AAC: a raw frame. Opus: a packet.
	Payload []byte
}

// ErrUnitTooLarge is returned for a unit above MaxUnitBytes.
var ErrUnitTooLarge = errors.New("coded frame larger than 8 MiB")

// Rescale converts v from a clock of from ticks a second into one of to ticks a second, rounding to nearest
// (half away from zero), without overflow of the product; a result that does not fit becomes the nearest that does. from
// and to are positive.
func Rescale(v, from, to int64) int64 {
	size, negative := uint64(v), v < 0
	if negative {
		size = -size // also of the least int64, which has no opposite
	}
	hi, lo := bits.Mul64(size, uint64(to))
	lo, carry := bits.Add64(lo, uint64(from/2), 0)
	hi += carry
	q := uint64(math.MaxInt64)
	if hi < uint64(from) {
		whole, _ := bits.Div64(hi, lo, uint64(from))
		q = min(q, whole)
	}
	if negative {
		return -int64(q)
	}
	return int64(q)
}
