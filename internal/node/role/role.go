// Package role is what castnet's roles share: their logs and metrics, their folder, and their way to the chain.
package role

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

// Role is what the roles share: a logger, a metrics registry, and the readiness that is shown.
type Role struct {
	// Log is where the role tells what it does.
	Log *slog.Logger
	// Labels are more of them on its metrics; nil: none.
	Labels prometheus.Labels
	// Ready is closed once the role serves.
	Ready chan struct{}

	name     string
	registry *prometheus.Registry
	metrics  string
	inFlight txs.Store // transactions that are not final yet; nil: they are forgotten when the role ends
}

// New begins a role. Logs go to w.
func New(name string, c Common, w io.Writer) (*Role, error) {
	log, err := NewLogger(c, w)
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &Role{name: name, Log: log, registry: registry, metrics: c.Metrics, Ready: make(chan struct{})}, nil
}

// NewLogger makes what a role, or a command that lasts, logs by. Lines go to w.
func NewLogger(c Common, w io.Writer) (*slog.Logger, error) {
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

// Registerer labels everything with the role.
func (r *Role) Registerer() prometheus.Registerer {
	return prometheus.WrapRegistererWith(r.Labels, prometheus.WrapRegistererWith(prometheus.Labels{"role": r.name}, r.registry))
}

// ServeMetrics answers Prometheus and whoever waits for the role to be ready, until ctx ends.
func (r *Role) ServeMetrics(ctx context.Context) error {
	if r.metrics == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-r.Ready:
			_, _ = io.WriteString(w, "ok\n")
		default:
			http.Error(w, "starting", http.StatusServiceUnavailable)
		}
	})
	listener, err := Listen(ctx, r.metrics, "--metrics")
	if err != nil {
		return err
	}
	return ServeHTTP(ctx, listener, mux)
}

// Listen opens a TCP port, or says which knob to turn.
func Listen(ctx context.Context, address, knob string) (net.Listener, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w (choose another with %s)", address, err, knob)
	}
	return listener, nil
}

// ServeHTTP serves until ctx ends; open requests then have a second. It speaks HTTP/1.1, and HTTP/2 to clients that begin with
// it, as proxies and CDNs do behind their own TLS.
func ServeHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
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

// OnChain is a role's connection to the chain.
type OnChain struct {
	Client  *chain.Client
	Key     *identity.Key
	Account common.Address // that acts: the key's own, or the one that it signs for
	Domain  eip712.Domain
}

// KeepTransactions has what the role sends kept in its folder until it is final, so that a restart goes on with it and sends
// nothing twice. It comes before dialChain.
func (r *Role) KeepTransactions(ctx context.Context, dir string) (io.Closer, error) {
	file, err := store.Open(ctx, filepath.Join(dir, "transactions.db"))
	if err != nil {
		return nil, err
	}
	r.inFlight = file
	return file, nil
}

// DialChain loads the account and connects to the contracts.
func (r *Role) DialChain(ctx context.Context, a ChainAccess) (*OnChain, error) {
	addresses, err := chain.ReadAddresses(a.Contracts)
	if err != nil {
		return nil, fmt.Errorf("%w (--contracts)", err)
	}
	key, err := identity.OpenKey(a.Keystore, a.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("%w (--keystore, --password-file)", err)
	}
	client, err := chain.Dial(ctx, chain.Config{
		URL: a.RPC, Addresses: addresses, Signer: key, Transactions: r.inFlight, Log: r.Log, Metrics: r.Registerer(),
	})
	if err != nil {
		return nil, fmt.Errorf("chain at %s: %w (--rpc)", endpoint.Name(a.RPC), err)
	}
	return &OnChain{Client: client, Key: key, Account: key.Address(), Domain: eip712.NewDomain(client.ChainID(), addresses.Broker)}, nil
}

// MakeDir makes a role's folder, readable by its owner alone.
func MakeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("data folder: %w (--data-dir)", err)
	}
	return nil
}
