package api_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"castnet/broadcaster/api"
)

// FuzzRequests asks for any page in any way: every request is answered, and where it is refused in words.
func FuzzRequests(f *testing.F) {
	for _, path := range []string{
		"/", "/watch/demo", "/api/v1/streams", "/api/v1/streams/demo", "/api/v1/orchestrators/0x12", "/api/v1/stakers/0x52a10000000000000000000000000000000000d0",
		"/api/v1/staking", "/api/v1/network", "/api/../etc/passwd", "/assets/%2e%2e/x", "/healthz", "/stake",
	} {
		f.Add(http.MethodGet, path, "a=1&a=2", []byte("{}"))
		f.Add(http.MethodPost, path, "%zz", []byte{0})
	}
	server, err := api.New(config(&world{streams: []api.StreamView{camera("demo", 400)}, network: threeOrchestrators()}))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte) {
		if strings.Contains(path, "events") {
			return // they have no end
		}
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", bytes.NewReader(body))
		r.Method, r.URL.Path, r.URL.RawQuery = method, "/"+strings.TrimPrefix(path, "/"), query
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || w.Code >= http.StatusBadRequest && w.Body.Len() == 0 && method != http.MethodHead {
			t.Fatalf("%s %q?%q: %d %s", method, path, query, w.Code, w.Body)
		}
	})
}
