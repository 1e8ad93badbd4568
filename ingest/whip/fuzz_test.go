package whip_test

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest/ingesttest"
	"castnet/ingest/whip"
	"castnet/internal/rtc"
)

// recorded is an answer of a connection whose time to read can be bounded.
type recorded struct{ *httptest.ResponseRecorder }

func (recorded) SetReadDeadline(time.Time) error { return nil }

// FuzzOffer posts any offer, patches the session that came of it with any fragment, and ends it: every request is answered in
// words.
func FuzzOffer(f *testing.F) {
	const fragment = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
	offer := newOffer(f)
	f.Add(offer, fragment, "*")
	f.Add(offer[:len(offer)/2], "a=candidate:", "")
	f.Add("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "", `"x"`)

	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	host, err := rtc.NewHost(udp, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := host.Close(); err != nil {
			f.Error(err)
		}
	})
	g := ingesttest.NewGate()
	server, err := whip.New(whip.Config{Host: host, Gate: g, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		f.Fatal(err)
	}
	ingesttest.Run(f, server.Run)
	ask := func(t *testing.T, method, path, body, match string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequest(method, path, bytes.NewReader([]byte(body)))
		r.Header.Set("Content-Type", "application/sdp")
		if method == http.MethodPatch {
			r.Header.Set("Content-Type", "application/trickle-ice-sdpfrag")
			r.Header.Set("If-Match", match)
		}
		w := recorded{httptest.NewRecorder()}
		server.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || w.Code >= http.StatusBadRequest && w.Body.Len() == 0 {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return w.ResponseRecorder
	}
	f.Fuzz(func(t *testing.T, offer, fragment, match string) {
		w := ask(t, http.MethodPost, "/whip/demo", offer, "")
		if w.Code != http.StatusCreated {
			select {
			case refused := <-g.Sinks: // its key was good, its offer was not
				<-refused.Closed
			default:
			}
			return
		}
		at := w.Header().Get("Location")
		ask(t, http.MethodPatch, at, fragment, match)
		ask(t, http.MethodDelete, at, "", "")
		<-(<-g.Sinks).Closed
	})
}

// newOffer is one of pictures and sound.
func newOffer(f *testing.F) string {
	f.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = pc.Close() }()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
			f.Fatal(err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		f.Fatal(err)
	}
	return offer.SDP
}
