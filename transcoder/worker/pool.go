// Package worker runs transcoding sessions in local worker processes: it starts them, keeps a warm spare, feeds them
// over a socket pair, watches them, and ends them.
//
// A process serves one session. A stream that crashes or hangs libav so costs its own session one resume, and nobody
// else anything.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/internal/media"
	"castnet/internal/wire"
	"castnet/transcoder"
)

const (
	binaryName   = "castnet-worker"
	openTimeout  = 5 * time.Second // a process answers in 5 ms; a busy machine may take a while
	spawnRetry   = time.Second     // between attempts where no process can be started
	openAttempts = 3               // spares may have died while they waited
	leaveTime    = 5 * time.Second // for killed workers to be gone: one inside a driver that hangs cannot be killed
)

// Config is what a Pool needs.
type Config struct {
	// Binary is the path of castnet-worker; see FindBinary.
	Binary string
	// Places are the devices to work on, from Probe; sessions go to the first that is well, among cards of one kind to the
	// least loaded. Default: the processor.
	Places []transcoder.Place
	// MaxSessions bounds the sessions open at once. Default: twice the processor cores.
	MaxSessions int
	// Spares is how many processes wait, started, for the next session. Default 1.
	Spares int
	// Stall is how long a worker may be silent while a segment is open before it is killed. A live one says how far it
	// is every 100 ms. Default 2 s.
	Stall time.Duration
	// Retest is how long a card that was drained rests before it is tested again; twice as long each time it fails, up to
	// five minutes. Default 5 s.
	Retest time.Duration
	// Cards tells how busy, full and warm the cards of Places are; nil: nobody does.
	Cards Cards
	// Logger gets a line for each worker that died.
	Logger *slog.Logger
	// Registerer gets the pool's metrics; nil: none.
	Registerer prometheus.Registerer

	freeMemory func() int64  // a seam for tests
	leave      time.Duration // leaveTime, but in tests
}

func (c *Config) validate() error {
	if c.Logger == nil {
		return errors.New("worker pool: Logger is missing")
	}
	if info, err := os.Stat(c.Binary); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("worker pool: no program at %q: run make build", c.Binary)
	}
	if c.MaxSessions < 0 || c.Spares < 0 || c.Stall < 0 || c.Retest < 0 {
		return fmt.Errorf("worker pool: negative limit (sessions %d, spares %d, stall %v, retest %v)", c.MaxSessions, c.Spares, c.Stall, c.Retest)
	}
	if c.MaxSessions == 0 {
		c.MaxSessions = 2 * runtime.NumCPU()
	}
	if c.Spares == 0 {
		c.Spares = 1
	}
	if c.Stall == 0 {
		c.Stall = 2 * time.Second
	}
	if c.Retest == 0 {
		c.Retest = 5 * time.Second
	}
	if c.leave == 0 {
		c.leave = leaveTime
	}
	if c.freeMemory == nil {
		c.freeMemory = freeMemory
	}
	if len(c.Places) == 0 {
		c.Places = []transcoder.Place{Processor()}
	}
	return nil
}

// Processor is the processor with every codec that castnet-worker is built with: what Probe finds, where all is well.
func Processor() transcoder.Place {
	return transcoder.Place{
		Device: transcoder.Device{Backend: transcoder.Software},
		Decode: []media.Codec{media.H264, media.HEVC, media.AV1, media.VP8, media.VP9},
		Encode: []media.Codec{media.H264, media.HEVC, media.AV1},
	}
}

// FindBinary returns the path of castnet-worker, which is installed beside the running program.
func FindBinary() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("%s not found: %w", binaryName, err)
	}
	path := filepath.Join(filepath.Dir(self), binaryName)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s not found beside %s: run make build, which puts both into one folder", binaryName, self)
	}
	return path, nil
}

// Pool is a transcoder.Transcoder whose sessions are worker processes on this machine.
type Pool struct {
	cfg     Config
	metrics *metrics
	warm    chan *process
	stopped chan struct{}  // closed when Run ends
	running sync.WaitGroup // processes' and sessions' goroutines

	processor *place // of sound and stills; of ladders where it is one of places

	mu       sync.Mutex
	procs    map[*process]struct{}
	places   []*place
	loads    map[*load]struct{}
	sessions int
	closed   bool
}

var _ transcoder.Transcoder = (*Pool)(nil)

// New makes a pool. It starts nothing before Run.
func New(cfg Config) (*Pool, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	p := &Pool{
		cfg: cfg, metrics: m,
		warm:    make(chan *process, cfg.Spares-1), // Run holds one more
		stopped: make(chan struct{}),
		procs:   make(map[*process]struct{}),
		loads:   make(map[*load]struct{}),
	}
	p.processor = &place{Place: Processor()}
	for _, at := range cfg.Places {
		made := &place{Place: at, health: health{wake: make(chan struct{}, 1)}}
		p.places = append(p.places, made)
		if !made.card() {
			p.processor = made
		}
	}
	if cfg.Registerer != nil {
		if err := cfg.Registerer.Register(newDevices(p)); err != nil {
			return nil, fmt.Errorf("worker metrics: %w", err)
		}
	}
	return p, nil
}

// Run keeps spares ready until ctx is done, then ends every worker, and returns when they are gone; an error says which cannot
// be ended, because a driver holds them.
func (p *Pool) Run(ctx context.Context) (err error) {
	// A worker is killed when the thread that started it ends, so it has to be one that lasts.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() { err = errors.Join(err, p.stop()) }()
	for _, at := range p.places {
		if at.card() {
			p.running.Go(func() { p.keep(ctx, at) })
		}
	}
	for {
		proc, err := p.spawn()
		if err != nil {
			p.cfg.Logger.Error("cannot start a worker", "error", err, "again_in", spawnRetry)
			select {
			case <-time.After(spawnRetry):
				continue
			case <-ctx.Done():
				return nil
			}
		}
		select {
		case p.warm <- proc:
		case <-proc.done:
			proc.discard()
			p.cfg.Logger.Warn("spare worker died", "cause", proc.cause())
			select {
			case <-time.After(spawnRetry):
			case <-ctx.Done():
				return nil
			}
		case <-ctx.Done():
			proc.discard()
			return nil
		}
	}
}

func (p *Pool) spawn() (*process, error) {
	proc, err := startProcess(p.cfg.Binary)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.procs[proc] = struct{}{}
	p.mu.Unlock()
	p.running.Go(func() {
		proc.wait()
		p.mu.Lock()
		delete(p.procs, proc)
		p.mu.Unlock()
	})
	return proc, nil
}

func (p *Pool) stop() error {
	p.mu.Lock()
	p.closed = true
	for proc := range p.procs {
		proc.kill()
	}
	p.mu.Unlock()
	close(p.stopped)
	for empty := false; !empty; {
		select {
		case proc := <-p.warm:
			proc.discard()
		default:
			empty = true
		}
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		p.running.Wait()
	}()
	select {
	case <-gone:
		return nil
	case <-time.After(p.cfg.leave):
		return p.stuck()
	}
}

// stuck names the sessions' processes that have been killed and have not ended. Where there are none, what is left to wait for
// is a self-test's.
func (p *Pool) stuck() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var pids []int
	for proc := range p.procs {
		pids = append(pids, proc.cmd.Process.Pid)
	}
	if len(pids) == 0 {
		return fmt.Errorf("the pool has not ended within %v, though its sessions' processes have: "+
			"look for a self-test (castnet-worker probe) that a driver holds", p.cfg.leave)
	}
	slices.Sort(pids)
	return fmt.Errorf("worker processes %v have not ended within %v of being killed: a driver holds them", pids, p.cfg.leave)
}

// Open starts a session in a warm process, on the best device that takes it. It waits for a process where all spares have
// just been taken.
func (p *Pool) Open(ctx context.Context, cfg transcoder.SessionConfig) (transcoder.Session, error) {
	if err := p.admit(); err != nil {
		return nil, err
	}
	places, refused := p.choose(cfg)
	for _, at := range places {
		cfg.Device = at.Device
		s, err := p.openAt(ctx, cfg, at)
		if err == nil {
			return s, nil
		}
		refused = errors.Join(refused, fmt.Errorf("%v: %w", at.Device, err))
		if !errors.Is(err, transcoder.ErrDevice) && !errors.Is(err, transcoder.ErrBusy) {
			break // another device would not take it either
		}
		p.cfg.Logger.Warn("device refuses a session", "device", at.Device.String(), "session", cfg.ID, "error", err)
	}
	p.leave()
	if refused == nil {
		refused = fmt.Errorf("no device here makes this ladder (they encode %v)", p.Capabilities().Encode)
	}
	return nil, fmt.Errorf("open session %s: %w", cfg.ID, refused)
}

func (p *Pool) admit() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions == p.cfg.MaxSessions {
		return fmt.Errorf("%w: %d of %d sessions are open (raise the session limit if the machine has room)",
			transcoder.ErrBusy, p.sessions, p.cfg.MaxSessions)
	}
	p.sessions++
	p.metrics.sessions.Inc()
	return nil
}

func (p *Pool) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions--
	p.metrics.sessions.Dec()
}

func (p *Pool) openAt(ctx context.Context, cfg transcoder.SessionConfig, at *place) (*session, error) {
	room, err := p.occupy(at, cfg)
	if err != nil {
		return nil, err
	}
	s, err := p.open(ctx, cfg, room)
	if err != nil {
		p.release(room, err)
	}
	return s, err
}

func (p *Pool) open(ctx context.Context, cfg transcoder.SessionConfig, room *load) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	var died error
	for range openAttempts {
		var proc *process
		select {
		case proc = <-p.warm:
		case <-p.stopped:
			return nil, errors.New("the worker pool has stopped")
		case <-ctx.Done():
			return nil, fmt.Errorf("no worker process became ready: %w", ctx.Err())
		}
		err := hello(ctx, proc, cfg)
		var s *session
		if err == nil {
			if s, err = p.begin(ctx, proc, cfg, room); err == nil {
				return s, nil
			}
		}
		proc.discard()
		if !errors.Is(err, transcoder.ErrWorkerDied) {
			return nil, err
		}
		died = err
	}
	return nil, died
}

// begin starts the session's goroutines, unless the pool has stopped meanwhile.
func (p *Pool) begin(ctx context.Context, proc *process, cfg transcoder.SessionConfig, room *load) (*session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("the worker pool has stopped")
	}
	s, ctx := newSession(ctx, p, proc, cfg)
	s.load = room
	p.running.Go(func() { s.run(ctx) })
	return s, nil
}

// hello makes proc open the session.
func hello(ctx context.Context, proc *process, cfg transcoder.SessionConfig) error {
	if deadline, ok := ctx.Deadline(); ok {
		if err := proc.conn.SetDeadline(deadline); err != nil {
			return proc.died(err)
		}
	}
	m := &wire.ToTranscoder{Message: &wire.ToTranscoder_Open{Open: wire.EncodeOpen(cfg)}}
	if err := proc.msgs.Write(m); err != nil {
		return proc.died(err)
	}
	var reply wire.FromTranscoder
	if err := proc.msgs.Read(&reply); err != nil {
		return proc.died(err)
	}
	if err := wire.DecodeOpened(&reply); err != nil {
		return err
	}
	return proc.conn.SetDeadline(time.Time{})
}

// Capabilities says what the workers can do, and how much of it is in use.
func (p *Pool) Capabilities() transcoder.Capabilities {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := transcoder.Capabilities{
		Name: "worker", Backend: transcoder.Software, Sessions: p.sessions, MaxSessions: p.cfg.MaxSessions,
	}
	now, counted := time.Now(), make(map[transcoder.Device]bool)
	for _, at := range slices.Backward(p.places) { // the best gives its name
		if at.state != inService {
			continue
		}
		c.Backend = at.Device.Backend
		c.Decode, c.Encode = union(c.Decode, at.Decode), union(c.Encode, at.Encode)
		encoder := at.encoder()
		if capacity := p.capacity(encoder); !counted[encoder] {
			counted[encoder] = true
			c.PixelsPerSecond += capacity
			c.FreePixelsPerSecond += max(capacity-p.used(encoder, now), 0)
		}
	}
	return c
}
