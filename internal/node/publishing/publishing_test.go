package publishing_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/rtmp"
	"castnet/internal/media"
	"castnet/internal/node/console"
	"castnet/internal/node/publishing"
	"castnet/test/clip"
	"castnet/test/port"
)

// audience admits the key demo, and counts what comes on each connection.
type audience struct {
	came chan *watcher
	want int // pictures of each connection
}

type watcher struct {
	want   int
	enough chan struct{} // closed when so many pictures have come
	closed chan struct{}
	tracks []*media.Track
	pts    []int64 // of the pictures
	sounds int
	at     []time.Time
	reason error
}

func (a *audience) Publish(_ context.Context, r ingest.Request) (ingest.Sink, error) {
	if r.Key != "demo" {
		return nil, ingest.ErrWrongKey
	}
	w := &watcher{want: a.want, enough: make(chan struct{}), closed: make(chan struct{})}
	a.came <- w
	return w, nil
}

func (w *watcher) Start(tracks []*media.Track) error { w.tracks = tracks; return nil }
func (w *watcher) Close(reason error)                { w.reason = reason; close(w.closed) }

func (w *watcher) Write(track int, u *media.Unit) error {
	if !w.tracks[track].Codec.IsVideo() {
		w.sounds++
		return nil
	}
	w.pts = append(w.pts, u.PTS)
	w.at = append(w.at, time.Now())
	if len(w.pts) == w.want {
		close(w.enough)
	}
	return nil
}

// open runs an RTMP server at address until stop is called.
func open(t *testing.T, address string, a *audience) (stop func()) {
	t.Helper()
	listener := port.Listen(t, address)
	server, err := rtmp.New(rtmp.Config{
		Listener: listener, Gate: a, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

// TestPublishComesBack publishes the clip that comes with the program, restarts the server, and ends it by ctx.
func TestPublishComesBack(t *testing.T) {
	a := &audience{came: make(chan *watcher, 2), want: 15}
	address := port.Free(t)
	began := []time.Time{time.Now()}
	stop := open(t, address, a)
	ctx, cancel := context.WithCancel(t.Context())
	var logs bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		cfg := &publishing.Config{URL: "rtmp://" + address + "/live/demo", LogLevel: "info"}
		ended <- cfg.Run(ctx, &console.Console{Err: &logs})
	}()
	first := <-a.came
	<-first.enough
	stop()
	<-first.closed
	began = append(began, time.Now())
	stop = open(t, address, a)
	second := <-a.came
	<-second.enough
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	<-second.closed
	if second.reason != nil {
		t.Errorf("it left without a goodbye: %v", second.reason)
	}
	stop()
	for i, w := range []*watcher{first, second} {
		if len(w.tracks) != 2 || w.sounds == 0 {
			t.Errorf("connection %d: tracks %+v, %d sounds", i, w.tracks, w.sounds)
		}
		// Until the last picture as much time passes as lies between it and the first; a busy machine may be late, with that one too.
		n := len(w.pts) - 1
		played, passed := time.Duration(w.pts[n]-w.pts[0])*time.Second/90000, w.at[n].Sub(began[i])
		if early := played - passed; early > 100*time.Millisecond {
			t.Errorf("connection %d: %v of media came in %v", i, played, passed)
		}
	}
	told := strings.Count(logs.String(), "\n")
	if n := strings.Count(logs.String(), "msg=publishing"); n != 2 || told < 3 || told > 4 || strings.Contains(logs.String(), "live/demo") {
		t.Errorf("logs:\n%s", logs.String())
	}
}

// TestPublishLoops publishes a file of a second for two and a half: the pictures go on evenly.
func TestPublishLoops(t *testing.T) {
	video, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 1, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	a := &audience{came: make(chan *watcher, 1), want: 75}
	address := port.Free(t)
	open(t, address, a)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		cfg := &publishing.Config{URL: "rtmp://" + address + "/live/demo", File: video.File, LogLevel: "error"}
		ended <- cfg.Run(ctx, &console.Console{Err: &bytes.Buffer{}})
	}()
	w := <-a.came
	<-w.enough
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-w.closed
	for i, pts := range w.pts {
		if off := pts - int64(i)*3000; off < -45 || off > 45 { // half a millisecond
			t.Fatalf("picture %d has PTS %d", i, pts)
		}
	}
}

func TestPublishSaysWhyItCannot(t *testing.T) {
	address := port.Free(t)
	open(t, address, &audience{})
	for name, tc := range map[string]struct {
		cfg  publishing.Config
		want string
	}{
		"wrong key": {publishing.Config{URL: "rtmp://" + address + "/live/other"}, "no stream has this key"},
		"address":   {publishing.Config{URL: "http://" + address}, "want rtmp://HOST/APP/KEY"},
		"file":      {publishing.Config{URL: "rtmp://" + address + "/live/demo", File: "/nowhere.mp4"}, "/nowhere.mp4"},
		"log level": {publishing.Config{URL: "rtmp://" + address + "/live/demo", LogLevel: "loud"}, "allowed are debug"},
	} {
		if tc.cfg.LogLevel == "" {
			tc.cfg.LogLevel = "info"
		}
		err := tc.cfg.Run(t.Context(), &console.Console{Err: &bytes.Buffer{}})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
