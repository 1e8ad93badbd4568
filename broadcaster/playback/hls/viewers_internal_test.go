package hls

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
)

// TestOneOfTheOthersStays: a player that was counted with the others of its address is not refused when places there become free
// while the stream has none.
func TestOneOfTheOthersStays(t *testing.T) {
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	hub, err := playback.New(playback.Config{ID: "demo", Logger: slog.New(slog.DiscardHandler), Metrics: metrics})
	if err != nil {
		t.Fatal(err)
	}
	s := newPresentation(hub, &Config{MaxViewers: maxAgents + 1})
	ask := func(address string, agent int) error {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = address
		r.Header.Set("User-Agent", fmt.Sprint("player ", agent))
		return s.seen(r)
	}
	const home, elsewhere = "192.0.2.1:1000", "192.0.2.2:1000"
	for agent := range maxAgents + 1 {
		if err := ask(home, agent); err != nil {
			t.Fatal(err)
		}
	}
	for agent := range 2 { // they leave, and others come
		s.viewers[viewer{playback.PlaceOf(home), fmt.Sprint("player ", agent)}] = time.Time{}
	}
	s.forget(time.Now())
	for agent := range 2 {
		if err := ask(elsewhere, agent); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(home, maxAgents); err != nil {
		t.Errorf("who watched is refused: %v", err)
	}
	if err := ask(elsewhere, 2); err == nil {
		t.Error("one more than there may be is taken")
	}
}
