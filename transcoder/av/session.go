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
	"castnet/transcoder/av/frame"
)

// Session is one pipeline in this process. It implements transcoder.Session.
type Session struct{ *transcoder.Pipe }

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
	pipe, ctx := transcoder.NewPipe(ctx)
	go func() {
		defer pipe.Finish()
		pipe.End(blame(r.run(ctx, pipe.Inputs(), pipe.Emit)))
	}()
	return &Session{pipe}, nil
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
	if cfg.Audit != nil {
		return newAudit(cfg.Audit)
	}
	if err := cfg.Ladder.Validate(); err != nil {
		return nil, err
	}
	on, err := frame.OpenDevice(cfg.Device)
	if err != nil {
		return nil, err
	}
	p, err := newPipeline(cfg.Ladder, on)
	if err != nil {
		on.Free()
		return nil, err
	}
	return p, nil
}

// Close ends the session and waits until libav has given everything back.
func (s *Session) Close() error {
	s.End(io.EOF)
	s.Drop()
	return nil
}
