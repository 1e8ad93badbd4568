package thumbnail_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/thumbnail"
	"castnet/internal/media"
	"castnet/transcoder"
)

type directory map[string]*playback.Hub

func (d directory) Hub(id string) (*playback.Hub, bool) { h, ok := d[id]; return h, ok }

// maker makes "pictures": the unit's payload behind a word. It notes the jobs.
type maker struct {
	transcoder.Transcoder

	takes time.Duration // for a picture

	mu   sync.Mutex
	jobs []transcoder.StillJob
}

func (m *maker) Open(_ context.Context, cfg transcoder.SessionConfig) (transcoder.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.jobs = append(m.jobs, *cfg.Still)
	return &session{takes: m.takes, out: make(chan transcoder.Output, 1)}, nil
}

func (m *maker) made() []transcoder.StillJob {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.jobs
}

type session struct {
	takes time.Duration
	out   chan transcoder.Output
}

func (s *session) Send(_ context.Context, in transcoder.Input) error {
	u := in.(transcoder.WriteUnit).Unit //nolint:forcetypeassert // nothing else is sent
	if string(u.Payload) == "broken" {
		s.out <- transcoder.BadInput{PTS: u.PTS, Reason: "it is broken"}
		return nil
	}
	s.out <- transcoder.Rendered{Unit: &media.Unit{PTS: u.PTS, Payload: append([]byte("JPEG of "), u.Payload...)}}
	return nil
}

func (s *session) Recv(ctx context.Context) (transcoder.Output, error) {
	select {
	case <-time.After(s.takes):
		return <-s.out, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *session) Close() error { return nil }

// rig is a server with one stream, "demo".
type rig struct {
	*testing.T
	hub    *playback.Hub
	maker  *maker
	server *thumbnail.Server
	units  int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	must(t, err)
	hub, err := playback.New(playback.Config{ID: "demo", Logger: slog.New(slog.DiscardHandler), Metrics: metrics})
	must(t, err)
	r := &rig{T: t, hub: hub, maker: &maker{}}
	r.server, err = thumbnail.New(thumbnail.Config{Directory: directory{"demo": hub}, Maker: r.maker, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.server.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	return r
}

// publish publishes a segment of one key picture.
func (r *rig) publish(payload string) {
	pts := int64(r.units) * media.VideoClockRate
	track := &media.Track{Codec: media.H264, ClockRate: media.VideoClockRate, Width: 1080, Height: 1920}
	must(r.T, r.hub.StartSegment(&media.Segment{Seq: uint64(r.units), FirstPTS: pts, DecodeFrom: pts, Track: track}))
	must(r.T, r.hub.PublishSource(&media.Unit{PTS: pts, DTS: pts, Key: true, Payload: []byte(payload)}))
	r.units++
}

func (r *rig) get(path string, header ...string) *httptest.ResponseRecorder {
	q := httptest.NewRequestWithContext(r.Context(), http.MethodGet, path, http.NoBody)
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.server.ServeHTTP(w, q)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOnDemand: nothing is made before somebody asks; those who ask together, and until the next one is due, get the same.
func TestOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.publish("one")
		var viewers sync.WaitGroup
		for range 20 {
			viewers.Go(func() {
				if got := r.get("/thumbnails/demo.jpg").Body.String(); got != "JPEG of one" {
					t.Errorf("got %q", got)
				}
			})
		}
		viewers.Wait()
		if jobs := r.maker.made(); len(jobs) != 1 || jobs[0].Width != 180 || jobs[0].Height != 320 {
			t.Errorf("made: %+v", jobs)
		}
		res := r.get("/thumbnails/demo.jpg")
		for name, want := range map[string]string{"Content-Type": "image/jpeg", "Cache-Control": "public, max-age=5", "Access-Control-Allow-Origin": "*"} {
			if got := res.Header().Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
		if again := r.get("/thumbnails/demo.jpg", "If-None-Match", res.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("the same picture again: %d", again.Code)
		}

		r.publish("two")
		if got := r.get("/thumbnails/demo.jpg").Body.String(); got != "JPEG of one" {
			t.Errorf("at once: %q", got)
		}
		pause()
		if got := r.get("/thumbnails/demo.jpg").Body.String(); got != "JPEG of two" || len(r.maker.made()) != 2 {
			t.Errorf("after 5 s: %q, %d made", got, len(r.maker.made()))
		}
	})
}

// pause waits until another picture is due, on the test's own clock.
func pause() { <-time.After(5 * time.Second) }

// TestFailures: a picture that cannot be decoded leaves the last one standing, and is not tried again at once; a stream that
// has not begun is waited for; who goes away does not fail the others.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if res := r.get("/thumbnails/demo.jpg"); res.Code != http.StatusServiceUnavailable || res.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("before the first picture: %d", res.Code)
		}
		r.publish("broken")
		for range 3 {
			if res := r.get("/thumbnails/demo.jpg"); res.Code != http.StatusServiceUnavailable {
				t.Errorf("of a broken picture: %d", res.Code)
			}
		}
		if n := len(r.maker.made()); n != 1 {
			t.Errorf("a broken picture was tried %d times", n)
		}
		pause()
		r.publish("good")
		if got := r.get("/thumbnails/demo.jpg").Body.String(); got != "JPEG of good" {
			t.Errorf("got %q", got)
		}
		pause()
		r.publish("broken")
		if got := r.get("/thumbnails/demo.jpg").Body.String(); got != "JPEG of good" {
			t.Errorf("got %q", got)
		}
		r.hub.Close(errors.New("the publisher left"))
	})
}

// TestSlowFailure: a picture that took long to fail is not tried again at once.
func TestSlowFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.maker.takes = 4 * time.Second
		r.publish("broken")
		for range 2 {
			if res := r.get("/thumbnails/demo.jpg"); res.Code != http.StatusServiceUnavailable {
				t.Errorf("of a broken picture: %d", res.Code)
			}
			<-time.After(2 * time.Second)
		}
		if n := len(r.maker.made()); n != 1 {
			t.Errorf("it was tried %d times within 8 s", n)
		}
		r.hub.Close(errors.New("the publisher left"))
	})
}

// TestHangingUp: a picture is made once, whoever of those who asked for it is still there.
func TestHangingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.maker.takes = time.Second
		r.publish("one")
		for range 20 {
			ctx, hangUp := context.WithTimeout(t.Context(), 10*time.Millisecond)
			r.server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/thumbnails/demo.jpg", http.NoBody))
			hangUp()
		}
		if got := r.get("/thumbnails/demo.jpg").Body.String(); got != "JPEG of one" || len(r.maker.made()) != 1 {
			t.Errorf("got %q, %d made", got, len(r.maker.made()))
		}
	})
}

// TestSame: the same picture has the same tag, another one another.
func TestSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var tags []string
		for _, picture := range []string{"one", "one", "two"} {
			r.publish(picture)
			tags = append(tags, r.get("/thumbnails/demo.jpg").Header().Get("ETag"))
			pause()
		}
		if tags[0] == "" || tags[0] != tags[1] || tags[1] == tags[2] || len(r.maker.made()) != 3 {
			t.Errorf("tags %q, %d made", tags, len(r.maker.made()))
		}
	})
}

// TestSoundOnly: there is nothing to wait for.
func TestSoundOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		must(t, r.hub.SetAudioOnly())
		before := time.Now()
		if res := r.get("/thumbnails/demo.jpg"); res.Code != http.StatusNotFound || time.Since(before) > 0 {
			t.Errorf("%d after %v", res.Code, time.Since(before))
		}
	})
}

func TestRefusals(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/thumbnails/other.jpg", "/thumbnails/demo", "/thumbnails/demo.png", "/thumbnails/", "/thumbnails/../demo.jpg"} {
		if res := r.get(path); res.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, res.Code)
		}
	}
}
