package restream_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/restream"
	"castnet/ingest/ingesttest"
	"castnet/internal/media"
)

// TestAddAndRemove: a target that is added gets the stream that is live, and the next one of that name; one that is removed is
// told goodbye. No error shows a secret.
func TestAddAndRemove(t *testing.T) {
	t.Parallel()
	g := ingesttest.NewGate()
	url, _ := receiver(t, "rtmp", "127.0.0.1:0", g)
	fixed := restream.Target{Stream: "show", Rendition: "144p", URL: "rtmp://127.0.0.1:1/live/SECRET"} // there is no such rendition
	server, err := restream.New(restream.Config{
		Targets: []restream.Target{fixed}, MaxAdded: 1, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Registerer: prometheus.NewRegistry(),
		FirstPause: 20 * time.Millisecond, LongestPause: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	s := newShow(t)
	for server.Targets("show")[0].State == restream.Idle { // until Run runs, and takes it
		server.Begin(s.hub)
		wait(10 * time.Millisecond)
	}
	s.lap(t, 0, atOnce)
	target := restream.Target{Stream: "show", Rendition: playback.SourceName, URL: url}
	added, err := server.Add(target)
	if err != nil || added.ID != 2 || added.Fixed || strings.Contains(added.Server, "demo") {
		t.Fatalf("%+v, %v", added, err)
	}
	for name, c := range map[string]struct {
		target restream.Target
		is     error
	}{
		"twice":     {target, restream.ErrKnown},
		"too many":  {restream.Target{Stream: "show", Rendition: "720p", URL: url}, restream.ErrTooMany},
		"no server": {restream.Target{Stream: "show", Rendition: "720p", URL: "http://127.0.0.1/SECRET"}, restream.ErrInvalid},
	} {
		if _, err := server.Add(c.target); !errors.Is(err, c.is) || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "demo") {
			t.Errorf("%s: %v", name, err)
		}
	}
	until(t, server, 1, "the connection", live)
	s.hub.Close(nil)
	if r := g.Wait(t); r.Reason != nil || len(r.Units[media.H264]) != 30 {
		t.Errorf("%d pictures came, ended with %v", len(r.Units[media.H264]), r.Reason)
	}
	until(t, server, 1, "the end", func(st restream.Status) bool { return st.State == restream.Idle })

	s = newShow(t)
	server.Begin(s.hub)
	s.lap(t, 0, atOnce)
	until(t, server, 1, "the connection of the next stream", live)
	if err := server.Remove("show", 1); !errors.Is(err, restream.ErrFixed) {
		t.Errorf("who removes a target of the configuration is told %v", err)
	}
	if err := server.Remove("show", 2); err != nil {
		t.Error(err)
	}
	if r := g.Wait(t); r.Reason != nil {
		t.Errorf("what is removed ended with %v", r.Reason)
	}
	if err := server.Remove("show", 2); !errors.Is(err, restream.ErrUnknown) {
		t.Errorf("who removes a target twice is told %v", err)
	}
	if list := server.Targets("show"); len(list) != 1 || !list[0].Fixed {
		t.Errorf("the targets are %+v", list)
	}
	if added, err = server.Add(restream.Target{Stream: "other", Rendition: playback.SourceName, URL: url}); err != nil || added.ID != 3 || added.State != restream.Idle {
		t.Errorf("of a stream that is not live: %+v, %v", added, err)
	}
}
