// Package transcoder is the vocabulary of transcoding work: profiles and ladders, the messages of a session, and the
// Transcoder that opens sessions. Who does the work (a local worker process, a remote machine) is behind it.
//
// It holds no cgo: libav is in transcoder/av alone, and that is linked into castnet-worker alone.
package transcoder

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"castnet/internal/media"
)

// Transcoder opens sessions. Implementations are safe for concurrent use.
type Transcoder interface {
	// Open starts a session for one lease. It returns ErrBusy where there is no headroom.
	Open(ctx context.Context, cfg SessionConfig) (Session, error)
	// Capabilities says what this transcoder can do and how much of it is free now.
	Capabilities() Capabilities
}

// SessionConfig is what a session needs before its first segment.
type SessionConfig struct {
	// ID names the session in logs and across machines.
	ID string
	// Customer is whose stream it is, where that is somebody else's: one customer's sessions alone cannot drain a device
	// that passes its self-test.
	Customer string
	// Ladder is what to make of each segment; unit renditions are indexes into it.
	Ladder Ladder
	// Audio, where it is set, makes the session an audio converter instead: no segments, WriteUnit in, Rendered of
	// rendition 0 out; EndSegment at the end, then what the codecs still hold, and SegmentDone out. Only the broadcaster's
	// own worker is asked for it.
	Audio *AudioJob
	// Still, where it is set, makes the session one of pictures for people: no segments, key units by WriteUnit in, a
	// JPEG of each as Rendered of rendition 0 out, or BadInput. Only the broadcaster's own worker is asked for it.
	Still *StillJob
	// Audit, where it is set, makes the session a comparison of a rendition with its source: no segments, pictures of
	// both by WriteUnit and WriteRendition in, Compared out, and SegmentDone after EndSegment, or BadInput. Only the
	// broadcaster's own worker is asked for it.
	Audit *AuditJob
	// Device is where the work is done; the zero value is the processor. A Transcoder that has several chooses itself.
	Device Device
}

// Device is a place to decode, scale and encode.
type Device struct {
	Backend Backend
	// Index is the card's number, as CUDA counts them.
	Index int
}

// String gives the name that people read: "nvidia:0".
func (d Device) String() string {
	if d.Backend == Software || d.Backend == "" {
		return string(Software)
	}
	return fmt.Sprintf("%s:%d", d.Backend, d.Index)
}

// ParseDevice reads a device as String wrote it.
func ParseDevice(s string) (Device, error) {
	if s == string(Software) {
		return Device{Backend: Software}, nil
	}
	backend, number, _ := strings.Cut(s, ":")
	index, err := strconv.Atoi(number)
	if b := Backend(backend); err == nil && index >= 0 && (b == Nvidia || b == NvidiaDecode) {
		return Device{Backend: b, Index: index}, nil
	}
	return Device{}, fmt.Errorf("device %q: there are software, nvidia:N and nvidia-decode:N", s)
}

// Place is a device with what it has been seen to do.
type Place struct {
	Device Device
	// Decode and Encode list the codecs that it has really decoded and encoded.
	Decode, Encode []media.Codec
	// Problem says what it could not do, and why.
	Problem string
	// PixelsPerSecond is how much it encodes at once in real time, as package capacity measured it; 0: not measured.
	PixelsPerSecond int64
}

// Abilities lists the codecs, for people.
func (p *Place) Abilities() string { return fmt.Sprintf("decode %v, encode %v", p.Decode, p.Encode) }

// Backend says which parts of a session are done by which hardware.
type Backend string

// The back ends.
const (
	// Software decodes, scales and encodes on the processor. "" means the same.
	Software Backend = "software"
	// Nvidia keeps pictures on the card: NVDEC, scale_cuda, NVENC.
	Nvidia Backend = "nvidia"
	// NvidiaDecode decodes and scales on the card, and encodes on the processor: for cards without NVENC (A100, H100).
	NvidiaDecode Backend = "nvidia-decode"
)

// StillJob makes JPEGs of one video track.
type StillJob struct {
	From          *media.Track
	Width, Height int
}

// AuditJob compares a rendition with its source, picture by picture.
type AuditJob struct{ Source, Rendition *media.Track }

// The thumbnails of an audit, in luma samples.
const (
	ThumbWidth  = 160
	ThumbHeight = 90
)

// AudioJob converts one audio track.
type AudioJob struct {
	From    *media.Track
	Codec   media.Codec // AAC or Opus
	Bitrate int         // bits a second
}

// Track describes what the job makes: always 48 kHz stereo, the format of WebRTC.
func (j *AudioJob) Track() *media.Track {
	t := &media.Track{Codec: j.Codec, ClockRate: 48_000, Channels: 2}
	if j.Codec == media.AAC {
		t.Config = []byte{0x11, 0x90} // AudioSpecificConfig (ISO/IEC 14496-3): AAC-LC, 48 kHz, two channels
	}
	return t
}

// Session is one pipeline: units in, units out, in order. Inputs are written by one goroutine and read by another.
type Session interface {
	// Send queues one input. It blocks while the session's bounded queue is full, and fails when the session ended.
	Send(ctx context.Context, in Input) error
	// Recv returns the next output, io.EOF after Close, or the error that ended the session.
	Recv(ctx context.Context) (Output, error)
	// Close ends the session at once and frees all that it held.
	Close() error
}

// Capabilities says what a transcoder can do.
type Capabilities struct {
	// Name is for people: "worker", "h200-1".
	Name string
	// Backend is the best that it has.
	Backend Backend
	// Decode and Encode list codecs that a self-test has really decoded and encoded.
	Decode, Encode []media.Codec
	// PixelsPerSecond is the measured encoding capacity (0: not measured); FreePixelsPerSecond is what is unused now.
	PixelsPerSecond, FreePixelsPerSecond int64
	// Sessions counts open sessions; MaxSessions bounds them (0: no bound).
	Sessions, MaxSessions int
	// Draining says that it is about to leave: it takes no more sessions.
	Draining bool
}

// ErrBusy is returned by Open when there is no headroom for another session. It is normal under load.
var ErrBusy = errors.New("transcoder has no headroom for another session")

// ErrDevice says that a device has no session or memory left, or has failed: the work can be done, and resumed, elsewhere.
var ErrDevice = errors.New("the device cannot go on")

// ErrWorkerDied ends a session whose worker process ended or hung. The work can be resumed in another session.
var ErrWorkerDied = errors.New("worker died")
