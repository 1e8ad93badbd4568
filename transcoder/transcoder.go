// Package transcoder is the vocabulary of transcoding work: profiles and ladders, the messages of a session, and the
// Transcoder that opens sessions. Who does the work (a local worker process, a remote machine) is behind it.
//
// It holds no cgo: libav is in transcoder/av alone, and that is linked into castnet-worker alone.
package transcoder

import (
	"context"
	"errors"
	"fmt"

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
	// Ladder is what to make of each segment; unit renditions are indexes into it.
	Ladder Ladder
	// Audio, where it is set, makes the session an audio converter instead: no segments, WriteUnit in, Rendered of
	// rendition 0 out. Only the broadcaster's own worker is asked for it.
	Audio *AudioJob
}

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

// Input is one message into a session: StartSegment, WriteUnit, EndSegment, RequestKey or CancelSegment.
type Input interface{ input() }

// StartSegment opens a segment. Units of it follow, then EndSegment or CancelSegment.
type StartSegment struct {
	Seq     uint64
	Attempt uint32
	// FirstPTS is the lowest PTS that belongs to the segment (see media.Segment).
	FirstPTS int64
	// Track carries the decoder's configuration; where it differs from the last one the decoder is made anew.
	Track *media.Track
	// Fresh says that the decoder must begin anew with the next unit, which is a key unit (the first segment of a
	// session, or one that begins with prefix units).
	Fresh bool
	// ResumeAfter, where it is set, holds a PTS for each rendition: only pictures after it are encoded, the first as
	// an IDR. It is how a replacement continues exactly where the one before it stopped.
	ResumeAfter []int64
}

// WriteUnit hands in one coded source picture of the open segment, in decoding order.
type WriteUnit struct {
	Unit *media.Unit
	// Prefix marks a picture before the segment that is only decoded, to reach the segment's first picture.
	Prefix bool
}

// EndSegment closes the open segment.
type EndSegment struct {
	Seq     uint64
	Attempt uint32
	// Drain says that nothing later refers to this segment's pictures (the next segment begins at a key, or the
	// stream is over): the decoder is drained at once, so that the last pictures do not wait for the next segment.
	Drain bool
}

// RequestKey asks for an IDR at the next picture of one rendition.
type RequestKey struct{ Rendition int }

// CancelSegment abandons a segment: nothing more of it comes out.
type CancelSegment struct {
	Seq     uint64
	Attempt uint32
}

func (StartSegment) input()  {}
func (WriteUnit) input()     {}
func (EndSegment) input()    {}
func (RequestKey) input()    {}
func (CancelSegment) input() {}

// Output is one message out of a session: Rendered, SegmentDone, Progress or BadInput.
type Output interface{ output() }

// Rendered is one coded picture of a rendition, published as soon as the encoder gives it.
type Rendered struct {
	Seq       uint64
	Attempt   uint32
	Rendition int
	Unit      *media.Unit
}

// SegmentDone follows the last Rendered of a segment.
type SegmentDone struct {
	Seq     uint64
	Attempt uint32
	// Width and Height are the decoded size of the source, in luma samples.
	Width, Height int
	// Frames counts the decoded pictures of the segment, PrefixFrames those before it.
	Frames, PrefixFrames int
}

// Progress is the worker's own word of how far it is, at least every 100 ms while a segment is open.
type Progress struct {
	Seq     uint64
	Attempt uint32
	// DecodedPTS is the last picture out of the decoder; OutputPTS the last out of each rendition's encoder. Before the
	// session's first picture they are its first segment's FirstPTS − 1.
	DecodedPTS int64
	OutputPTS  []int64
}

// BadInput says that the source cannot be decoded. The segment is over; the session lives.
type BadInput struct {
	Seq     uint64
	Attempt uint32
	// PTS names the unit at fault.
	PTS    int64
	Reason string
}

func (Rendered) output()    {}
func (SegmentDone) output() {}
func (Progress) output()    {}
func (BadInput) output()    {}

// Capabilities says what a transcoder can do.
type Capabilities struct {
	// Name is for people: "worker", "h200-1".
	Name string
	// Backend is "software", "nvidia" or "nvidia-decode".
	Backend string
	// Decode and Encode list codecs that a self-test has really decoded and encoded.
	Decode, Encode []media.Codec
	// PixelsPerSecond is the measured encoding capacity; FreePixelsPerSecond is what is unused now.
	PixelsPerSecond, FreePixelsPerSecond int64
	// Sessions counts open sessions; MaxSessions bounds them (0: no bound).
	Sessions, MaxSessions int
}

// ErrBusy is returned by Open when there is no headroom for another session. It is normal under load.
var ErrBusy = errors.New("transcoder has no headroom for another session")

// ErrWorkerDied ends a session whose worker process ended or hung. The work can be resumed in another session.
var ErrWorkerDied = errors.New("worker died")

// InputError is returned for a message that breaks the session's rules, naming the rule.
type InputError struct{ Reason string }

func (e *InputError) Error() string { return fmt.Sprintf("transcoder input: %s", e.Reason) }
