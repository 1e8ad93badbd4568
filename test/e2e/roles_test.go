package e2e_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"castnet/broadcaster/api"
	"castnet/test/testnet"
)

// machines is a network run role by role, as on separate machines: docs/roles.md, with free ports.
type machines struct {
	dir  string
	base int
}

func (m *machines) port(i int) string    { return strconv.Itoa(m.base + i) }
func (m *machines) address(i int) string { return "127.0.0.1:" + m.port(i) }
func (m *machines) path(n string) string { return filepath.Join(m.dir, n) }

// account gives the flags of a role that signs as one of the accounts that `castnet up` has made.
func (m *machines) account(name string) []string {
	return []string{
		"--rpc", "ws://" + m.address(3), "--contracts", m.path("contracts.json"), "--keystore", m.path("keys/" + name + ".json"),
		"--password-file", m.path("keys/password"),
	}
}

func (m *machines) start(t *testing.T, metrics int, args ...string) *testnet.Role {
	t.Helper()
	r, err := testnet.StartRole(context.WithoutCancel(t.Context()), m.base+metrics, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Errorf("castnet %s: %v", args[0], err)
		}
		if t.Failed() {
			t.Logf("castnet %s printed:\n%s", args[0], r.Output())
		}
	})
	return r
}

func (m *machines) broadcaster(t *testing.T, account string, at int, more ...string) *testnet.Network {
	t.Helper()
	m.start(t, at+3, append(append([]string{
		"broadcaster", "--data-dir", m.path("alone-" + account), "--demo-key", "--rtmp", m.address(at), "--http", m.address(at + 1),
		"--webrtc", m.address(at + 2), "--rtsp=", "--srt=",
	}, m.account(account)...), more...)...)
	return &testnet.Network{RTMP: "rtmp://" + m.address(at) + "/live/", HTTP: "http://" + m.address(at+1)}
}

func ownerOf(t *testing.T, keystore string) string {
	t.Helper()
	b, err := os.ReadFile(keystore)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Address string }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	return "0x" + file.Address
}

// A broadcaster whose orchestrators are out of reach says so and plays the source; when one comes, whose only worker is
// a remote transcoder that has joined by a token, the ladder begins. A broadcaster without funds is told what to add.
func TestRolesAlone(t *testing.T) {
	base, err := testnet.FreePorts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	prepared, err := testnet.Start(t.Context(), testnet.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prepared.Stop(); err != nil {
		t.Fatal(err)
	}
	m := &machines{dir: dir, base: base}
	m.start(t, 5, "devchain", "--data-dir", m.path("chain"), "--listen", m.address(3))
	n := m.broadcaster(t, "broadcaster", 6)
	stop := pushOn(t, n.RTMP+"demo", camera(t, 320, 240, 240)) // more than is pushed
	view := func() (api.StreamView, error) { return n.Stream(t.Context(), "demo") }
	eventually(t, patience, "the page says that nobody transcodes", view, func(v api.StreamView) bool {
		return len(v.Warnings) > 0 && strings.Contains(v.Warnings[0].Text, "Nobody transcodes this stream")
	})

	// The registered address is where `castnet up` had it: the orchestrator comes back there.
	owner := ownerOf(t, m.path("keys/owner-Rosa.json"))
	m.start(t, 4, append([]string{
		"orchestrator", "run", "--data-dir", m.path("orchestrator-Rosa"), "--owner", owner, "--workers", "0",
		"--listen", prepared.OrchestratorAddress(0),
	}, m.account("operator-Rosa")...)...)
	transcoder := func(dir string, metrics int) {
		token, err := exec.CommandContext(t.Context(), testnet.Castnet(), append([]string{
			"orchestrator", "token", "--data-dir", m.path("orchestrator-Rosa"),
		}, m.account("operator-Rosa")[2:]...)...).Output()
		if err != nil {
			t.Fatalf("mint a token: %v", err)
		}
		m.start(t, metrics, "transcoder", "--data-dir", m.path(dir), "--orchestrator", prepared.OrchestratorAddress(0),
			"--token", strings.TrimSpace(string(token)))
	}
	transcoder("transcoder", 2)
	v := eventually(t, patience, "the ladder begins", view, func(v api.StreamView) bool { return v.Verified.OK >= 2 })
	if v.Orchestrator == nil || v.Orchestrator.Name != "Rosa" || len(v.Warnings) > 0 {
		t.Errorf("served by %+v, warnings %+v", v.Orchestrator, v.Warnings)
	}
	out, err := exec.CommandContext(t.Context(), testnet.Castnet(), "transcoder", "status", "--data-dir", m.path("transcoder")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "attached") || !strings.Contains(string(out), "in service") {
		t.Errorf("status: %v, %s", err, out)
	}
	// Another transcoder comes, and the first is told to leave: the ladder goes on.
	transcoder("another", 10)
	out, err = exec.CommandContext(t.Context(), testnet.Castnet(), "transcoder", "drain", "--data-dir", m.path("transcoder")).CombinedOutput()
	if err != nil {
		t.Errorf("drain: %v, %s", err, out)
	}
	before := v.Verified.OK
	eventually(t, patience, "the ladder goes on", view, func(v api.StreamView) bool { return v.Verified.OK >= before+4 })
	stop()
}

// What is wrong with money or chain is said where a person looks.
func TestWithoutFundsAndOnAnotherChain(t *testing.T) {
	n := network(t)
	base, err := testnet.FreePorts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &machines{dir: n.Dir, base: base}
	flags := m.account("treasury") // an account without deposit and reserve
	flags[1] = n.RPC
	m.start(t, 3, append([]string{
		"broadcaster", "--data-dir", m.path("poor"), "--demo-key", "--rtmp", m.address(0), "--http", m.address(1), "--webrtc", m.address(2), "--rtsp=", "--srt=",
	}, flags...)...)
	poor := &testnet.Network{RTMP: "rtmp://" + m.address(0) + "/live/", HTTP: "http://" + m.address(1)}
	wait := push(t, poor.RTMP+"demo", camera(t, 320, 240, 6))
	v := eventually(t, patience, "the page says what is missing",
		func() (api.StreamView, error) { return poor.Stream(t.Context(), "demo") }, func(v api.StreamView) bool { return len(v.Warnings) > 0 })
	if text := v.Warnings[0].Text; !strings.Contains(text, "reserve") {
		t.Errorf("without a reserve the page says %q", text)
	}
	if err := wait(); err != nil {
		t.Errorf("the publisher was disturbed: %v", err)
	}

	m.start(t, 5, "devchain", "--data-dir", filepath.Join(t.TempDir(), "other"), "--chain-id", "4242", "--listen", m.address(4))
	flags[1] = "ws://" + m.address(4)
	out, err := exec.CommandContext(t.Context(), testnet.Castnet(), append([]string{
		"broadcaster", "--data-dir", m.path("lost"), "--rtmp", m.address(6), "--http", m.address(7), "--webrtc", m.address(8), "--rtsp=", "--srt=",
	}, flags...)...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "4242") || !strings.Contains(string(out), "--rpc") {
		t.Errorf("on another chain: %v, %s", err, out)
	}
}
