package api_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"castnet/broadcaster/api"
)

func TestResources(t *testing.T) {
	w := &world{streams: []api.StreamView{camera("demo", 400), {ID: "bare"}}, network: threeOrchestrators()}
	web := serve(t, config(w))

	r := get(t, web.URL+"/api/v1/streams")
	require.Equal(t, "application/json; charset=utf-8", r.header.Get("Content-Type"))
	require.Equal(t, "no-store", r.header.Get("Cache-Control"))
	require.Len(t, decode[[]api.StreamView](t, r.body), 2)
	require.Contains(t, r.body, `"renditions":[],`, "lists are never null")

	one := decode[api.StreamView](t, get(t, web.URL+"/api/v1/streams/demo").body)
	require.Equal(t, "Rosa", one.Orchestrator.Name)
	require.Equal(t, api.Wei("16566480000000000"), one.Paid.EVWei, "money is exact: 399 tickets of 41520 gwei")

	network := decode[api.NetworkView](t, get(t, web.URL+"/api/v1/network").body)
	require.Equal(t, api.Wei("50000000000000000000000"), network.Orchestrators[0].StakeWei)
	status := decode[api.StatusView](t, get(t, web.URL+"/api/v1/status").body)
	require.Equal(t, "demo", status.DemoKey)
	require.Equal(t, "rtmp://{host}:1935/live/{key}", status.Ways[0].URL)
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	w := &world{}
	web := serve(t, config(w))
	for path, want := range map[string]string{
		"/api/v1/streams/nobody": "no stream",
		"/api/v1/nonsense":       "there is no",
		"/api/v2":                "there is no",
		"/api/v1/streams/" + strings.Repeat("x", 5000): "no stream",
	} {
		r := get(t, web.URL+path)
		require.Equal(t, http.StatusNotFound, r.code, path)
		p := decode[api.Problem](t, r.body)
		require.Contains(t, p.Error, want)
		require.NotEmpty(t, p.Next)
		require.Less(t, len(r.body), 1000, "what was asked is not echoed at length")
	}
	resp, err := http.Post(web.URL+"/api/v1/streams", "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.GreaterOrEqual(t, resp.StatusCode, 400, "the API is read-only")
}

func TestReadiness(t *testing.T) {
	w := &world{ready: errors.New("no chain in reach")}
	web := serve(t, config(w))
	r := get(t, web.URL+"/healthz")
	require.Equal(t, http.StatusOK, r.code)
	r = get(t, web.URL+"/readyz")
	require.Equal(t, http.StatusServiceUnavailable, r.code)
	require.Contains(t, r.body, "no chain in reach")
	w.change(func(w *world) { w.ready = nil })
	r = get(t, web.URL+"/readyz")
	require.Equal(t, http.StatusOK, r.code)
}

func TestConfigIsChecked(t *testing.T) {
	for name, spoil := range map[string]func(*api.Config){
		"Streams":    func(c *api.Config) { c.Streams = nil },
		"Network":    func(c *api.Config) { c.Network = nil },
		"Logger":     func(c *api.Config) { c.Logger = nil },
		"Registerer": func(c *api.Config) { c.Registerer = nil },
		"negative":   func(c *api.Config) { c.MaxEventClients = -1 },
		"pages":      func(c *api.Config) { c.Pages = fstest.MapFS{} },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(&world{})
			spoil(&cfg)
			_, err := api.New(cfg)
			require.ErrorContains(t, err, name)
		})
	}
}

func TestPages(t *testing.T) {
	cfg := config(&world{})
	cfg.Pages = fstest.MapFS{
		"index.html":            {Data: []byte("<p>the application")},
		"mark.svg":              {Data: []byte("<svg/>")},
		"assets/app-1a2b.js":    {Data: []byte("plain")},
		"assets/app-1a2b.js.gz": {Data: []byte("packed")},
	}
	web := serve(t, cfg)
	for path, want := range map[string]struct {
		code          int
		body, caching string
	}{
		"/":                      {200, "<p>the application", "no-cache"},
		"/index.html":            {404, "<p>the application", "no-cache"},
		"/watch/demo":            {200, "<p>the application", "no-cache"},
		"/watch/demo?player=hls": {200, "<p>the application", "no-cache"},
		"/watch/":                {404, "<p>the application", "no-cache"},
		"/watch/a/b":             {404, "<p>the application", "no-cache"},
		"/stake":                 {200, "<p>the application", "no-cache"},
		"/network":               {200, "<p>the application", "no-cache"},
		"/elsewhere":             {404, "<p>the application", "no-cache"},
		"/mark.svg":              {200, "<svg/>", "no-cache"},
		"/assets/app-1a2b.js":    {200, "plain", "public, max-age=31536000, immutable"},
		"/assets/app-old.js":     {404, "no such file: reload the page, the server has a newer one\n", ""},
		"/assets/../index.html":  {404, "<p>the application", "no-cache"},
	} {
		t.Run(path, func(t *testing.T) {
			r := get(t, web.URL+path, "Accept-Encoding", "identity")
			if r.code == http.StatusMovedPermanently || r.code == http.StatusTemporaryRedirect {
				return // the mux cleans paths
			}
			require.Equal(t, want.code, r.code)
			require.Equal(t, want.body, r.body)
			require.Equal(t, want.caching, r.header.Get("Cache-Control"))
			require.Equal(t, "nosniff", r.header.Get("X-Content-Type-Options"))
		})
	}

	r := get(t, web.URL+"/assets/app-1a2b.js", "Accept-Encoding", "gzip, br")
	require.Equal(t, "gzip", r.header.Get("Content-Encoding"))
	require.Equal(t, "packed", r.body)
	require.Contains(t, r.header.Get("Content-Type"), "javascript")

	r = get(t, web.URL+"/network")
	require.Contains(t, r.header.Get("Content-Security-Policy"), "default-src 'self'")
	r = get(t, web.URL+"/network", "If-None-Match", r.header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, r.code)
	require.Empty(t, r.body)
}

// TestPlaceholderSaysWhatIsMissing also guards that a build without Node works.
func TestPlaceholderSaysWhatIsMissing(t *testing.T) {
	cfg := config(&world{})
	cfg.Pages = fstest.MapFS{"placeholder.html": {Data: []byte("run make build")}}
	web := serve(t, cfg)
	require.Contains(t, get(t, web.URL+"/").body, "make build")
}

// message is one server-sent event.
type message struct{ event, data string }

// follow opens an event stream and reads it in the background until the test ends.
func follow(t *testing.T, url string) <-chan message {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req) //nolint:bodyclose // the reader below closes it
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	out := make(chan message, 1000)
	go func() {
		defer close(out)
		defer func() { _ = resp.Body.Close() }()
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		var m message
		for lines.Scan() {
			line := lines.Text()
			switch {
			case strings.HasPrefix(line, "event: "):
				m.event = line[len("event: "):]
			case strings.HasPrefix(line, "data: "):
				m.data = line[len("data: "):]
			case line == "":
				out <- m
				m = message{}
			}
		}
	}()
	return out
}

// await returns the next message of that name.
func await(t *testing.T, in <-chan message, event string) string {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		select {
		case m, ok := <-in:
			require.True(t, ok, "the line ended while waiting for %q", event)
			if m.event == event {
				return m.data
			}
		case <-deadline:
			require.Fail(t, "nothing came", event)
		}
	}
}

func TestEventsOfAStreamThatComesAndGoes(t *testing.T) {
	w := &world{network: threeOrchestrators()}
	web := serve(t, config(w))
	line := follow(t, web.URL+"/api/v1/streams/demo/events")

	await(t, line, "gone") // the page may be open before the camera is on
	require.Equal(t, uint64(17), decode[api.NetworkView](t, await(t, line, "network")).Round)
	w.change(func(w *world) { w.streams = []api.StreamView{camera("demo", 5)} })
	require.Equal(t, int64(5), decode[api.StreamView](t, await(t, line, "stream")).Segments.Count)
	w.change(func(w *world) { w.streams[0].Segments.Count = 6 })
	require.Equal(t, int64(6), decode[api.StreamView](t, await(t, line, "stream")).Segments.Count)
	await(t, line, "beat")
	w.change(func(w *world) { w.streams = nil })
	await(t, line, "gone")
}

func TestEventsOfTheList(t *testing.T) {
	w := &world{network: threeOrchestrators()}
	web := serve(t, config(w))
	line := follow(t, web.URL+"/api/v1/events")
	require.Equal(t, "[]", await(t, line, "streams"))
	w.change(func(w *world) { w.network.Round = 18 })
	round := uint64(0)
	for round != 18 {
		round = decode[api.NetworkView](t, await(t, line, "network")).Round
	}
}

// TestEventsAreNoMoreThanFourASecond changes a stream as fast as it can and holds what a page gets of it against the clock.
func TestEventsAreNoMoreThanFourASecond(t *testing.T) {
	w := &world{streams: []api.StreamView{camera("demo", 5)}, network: threeOrchestrators()}
	cfg := config(w)
	cfg.Interval = 0 // the default
	web := serve(t, cfg)
	began := time.Now()
	line := follow(t, web.URL+"/api/v1/streams/demo/events")
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	const events = 11
	for got := 0; got < events; {
		select {
		case <-tick.C:
			w.change(func(w *world) { w.streams[0].Segments.Count++ })
		case m := <-line:
			if m.event == "stream" {
				got++
			}
		}
	}
	// The first comes at once, the second with the server's next look, and that before may have been late.
	require.GreaterOrEqual(t, time.Since(began), (events-3)*time.Second/4)
}

// TestSlowPageIsLetGo opens a page that never reads, with data large enough to fill every buffer on the way.
func TestSlowPageIsLetGo(t *testing.T) {
	big := camera("demo", 5)
	big.Ended = strings.Repeat("x", 4<<20)
	w := &world{streams: []api.StreamView{big}, network: threeOrchestrators()}
	cfg := config(w)
	registry := prometheus.NewRegistry()
	cfg.Registerer = registry
	web := serve(t, cfg)

	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(web.URL, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET /api/v1/streams/demo/events HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)

	require.Eventually(t, func() bool {
		w.change(func(w *world) { w.streams[0].Segments.Count++ })
		return metric(t, registry, "castnet_api_event_clients_dropped_total") == 1
	}, 2*time.Minute, 20*time.Millisecond)
	require.Eventually(t, func() bool { return metric(t, registry, "castnet_api_event_clients") == 0 },
		2*time.Minute, 20*time.Millisecond)
}

func TestTooManyPages(t *testing.T) {
	cfg := config(&world{})
	cfg.MaxEventClients = 2
	web := serve(t, cfg)
	for range 2 {
		await(t, follow(t, web.URL+"/api/v1/events"), "streams")
	}
	r := get(t, web.URL+"/api/v1/events")
	require.Equal(t, http.StatusServiceUnavailable, r.code)
	require.Contains(t, r.body, "allowed are 2")
}

// TestRunEndsEveryLine is what lets an HTTP server shut down while pages are open.
func TestRunEndsEveryLine(t *testing.T) {
	server, err := api.New(config(&world{}))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	web := &http.Server{Handler: server, ReadHeaderTimeout: time.Second}
	go func() { _ = web.Serve(listener) }()

	line := follow(t, "http://"+listener.Addr().String()+"/api/v1/events")
	await(t, line, "streams")
	stop()
	require.NoError(t, <-done)
	limit, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, web.Shutdown(limit))
}

func metric(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	require.Fail(t, "no such metric", name)
	return 0
}
