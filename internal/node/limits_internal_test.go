package node

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
)

type oneHub struct{ hub *playback.Hub }

func (o oneHub) Hub(id string) (*playback.Hub, bool) { return o.hub, id == o.hub.ID() }

// TestAudience: who wants to join a stream that is full is told so; those who watch go on. (The limits of a stream are
// unexported, so this test is inside.)
func TestAudience(t *testing.T) {
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	hub, err := playback.New(playback.Config{ID: "demo", Logger: slog.New(slog.DiscardHandler), Metrics: metrics})
	if err != nil {
		t.Fatal(err)
	}
	hub.AddViewers(playback.HLS, 2)
	hub.AddViewers(playback.WHEP, 1)
	a := audience{max: 2, streams: oneHub{hub}}
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	pages := http.NewServeMux()
	pages.Handle("/hls/", a.entrance(served, playback.HLS, joinsHLS))
	pages.Handle("/whep/", a.entrance(served, playback.WHEP, joinsWHEP))
	for request, want := range map[string]int{
		"GET /hls/demo/index.m3u8":      http.StatusServiceUnavailable,
		"GET /hls/demo/720p/index.m3u8": http.StatusNoContent,
		"GET /hls/other/index.m3u8":     http.StatusNoContent,
		"POST /whep/demo":               http.StatusNoContent,
	} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
		if w.Code != want || want == http.StatusServiceUnavailable && !strings.Contains(w.Body.String(), "--max-viewers") {
			t.Errorf("%s: %d %s, want %d", request, w.Code, w.Body, want)
		}
	}
	hub.AddViewers(playback.WHEP, 1)
	w := httptest.NewRecorder()
	pages.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/whep/demo?rendition=720p", http.NoBody))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("WHEP beyond the limit: %d", w.Code)
	}
}
