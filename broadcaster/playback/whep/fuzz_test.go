package whep_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/internal/clip"
	"castnet/broadcaster/playback/whep"
	"castnet/internal/media"
	"castnet/internal/rtc"
)

// recorded is an answer of a connection whose time to read can be bounded.
type recorded struct{ *httptest.ResponseRecorder }

func (recorded) SetReadDeadline(time.Time) error { return nil }

// FuzzOffer posts any offer and query, asks of the session that came of it any layer, gives it any candidate, and ends it:
// every request is answered in words.
func FuzzOffer(f *testing.F) {
	offer := newOffer(f)
	const candidate = "a=ice-ufrag:abcd\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
	f.Add(offer, "rendition=source", `{"encodingId": "source"}`, candidate)
	f.Add(offer, "rendition=none&x", `{}`, "a=candidate:x")
	f.Add(offer[:len(offer)/2], "rendition=%ff", `{"encodingId": 1}`, "")
	server := fuzzServer(f)
	ask := func(t *testing.T, method, path, query, body string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", "application/sdp")
		w := recorded{httptest.NewRecorder()}
		server.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || w.Code >= http.StatusBadRequest && w.Body.Len() == 0 {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return w.ResponseRecorder
	}
	f.Fuzz(func(t *testing.T, offer, query, layer, fragment string) {
		w := ask(t, http.MethodPost, "/whep/demo", query, offer)
		if w.Code != http.StatusCreated {
			return
		}
		at := w.Header().Get("Location")
		ask(t, http.MethodPost, at+"/layer", "", layer)
		ask(t, http.MethodPatch, at, "", fragment)
		ask(t, http.MethodDelete, at, "", "")
	})
}

// fuzzServer serves a stream, "demo", of one key picture.
func fuzzServer(f *testing.F) http.Handler {
	f.Helper()
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
	c := clip.Make(f, clip.Options{Width: 320, Height: 240, Pictures: 10, Keys: 10})
	check(hub.SetLadder(nil))
	check(hub.StartSegment(&media.Segment{FirstPTS: c.Units[0].PTS, DecodeFrom: c.Units[0].PTS, Track: c.Video}))
	check(hub.PublishSource(c.Units[0]))
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	check(err)
	host, err := rtc.NewHost(udp, nil, log)
	check(err)
	server, err := whep.NewServer(whep.Config{Directory: directory{"demo": hub}, Metrics: metrics, Logger: log, Host: host, Wait: time.Second})
	check(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Run(ctx); err != nil {
			f.Error(err)
		}
	})
	f.Cleanup(func() {
		cancel()
		running.Wait()
		check(host.Close())
	})
	return server
}

// newOffer is a player's.
func newOffer(f *testing.F) string {
	f.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = pc.Close() }()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			f.Fatal(err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		f.Fatal(err)
	}
	return offer.SDP
}
