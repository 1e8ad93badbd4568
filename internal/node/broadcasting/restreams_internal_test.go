package broadcasting

import (
	"errors"
	"log/slog"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/api"
	"castnet/broadcaster/restream"
)

// TestWhoChangesTargets: a stream's key does, but not the one that everybody knows.
func TestWhoChangesTargets(t *testing.T) {
	t.Parallel()
	keys, err := readKeys("", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.add("SECRET demo"); err != nil {
		t.Fatal(err)
	}
	r := restreams{keys: keys}
	for key, want := range map[string]bool{"SECRET": true, "demo": false, "other": false, "": false} {
		if r.Publishes(key, "demo") != want || r.Publishes(key, "show") {
			t.Errorf("key %q: wanted %v", key, want)
		}
	}
}

// TestRefusals: a client is told of what cannot be done in its own words.
func TestRefusals(t *testing.T) {
	t.Parallel()
	server, err := restream.New(restream.Config{MaxAdded: 1, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	r := restreams{server: server}
	for _, c := range []struct {
		target api.NewTarget
		status int // 0: none
	}{
		{api.NewTarget{URL: "rtmp://%ff/a/b"}, http.StatusBadRequest},
		{api.NewTarget{URL: "rtmp://127.0.0.1/a/b"}, 0},
		{api.NewTarget{URL: "rtmp://127.0.0.1/a/b"}, http.StatusForbidden},
	} {
		_, err := r.AddTarget("show", c.target)
		status := 0
		if refused, ok := errors.AsType[*api.Refusal](err); ok {
			status = refused.Status
		}
		if status != c.status {
			t.Errorf("%+v: %v", c.target, err)
		}
	}
	if refused, ok := errors.AsType[*api.Refusal](refusal(restream.ErrSoon)); !ok || refused.Status != http.StatusTooManyRequests {
		t.Error("who comes too soon is not told so")
	}
}
