// Package testnet runs a whole Castnet network, by the real `castnet up`, for tests and benches: on free loopback
// ports, in a temporary folder, and gone when its context ends.
package testnet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"castnet/broadcaster/api"
)

// Config says what to run. The zero value is the network as a newcomer gets it.
type Config struct {
	// Dir is the data folder; it is kept. Required.
	Dir string
	// Args are further flags of `castnet up`.
	Args []string
	// RTMPS has the network take RTMP by TLS too, with a certificate that nobody vouches for.
	RTMPS bool
	// Log gets what the processes print; nil drops it.
	Log io.Writer
}

// Network is a running one.
type Network struct {
	Dir   string
	RTMP  string // rtmp://host:port/live/
	RTMPS string // rtmps://host:port/live/, where Config.RTMPS asks for it
	RTSP  string // rtsp://host:port/
	SRT   string // srt://host:port
	HTTP  string // http://host:port
	RPC   string // ws://host:port

	base   int
	taken  net.Listener // keeps others off the ports for as long as somebody has the Network
	cmd    *exec.Cmd
	out    output
	ended  chan struct{}
	err    error
	killed atomic.Bool
}

// Root is the project's folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Start runs a network and returns when it is ready. It ends with ctx, or by Stop or Kill.
func Start(ctx context.Context, cfg Config) (*Network, error) {
	binary := filepath.Join(Root(), "bin", "castnet")
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("%w: make build first", err)
	}
	base, taken, err := freePorts(ctx)
	if err != nil {
		return nil, err
	}
	n, err := startAt(ctx, binary, base, cfg)
	if err != nil {
		return nil, errors.Join(err, taken.Close())
	}
	n.taken = taken
	return n, nil
}

// Restart runs a network again in the folder and on the ports of one that has ended.
func (n *Network) Restart(ctx context.Context, cfg Config) (*Network, error) {
	cfg.Dir = n.Dir
	again, err := startAt(ctx, filepath.Join(Root(), "bin", "castnet"), n.base, cfg)
	if err != nil {
		return nil, err
	}
	again.taken = n.taken
	return again, nil
}

func startAt(ctx context.Context, binary string, base int, cfg Config) (*Network, error) {
	port := func(i int) string { return strconv.Itoa(base + i) }
	n := &Network{
		Dir: cfg.Dir, base: base, ended: make(chan struct{}),
		RTMP: "rtmp://127.0.0.1:" + port(0) + "/live/", HTTP: "http://127.0.0.1:" + port(1), RPC: "ws://127.0.0.1:" + port(3),
		RTSP: "rtsp://127.0.0.1:" + port(12) + "/", SRT: "srt://127.0.0.1:" + port(14),
	}
	args := append([]string{
		"up", "--data-dir", cfg.Dir, "--rtmp", port(0), "--http", port(1), "--webrtc", port(2), "--chain", port(3), "--rtsp", port(12), "--srt", port(14),
		"--orchestrators", port(4), "--metrics", port(7),
	}, cfg.Args...)
	if cfg.RTMPS {
		cert, key, err := certify(cfg.Dir)
		if err != nil {
			return nil, err
		}
		n.RTMPS = "rtmps://127.0.0.1:" + port(15) + "/live/"
		args = append(args, "--rtmps", port(15), "--tls-cert", cert, "--tls-key", key)
	}
	n.cmd = exec.CommandContext(ctx, binary, args...) //nolint:gosec // the program under test
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	n.cmd.Cancel = func() error { return n.cmd.Process.Signal(os.Interrupt) }
	n.cmd.WaitDelay = 5 * time.Second
	n.out.log = cfg.Log
	n.out.ready = make(chan struct{})
	n.cmd.Stdout, n.cmd.Stderr = &n.out, &n.out
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		n.err = n.cmd.Wait()
		close(n.ended)
	}()
	select {
	case <-n.out.ready:
		return n, nil
	case <-n.ended:
		return nil, fmt.Errorf("castnet up ended: %w\n%s", n.err, n.out.text())
	case <-time.After(90 * time.Second):
		return nil, errors.Join(fmt.Errorf("castnet up is not ready after 90 s:\n%s", n.out.text()), n.Kill())
	}
}

// portsNeeded is how many consecutive ports a network takes: RTMP, HTTP, WebRTC, chain, 3 orchestrators, 5 metrics, RTSP
// (an even one, and the next), SRT, RTMPS.
const portsNeeded = 16

// FreePorts finds the first of portsNeeded consecutive free ports, which nobody else finds until ctx is done.
func FreePorts(ctx context.Context) (int, error) {
	base, taken, err := freePorts(ctx)
	if err == nil {
		context.AfterFunc(ctx, func() { _ = taken.Close() })
	}
	return base, err
}

// freePorts finds a block of ports. What keeps it from tests that run beside this one is that the port behind the block is taken.
func freePorts(ctx context.Context) (base int, taken net.Listener, err error) {
	const first, blocks = 21_000, 500 // below what the kernel gives to clients
	for range 100 {
		base = first + rand.IntN(blocks)*(portsNeeded+2) //nolint:gosec // no secret
		if taken, err = listen(ctx, base+portsNeeded); err != nil {
			continue
		}
		for i := 0; i < portsNeeded && err == nil; i++ {
			var free net.Listener
			if free, err = listen(ctx, base+i); err == nil {
				err = free.Close()
			}
		}
		if err == nil {
			return base, taken, nil
		}
		_ = taken.Close()
	}
	return 0, nil, fmt.Errorf("no free ports: %w", err)
}

func listen(ctx context.Context, port int) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
}

// Output is everything that the network has printed.
func (n *Network) Output() string { return n.out.text() }

// Stop ends the network as Ctrl-C does, and returns how long that took.
func (n *Network) Stop() (time.Duration, error) {
	began := time.Now()
	if err := n.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	<-n.ended
	return time.Since(began), n.err
}

// Kill ends the network's first process by kill -9; the kernel takes its children along.
func (n *Network) Kill() error {
	n.killed.Store(true)
	children := n.descendants(n.cmd.Process.Pid)
	if err := n.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-n.ended
	deadline := time.Now().Add(5 * time.Second)
	for _, pid := range children {
		for alive(pid) {
			if time.Now().After(deadline) {
				return fmt.Errorf("process %d outlives its killed parent", pid)
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	return nil
}

// Killed reports whether Kill was called.
func (n *Network) Killed() bool { return n.killed.Load() }

// Pids finds the processes of the network, its first one's descendants, whose command line has all the words.
func (n *Network) Pids(words ...string) []int {
	var found []int
	for _, pid := range n.descendants(n.cmd.Process.Pid) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue
		}
		has := true
		for _, w := range words {
			has = has && bytes.Contains(line, []byte(w))
		}
		if has {
			found = append(found, pid)
		}
	}
	return found
}

// Running gives those of the processes that still run.
func (n *Network) Running(pids []int) []int {
	var left []int
	for _, pid := range pids {
		if alive(pid) {
			left = append(left, pid)
		}
	}
	return left
}

// Workers finds the worker processes below a process.
func (n *Network) Workers(parent int) []int {
	var found []int
	for _, pid := range n.descendants(parent) {
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && bytes.Contains(line, []byte("castnet-worker")) {
			found = append(found, pid)
		}
	}
	return found
}

func (n *Network) descendants(pid int) []int {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil
	}
	var all []int
	for _, task := range tasks {
		list, err := os.ReadFile(task) //nolint:gosec // the kernel's
		if err != nil {
			continue
		}
		for f := range strings.FieldsSeq(string(list)) {
			if child, err := strconv.Atoi(f); err == nil {
				all = append(append(all, child), n.descendants(child)...)
			}
		}
	}
	return all
}

// alive reports whether a process runs; one that nobody has waited for yet does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// Stream reads a stream's view from the API.
func (n *Network) Stream(ctx context.Context, id string) (api.StreamView, error) {
	var v api.StreamView
	return v, n.get(ctx, "/api/v1/streams/"+id, &v)
}

// View reads the network's view from the API.
func (n *Network) View(ctx context.Context) (api.NetworkView, error) {
	var v api.NetworkView
	return v, n.get(ctx, "/api/v1/network", &v)
}

// Orchestrators is how many a network has.
const Orchestrators = 3

// OrchestratorAddress is where the i-th orchestrator is reached, host:port.
func (n *Network) OrchestratorAddress(i int) string { return fmt.Sprintf("127.0.0.1:%d", n.base+4+i) }

// Won sums over the orchestrators how many tickets have won since they were started, Redeemed how many of them the
// chain has paid.
func (n *Network) Won(ctx context.Context) (int, error) {
	return n.sum(ctx, "castnet_payments_tickets_won_total")
}

// Redeemed is the sum of what the orchestrators have seen paid; see Won.
func (n *Network) Redeemed(ctx context.Context) (int, error) {
	return n.sum(ctx, "castnet_payments_winners_redeemed_total")
}

func (n *Network) sum(ctx context.Context, metric string) (int, error) {
	total := 0.0
	for i := range Orchestrators {
		v, err := n.Metric(ctx, 2+i, metric)
		if err != nil {
			return 0, err
		}
		total += v
	}
	return int(total), nil
}

// Metric reads a metric without labels of its own from a role: 0 is the chain, 1 the broadcaster, from 2 on the
// orchestrators.
func (n *Network) Metric(ctx context.Context, role int, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/metrics", n.base+7+role), http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name+"{")
		if !ok {
			continue
		}
		if _, value, ok := strings.Cut(rest, "} "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("role %d has no metric %s", role, name)
}

func (n *Network) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.HTTP+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// output keeps what the processes print, and sees when the network is ready.
type output struct {
	log   io.Writer
	ready chan struct{}

	mu   sync.Mutex
	all  bytes.Buffer
	done bool
}

// Write takes what is printed.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all.Write(b)
	if o.log != nil {
		_, _ = o.log.Write(b) // a test's log; the network goes on without it
	}
	if !o.done && strings.Contains(o.all.String(), "Castnet is up") {
		o.done = true
		close(o.ready)
	}
	return len(b), nil
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}
