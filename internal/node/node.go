// Package node puts the rooms together: it is the composition root of every role and the body of every command. Only
// cmd/castnet and tests use it.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"castnet/contracts/chain"
	"castnet/contracts/chain/endpoint"
	"castnet/contracts/chain/txs"
	"castnet/contracts/store"
	"castnet/internal/eip712"
	"castnet/internal/identity"
)

// Common is what every role is told.
type Common struct {
	Metrics  string `default:"" help:"Serve Prometheus metrics, /healthz and /readyz at this address, host:port. Empty: nowhere." placeholder:"ADDR"`
	LogLevel string `default:"info" enum:"debug,info,warn,error" help:"Log what is at least this important: debug, info, warn or error."`
	LogJSON  bool   `help:"Log JSON lines instead of text."`
}

// ChainAccess says how a role reaches the chain, and as whom.
type ChainAccess struct {
	RPC          string `default:"ws://127.0.0.1:8545" help:"JSON-RPC of the chain's node, ws:// or http://." placeholder:"URL"`
	Contracts    string `required:"" help:"The addresses file of the contracts, as 'castnet chain deploy' writes it." placeholder:"FILE" type:"path"`
	Keystore     string `required:"" help:"The encrypted key file of the account that signs." placeholder:"FILE" type:"path"`
	PasswordFile string `required:"" help:"The file whose first line decrypts the key file." placeholder:"FILE" type:"path"`
}

// role is what the roles share: a logger, a metrics registry, and the readiness that is shown.
type role struct {
	name     string
	log      *slog.Logger
	registry *prometheus.Registry
	metrics  string
	labels   prometheus.Labels // more of them on its metrics; nil: none
	ready    chan struct{}     // closed once the role serves
	inFlight txs.Store         // transactions that are not final yet; nil: they are forgotten when the role ends
}

// newRole begins a role. Logs go to w.
func newRole(name string, c Common, w io.Writer) (*role, error) {
	log, err := newLogger(c, w)
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &role{name: name, log: log, registry: registry, metrics: c.Metrics, ready: make(chan struct{})}, nil
}

func newLogger(c Common, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(strings.ToUpper(c.LogLevel))); err != nil {
		return nil, fmt.Errorf("log level %q: allowed are debug, info, warn and error (--log-level)", c.LogLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil
}

// registerer labels everything with the role.
func (r *role) registerer() prometheus.Registerer {
	return prometheus.WrapRegistererWith(r.labels, prometheus.WrapRegistererWith(prometheus.Labels{"role": r.name}, r.registry))
}

// serveMetrics answers Prometheus and whoever waits for the role to be ready, until ctx ends.
func (r *role) serveMetrics(ctx context.Context) error {
	if r.metrics == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-r.ready:
			_, _ = io.WriteString(w, "ok\n")
		default:
			http.Error(w, "starting", http.StatusServiceUnavailable)
		}
	})
	listener, err := listen(ctx, r.metrics, "--metrics")
	if err != nil {
		return err
	}
	return serveHTTP(ctx, listener, mux)
}

// listen opens a TCP port, or says which knob to turn.
func listen(ctx context.Context, address, knob string) (net.Listener, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w (choose another with %s)", address, err, knob)
	}
	return listener, nil
}

// serveHTTP serves until ctx ends; open requests then have a second. It speaks HTTP/1.1, and HTTP/2 to clients that begin with
// it, as proxies and CDNs do behind their own TLS.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Protocols: &protocols,
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		Handler:   hurried(handler), ReadHeaderTimeout: requestTime, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			return server.Close()
		}
		return nil
	})
	return group.Wait()
}

// maxStreams bounds the requests at once of one connection by HTTP/2: a player has a few, and a proxy opens more connections.
const maxStreams = 100

// requestTime is how long a client may take to send a request's headers, and a body that no handler reads.
const requestTime = 10 * time.Second

// hurried bounds the time for bodies that no handler reads: the server reads them before it answers, or else one that never
// comes would keep its connection for good. Handlers that read set deadlines of their own. HTTP/2 does without bodies.
func hurried(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 && r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(requestTime)) // a connection that is gone needs none
		}
		next.ServeHTTP(w, r)
	})
}

// onChain is a role's connection to the chain.
type onChain struct {
	client  *chain.Client
	key     *identity.Key
	account common.Address // that acts: the key's own, or the one that it signs for
	domain  eip712.Domain
}

// keepTransactions has what the role sends kept in its folder until it is final, so that a restart goes on with it and sends
// nothing twice. It comes before dialChain.
func (r *role) keepTransactions(ctx context.Context, dir string) (io.Closer, error) {
	file, err := store.Open(ctx, filepath.Join(dir, "transactions.db"))
	if err != nil {
		return nil, err
	}
	r.inFlight = file
	return file, nil
}

// dialChain loads the account and connects to the contracts.
func (r *role) dialChain(ctx context.Context, a ChainAccess) (*onChain, error) {
	addresses, err := chain.ReadAddresses(a.Contracts)
	if err != nil {
		return nil, fmt.Errorf("%w (--contracts)", err)
	}
	key, err := identity.OpenKey(a.Keystore, a.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("%w (--keystore, --password-file)", err)
	}
	client, err := chain.Dial(ctx, chain.Config{
		URL: a.RPC, Addresses: addresses, Signer: key, Transactions: r.inFlight, Log: r.log, Metrics: r.registerer(),
	})
	if err != nil {
		return nil, fmt.Errorf("chain at %s: %w (--rpc)", endpoint.Name(a.RPC), err)
	}
	return &onChain{client: client, key: key, account: key.Address(), domain: eip712.NewDomain(client.ChainID(), addresses.Broker)}, nil
}

// makeDir makes a role's folder, readable by its owner alone.
func makeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("data folder: %w (--data-dir)", err)
	}
	return nil
}
