package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"castnet/internal/wire"
	"castnet/transcoder"
)

// letGoTime is how long the orchestrator may take to let go of a session that has told it that it has ended.
const letGoTime = 2 * time.Second

var errDraining = fmt.Errorf("the transcoder is draining; the next segment is for another: %w", transcoder.ErrBusy)

type sessionStream = grpc.BidiStreamingClient[wire.FromTranscoder, wire.ToTranscoder]

// session dials one session, opens it at the transcoder and carries its messages until either side ends, or, where this
// transcoder drains, its segment does.
func (w *RemoteWorker) session(ctx context.Context, id string) {
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(ctx, sessionKey, id))
	defer cancel()
	stream, err := w.client.pool.Session(ctx)
	if err != nil {
		w.cfg.Logger.Warn("session not opened", "err", err)
		return
	}
	taken := w.sessions.enter()
	if taken {
		defer w.sessions.leave()
	}
	session, err := w.open(ctx, stream, taken)
	if err != nil {
		w.cfg.Logger.Warn("session not opened", "err", err)
		// What of this the orchestrator does not get it learns from the end of the stream.
		_ = stream.Send(wire.EncodeFailed(err))
		_ = stream.CloseSend()
		_, _ = stream.Recv() // until it has read that and let go
		return
	}
	defer func() { _ = session.Close() }()

	due := dues{open: make(map[segment]struct{}), none: make(chan struct{})}
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var carrying sync.WaitGroup
	defer carrying.Wait()
	defer cancel()
	carrying.Go(func() {
		defer cancel() // the orchestrator has closed the session
		err := feed(working, stream, session, &due)
		w.cfg.Logger.Debug("session input", "err", err)
	})
	carrying.Go(func() {
		select {
		case <-w.draining:
			due.drain()
		case <-working.Done():
			return
		}
		select {
		case <-due.none:
			stop(errDraining)
		case <-working.Done():
		}
	})
	err = carry(working, stream, session, &due)
	if ctx.Err() != nil {
		return
	}
	if cause := context.Cause(working); cause != nil {
		err = cause
	}
	_ = stream.Send(wire.EncodeFailed(err)) // as above
	_ = stream.CloseSend()
	stop(err)
	defer time.AfterFunc(letGoTime, cancel).Stop()
	<-ctx.Done() // feed meets the orchestrator's end of the stream
}

// open answers the first message of a session.
func (w *RemoteWorker) open(ctx context.Context, stream sessionStream, taken bool) (transcoder.Session, error) {
	first, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	cfg, err := wire.DecodeOpen(first.GetOpen())
	if err != nil {
		return nil, err
	}
	if !taken {
		return nil, errDraining
	}
	// Orchestrators that share this machine call their customers what they like: none of them speaks for another's.
	cfg.Customer = w.cfg.Dial.Operator.Hex() + "/" + cmp.Or(cfg.Customer, cfg.ID)
	session, err := w.cfg.Transcoder.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := stream.Send(wire.EncodeOpened()); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return session, nil
}

// feed carries inputs to the session until the stream ends, and says why. What comes when the session is over is dropped.
func feed(ctx context.Context, stream sessionStream, session transcoder.Session, due *dues) error {
	for over := false; ; {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		if over {
			continue
		}
		in, err := wire.DecodeInput(m)
		if err != nil {
			return err
		}
		over = !due.note(in) || session.Send(ctx, in) != nil
	}
}

// carry brings outputs of the session to the orchestrator until either ends, and says why.
func carry(ctx context.Context, stream sessionStream, session transcoder.Session, due *dues) error {
	for {
		out, err := session.Recv(ctx)
		if err != nil {
			return err
		}
		m, err := wire.EncodeOutput(out)
		if err != nil {
			return err
		}
		if err := stream.Send(m); err != nil {
			return err
		}
		switch out := out.(type) {
		case transcoder.SegmentDone:
			due.done(segment{out.Seq, out.Attempt})
		case transcoder.BadInput:
			due.done(segment{out.Seq, out.Attempt})
		}
	}
}

type segment struct {
	seq     uint64
	attempt uint32
}

// dues are the segments that a session has begun and not ended.
type dues struct {
	mu       sync.Mutex
	open     map[segment]struct{}
	draining bool
	none     chan struct{} // closed when draining and nothing is due
	closed   bool
}

// note keeps account of an input. It is false for the first one that is not to be worked on.
func (d *dues) note(in transcoder.Input) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch in := in.(type) {
	case transcoder.StartSegment:
		if d.draining {
			return false
		}
		d.open[segment{in.Seq, in.Attempt}] = struct{}{}
	case transcoder.CancelSegment:
		d.over(segment{in.Seq, in.Attempt})
	}
	return true
}

func (d *dues) done(s segment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over(s)
}

func (d *dues) drain() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.draining = true
	d.settle()
}

func (d *dues) over(s segment) {
	delete(d.open, s)
	d.settle()
}

func (d *dues) settle() {
	if d.draining && len(d.open) == 0 && !d.closed {
		d.closed = true
		close(d.none)
	}
}
