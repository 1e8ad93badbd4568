package push_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/push"
	"castnet/internal/media"
	"castnet/test/clip"
)

// start runs a server until the test ends, and returns where it takes streams.
func start(t *testing.T, g ingest.Gate, change func(*push.Config)) string {
	t.Helper()
	cfg := push.Config{Gate: g, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Registerer: prometheus.NewRegistry()}
	if change != nil {
		change(&cfg)
	}
	server, err := push.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	ingesttest.Run(t, server.Run)
	for status := http.StatusServiceUnavailable; status == http.StatusServiceUnavailable; { // until Run runs
		status, _ = send(t, http.MethodGet, web.URL+"/live/demo", nil)
	}
	return web.URL + "/live/"
}

// send makes one request, and returns the status and the words of the answer.
func send(t *testing.T, method, url string, body io.Reader) (status int, words string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

// material is a natural clip with B-frames, and sound, as ffmpeg's arguments.
func material(t *testing.T) (video *clip.Video, args []string) {
	t.Helper()
	video, err := clip.Make(t.Context(), clip.Spec{Width: 640, Height: 480, FPS: 30, Seconds: 4, BFrames: 3, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	sound, err := clip.MakeAudio(t.Context(), 44100)
	if err != nil {
		t.Fatal(err)
	}
	return video, []string{"-i", video.File, "-i", sound.File, "-map", "0:v", "-map", "1:a", "-c", "copy", "-t", "4"}
}

func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	args = append([]string{"-hide_banner", "-loglevel", "error", "-nostdin"}, args...)
	if out, err := exec.CommandContext(ctx, "/usr/bin/ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
	}
}

// segments cuts the material into files of a second.
func segments(t *testing.T) (video *clip.Video, files [][]byte) {
	t.Helper()
	video, args := material(t)
	dir := t.TempDir()
	ffmpeg(t, append(args, "-f", "segment", "-segment_time", "1", filepath.Join(dir, "%d.ts"))...)
	for i := range 4 {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.ts", i)))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	return video, files
}

// complete checks that a recorder has every picture of the clip once, in its time and order, but those from first up to end.
func complete(t *testing.T, r *ingesttest.Recorder, video *clip.Video, first, end int) {
	t.Helper()
	want := slices.Delete(slices.Clone(video.Units), first, end)
	units := r.Units[media.H264]
	if len(units) != len(want) {
		t.Fatalf("%d pictures came of %d", len(units), len(want))
	}
	for i, u := range units {
		if u.PTS-units[0].PTS != want[i].PTS-want[0].PTS || u.Key != want[i].Key || i > 0 && u.DTS <= units[i-1].DTS {
			t.Fatalf("picture %d: PTS %d, DTS %d, key %v, want %d later than the first", i, u.PTS, u.DTS, u.Key, want[i].PTS-want[0].PTS)
		}
		if u.Discontinuity != (i == first && end > first) {
			t.Errorf("picture %d: discontinuity %v", i, u.Discontinuity)
		}
	}
	sound := r.Units[media.AAC]
	for i, u := range sound[1:] {
		if d := u.PTS - sound[i].PTS; d != 1024 && end == first {
			t.Fatalf("packet %d of sound at %d, the one before at %d", i+1, u.PTS, sound[i].PTS)
		}
	}
}

// TestFFmpeg takes what ffmpeg's muxers push: the segment muxer streams a segment as it is made, the hls muxer sends it whole,
// and says in its playlist when the stream is over.
func TestFFmpeg(t *testing.T) {
	video, args := material(t)
	for name, tc := range map[string]struct {
		mux    []string
		target string
		end    error // what a stream that ends without a word ends with
		idle   time.Duration
	}{
		"segment": {[]string{"-f", "segment", "-segment_time", "1"}, "out-%d.ts", errors.New("silent"), 5 * time.Second},
		"hls": {[]string{
			"-f", "hls", "-method", "PUT", "-http_persistent", "1", "-hls_time", "1", "-hls_list_size", "2", "-hls_flags", "delete_segments",
		}, "index.m3u8", nil, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := ingesttest.NewGate()
			url := start(t, g, func(c *push.Config) { c.IdleTimeout = tc.idle })
			ffmpeg(t, slices.Concat([]string{"-re"}, args, tc.mux, []string{url + "demo/" + tc.target})...)
			r := g.Wait(t)
			if (r.Reason == nil) != (tc.end == nil) || len(r.Tracks) != 2 || r.Tracks[0].Width != 640 || r.Tracks[0].Reorder != 2 {
				t.Errorf("ended with %v, tracks %+v", r.Reason, r.Tracks)
			}
			complete(t, r, video, 0, 0)
		})
	}
}

// TestLanguages pushes sound in five languages: four are taken, each whole, and known by its name.
func TestLanguages(t *testing.T) {
	video, args := material(t)
	sound := args[3]
	args = []string{"-i", video.File, "-i", sound, "-map", "0:v"}
	for i, code := range []string{"ger", "eng", "und", "gsw", "fra"} {
		args = append(args, "-map", "1:a", fmt.Sprintf("-metadata:s:a:%d", i), "language="+code)
	}
	dir := t.TempDir()
	ffmpeg(t, append(args, "-c", "copy", "-t", "4", "-f", "segment", "-segment_time", "1", filepath.Join(dir, "%d.ts"))...)
	g := ingesttest.NewGate()
	base := start(t, g, nil)
	for i := range 4 {
		segment, err := os.Open(filepath.Join(dir, fmt.Sprintf("%d.ts", i)))
		if err != nil {
			t.Fatal(err)
		}
		if status, words := send(t, http.MethodPut, fmt.Sprintf("%sdemo/%d.ts", base, i), segment); status != http.StatusOK {
			t.Fatalf("segment %d: %d %s", i, status, words)
		}
		_ = segment.Close()
	}
	if status, words := send(t, http.MethodDelete, base+"demo", nil); status != http.StatusOK {
		t.Fatalf("the end: %d %s", status, words)
	}
	r := g.Wait(t)
	if n := len(r.ByTrack[0]); n != len(video.Units) {
		t.Errorf("%d pictures of %d", n, len(video.Units))
	}
	var languages []string
	for i, track := range r.Tracks {
		if !track.Codec.IsAudio() {
			continue
		}
		languages = append(languages, track.Language)
		if n := len(r.ByTrack[i]); n < 4*44100/1024-5 || n != len(r.ByTrack[1]) {
			t.Errorf("track %d has %d packets", i, n)
		}
	}
	if want := []string{"de", "en", "", "gsw"}; !slices.Equal(languages, want) || r.Starts != 1 {
		t.Errorf("languages %q, named %d times; want %q", languages, r.Starts, want)
	}
}

// TestInsideASegment meets the pictures of a segment that is still being sent.
func TestInsideASegment(t *testing.T) {
	_, files := segments(t)
	g := ingesttest.NewGate()
	wrote := make(chan struct{}, 1000)
	g.OnWrite = func(*ingesttest.Recorder, *media.Unit) error {
		wrote <- struct{}{}
		return nil
	}
	url := start(t, g, nil)
	body, pipe := io.Pipe()
	var sending sync.WaitGroup
	sending.Go(func() {
		if status, words := send(t, http.MethodPost, url+"demo/0.ts", body); status != http.StatusOK {
			t.Errorf("%d %s", status, words)
		}
	})
	half := len(files[0]) / 2
	_, _ = pipe.Write(files[0][:half])
	for range 10 {
		select {
		case <-wrote:
		case <-time.After(2 * time.Minute):
			t.Fatal("nothing comes of half a segment")
		}
	}
	sending.Go(func() { // which waits for the segment
		if status, words := send(t, http.MethodDelete, url+"demo", nil); status != http.StatusOK {
			t.Errorf("%d %s", status, words)
		}
	})
	_, _ = pipe.Write(files[0][half:])
	_ = pipe.Close()
	sending.Wait()
	if r := g.Wait(t); r.Reason != nil || len(r.Units[media.H264]) != 30 {
		t.Errorf("ended with %v after %d pictures", r.Reason, len(r.Units[media.H264]))
	}
}

// TestGoodbyeOfOneWhoHangsUp ends a stream as ffmpeg does on a busy machine: its process is gone before the last segment is
// read.
func TestGoodbyeOfOneWhoHangsUp(t *testing.T) {
	_, files := segments(t)
	g := ingesttest.NewGate()
	server, err := push.New(push.Config{Gate: g, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), IdleTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	ingesttest.Run(t, server.Run)
	gone := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".m3u8") {
			context.AfterFunc(r.Context(), func() { close(gone) })
		}
		server.ServeHTTP(w, r)
	}))
	defer web.Close()
	for status := http.StatusServiceUnavailable; status == http.StatusServiceUnavailable; { // until Run runs
		status, _ = send(t, http.MethodGet, web.URL+"/live/demo", nil)
	}
	body, pipe := io.Pipe()
	var sending sync.WaitGroup
	sending.Go(func() {
		if status, words := send(t, http.MethodPut, web.URL+"/live/demo/0.ts", body); status != http.StatusOK {
			t.Errorf("%d %s", status, words)
		}
	})
	half := len(files[0]) / 2
	_, _ = pipe.Write(files[0][:half])
	r := g.Next(t)
	nc, err := net.Dial("tcp", web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	const list = "#EXTM3U\n0.ts\n#EXT-X-ENDLIST\n"
	_, err = fmt.Fprintf(nc, "PUT /live/demo/index.m3u8 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(list), list)
	if err := errors.Join(err, nc.Close()); err != nil {
		t.Fatal(err)
	}
	<-gone
	_, _ = pipe.Write(files[0][half:])
	_ = pipe.Close()
	sending.Wait()
	select {
	case <-r.Closed:
	case <-time.After(2 * time.Minute):
		t.Fatal("the stream does not end")
	}
	if r.Reason != nil || len(r.Units[media.H264]) != 30 {
		t.Errorf("ended with %v after %d pictures", r.Reason, len(r.Units[media.H264]))
	}
}

// TestOrder sends segments again, late, in another order, counted anew, and not at all.
func TestOrder(t *testing.T) {
	video, files := segments(t)
	type step struct {
		seq, file, status int
		cut               bool // it breaks off in the middle
	}
	ok := http.StatusOK
	for name, tc := range map[string]struct {
		steps      []step
		first, end int // the pictures that are missing
	}{
		"in order": {steps: []step{{7, 0, ok, false}, {8, 1, ok, false}, {9, 2, ok, false}, {10, 3, ok, false}}},
		"repeated": {steps: []step{{7, 0, ok, false}, {7, 0, ok, false}, {8, 1, ok, false}, {9, 2, ok, false}, {9, 2, ok, false}, {10, 3, ok, false}}},
		"a gap":    {steps: []step{{7, 0, ok, false}, {9, 2, ok, false}, {8, 1, http.StatusConflict, false}, {10, 3, ok, false}}, first: 30, end: 60},
		"broken off, sent again": {steps: []step{
			{7, 0, 0, true}, {7, 0, ok, false}, {8, 1, ok, false}, {9, 2, 0, true}, {9, 2, 0, true}, {9, 2, ok, false}, {10, 3, ok, false},
		}},
		"empty": {steps: []step{{7, 0, ok, false}, {8, -1, http.StatusUnprocessableEntity, false}, {9, 1, ok, false}, {10, 2, ok, false}, {11, 3, ok, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := ingesttest.NewGate()
			url := start(t, g, func(c *push.Config) { c.ReorderWait = 200 * time.Millisecond })
			for i, s := range tc.steps {
				var content io.Reader = strings.NewReader("")
				if s.file >= 0 {
					content = strings.NewReader(string(files[s.file]))
				}
				if s.cut {
					content = io.MultiReader(io.LimitReader(content, int64(len(files[s.file])/2)), broken{})
				}
				status, words := send(t, http.MethodPut, fmt.Sprintf("%sdemo/%d.ts", url, s.seq), content)
				if status != s.status {
					t.Errorf("step %d: %d %s", i, status, words)
				}
			}
			send(t, http.MethodDelete, url+"demo", nil)
			complete(t, g.Wait(t), video, tc.first, tc.end)
		})
	}
}

// broken is a body that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the encoder has died") }

// TestReordered sends all segments at once: they are taken in their order.
func TestReordered(t *testing.T) {
	video, files := segments(t)
	g := ingesttest.NewGate()
	url := start(t, g, func(c *push.Config) { c.ReorderWait = 20 * time.Second })
	put := func(i int) {
		if status, words := send(t, http.MethodPut, fmt.Sprintf("%sdemo/seg%03d.ts", url, i), strings.NewReader(string(files[i]))); status != http.StatusOK {
			t.Errorf("segment %d: %d %s", i, status, words)
		}
	}
	put(0)
	var all sync.WaitGroup
	for _, i := range []int{3, 2, 1} {
		all.Go(func() { put(i) })
	}
	all.Wait()
	send(t, http.MethodDelete, url+"demo", nil)
	complete(t, g.Wait(t), video, 0, 0)
}

// TestCountedAnew lets the encoder restart, which begins at its first segment again: the stream goes on.
func TestCountedAnew(t *testing.T) {
	_, files := segments(t)
	g := ingesttest.NewGate()
	url := start(t, g, nil)
	for _, i := range []int{0, 1, 2, 3, 0, 1} {
		if status, words := send(t, http.MethodPut, fmt.Sprintf("%sdemo/%d.ts", url, i), strings.NewReader(string(files[i]))); status != http.StatusOK {
			t.Errorf("segment %d: %d %s", i, status, words)
		}
	}
	send(t, http.MethodDelete, url+"demo", nil)
	units := g.Wait(t).Units[media.H264]
	if len(units) != 180 || !units[120].Discontinuity || units[120].DTS <= units[119].DTS {
		t.Errorf("%d pictures; where it counts anew: %+v", len(units), units[min(120, len(units)-1)])
	}
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was asked for before the key was checked")
	return 0, io.EOF
}

func TestRefusals(t *testing.T) {
	_, files := segments(t)
	g := ingesttest.NewGate()
	url := start(t, g, func(c *push.Config) { c.MaxSegmentBytes = int64(len(files[0])) - 1; c.MaxPublishers = 1 })
	long := strings.Repeat("k", 257)
	for name, tc := range map[string]struct {
		method, path string
		body         io.Reader
		status       int
		says         string
	}{
		"wrong key":           {"PUT", "nope/1.ts", unread{t}, 403, "no stream has this key"},
		"long key":            {"PUT", long + "/1.ts", unread{t}, 404, "1 to 256"},
		"no key":              {"PUT", "/1.ts", unread{t}, 405, "/live/KEY"},
		"no number":           {"PUT", "demo/intro.ts", unread{t}, 404, "its number"},
		"other kind":          {"PUT", "demo/1.mp4", unread{t}, 404, "its number"},
		"huge number":         {"PUT", "demo/99999999999999999999.ts", unread{t}, 404, "its number"},
		"deeper":              {"PUT", "demo/a/1.ts", unread{t}, 404, "/live/KEY"},
		"to watch":            {"GET", "demo/1.ts", nil, 405, "to watch"},
		"an end of nothing":   {"DELETE", "demo", nil, 404, "no stream"},
		"a playlist first":    {"PUT", "demo/index.m3u8", strings.NewReader("#EXTM3U"), 404, "first segment"},
		"announced too large": {"PUT", "demo/1.ts", strings.NewReader(string(files[0])), 413, "shorter segments"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, url+tc.path, tc.body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Expect", "100-continue")
		res, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}).Do(req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		words, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != tc.status || !strings.Contains(string(words), tc.says) {
			t.Errorf("%s: %d %s", name, res.StatusCode, words)
		}
	}
	g.Requests = nil
	if status, words := send(t, "PUT", url+"demo/1.ts", strings.NewReader("this is no transport stream")); status != 422 || !strings.Contains(words, "MPEG transport stream") {
		t.Errorf("garbage: %d %s", status, words)
	}
	if status, words := send(t, "PUT", url+"demo/2.ts", io.MultiReader(strings.NewReader(string(files[0])))); status != 413 {
		t.Errorf("too large: %d %s", status, words)
	}
	if status, words := send(t, "PUT", url+"second/1.ts", strings.NewReader("")); status != 503 || !strings.Contains(words, "too many publishers") {
		t.Errorf("one too many: %d %s", status, words)
	}
	if len(g.Requests) != 1 || g.Requests[0].Protocol != "http" || g.Requests[0].Key != "demo" {
		t.Errorf("the gate was asked for %+v", g.Requests)
	}
}

// TestTheSinkRefuses tells the publisher what the sink says, and lets the next segment begin another stream.
func TestTheSinkRefuses(t *testing.T) {
	_, files := segments(t)
	g := ingesttest.NewGate()
	refuse := true
	g.OnWrite = func(*ingesttest.Recorder, *media.Unit) error {
		if refuse {
			return &ingest.Refusal{Code: ingest.CodeLimit, Message: "enough of this"}
		}
		return nil
	}
	url := start(t, g, nil)
	if status, words := send(t, "PUT", url+"demo/1.ts", strings.NewReader(string(files[0]))); status != 503 || !strings.Contains(words, "enough") {
		t.Errorf("%d %s", status, words)
	}
	if r := g.Wait(t); ingest.CodeOf(r.Reason) != ingest.CodeLimit {
		t.Errorf("ended with %v", r.Reason)
	}
	refuse = false
	if status, words := send(t, "PUT", url+"demo/2.ts", strings.NewReader(string(files[1]))); status != 200 {
		t.Errorf("%d %s", status, words)
	}
	g.Next(t)
}

// TestStop ends the server while a segment is being sent.
func TestStop(t *testing.T) {
	_, files := segments(t)
	g := ingesttest.NewGate()
	server, err := push.New(push.Config{Gate: g, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	defer web.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	status := http.StatusServiceUnavailable
	for status == http.StatusServiceUnavailable {
		status, _ = send(t, http.MethodGet, web.URL+"/live/demo", nil)
	}
	body, pipe := io.Pipe()
	defer func() { _ = pipe.Close() }()
	answered := make(chan int, 1)
	go func() {
		status, _ := send(t, http.MethodPut, web.URL+"/live/demo/1.ts", body)
		answered <- status
	}()
	_, _ = pipe.Write(files[0][:len(files[0])/2])
	r := g.Next(t)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-r.Closed
	if !errors.Is(r.Reason, ingest.ErrUnavailable) {
		t.Errorf("ended with %v", r.Reason)
	}
	_ = pipe.Close()
	if status := <-answered; status != http.StatusServiceUnavailable && status != 0 {
		t.Errorf("answered %d", status)
	}
}
