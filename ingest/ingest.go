// Package ingest turns what publishers send into a stream's units, and cuts the stream into segments.
//
// The rooms below it speak one protocol each (ingest/rtmp, ingest/whip, …). They know nothing of what happens to a
// stream: they ask a Gate whether a publisher may come in, and write its units into the Sink that the Gate gives. The
// pure parts that every protocol shares are here: Video and Sound, which make units of what protocols carry, the
// Publication, which hands them to a Sink, the Segmenter and the CaptureClock.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"castnet/internal/media"
)

// Gate decides who may publish. It is safe for concurrent use.
type Gate interface {
	// Publish admits a publisher, or returns an error that is shown to it: a *Refusal where it can be.
	// ctx ends when the publisher is gone.
	Publish(ctx context.Context, req Request) (Sink, error)
}

// Request says who wants to publish what.
type Request struct {
	// Protocol is how the publisher came: "rtmp", "rtmps", "whip", "srt", "rtsp".
	Protocol string
	// Key is the stream key. It is a secret: never log it whole.
	Key string
	// Remote is the publisher's network address, host:port.
	Remote string
	// Bursts says that whole segments are published, with silence in between.
	Bursts bool
}

// Sink takes one publisher's stream. One goroutine calls it: Start, then any number of Write, then Close once.
//
// Write may block for backpressure, but only briefly: a sink that cannot keep up returns an error.
type Sink interface {
	// Start names the tracks, before their first unit, and again whenever a track's parameters change: the slice
	// then has the same order, with a new *media.Track where one changed, and tracks that came late at its end. An
	// error ends the publisher and is shown
	// to it.
	Start(tracks []*media.Track) error
	// Write takes the next unit of a track, an index into the tracks, in decoding order. An error ends the
	// publisher and is shown to it.
	Write(track int, u *media.Unit) error
	// Close ends the stream. reason is nil where the publisher ended it cleanly, else what went wrong.
	Close(reason error)
}

// Code says what kind of refusal it is; protocols map it to their own status codes, metrics count by it.
type Code string

// The codes of refusals.
const (
	CodeWrongKey         Code = "wrong_key"         // no stream has this key
	CodeKeyInUse         Code = "key_in_use"        // somebody publishes with this key already
	CodeUnsupportedCodec Code = "unsupported_codec" // this codec cannot be taken
	CodeNoKeyFrame       Code = "no_key_frame"      // no key frame came within the limit
	CodeLimit            Code = "limit"             // a limit of connections, size or time is reached
	CodeBadData          Code = "bad_data"          // what came does not follow the protocol or the codec
	CodeUnavailable      Code = "unavailable"       // the broadcaster is stopping, or has failed
)

// Refusal is an error for the person at the other end: what was asked, what is allowed, and what to change.
// Limit, Asked and Knob are empty where they say nothing.
//
//nolint:errname // it says who gets it; every protocol room and the broadcaster speak of refusals
type Refusal struct {
	Code Code
	// Message says in plain words what is wrong and what to do about it.
	Message string
	// Limit is what is allowed, Asked is what came: "12s", "14.2s".
	Limit, Asked string
	// Knob names the setting that changes the limit: "--rtmp-max-connections".
	Knob string
}

// Error gives the message with the numbers behind it.
func (r *Refusal) Error() string {
	var extra []string
	if r.Asked != "" {
		extra = append(extra, "got "+r.Asked)
	}
	if r.Limit != "" {
		extra = append(extra, "allowed "+r.Limit)
	}
	if r.Knob != "" {
		extra = append(extra, "set by "+r.Knob)
	}
	if len(extra) == 0 {
		return r.Message
	}
	return fmt.Sprintf("%s (%s)", r.Message, strings.Join(extra, ", "))
}

// Is makes errors.Is compare refusals by code alone: errors.Is(err, ingest.ErrWrongKey).
func (r *Refusal) Is(target error) bool {
	t, ok := target.(*Refusal)
	return ok && t.Code == r.Code
}

// Refusals that need no numbers. Compare with errors.Is; any Refusal of the same code matches.
var (
	ErrWrongKey error = &Refusal{
		Code:    CodeWrongKey,
		Message: "no stream has this key: check the stream key in your encoder's settings",
	}
	ErrKeyInUse error = &Refusal{
		Code:    CodeKeyInUse,
		Message: "somebody is already publishing with this stream key: stop the other publisher first, or use another key",
	}
	ErrUnsupportedCodec error = &Refusal{
		Code:    CodeUnsupportedCodec,
		Message: "this codec cannot be taken: use H264 video and AAC audio",
	}
	ErrNoKeyFrame error = &Refusal{
		Code:    CodeNoKeyFrame,
		Message: "no key frame: set the key frame interval to 2 s in your encoder",
	}
	ErrUnavailable error = &Refusal{
		Code:    CodeUnavailable,
		Message: "the broadcaster is not taking streams right now: try again in a moment",
	}
)

// BadData is a refusal of what cannot be read; message says what, for the person at the encoder.
func BadData(message string) error { return &Refusal{Code: CodeBadData, Message: message} }

// CodeOf returns the code of the refusal in err's chain, or CodeUnavailable where there is none.
func CodeOf(err error) Code {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Code
	}
	return CodeUnavailable
}
