// Package ethnode gives tests a real Ethereum node that is not ours, anvil, and a proxy in front of one that misbehaves on command.
package ethnode

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/ethereum/go-ethereum/rpc"
)

// binary is anvil as npm installs it, from the repository's root.
const binary = "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"

// Anvil is a running node with prefunded, unlocked accounts. Blocks are made with each transaction, unless args say otherwise.
type Anvil struct {
	URL string // http://
	RPC *rpc.Client
}

// Start runs anvil on a free port until the test ends.
func Start(t *testing.T, args ...string) *Anvil {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	path := filepath.Join(filepath.Dir(here), "..", "..", binary)
	if err := os.Chmod(path, 0o755); err != nil { //nolint:gosec // a program
		t.Fatalf("%v: install it with (cd contracts && npm ci --ignore-scripts)", err)
	}
	cmd := exec.Command(path, append([]string{"--host", "127.0.0.1", "--port", "0"}, args...)...) //nolint:gosec,noctx // ended below
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-drained
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "Listening on "); ok {
			go func() { defer close(drained); _, _ = io.Copy(io.Discard, out) }()
			return dial(t, "http://"+address)
		}
	}
	close(drained)
	t.Fatal("anvil ended before it listened")
	return nil
}

func dial(t *testing.T, url string) *Anvil {
	t.Helper()
	client, err := rpc.DialContext(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &Anvil{URL: url, RPC: client}
}

// Call asks the node directly.
func (a *Anvil) Call(t *testing.T, result any, method string, args ...any) {
	t.Helper()
	if err := a.RPC.CallContext(t.Context(), result, method, args...); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

// Mine makes empty blocks.
func (a *Anvil) Mine(t *testing.T, blocks int) {
	t.Helper()
	for range blocks {
		a.Call(t, nil, "evm_mine")
	}
}

// Reorg replaces the latest blocks by as many empty ones.
func (a *Anvil) Reorg(t *testing.T, depth int) {
	t.Helper()
	a.Call(t, nil, "anvil_reorg", depth, []any{})
}
