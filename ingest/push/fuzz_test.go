package push_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest/ingesttest"
	"castnet/ingest/push"
)

// answer is a recorded one, of a connection whose time to read can be bounded.
type answer struct{ *httptest.ResponseRecorder }

func (answer) SetReadDeadline(time.Time) error { return nil }

// FuzzRequests pushes any bytes by any name, twice, and says goodbye: every request is answered in words.
func FuzzRequests(f *testing.F) {
	for _, name := range []string{"0.ts", "out-17.ts", "index.m3u8", "", "a/b.ts", "18446744073709551615.ts", "x.ts"} {
		f.Add(http.MethodPut, name, []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nout-0.ts\n#EXT-X-ENDLIST\n"))
		f.Add(http.MethodPost, name, append([]byte{0x47, 0x40, 0, 0x10, 0}, make([]byte, 183)...))
	}
	g := ingesttest.NewGate()
	server, err := push.New(push.Config{
		Gate: g, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), ReorderWait: time.Millisecond,
	})
	if err != nil {
		f.Fatal(err)
	}
	ingesttest.Run(f, server.Run)
	ask := func(t *testing.T, method, path string, body []byte) {
		t.Helper()
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPut, "/live/demo/x", bytes.NewReader(body))
		r.Method, r.URL.Path = method, path
		w := answer{httptest.NewRecorder()}
		server.ServeHTTP(w, r)
		if w.Code >= http.StatusBadRequest && w.Body.Len() == 0 || w.Code == http.StatusInternalServerError {
			t.Fatalf("%s %q: %d %s", method, path, w.Code, w.Body)
		}
	}
	f.Fuzz(func(t *testing.T, method, name string, body []byte) {
		ask(t, method, "/live/demo/"+name, body)
		ask(t, method, "/live/demo/"+name, body)
		ask(t, http.MethodDelete, "/live/demo", nil)
		for {
			select {
			case r := <-g.Sinks:
				<-r.Closed // each is over by now, or the next one could not come
				continue
			default:
			}
			return
		}
	})
}
