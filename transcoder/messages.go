package transcoder

import (
	"fmt"

	"castnet/internal/media"
)

// Input is one message into a session: StartSegment, WriteUnit, WriteRendition, EndSegment, RequestKey or CancelSegment.
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

// WriteRendition hands in one coded picture of the rendition that is audited, in decoding order. A source picture and its
// rendition should not be further apart than 32 pictures: who comes too late is not compared.
type WriteRendition struct{ Unit *media.Unit }

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

func (StartSegment) input()   {}
func (WriteUnit) input()      {}
func (WriteRendition) input() {}
func (EndSegment) input()     {}
func (RequestKey) input()     {}
func (CancelSegment) input()  {}

// Output is one message out of a session: Rendered, SegmentDone, Progress, BadInput or Compared.
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

// Compared is what an audit saw of one picture.
type Compared struct {
	PTS int64
	// Source and Rendition are thumbnails: luma, full range, ThumbWidth by ThumbHeight, row by row. Each sample is the mean
	// of those that it stands for.
	Source, Rendition []byte
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
func (Compared) output()    {}

// InputError is returned for a message that breaks the session's rules, naming the rule.
type InputError struct{ Reason string }

func (e *InputError) Error() string { return fmt.Sprintf("transcoder input: %s", e.Reason) }
