package hls_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/hls"
	"castnet/broadcaster/playback/internal/clip"
	"castnet/internal/media"
)

// FuzzRequests asks for any file of a stream, by any query: every request is answered, at once where it asks for what is far
// off, and where it is refused in words.
func FuzzRequests(f *testing.F) {
	for _, path := range []string{"index.m3u8", "source/index.m3u8", "source/init.mp4", "aac/index.m3u8", "source/0-s0.m4s", "..", "", "source"} {
		for _, query := range []string{"", "_HLS_msn=0&_HLS_part=0", "_HLS_skip=YES", "_HLS_msn=99999999999999999999", "_HLS_part=1", "%zz"} {
			f.Add(path, query, "gzip")
		}
	}
	log := slog.New(slog.DiscardHandler)
	check := func(err error) {
		if err != nil {
			f.Fatal(err)
		}
	}
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	check(err)
	hub, err := playback.New(playback.Config{ID: "demo", Logger: log, Metrics: metrics})
	check(err)
	server, err := hls.NewServer(hls.Config{Directory: &directory{hubs: map[string]*playback.Hub{"demo": hub}}, Metrics: metrics, Logger: log})
	check(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { check(server.Run(ctx)) })
	f.Cleanup(func() { cancel(); running.Wait() })

	c := clip.Make(f, clip.Options{Width: 320, Height: 240, Pictures: 60, Keys: 15})
	check(hub.SetLadder(nil))
	seq := uint64(0)
	for _, u := range c.Units {
		if u.Key {
			check(hub.StartSegment(&media.Segment{Seq: seq, FirstPTS: u.PTS, DecodeFrom: u.PTS, Track: c.Video}))
			seq++
		}
		u.Capture = time.Unix(1_700_000_000, 0).Add(c.Video.Duration(u.PTS))
		check(hub.PublishSource(u))
	}
	ask := func(ctx context.Context, path, query, encoding string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/hls/demo/x", http.NoBody)
		r.URL.Path, r.URL.RawQuery = "/hls/demo/"+path, query
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		return w
	}
	if w := ask(ctx, "source/index.m3u8", "", ""); w.Code != http.StatusOK {
		f.Fatalf("%d %s", w.Code, w.Body)
	}
	f.Fuzz(func(t *testing.T, path, query, encoding string) {
		gone, leave := context.WithTimeout(ctx, 20*time.Millisecond) // who asks for the next part has to wait for it
		defer leave()
		if w := ask(gone, path, query, encoding); w.Code == http.StatusInternalServerError || w.Code >= http.StatusBadRequest && w.Body.Len() == 0 {
			t.Fatalf("%q?%q: %d %s", path, query, w.Code, w.Body)
		}
	})
}
