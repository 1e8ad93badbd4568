package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"castnet/internal/wire"
	"castnet/transcoder"
)

// session is one open session. Three goroutines: run watches, write and read each serve a direction.
type session struct {
	pool  *Pool
	proc  *process
	load  *load
	id    string
	rungs int
	audio bool

	*transcoder.Pipe
	gone chan struct{} // closed when the process is reaped and the goroutines have ended

	heard   atomic.Int64 // when the worker last said something, Unix nanoseconds
	waiting atomic.Bool  // read waits for the worker, not for who reads our outputs
	mu      sync.Mutex
	open    map[attempt]struct{} // segments that the worker owes an end
	leaving bool                 // no more segments begin: the device is drained
}

type attempt struct {
	seq     uint64
	attempt uint32
}

// newSession returns the context that the session lives by.
func newSession(ctx context.Context, p *Pool, proc *process, cfg transcoder.SessionConfig) (*session, context.Context) {
	pipe, ctx := transcoder.NewPipe(context.WithoutCancel(ctx)) // outlives Open
	return &session{
		pool: p, proc: proc, id: cfg.ID, rungs: max(len(cfg.Ladder), 1), audio: cfg.Audio != nil,
		Pipe: pipe, gone: make(chan struct{}), open: make(map[attempt]struct{}),
	}, ctx
}

// run owns the session's goroutines and its process until both have ended.
func (s *session) run(ctx context.Context) {
	defer close(s.gone)
	defer s.pool.leave()
	defer func() { s.pool.release(s.load, s.Cause()) }()
	var both sync.WaitGroup
	both.Go(s.write)
	both.Go(func() { s.read(ctx) })
	s.watch()
	s.proc.kill()
	<-s.proc.done
	both.Wait()
	s.proc.discard()
	log := s.pool.cfg.Logger.With("session", s.id, "device", s.load.at.Device.String(), "pid", s.proc.cmd.Process.Pid)
	switch cause := s.Cause(); {
	case errors.Is(cause, errMoved):
		s.pool.metrics.moved.Inc()
		log.Info("session leaves its device")
	case errors.Is(cause, transcoder.ErrDevice):
		log.Warn("device failed a session", "cause", cause)
	case errors.Is(cause, transcoder.ErrWorkerDied):
		s.pool.metrics.deaths.Inc()
		log.Warn("worker died", "cause", cause)
	}
}

// errMoved ends a session on a device that is drained. It goes on elsewhere as after a worker's death.
var errMoved = fmt.Errorf("%w: the session has to go on elsewhere: %w", transcoder.ErrWorkerDied, transcoder.ErrDevice)

// watch ends the session of a worker that hangs, and one that has to leave its device.
func (s *session) watch() {
	stall := s.pool.cfg.Stall
	tick := time.NewTicker(stall / 8)
	defer tick.Stop()
	move := s.load.move
	for {
		select {
		case <-s.Ended():
			return
		case <-move:
			move = nil
			defer time.AfterFunc(moveWithin, func() { s.End(errMoved) }).Stop()
			s.leave()
		case now := <-tick.C:
			silence := now.Sub(time.Unix(0, s.heard.Load()))
			if s.owed() && s.waiting.Load() && silence > stall {
				s.End(fmt.Errorf("%w: silent for %v with work to do, so it was killed",
					transcoder.ErrWorkerDied, silence.Round(time.Millisecond)))
				return
			}
		}
	}
}

// leave lets no more segments begin. The session ends with the last one that is open.
func (s *session) leave() {
	s.mu.Lock()
	s.leaving = true
	s.mu.Unlock()
	s.endWhenDone()
}

// endWhenDone ends a session that is leaving and owes nothing.
func (s *session) endWhenDone() {
	s.mu.Lock()
	done := s.leaving && len(s.open) == 0
	s.mu.Unlock()
	if done {
		s.End(errMoved)
	}
}

func (s *session) owed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open) > 0
}

func (s *session) write() {
	for over := false; ; {
		select {
		case <-s.Ended():
			return
		case in := <-s.Inputs():
			if over = over || !s.note(in); over {
				s.endWhenDone()
				continue // it comes again elsewhere
			}
			m, err := wire.EncodeInput(in)
			if err == nil {
				err = s.proc.msgs.Write(m)
			}
			if errors.Is(err, wire.ErrInvalid) || errors.Is(err, wire.ErrMessageTooLarge) {
				s.End(err)
				return
			}
			if err != nil {
				return // read meets the same end, after the worker's last words
			}
		}
	}
}

// note keeps account of the segments that the worker is given. It is false for one that is not to begin here any more.
func (s *session) note(in transcoder.Input) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.open)
	switch in := in.(type) {
	case transcoder.StartSegment:
		if s.leaving {
			return false
		}
		s.open[attempt{in.Seq, in.Attempt}] = struct{}{}
	case transcoder.CancelSegment:
		delete(s.open, attempt{in.Seq, in.Attempt})
	case transcoder.WriteUnit:
		if s.audio {
			s.open[attempt{}] = struct{}{} // sound is one segment without an end
		}
	}
	if before == 0 {
		s.heard.Store(time.Now().UnixNano()) // silence begins to count
	}
	return true
}

func (s *session) read(ctx context.Context) {
	defer s.Finish()
	for {
		m := new(wire.FromTranscoder)
		s.waiting.Store(true)
		err := s.proc.msgs.Read(m)
		s.waiting.Store(false)
		if err != nil {
			s.End(s.proc.died(err))
			return
		}
		s.heard.Store(time.Now().UnixNano())
		if f := m.GetFailed(); f != nil {
			err := wire.DecodeFailed(f)
			if errors.Is(err, transcoder.ErrDevice) {
				err = fmt.Errorf("%w: %v: %w", transcoder.ErrWorkerDied, s.load.at.Device, err)
			}
			s.End(err)
			return
		}
		out, err := wire.DecodeOutput(m)
		if err == nil {
			err = s.check(out)
		}
		if err != nil { // a worker that a stream has taken over could say anything
			s.End(fmt.Errorf("%w: %w", transcoder.ErrWorkerDied, err))
			return
		}
		if _, ok := out.(transcoder.Progress); ok && s.audio {
			continue // for the watch alone
		}
		if s.Emit(ctx, out) != nil {
			return
		}
		s.endWhenDone()
	}
}

// check holds an output against the session's ladder, and crosses off the segments that have ended.
func (s *session) check(out transcoder.Output) error {
	var over attempt
	switch out := out.(type) {
	case transcoder.Rendered:
		if out.Rendition >= s.rungs {
			return fmt.Errorf("unit of rendition %d: the ladder has %d", out.Rendition, s.rungs)
		}
		s.load.made(out.Rendition, time.Now())
		return nil
	case transcoder.Progress:
		if len(out.OutputPTS) != s.rungs {
			return fmt.Errorf("progress of %d renditions: the ladder has %d", len(out.OutputPTS), s.rungs)
		}
		return nil
	case transcoder.Compared:
		return nil
	case transcoder.SegmentDone:
		over = attempt{out.Seq, out.Attempt}
	case transcoder.BadInput:
		if s.audio {
			return nil
		}
		over = attempt{out.Seq, out.Attempt}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, over)
	return nil
}

// Close kills the worker and returns when it is gone.
func (s *session) Close() error {
	s.End(io.EOF)
	<-s.gone
	return nil
}
