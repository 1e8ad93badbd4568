package testnet

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Role is one role of a network, run alone.
type Role struct {
	cmd    *exec.Cmd
	out    output
	ended  chan struct{}
	err    error
	killed bool
}

// Castnet is the program under test.
func Castnet() string { return filepath.Join(Root(), "bin", "castnet") }

// StartRole runs `castnet args…` and returns when it is ready, by its metrics port; it ends with ctx or by Stop.
func StartRole(ctx context.Context, metricsPort int, args ...string) (*Role, error) {
	address := "127.0.0.1:" + strconv.Itoa(metricsPort)
	cmd := exec.CommandContext(ctx, Castnet(), append(args, "--metrics", address)...) //nolint:gosec // the program under test
	r := &Role{cmd: cmd, ended: make(chan struct{})}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.out.ready = make(chan struct{})
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		r.err = r.cmd.Wait()
		close(r.ended)
	}()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", http.NoBody)
		if err != nil {
			return nil, err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return r, nil
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-r.ended:
			return nil, fmt.Errorf("castnet %s ended: %w\n%s", args[0], r.err, r.out.text())
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Output is everything that the role has printed.
func (r *Role) Output() string { return r.out.text() }

// Kill ends the role by kill -9.
func (r *Role) Kill() error {
	r.killed = true
	if err := r.cmd.Process.Kill(); err != nil {
		return err
	}
	<-r.ended
	return nil
}

// Stop ends the role as Ctrl-C does. One that was killed is no error.
func (r *Role) Stop() error {
	if r.killed {
		return nil
	}
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-r.ended
	return r.err
}
