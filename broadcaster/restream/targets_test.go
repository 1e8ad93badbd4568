package restream_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/restream"
	"castnet/ingest/ingesttest"
	"castnet/ingest/srt"
	"castnet/internal/media"
	"castnet/test/port"
)

// TestAddAndRemove: a target that is added gets the stream that is live, and the next one of that name; one that is removed is
// told goodbye. No error shows a secret.
func TestAddAndRemove(t *testing.T) {
	t.Parallel()
	g := ingesttest.NewGate()
	url, _ := receiver(t, "rtmp", "127.0.0.1:0", g)
	fixed := restream.Target{Stream: "show", Rendition: "144p", URL: "rtmp://127.0.0.1:1/live/SECRET"} // there is no such rendition
	server, err := restream.New(restream.Config{
		Targets: []restream.Target{fixed}, MaxAdded: 2, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Registerer: prometheus.NewRegistry(),
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
		"twice":        {target, restream.ErrKnown},
		"no server":    {restream.Target{Stream: "show", Rendition: "720p", URL: "http://127.0.0.1/SECRET"}, restream.ErrInvalid},
		"no host":      {restream.Target{Stream: "show", Rendition: "720p", URL: "rtmp://%ff/SECRET/b"}, restream.ErrInvalid},
		"nor by SRT":   {restream.Target{Stream: "show", Rendition: "720p", URL: "srt://%ff:1?streamid=SECRET"}, restream.ErrInvalid},
		"no ASCII":     {restream.Target{Stream: "show", Rendition: "720p", URL: "rtmp://bücher.example/live/SECRET"}, restream.ErrInvalid},
		"no such name": {restream.Target{Stream: "show", Rendition: "720p", URL: "rtmp://" + strings.Repeat("a", 300) + "/live/SECRET"}, restream.ErrInvalid},
	} {
		if _, err := server.Add(c.target); !errors.Is(err, c.is) || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "demo") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if again, err := server.Add(fixed); err != nil || again.ID != 3 {
		t.Errorf("who tries the addresses of the configuration is told %+v, %v", again, err)
	}
	if _, err := server.Add(target); !errors.Is(err, restream.ErrTooMany) {
		t.Errorf("a target too many: %v", err)
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
	if list := server.Targets("show"); len(list) != 2 || !list[0].Fixed || list[1].ID != 3 {
		t.Errorf("the targets are %+v", list)
	}
	if added, err = server.Add(restream.Target{Stream: "other", Rendition: playback.SourceName, URL: url}); err != nil || added.ID != 4 || added.State != restream.Idle {
		t.Errorf("of a stream that is not live: %+v, %v", added, err)
	}
}

// TestPlaces: the place of a target that was removed is taken for a while, and its metrics go at once.
func TestPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		server, err := restream.New(restream.Config{MaxAdded: 2, Logger: slog.New(slog.DiscardHandler), Registerer: registry})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- server.Run(ctx) }()
		synctest.Wait()
		add := func(want error) (id int) {
			t.Helper()
			st, err := server.Add(restream.Target{Stream: "show", URL: "rtmp://127.0.0.1/live/x"})
			if !errors.Is(err, want) {
				t.Errorf("%v, wanted %v", err, want)
			}
			return st.ID
		}
		metrics := func(want int) {
			t.Helper()
			if n, err := testutil.GatherAndCount(registry); err != nil || n != want {
				t.Errorf("%d metrics, %v", n, err)
			}
		}
		for range 2 { // both places
			id := add(nil)
			metrics(3)
			if err := server.Remove("show", id); err != nil {
				t.Error(err)
			}
			metrics(0)
		}
		add(restream.ErrSoon)
		<-time.After(59 * time.Second)
		add(restream.ErrSoon)
		<-time.After(2 * time.Second)
		add(nil)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestMetricOfABadLabel: what cannot be a label fails the scrape, and nothing else.
func TestMetricOfABadLabel(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	_, err := restream.New(restream.Config{
		Targets: []restream.Target{{Stream: "\xff", URL: "rtmp://127.0.0.1/live/x"}}, Logger: slog.New(slog.DiscardHandler), Registerer: registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Gather(); err == nil {
		t.Error("a label that is no text was told")
	}
}

// TestGoodbyeToAServerThatHolds: the goodbye does not take as long as a server of SRT would like to have it.
func TestGoodbyeToAServerThatHolds(t *testing.T) {
	t.Parallel()
	g := ingesttest.NewGate()
	holds := port.Again(t, func() (*srt.Server, error) {
		return srt.New(srt.Config{
			Address: "127.0.0.1:0", Latency: time.Minute, Gate: g, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		})
	})
	ingesttest.Run(t, holds.Run)
	s := newShow(t)
	server, _ := push(t, s, "srt://"+holds.Address()+"?streamid=publish:demo")
	s.lap(t, 0, atOnce)
	until(t, server, 0, "the connection", live)
	s.hub.Close(nil)
	began := time.Now()
	until(t, server, 0, "the end", func(st restream.Status) bool { return st.State == restream.Idle })
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the goodbye took %v", took)
	}
}
