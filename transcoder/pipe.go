package transcoder

import "context"

const (
	inputQueue  = 16 // inputs that wait for the work
	outputQueue = 64 // outputs that wait for their reader
)

// Pipe is what sessions share: two bounded queues, and one end with its cause. Send and Recv are for who has opened the
// session, the other methods for who does its work.
type Pipe struct {
	in    chan Input
	out   chan Output // closed when nothing more comes
	end   context.CancelCauseFunc
	ended <-chan struct{} // closed when the session is to end
	cause func() error    // why, after that
}

// NewPipe opens a pipe that lives as long as the context that it returns, a child of ctx.
func NewPipe(ctx context.Context) (*Pipe, context.Context) {
	ctx, end := context.WithCancelCause(ctx)
	return &Pipe{
		in: make(chan Input, inputQueue), out: make(chan Output, outputQueue),
		end: end, ended: ctx.Done(), cause: func() error { return context.Cause(ctx) },
	}, ctx
}

// Send queues one input. It blocks while the queue is full, and fails once the session ends.
func (p *Pipe) Send(ctx context.Context, in Input) error {
	select {
	case <-p.ended: // also where there is room in the queue
		return p.cause()
	default:
	}
	select {
	case p.in <- in:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.ended:
		return p.cause()
	}
}

// Recv returns the next output. What was said before the end comes before its cause.
func (p *Pipe) Recv(ctx context.Context) (Output, error) {
	select {
	case o, ok := <-p.out:
		if !ok {
			return nil, p.cause()
		}
		return o, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Inputs is what Send has queued.
func (p *Pipe) Inputs() <-chan Input { return p.in }

// Emit hands one output to Recv. It blocks while that queue is full, and fails once ctx ends.
func (p *Pipe) Emit(ctx context.Context, out Output) error {
	select {
	case p.out <- out:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Finish says that nothing more is emitted. It is called once.
func (p *Pipe) Finish() { close(p.out) }

// Drop waits until Finish, and discards what nobody will read.
func (p *Pipe) Drop() {
	for range p.out {
	}
}

// End ends the session, where it has not ended yet. io.EOF is the end that was asked for.
func (p *Pipe) End(cause error) { p.end(cause) }

// Ended is closed when the session is to end.
func (p *Pipe) Ended() <-chan struct{} { return p.ended }

// Cause is why the session ended, nil before.
func (p *Pipe) Cause() error { return p.cause() }
