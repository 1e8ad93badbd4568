package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// events keeps topics fresh. A topic is one thing that pages look at: all streams, the network, or one stream. Each
// has one newest message that all its readers share; who is slow misses the ones between, so that no reader holds more
// than one message and none slows another.
type events struct {
	cfg     *Config
	clients prometheus.Gauge
	dropped prometheus.Counter

	mu     sync.Mutex
	topics map[string]*topic // by key: those with readers
	open   int               // clients let in
	done   chan struct{}     // closed when run ends
	ended  bool
}

// topic is one thing to look at. All but its first three fields are guarded by events.mu.
type topic struct {
	key   string
	event string // name of the SSE event
	// snapshot returns the state now; false says that there is none any more, or not yet.
	snapshot func() (any, bool)

	readers map[*reader]struct{}
	data    []byte // the last snapshot as JSON
	message []byte // the same as an SSE event; immutable
	version uint64
}

// reader is woken when one of its topics has a newer message.
type reader struct{ wake chan struct{} }

func newEvents(cfg *Config) (*events, error) {
	e := &events{
		cfg: cfg, topics: make(map[string]*topic), done: make(chan struct{}),
		clients: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "castnet_api_event_clients", Help: "Open event streams of pages.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "castnet_api_event_clients_dropped_total", Help: "Event streams closed because their reader took nothing.",
		}),
	}
	for _, c := range []prometheus.Collector{e.clients, e.dropped} {
		if err := cfg.Registerer.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics of the api: %w", err)
		}
	}
	return e, nil
}

// run refreshes the topics that have readers, four times a second unless configured otherwise.
func (e *events) run(ctx context.Context) error {
	tick := time.NewTicker(e.cfg.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			e.mu.Lock()
			e.ended = true
			close(e.done)
			e.mu.Unlock()
			return nil
		case <-tick.C:
			e.refresh()
		}
	}
}

func (e *events) refresh() {
	e.mu.Lock()
	current := make([]*topic, 0, len(e.topics))
	for _, t := range e.topics {
		current = append(current, t)
	}
	e.mu.Unlock()
	for _, t := range current {
		e.update(t)
	}
}

// update asks for a topic's state, outside the lock, and publishes it where it changed.
func (e *events) update(t *topic) {
	event := t.event
	v, ok := t.snapshot()
	if !ok {
		event, v = "gone", struct{}{}
	}
	data, err := json.Marshal(v)
	if err != nil {
		e.cfg.Logger.Error("page data cannot be written as JSON", "topic", t.key, "error", err)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if bytes.Equal(data, t.data) {
		return
	}
	t.data = data
	t.message = fmt.Appendf(nil, "event: %s\ndata: %s\n\n", event, data)
	t.version++
	for r := range t.readers {
		select {
		case r.wake <- struct{}{}:
		default: // it is awake already
		}
	}
}

// join adds a reader to the topic of that key, which it makes of want where r is the first.
func (e *events) join(want topic, r *reader) *topic {
	e.mu.Lock()
	t, ok := e.topics[want.key]
	if !ok {
		t = &want
		t.readers = make(map[*reader]struct{})
		e.topics[t.key] = t
	}
	t.readers[r] = struct{}{}
	fresh := t.version > 0
	e.mu.Unlock()
	if !fresh {
		e.update(t)
	}
	return t
}

func (e *events) leave(t *topic, r *reader) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if delete(t.readers, r); len(t.readers) == 0 {
		delete(e.topics, t.key)
	}
}

// newest returns a topic's newest message and its version, counted from 1.
func (e *events) newest(t *topic) ([]byte, uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return t.message, t.version
}

// admit lets a client in, or says why not.
func (e *events) admit() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return errors.New("the broadcaster is stopping")
	}
	if e.open >= e.cfg.MaxEventClients {
		return fmt.Errorf("%d pages follow this broadcaster already, allowed are %d", e.open, e.cfg.MaxEventClients)
	}
	e.open++
	e.clients.Inc()
	return nil
}

func (e *events) dismiss() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open--
	e.clients.Dec()
}

// serve sends the topics' messages, each topic's newest first, until the client goes or the server stops.
func (e *events) serve(w http.ResponseWriter, r *http.Request, topics []*topic, me *reader) error {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies must not collect events
	control := http.NewResponseController(w)
	send := func(message []byte) error {
		// The deadline is what ends a reader that takes nothing: the kernel's buffer is all it can hold up.
		if err := control.SetWriteDeadline(time.Now().Add(2 * e.cfg.Heartbeat)); err != nil {
			return err
		}
		if _, err := w.Write(message); err != nil {
			return err
		}
		return control.Flush()
	}
	beat := time.NewTicker(e.cfg.Heartbeat)
	defer beat.Stop()
	sent := make([]uint64, len(topics))
	for {
		for i, t := range topics {
			message, version := e.newest(t)
			if version == sent[i] {
				continue
			}
			if err := send(message); err != nil {
				return err
			}
			sent[i] = version
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-e.done:
			return nil
		case <-me.wake:
		case now := <-beat.C:
			// The page tells by it that the line is alive, and how its clock differs from this one.
			if err := send(fmt.Appendf(nil, "event: beat\ndata: {\"now\":%q}\n\n", now.UTC().Format(time.RFC3339Nano))); err != nil {
				return err
			}
		}
	}
}

func (s *Server) allEvents(w http.ResponseWriter, r *http.Request) {
	s.follow(w, r, topic{key: "streams", event: "streams", snapshot: func() (any, bool) { return s.allStreams(), true }})
}

// streamEvents also takes ids that are not live: a page may be opened before the camera is on.
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	s.follow(w, r, topic{key: "stream/" + id, event: "stream", snapshot: func() (any, bool) { return s.oneStream(id) }})
}

// follow serves a topic and, beside it, the network, which every page shows something of.
func (s *Server) follow(w http.ResponseWriter, r *http.Request, what topic) {
	if err := s.events.admit(); err != nil {
		s.fail(w, http.StatusServiceUnavailable, err.Error(), "try again in a minute, or raise MaxEventClients")
		return
	}
	defer s.events.dismiss()
	network := topic{key: "network", event: "network", snapshot: func() (any, bool) { return s.wholeNetwork(), true }}
	me := &reader{wake: make(chan struct{}, 1)}
	topics := []*topic{s.events.join(what, me), s.events.join(network, me)}
	for _, t := range topics {
		defer s.events.leave(t, me)
	}
	if err := s.events.serve(w, r, topics, me); errors.Is(err, os.ErrDeadlineExceeded) {
		s.events.dropped.Inc()
		s.cfg.Logger.Debug("page took no events, its line is closed", "remote", r.RemoteAddr, "error", err)
	}
}
