package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"castnet/broadcaster/api"
)

// TestPagesInABrowser lets Chromium read the built pages over fixed facts; test/browser/pages.mjs says what it must
// read. Screenshots go to CASTNET_SCREENSHOTS where that is set.
func TestPagesInABrowser(t *testing.T) {
	script, err := filepath.Abs("../../test/browser/pages.mjs")
	require.NoError(t, err)
	needs(t, "web/dist/index.html", "make build")
	needs(t, "../../test/browser/node_modules", "make deps")
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("node is missing: make deps")
	}
	shots := os.Getenv("CASTNET_SCREENSHOTS")
	if shots == "" {
		shots = t.TempDir()
	}

	w := staked(&world{})
	server, err := api.New(config(w))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	stage := &stage{world: w, pages: server, cut: make(chan struct{})}
	web := httptest.NewServer(stage)

	limit, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(limit, "node", script, web.URL, shots)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // past the limit the browser goes with its script
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	stop()
	require.NoError(t, <-done)
	web.Close()
}

func needs(t *testing.T, path, how string) {
	t.Helper()
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%s is missing: %s", path, how)
	}
}

// stage changes the world as the browser's script asks: POST /fixture/{fact}.
type stage struct {
	world  *world
	pages  http.Handler
	silent atomic.Bool
	cut    chan struct{} // closed once: ends the event streams of the moment
}

func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if fact, ok := strings.CutPrefix(r.URL.Path, "/fixture/"); ok {
		if !s.set(fact) {
			http.NotFound(w, r)
		}
		return
	}
	if strings.HasSuffix(r.URL.Path, "/events") {
		if s.silent.Load() {
			http.Error(w, "silent", http.StatusServiceUnavailable)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		select {
		case <-s.cut: // it has been silent once: what comes now stays
		default:
			go func() {
				select {
				case <-s.cut:
					cancel()
				case <-ctx.Done():
				}
			}()
		}
		r = r.WithContext(ctx)
	}
	s.pages.ServeHTTP(w, r)
}

func (s *stage) set(fact string) bool {
	switch fact {
	case "silent":
		s.silent.Store(true)
		close(s.cut)
		return true
	case "talking":
		s.silent.Store(false)
		return true
	}
	change, ok := facts()[fact]
	if ok {
		s.world.change(change)
	}
	return ok
}

func facts() map[string]func(*world) {
	return map[string]func(*world){
		"empty": func(w *world) { w.streams = nil },
		"live":  func(w *world) { w.streams = []api.StreamView{camera("demo", 412)} },
		"segments": func(w *world) {
			s := &w.streams[0]
			s.Segments.Count += 1111
			s.Verified.OK += 1111
			s.Paid.TicketsSent += 1111
			s.Input.FPS, s.Input.Bitrate = 29.97, 2_900_000
			s.Viewers = 1204
		},
		"failover": func(w *world) {
			s := &w.streams[0]
			s.Orchestrator = &api.ServiceView{
				ID: amos, Name: "Amos", Why: "it stood by", URL: "https://127.0.0.1:8936", RoundTripMS: 2.4, StakeShare: 0.3, Since: time.Now(),
			}
			s.Events = append([]api.EventView{{
				At: time.Now(), Stop: api.StopOrchestrator, Level: api.Fair,
				Text: "Rosa stopped answering. Amos took over at picture 12 040, nothing is missing.",
			}}, s.Events...)
			s.Verified.Failed, s.Verified.LastFailure = 1, "the segment was not finished in time"
			w.network.Broadcaster.Warnings = []api.WarningView{{
				Text: "The deposit lasts for another 20 minutes.", Next: "Add to it: castnet wallet deposit 1",
			}}
		},
		"chainOut": func(w *world) { w.chainOut = errors.New("connection refused") },
		"ended": func(w *world) {
			s := &w.streams[0]
			s.State, s.Ended, s.Orchestrator = api.Ended, "the publisher left", nil
		},
		"several": func(w *world) {
			w.network.Broadcaster.Warnings = nil
			kitchen, garden := camera("kitchen", 30), camera("garden", 4000)
			kitchen.Input.Health, kitchen.Input.Advice = api.Fair, "Key frames come every 8 s: set 2 s in OBS"
			w.streams = []api.StreamView{camera("demo", 412), kitchen, garden}
		},
	}
}
