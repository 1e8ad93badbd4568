// Package browser_test opens the pages in Chromium over a real chain. What they show of fixed facts is tested with
// broadcaster/api.
package browser_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"castnet/broadcaster/api"
	"castnet/contracts/bindings"
)

// TestStakingWithABrowserWallet lets a delegator do everything that the page of stakers offers, with a wallet in the browser, on a
// real chain; stake.mjs says what she must read meanwhile. At the end the chain is asked where her money is. Screenshots go to
// CASTNET_SCREENSHOTS where that is set.
func TestStakingWithABrowserWallet(t *testing.T) {
	script, err := filepath.Abs("stake.mjs")
	require.NoError(t, err)
	needs(t, "../../broadcaster/api/web/dist/index.html", "make build")
	needs(t, "node_modules", "make deps")
	shots := os.Getenv("CASTNET_SCREENSHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	e := newEconomy(t)
	w := &wallet{key: e.dora, node: e.node, chainID: 1}
	web := httptest.NewServer(stage(t, e, w))
	defer web.Close()

	limit, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(limit, "node", script, web.URL, shots)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // past the limit the browser goes with its script
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))

	// Of 1,000 she delegated 100 and withdrew 20: nothing else has left or entered her wallet.
	require.Equal(t, cast(920), e.tokensOf(t, e.dora))

	// What the page said of costs was about right.
	terms, err := e.stakes.Staking(t.Context())
	require.NoError(t, err)
	staking, token := bindings.NewStaking(), bindings.NewCastToken()
	nobody, nothing := e.rosa.Self(), new(big.Int)
	for action, example := range map[string][]byte{
		"approve": token.PackApprove(nobody, nothing), "delegate": staking.PackDelegate(nobody, nothing),
		"move": staking.PackMove(nobody, nobody, nothing), "unbond": staking.PackUnbond(nobody, nothing),
		"rebond": staking.PackRebond(nothing), "withdraw": staking.PackWithdraw(nothing), "claim": staking.PackClaimFees(nobody, nobody),
	} {
		used, told := w.used(example), terms.Gas[action]
		t.Logf("%s: %d gas at most, the page says %d", action, used, told)
		if used > told*3/2 || used < told/3 {
			t.Errorf("%s takes up to %d gas, the page says %d: correct gasOf in internal/node/stakes", action, used, told)
		}
	}
}

func needs(t *testing.T, path, how string) {
	t.Helper()
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%s is missing: %s", path, how)
	}
}

// noStreams is a broadcaster that nobody streams to.
type noStreams struct{}

func (noStreams) Streams() []api.StreamView { return nil }

func (noStreams) Stream(string) (api.StreamView, bool) { return api.StreamView{}, false }

// stage serves the pages over the economy, and below /test/ what the script asks of the world outside the browser.
func stage(t *testing.T, e *economy, w *wallet) http.Handler {
	t.Helper()
	server, err := api.New(api.Config{
		Streams: noStreams{}, Network: e, Stakes: e.stakes, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	runUntilCleanup(t, server.Run)
	mux := http.NewServeMux()
	mux.Handle("/", server)
	answer := func(path string, do func(ctx context.Context, body json.RawMessage) (any, error)) {
		mux.HandleFunc("POST /test/"+path, func(rw http.ResponseWriter, r *http.Request) {
			var body json.RawMessage
			err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 1<<20)).Decode(&body)
			var result any
			if err == nil {
				result, err = do(r.Context(), body)
			}
			if err != nil {
				http.Error(rw, err.Error(), http.StatusInternalServerError)
				return
			}
			if err := json.NewEncoder(rw).Encode(result); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		})
	}
	answer("wallet", func(ctx context.Context, body json.RawMessage) (any, error) {
		var c call
		if err := json.Unmarshal(body, &c); err != nil {
			return nil, err
		}
		return w.answer(ctx, c), nil
	})
	answer("decline", func(context.Context, json.RawMessage) (any, error) { w.decline(); return nil, nil })
	answer("travel", func(ctx context.Context, body json.RawMessage) (any, error) {
		var far struct{ Seconds int64 }
		if err := json.Unmarshal(body, &far); err != nil {
			return nil, err
		}
		return nil, e.dev.Advance(ctx, time.Duration(far.Seconds)*time.Second)
	})
	answer("fees", func(ctx context.Context, _ json.RawMessage) (any, error) { return nil, e.payFees(ctx) })
	answer("elsewhere", func(ctx context.Context, _ json.RawMessage) (any, error) {
		return nil, e.unbondElsewhere(ctx)
	})
	return mux
}

func runUntilCleanup(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context()) }()
	t.Cleanup(func() { // the test's context has ended by then
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}
