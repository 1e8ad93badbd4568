// Package api is the broadcaster's HTTP face for people: the pages, the REST resources behind them, and the live
// events that keep them fresh.
//
// What it shows comes through interfaces of its own, as plain views; it knows neither chain nor ledger. It is read-only, but
// for the servers that a stream is pushed on to, which whoever has its key may change.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Streams knows the streams that this broadcaster carries. It is asked up to four times a second for each stream that
// somebody looks at, from several goroutines; views are never written to after they are returned.
type Streams interface {
	// Streams returns all that are live or ended a short while ago, newest first.
	Streams() []StreamView
	// Stream returns one of them by its public id.
	Stream(id string) (StreamView, bool)
}

// Network knows the orchestrators, the chain and the broadcaster's account. It is asked up to four times a second and
// answers from memory, with the last that it knew while the chain is out of reach.
type Network interface {
	Network() NetworkView
}

// Config is what a Server needs.
type Config struct {
	Streams Streams
	Network Network
	// Stakes is behind the pages for stakers. Nil: this broadcaster follows no chain, and its pages say so.
	Stakes Stakes
	// Restreams changes where streams are pushed on to. Nil: nobody does.
	Restreams Restreams
	// Status is what GET /api/v1/status answers.
	Status StatusView
	// Ready returns nil once streams are taken, else what is missing. Nil: always ready.
	Ready func() error
	// Pages is the built web application; nil means the one embedded in this binary.
	Pages fs.FS
	// MaxEventClients bounds the open event streams; 0 means 1,000.
	MaxEventClients int
	// Interval is the least time between two updates of one thing; 0 means 250 ms. Heartbeat is the time between two
	// signs of life; 0 means 5 s. A client that takes nothing for twice as long is let go.
	Interval, Heartbeat time.Duration
	Logger              *slog.Logger
	Registerer          prometheus.Registerer
}

func (c *Config) validate() error {
	switch {
	case c.Streams == nil:
		return errors.New("api: Config.Streams is missing")
	case c.Network == nil:
		return errors.New("api: Config.Network is missing")
	case c.Logger == nil:
		return errors.New("api: Config.Logger is missing")
	case c.Registerer == nil:
		return errors.New("api: Config.Registerer is missing")
	case c.MaxEventClients < 0 || c.Interval < 0 || c.Heartbeat < 0:
		return errors.New("api: limits in Config must not be negative")
	}
	if c.Stakes == nil {
		c.Stakes = noStakes{}
	}
	if c.Restreams == nil {
		c.Restreams = noRestreams{}
	}
	if c.Ready == nil {
		c.Ready = func() error { return nil }
	}
	if c.Pages == nil {
		pages, err := embeddedPages()
		if err != nil {
			return err
		}
		c.Pages = pages
	}
	if c.MaxEventClients == 0 {
		c.MaxEventClients = 1000
	}
	if c.Interval == 0 {
		c.Interval = 250 * time.Millisecond
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 5 * time.Second
	}
	return nil
}

// Server answers HTTP requests, and keeps event streams fresh while Run runs.
type Server struct {
	cfg    Config
	mux    *http.ServeMux
	events *events
}

// New makes a Server.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	ev, err := newEvents(&cfg)
	if err != nil {
		return nil, err
	}
	pages, err := newPages(cfg.Pages)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, mux: http.NewServeMux(), events: ev}
	s.mux.HandleFunc("GET /healthz", s.healthz)
	s.mux.HandleFunc("GET /readyz", s.readyz)
	s.mux.HandleFunc("GET /api/v1/status", s.status)
	s.mux.HandleFunc("GET /api/v1/streams", s.streams)
	s.mux.HandleFunc("GET /api/v1/streams/{id}", s.stream)
	s.mux.HandleFunc("GET /api/v1/streams/{id}/restreams", s.keyed(s.targets))
	s.mux.HandleFunc("POST /api/v1/streams/{id}/restreams", s.keyed(s.addTarget))
	s.mux.HandleFunc("DELETE /api/v1/streams/{id}/restreams/{target}", s.keyed(s.removeTarget))
	s.mux.HandleFunc("GET /api/v1/network", s.network)
	s.mux.HandleFunc("GET /api/v1/orchestrators/{id}", s.orchestrator)
	s.mux.HandleFunc("GET /api/v1/stakers/{address}", s.staker)
	s.mux.HandleFunc("GET /api/v1/staking", s.staking)
	s.mux.HandleFunc("GET /api/v1/events", s.allEvents)
	s.mux.HandleFunc("GET /api/v1/streams/{id}/events", s.streamEvents)
	s.mux.HandleFunc("/api/", s.unknown)
	s.mux.Handle("/", pages)
	return s, nil
}

// Run keeps event streams fresh until ctx ends, and then ends them all, so that the HTTP server can shut down.
func (s *Server) Run(ctx context.Context) error { return s.events.run(ctx) }

// ServeHTTP answers everything below / that no more specific handler takes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	s.mux.ServeHTTP(w, r)
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("ok\n"))
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := s.cfg.Ready(); err != nil {
		http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) { s.reply(w, s.cfg.Status) }

func (s *Server) streams(w http.ResponseWriter, _ *http.Request) { s.reply(w, s.allStreams()) }

// allStreams has no nil lists: an empty one is [] in JSON.
func (s *Server) allStreams() []StreamView {
	views := append([]StreamView{}, s.cfg.Streams.Streams()...)
	for i := range views {
		views[i] = views[i].withLists()
	}
	return views
}

func (s *Server) oneStream(id string) (StreamView, bool) {
	v, ok := s.cfg.Streams.Stream(id)
	return v.withLists(), ok
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	v, ok := s.oneStream(r.PathValue("id"))
	if !ok {
		s.noStream(w, r.PathValue("id"))
		return
	}
	s.reply(w, v)
}

func (s *Server) network(w http.ResponseWriter, _ *http.Request) { s.reply(w, s.wholeNetwork()) }

// wholeNetwork has no nil lists either.
func (s *Server) wholeNetwork() NetworkView {
	v := s.cfg.Network.Network()
	v.Orchestrators = append([]OrchestratorView{}, v.Orchestrators...)
	v.Broadcaster.Warnings = append([]WarningView{}, v.Broadcaster.Warnings...)
	return v
}

func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	s.fail(w, http.StatusNotFound, fmt.Sprintf("there is no %s %.200s", r.Method, r.URL.Path),
		"resources are GET /api/v1/status, streams, streams/{id}, network, orchestrators/{id}, stakers/{address}, staking, "+
			"events and streams/{id}/events; whoever has a stream's key may GET and POST streams/{id}/restreams, and DELETE "+
			"streams/{id}/restreams/{number}")
}

func (s *Server) noStream(w http.ResponseWriter, id string) {
	s.fail(w, http.StatusNotFound, fmt.Sprintf("no stream %.80q is live here", id),
		"GET /api/v1/streams lists those that are")
}

func (s *Server) reply(w http.ResponseWriter, v any) { s.answer(w, http.StatusOK, v) }

func (s *Server) answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.cfg.Logger.Debug("api reply not delivered", "error", err)
	}
}

// Problem is the body of every answer that is not a success.
type Problem struct {
	Error string `json:"error"` // what happened
	Next  string `json:"next"`  // what to do about it
}

func (s *Server) fail(w http.ResponseWriter, code int, what, next string) {
	s.answer(w, code, Problem{Error: what, Next: next})
}
