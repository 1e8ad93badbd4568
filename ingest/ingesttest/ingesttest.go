// Package ingesttest has the gate and the sinks that the tests of ingest's protocols share.
package ingesttest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"castnet/ingest"
	"castnet/internal/media"
)

// Gate admits the keys "demo" and "second", each once at a time, into recorders.
type Gate struct {
	mu   sync.Mutex
	busy map[string]bool

	Sinks    chan *Recorder                     // the publishers that were admitted, until somebody waits for them
	Requests []ingest.Request                   // all that asked
	OnWrite  func(*Recorder, *media.Unit) error // may be set before the first publisher; its error ends one
}

// NewGate makes a gate that nobody has come through.
func NewGate() *Gate {
	return &Gate{busy: make(map[string]bool), Sinks: make(chan *Recorder, 1000)}
}

// Publish implements ingest.Gate.
func (g *Gate) Publish(_ context.Context, req ingest.Request) (ingest.Sink, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.Requests = append(g.Requests, req)
	if req.Key != "demo" && req.Key != "second" {
		return nil, ingest.ErrWrongKey
	}
	if g.busy[req.Key] {
		return nil, ingest.ErrKeyInUse
	}
	g.busy[req.Key] = true
	r := &Recorder{
		gate: g, key: req.Key, Closed: make(chan struct{}), Started: make(chan struct{}),
		Units: make(map[media.Codec][]*media.Unit), ByTrack: make(map[int][]*media.Unit),
	}
	g.Sinks <- r
	return r, nil
}

// Recorder keeps what one publisher sent, and cuts its video. Read it once it is closed.
type Recorder struct {
	gate    *Gate
	key     string
	Started chan struct{} // closed at the first Start
	Closed  chan struct{}

	mu        sync.Mutex
	segmenter *ingest.Segmenter
	Tracks    []*media.Track // as last named
	Starts    int            // how often they were
	Units     map[media.Codec][]*media.Unit
	ByTrack   map[int][]*media.Unit // the same, by the index in Tracks, and those of further video tracks
	Segments  []*media.Segment
	Dropped   int // pictures, by the segmenter
	Reason    error
}

// Count is how many units of a codec have come.
func (r *Recorder) Count(codec media.Codec) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.Units[codec])
}

// Video is the video track as last named, nil without.
func (r *Recorder) Video() *media.Track {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.Tracks {
		if t.Codec.IsVideo() {
			return t
		}
	}
	return nil
}

// video is the index of the video track that the stream is cut by, -1 without.
func (r *Recorder) video() int {
	return slices.IndexFunc(r.Tracks, func(t *media.Track) bool { return t.Codec.IsVideo() })
}

// Start implements ingest.Sink.
func (r *Recorder) Start(tracks []*media.Track) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Tracks = tracks
	if i := r.video(); i >= 0 {
		if r.segmenter == nil {
			r.segmenter = ingest.NewSegmenter(tracks[i])
		} else {
			r.segmenter.SetTrack(tracks[i])
		}
	}
	if r.Starts++; r.Starts == 1 {
		close(r.Started)
	}
	return nil
}

// Write implements ingest.Sink.
func (r *Recorder) Write(track int, u *media.Unit) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	codec := r.Tracks[track].Codec
	r.ByTrack[track] = append(r.ByTrack[track], u)
	if codec.IsVideo() && track != r.video() {
		return nil // a further one
	}
	r.Units[codec] = append(r.Units[codec], u)
	if codec.IsVideo() {
		d, err := r.segmenter.Push(u)
		if err != nil {
			return err
		}
		if d.Start != nil {
			r.Segments = append(r.Segments, d.Start)
		}
		if d.Drop {
			r.Dropped++
		}
	}
	if r.gate.OnWrite != nil {
		return r.gate.OnWrite(r, u)
	}
	return nil
}

// Close implements ingest.Sink.
func (r *Recorder) Close(reason error) {
	r.gate.mu.Lock()
	r.gate.busy[r.key] = false
	r.gate.mu.Unlock()
	r.Reason = reason
	close(r.Closed)
}

// Wait returns the recorder of the next publisher, once it is over.
func (g *Gate) Wait(t *testing.T) *Recorder {
	t.Helper()
	r := g.Next(t)
	select {
	case <-r.Closed:
	case <-time.After(2 * time.Minute):
		t.Fatal("the publisher did not end")
	}
	return r
}

// Next returns the recorder of the next publisher, as soon as it has come.
func (g *Gate) Next(t *testing.T) *Recorder {
	t.Helper()
	select {
	case r := <-g.Sinks:
		return r
	case <-time.After(2 * time.Minute):
		t.Fatal("no publisher came")
		return nil
	}
}

// Run runs a server until the test ends.
func Run(tb testing.TB, run func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("Run: %v", err)
		}
	})
}
