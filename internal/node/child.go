package node

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
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// stopGrace is how long a child may take to end before it is killed; Ctrl-C has 3 s in all.
	stopGrace = 2 * time.Second
	// restartPause follows a child's crash.
	restartPause = 500 * time.Millisecond
	readyPoll    = 20 * time.Millisecond
)

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
	for {
		err := c.once(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was ended on purpose
		}
		if !c.served.Load() && c.metrics != "" {
			return fmt.Errorf("%s did not start: %w (its own words are above)", c.name, err)
		}
		c.log.Error("a process ended, starting it again", "process", c.name, "err", err)
		select {
		case <-time.After(restartPause):
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
