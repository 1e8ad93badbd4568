// Package money_test runs the commands about money as people do, kills them at the worst moment, and runs them again.
package money_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"castnet/contracts/devchain"
)

// scene is a person with the program, a key and a chain.
type scene struct {
	program   string
	home      string
	env       []string
	account   common.Address
	contracts string // the addresses file
	dev       *devchain.Chain
	eth       *ethclient.Client
	gate      *gate
}

func newScene(t *testing.T) *scene {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	s := &scene{home: t.TempDir()}
	s.program, s.contracts = filepath.Join(s.home, "castnet"), filepath.Join(s.home, "contracts.json")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.program, "./cmd/castnet")
	build.Dir = filepath.Join(filepath.Dir(file), "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	password := filepath.Join(s.home, "password")
	if err := os.WriteFile(password, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = []string{
		"HOME=" + s.home, "CASTNET_CONTRACTS=" + s.contracts, "CASTNET_YES=true", "CASTNET_PASSWORD_FILE=" + password, "CASTNET_LIGHT=true",
	}
	var created struct{ Address common.Address }
	if err := json.Unmarshal([]byte(s.ok(t, "wallet", "new", "me", "--json").out), &created); err != nil {
		t.Fatal(err)
	}
	s.account = created.Address
	var err error
	s.dev, err = devchain.New(devchain.Config{
		Listen: "127.0.0.1:0", BlockPeriod: 100 * time.Millisecond, MaxLead: time.Hour,
		Allocations: []devchain.Allocation{{Account: s.account, Wei: ether(1000)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.dev.Run(t.Context()) }()
	t.Cleanup(func() { // the test's context has ended by then
		if err := <-ended; err != nil {
			t.Errorf("chain: %v", err)
		}
	})
	if s.eth, err = ethclient.DialContext(t.Context(), s.dev.URL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.eth.Close)
	s.gate = newGate(t, s.dev.URL())
	s.env = append(s.env, "CASTNET_RPC="+s.gate.url)
	return s
}

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

// said is what a command printed.
type said struct{ out, err string }

// run runs a command to its end.
func (s *scene) run(t *testing.T, args ...string) (said, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), s.program, args...)
	command.Env = s.env
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	t.Logf("castnet %s\n%s%s", strings.Join(args, " "), &errs, &out)
	return said{out.String(), errs.String()}, err
}

func (s *scene) ok(t *testing.T, args ...string) said {
	t.Helper()
	printed, err := s.run(t, args...)
	if err != nil {
		t.Fatalf("castnet %s: %v", strings.Join(args, " "), err)
	}
	return printed
}

// refused wants a command to fail, and to say why.
func (s *scene) refused(t *testing.T, why string, args ...string) {
	t.Helper()
	printed, err := s.run(t, args...)
	if err == nil || !strings.Contains(printed.err, why) {
		t.Errorf("castnet %s: %v; want a refusal that speaks of %q", strings.Join(args, " "), err, why)
	}
}

// killed runs a command until its nth transaction from now on has reached the node, and kills it before it hears so.
func (s *scene) killed(t *testing.T, n int32, args ...string) {
	t.Helper()
	s.gate.left.Store(n)
	command := exec.CommandContext(t.Context(), s.program, args...)
	command.Env = s.env
	var errs bytes.Buffer
	command.Stderr = &errs
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case <-s.gate.shut:
		if err := command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-ended //nolint:errcheck // it was killed
	case err := <-ended:
		t.Fatalf("castnet %s ended with %v before its transaction %d:\n%s", strings.Join(args, " "), err, n, &errs)
	}
}

func (s *scene) nonce(t *testing.T) uint64 {
	t.Helper()
	nonce, err := s.eth.NonceAt(t.Context(), s.account, nil)
	if err != nil {
		t.Fatal(err)
	}
	return nonce
}

// gate passes JSON-RPC on, and keeps back the answer to one transaction.
type gate struct {
	url  string
	left atomic.Int32  // transactions until that; it is the one that makes this 0
	shut chan struct{} // told when it is there
}

func newGate(t *testing.T, node string) *gate {
	t.Helper()
	target, err := url.Parse(strings.Replace(node, "ws://", "http://", 1))
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{shut: make(chan struct{}, 1)}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !bytes.Contains(body, []byte(`"eth_sendRawTransaction"`)) || g.left.Add(-1) != 0 {
			forward.ServeHTTP(w, r)
			return
		}
		forward.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
		g.shut <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}
