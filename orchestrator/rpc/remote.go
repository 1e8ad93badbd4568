package rpc

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"castnet/internal/media"
	"castnet/internal/wire"
	"castnet/transcoder"
)

// RemoteConfig is what a RemoteWorker needs.
type RemoteConfig struct {
	// Dial has the orchestrator's address and the client certificate (see Credentials.Dial).
	Dial DialConfig
	// Transcoder does the work.
	Transcoder transcoder.Transcoder
	// ReportEvery is how often capabilities are reported (default 500 ms).
	ReportEvery time.Duration
	// DrainTimeout is how long open sessions may go on after Run's context has ended (default 10 s).
	DrainTimeout time.Duration
	Logger       *slog.Logger
}

func (c *RemoteConfig) validate() error {
	setDefault(&c.ReportEvery, 500*time.Millisecond)
	setDefault(&c.DrainTimeout, 10*time.Second)
	if c.Transcoder == nil || c.Logger == nil || c.Dial.Certificate == nil {
		return errors.New("remote transcoder: Transcoder, Logger and a client certificate are needed")
	}
	return nil
}

// RemoteWorker lends a transcoder to an orchestrator: it dials in, reports what is free, and opens the sessions that it
// is asked for.
type RemoteWorker struct {
	cfg      RemoteConfig
	client   *Client
	draining chan struct{} // closed when no more sessions are taken
	attached atomic.Bool
	sessions tally
}

// NewRemoteWorker checks the configuration. Run works.
func NewRemoteWorker(cfg RemoteConfig) (*RemoteWorker, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	client, err := Dial(cfg.Dial)
	if err != nil {
		return nil, err
	}
	return &RemoteWorker{cfg: cfg, client: client, draining: make(chan struct{}), sessions: tally{idle: make(chan struct{})}}, nil
}

// Backoff between attempts to reach the orchestrator.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// Run stays attached until ctx ends, and reconnects where the connection is lost. After ctx it drains: it takes no more
// sessions, ends the open ones where their segments end, or after DrainTimeout, and leaves.
func (w *RemoteWorker) Run(ctx context.Context) error {
	attached, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	var running sync.WaitGroup
	running.Go(func() {
		defer leave()
		<-ctx.Done()
		w.drain()
	})
	var sessions sync.WaitGroup
	retry := firstRetry
	for attached.Err() == nil {
		began := time.Now()
		err := w.attach(attached, &sessions)
		if attached.Err() != nil {
			break
		}
		if time.Since(began) > lastRetry {
			retry = firstRetry
		}
		w.cfg.Logger.Warn("orchestrator lost; dialling again", "orchestrator", w.cfg.Dial.Address, "err", err, "in", retry)
		select {
		case <-time.After(retry):
		case <-attached.Done():
		}
		retry = min(2*retry, lastRetry)
	}
	running.Wait()
	sessions.Wait()
	_ = w.client.Close() // nothing is on it any more
	return nil
}

// RemoteStatus is how a RemoteWorker stands with its orchestrator.
type RemoteStatus struct {
	// Attached says that the orchestrator knows of it; else it is dialling.
	Attached bool
	// Draining says that it is leaving: it takes no more sessions.
	Draining bool
	// Sessions counts those that are open for the orchestrator.
	Sessions int
}

// Status says how things stand.
func (w *RemoteWorker) Status() RemoteStatus {
	w.sessions.mu.Lock()
	defer w.sessions.mu.Unlock()
	return RemoteStatus{Attached: w.attached.Load(), Draining: w.sessions.draining, Sessions: w.sessions.n}
}

// drain returns when no session is left, or after DrainTimeout.
func (w *RemoteWorker) drain() {
	began := time.Now()
	open := w.sessions.drain()
	close(w.draining)
	w.cfg.Logger.Info("draining", "orchestrator", w.cfg.Dial.Address, "sessions", open, "at_most", w.cfg.DrainTimeout)
	select {
	case <-w.sessions.idle:
		w.cfg.Logger.Info("drained", "orchestrator", w.cfg.Dial.Address, "took", time.Since(began).Round(time.Millisecond))
	case <-time.After(w.cfg.DrainTimeout):
		w.cfg.Logger.Warn("sessions were cut: their segments did not end in time (--drain-timeout)", "orchestrator", w.cfg.Dial.Address)
	}
}

// tally counts sessions, until there are no more to come.
type tally struct {
	mu       sync.Mutex
	n        int
	draining bool
	idle     chan struct{} // closed when draining and none is left
}

// enter is false where no more are taken.
func (t *tally) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.draining {
		t.n++
	}
	return !t.draining
}

func (t *tally) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n--; t.draining && t.n == 0 {
		close(t.idle)
	}
}

// drain returns how many there are. It is called once.
func (t *tally) drain() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.draining = true; t.n == 0 {
		close(t.idle)
	}
	return t.n
}

// attach holds one Attach stream until it or ctx ends. Its sessions have streams of their own, which outlive it.
func (w *RemoteWorker) attach(ctx context.Context, sessions *sync.WaitGroup) error {
	lasting := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := w.client.pool.Attach(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(w.report()); err != nil {
		return err
	}
	failed := make(chan error, 1)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	reading.Go(func() {
		for {
			m, err := stream.Recv()
			if err != nil {
				failed <- err
				return
			}
			sessions.Go(func() { w.session(lasting, m.GetOpenSession()) })
		}
	})
	w.attached.Store(true)
	defer w.attached.Store(false)
	w.cfg.Logger.Info("attached to the orchestrator", "orchestrator", w.cfg.Dial.Address)
	tick := time.NewTicker(w.cfg.ReportEvery)
	defer tick.Stop()
	draining := w.draining
	for {
		select {
		case <-draining:
			draining = nil // told once at once, then with every report
		case <-tick.C:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := stream.Send(w.report()); err != nil {
			return err
		}
	}
}

func (w *RemoteWorker) report() *wire.PoolReport {
	c := w.cfg.Transcoder.Capabilities()
	draining := c.Draining
	select {
	case <-w.draining:
		draining = true
	default:
	}
	return &wire.PoolReport{
		Name: c.Name, Backend: string(c.Backend), Decode: codecNumbers(c.Decode), Encode: codecNumbers(c.Encode),
		PixelsPerSecond: c.PixelsPerSecond, FreePixelsPerSecond: c.FreePixelsPerSecond,
		Sessions: uint32(c.Sessions), MaxSessions: uint32(c.MaxSessions), Draining: draining,
	}
}

func codecNumbers(in []media.Codec) []uint32 {
	out := make([]uint32, len(in))
	for i, c := range in {
		out[i] = uint32(c)
	}
	return out
}
