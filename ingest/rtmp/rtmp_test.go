package rtmp_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/rtmp"
	"castnet/internal/media"
)

// gate admits the key "demo", once at a time, into recorders.
type gate struct {
	mu       sync.Mutex
	busy     map[string]bool
	sinks    chan *recorder
	requests []ingest.Request
	onWrite  func(*recorder, *media.Unit) error
}

func newGate() *gate {
	return &gate{busy: make(map[string]bool), sinks: make(chan *recorder, 1000)}
}

func (g *gate) Publish(_ context.Context, req ingest.Request) (ingest.Sink, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, req)
	if req.Key != "demo" && req.Key != "second" {
		return nil, ingest.ErrWrongKey
	}
	if g.busy[req.Key] {
		return nil, ingest.ErrKeyInUse
	}
	g.busy[req.Key] = true
	r := &recorder{gate: g, key: req.Key, closed: make(chan struct{}), started: make(chan struct{}), units: make(map[media.Codec][]*media.Unit)}
	g.sinks <- r
	return r, nil
}

// recorder keeps what one publisher sent, and cuts its video.
type recorder struct {
	gate    *gate
	key     string
	started chan struct{} // closed at the first Start
	closed  chan struct{}

	mu        sync.Mutex
	tracks    []*media.Track
	starts    int
	units     map[media.Codec][]*media.Unit
	segmenter *ingest.Segmenter
	segments  []*media.Segment
	dropped   int
	reason    error
}

func (r *recorder) Start(tracks []*media.Track) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tracks = tracks
	for _, t := range tracks {
		if !t.Codec.IsVideo() {
			continue
		}
		if r.segmenter == nil {
			r.segmenter = ingest.NewSegmenter(t)
		} else {
			r.segmenter.SetTrack(t)
		}
	}
	if r.starts++; r.starts == 1 {
		close(r.started)
	}
	return nil
}

func (r *recorder) Write(track int, u *media.Unit) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	codec := r.tracks[track].Codec
	r.units[codec] = append(r.units[codec], u)
	if codec.IsVideo() {
		d, err := r.segmenter.Push(u)
		if err != nil {
			return err
		}
		if d.Start != nil {
			r.segments = append(r.segments, d.Start)
		}
		if d.Drop {
			r.dropped++
		}
	}
	if r.gate.onWrite != nil {
		return r.gate.onWrite(r, u)
	}
	return nil
}

func (r *recorder) Close(reason error) {
	r.gate.mu.Lock()
	r.gate.busy[r.key] = false
	r.gate.mu.Unlock()
	r.reason = reason
	close(r.closed)
}

// wait returns the recorder of the next publisher, once it is over.
func (g *gate) wait(t *testing.T) *recorder {
	t.Helper()
	r := g.next(t)
	select {
	case <-r.closed:
	case <-time.After(30 * time.Second):
		t.Fatal("the publisher did not end")
	}
	return r
}

func (g *gate) next(t *testing.T) *recorder {
	t.Helper()
	select {
	case r := <-g.sinks:
		return r
	case <-time.After(30 * time.Second):
		t.Fatal("no publisher came")
		return nil
	}
}

// start runs a server until the test ends, and returns its address.
func start(tb testing.TB, g ingest.Gate, change func(*rtmp.Config)) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	cfg := rtmp.Config{
		Listener: listener, Gate: g, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Registerer: prometheus.NewRegistry(),
	}
	if change != nil {
		change(&cfg)
	}
	server, err := rtmp.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("Run: %v", err)
		}
	})
	return listener.Addr().String()
}
