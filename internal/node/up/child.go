package up

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// Ctrl-C has 3 s in all: children end one after the other for stopInOrder, then all at once; one that takes longer
	// than stopGrace is killed.
	stopInOrder = time.Second
	stopGrace   = 1500 * time.Millisecond
	// restartPause follows a child's crash, doubled up to longestRestart while it crashes within steady of its start.
	restartPause   = 500 * time.Millisecond
	longestRestart = 10 * time.Second
	steady         = 30 * time.Second
	readyPoll      = 20 * time.Millisecond
)

// family is the children of `castnet up`.
type family struct {
	ctx    context.Context //nolint:containedctx // the life of the whole family
	fail   context.CancelCauseFunc
	log    *slog.Logger
	output io.Writer

	mu      sync.Mutex
	members []member // in the order in which they were started
}

type member struct {
	end  context.CancelFunc
	done chan struct{}
}

// newFamily makes an empty one. A child that cannot be started calls fail; ctx's own end ends nobody: stop does, in order.
func newFamily(ctx context.Context, fail context.CancelCauseFunc, log *slog.Logger, output io.Writer) *family {
	return &family{ctx: context.WithoutCancel(ctx), fail: fail, log: log, output: output}
}

// start runs a child until stop.
func (f *family) start(c *child) {
	c.log, c.output = f.log, f.output
	ctx, end := context.WithCancel(f.ctx)
	m := member{end: end, done: make(chan struct{})}
	f.mu.Lock()
	f.members = append(f.members, m)
	f.mu.Unlock()
	go func() {
		defer close(m.done)
		if err := c.run(ctx); err != nil {
			f.fail(err)
		}
	}()
}

// stop ends the children, who was started last first, so that nobody misses who it needs, and returns when all have
// ended.
func (f *family) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	late := time.After(stopInOrder)
	hurry := false
	for _, m := range slices.Backward(f.members) {
		m.end()
		if hurry {
			continue
		}
		select {
		case <-m.done:
		case <-late:
			hurry = true
		}
	}
	for _, m := range f.members {
		<-m.done
	}
}

// child is one role of `castnet up`, a process of its own. It is killed when its parent dies, however it dies.
type child struct {
	name    string
	args    []string
	metrics string // its --metrics address: tells when it is ready
	log     *slog.Logger
	output  io.Writer
	served  atomic.Bool // it has been ready once
}

// run keeps the child running until ctx ends: one that ends by itself is started again, unless it never was ready.
func (c *child) run(ctx context.Context) error {
	for pause := restartPause; ; pause = min(2*pause, longestRestart) {
		began := time.Now()
		err := c.once(ctx)
		if time.Since(began) > steady {
			pause = restartPause
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was ended on purpose
		}
		if !c.served.Load() && c.metrics != "" {
			return fmt.Errorf("%s did not start: %w (its own words are above)", c.name, err)
		}
		c.log.Error("a process ended, starting it again", "process", c.name, "err", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// once runs the child to its end.
func (c *child) once(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find my own program: %w", err)
	}
	// The kernel sends the death signal when the thread that started the child ends, so that thread must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, self, c.args...) //nolint:gosec // this very program
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	out := &prefixer{prefix: c.name, to: c.output}
	defer out.flush()
	cmd.Stdout, cmd.Stderr = out, out
	return cmd.Run()
}

// await returns once the child is ready.
func (c *child) await(ctx context.Context) error {
	client := &http.Client{Timeout: time.Second}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.metrics+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				c.served.Store(true)
				return nil
			}
		}
		select {
		case <-time.After(readyPoll):
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", c.name, context.Cause(ctx))
		}
	}
}

// prefixer writes whole lines, each with its process's name before it.
type prefixer struct {
	prefix string
	to     io.Writer
	rest   []byte
}

// Write takes what a process prints.
func (p *prefixer) Write(b []byte) (int, error) {
	p.rest = append(p.rest, b...)
	for {
		advance, line, err := bufio.ScanLines(p.rest, false)
		if err != nil || advance == 0 {
			return len(b), err
		}
		if _, err := fmt.Fprintf(p.to, "%-14s %s\n", p.prefix, line); err != nil {
			return 0, err
		}
		p.rest = p.rest[advance:]
	}
}

func (p *prefixer) flush() {
	if len(p.rest) > 0 {
		_, _ = fmt.Fprintf(p.to, "%-14s %s\n", p.prefix, p.rest)
	}
}

// lines makes concurrent writers take turns.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

// Write writes one line.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(b)
}

// errNoPort is returned where a port that a role needs is taken.
var errNoPort = errors.New("port in use")
