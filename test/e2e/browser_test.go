package e2e_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"castnet/test/testnet"
)

// report is what test/browser/watch.mjs saw.
type report struct {
	WebRTC   map[string]json.RawMessage `json:"webrtc"`
	Problems []string                   `json:"problems"`
}

// A real browser opens the page during a live stream: it plays each rendition by WebRTC, switches levels by LL-HLS, and
// a person can read who serves, what was verified and what was paid.
func TestBrowserWatches(t *testing.T) {
	n := network(t, "--face-value", "1 wei")
	stop := pushOn(t, n.RTMP+"demo", camera(t, 1280, 720, 30))
	served(t, n, 5) // so that there is something to read
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(testnet.Root(), "test", "browser", "watch.mjs"), n.HTTP, "demo",
		"--renditions", "720p,480p,360p", "--screenshots", screenshots(t),
		"--expect-text", "(Rosa|Tycho|Ada)", "--expect-text", "Tickets sent", "--expect-text", "Deposit left")
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	runErr := cmd.Run()
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("watch.mjs: %v, %v\n%s%s", runErr, err, out.String(), diagnostics.String())
	}
	for _, p := range r.Problems {
		t.Error(p)
	}
	if runErr != nil || len(r.WebRTC) != 3 {
		t.Errorf("watch.mjs: %v\n%s", runErr, out.String())
	}
	t.Logf("%s", out.String())
	stop()
}

// A browser publishes its camera by the page's own button, and another page plays what an orchestrator makes of it.
func TestBrowserPublishes(t *testing.T) {
	n := network(t, "--ladder", "320x180@300000")
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(testnet.Root(), "test", "browser", "publish.mjs"), n.HTTP,
		"--screenshots", screenshots(t))
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	runErr := cmd.Run()
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("publish.mjs: %v, %v\n%s%s", runErr, err, out.String(), diagnostics.String())
	}
	for _, p := range r.Problems {
		t.Error(p)
	}
	if runErr != nil {
		t.Errorf("publish.mjs: %v\n%s", runErr, out.String())
	}
	t.Logf("%s", out.String())
}

// screenshots is where the browser's pictures go.
func screenshots(t *testing.T) string {
	t.Helper()
	return cmp.Or(os.Getenv("CASTNET_SCREENSHOTS"), t.TempDir())
}
