// Package av is the transcoding engine: coded units in, coded units out, through libav. It is the only package that
// links FFmpeg, and it is linked into castnet-worker alone, so that a stream that crashes libav costs one process.
//
// A video session is one front goroutine, which decodes each picture once and scales it down the ladder, and one
// goroutine a rendition, which encodes; bounded queues between them, so that no rendition waits for a slower one.
package av

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/asticode/go-astiav"

	"castnet/transcoder"
)

const (
	inputQueue  = 16 // units that wait for the decoder
	outputQueue = 64 // outputs that wait for the reader
)

// Session is one pipeline in this process. It implements transcoder.Session.
type Session struct {
	in    chan transcoder.Input
	out   chan transcoder.Output // closed when the goroutines have ended
	end   context.CancelCauseFunc
	ended <-chan struct{} // closed when the session is to end
	cause func() error    // why, after that
}

var _ transcoder.Session = (*Session)(nil)

// runner is what a session does between its two queues: a video pipeline or an audio converter. run returns when ctx is
// done or the session's rules are broken, and frees what libav holds.
type runner interface {
	run(ctx context.Context, in <-chan transcoder.Input, emit emitFunc) error
}

// emitFunc hands one output to the reader. It returns ctx's error where ctx ended first.
type emitFunc func(context.Context, transcoder.Output) error

// Open starts a session. Its goroutines end with ctx or Close.
func Open(ctx context.Context, cfg transcoder.SessionConfig) (*Session, error) {
	astiav.SetLogLevel(astiav.LogLevelQuiet) // streams write libav's log lines: an error names what matters
	r, err := newRunner(cfg)
	if err != nil {
		return nil, err
	}
	s := &Session{
		in:  make(chan transcoder.Input, inputQueue),
		out: make(chan transcoder.Output, outputQueue),
	}
	ctx, s.end = context.WithCancelCause(ctx)
	s.ended, s.cause = ctx.Done(), func() error { return context.Cause(ctx) }
	go func() {
		defer close(s.out)
		s.end(blame(r.run(ctx, s.in, s.emit)))
	}()
	return s, nil
}

// blame tells what this process could not do from a message against the rules: another may go on.
func blame(err error) error {
	if _, rule := errors.AsType[*transcoder.InputError](err); err == nil || rule {
		return err
	}
	return fmt.Errorf("%w: %w", transcoder.ErrDevice, err)
}

func newRunner(cfg transcoder.SessionConfig) (runner, error) {
	if cfg.Audio != nil {
		return newAudio(cfg.Audio)
	}
	if cfg.Still != nil {
		return newStill(cfg.Still)
	}
	if err := cfg.Ladder.Validate(); err != nil {
		return nil, err
	}
	on, err := openDevice(cfg.Device)
	if err != nil {
		return nil, err
	}
	p, err := newPipeline(cfg.Ladder, on)
	if err != nil {
		on.free()
		return nil, err
	}
	return p, nil
}

func (s *Session) emit(ctx context.Context, o transcoder.Output) error {
	select {
	case s.out <- o:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Send queues one input.
func (s *Session) Send(ctx context.Context, in transcoder.Input) error {
	select {
	case <-s.ended: // also where there is room in the queue
		return s.cause()
	default:
	}
	select {
	case s.in <- in:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ended:
		return s.cause()
	}
}

// Recv returns the next output.
func (s *Session) Recv(ctx context.Context) (transcoder.Output, error) {
	select {
	case o, ok := <-s.out:
		if !ok {
			return nil, s.cause()
		}
		return o, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close ends the session and waits until libav has given everything back.
func (s *Session) Close() error {
	s.end(io.EOF)
	for range s.out { // discard what nobody will read
	}
	return nil
}
