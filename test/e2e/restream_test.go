package e2e_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/api"
	"castnet/ingest/ingesttest"
	"castnet/ingest/rtmp"
	"castnet/internal/media"
)

// TestRestream pushes a stream on to another server: as it came, and a rendition of it, to the last picture. The one is
// named by the keys' file, the other by the API.
func TestRestream(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gate := ingesttest.NewGate()
	server, err := rtmp.New(rtmp.Config{Listener: listener, Gate: gate, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	ingesttest.Run(t, server.Run)
	elsewhere := "rtmp://" + listener.Addr().String() + "/live/"
	t.Setenv("CASTNET_MAX_PUSH_TARGETS", "1")
	n := network(t, "--ladder", "160x120@100000", "--keys", keysFile(t, "SECRET show push="+elsewhere+"demo"))
	for body, want := range map[string]int{
		`{"url": "` + elsewhere + `second", "rendition": "120p"}`: http.StatusCreated, `{"url": "http://elsewhere/"}`: http.StatusBadRequest,
	} {
		if status, text := addTarget(t, n.HTTP+"/api/v1/streams/show/restreams", body); status != want || strings.Contains(text, "second") {
			t.Fatalf("%s: %d %s", body, status, text)
		}
	}
	v := camera(t, 320, 240, 20)
	const gop = 60
	if err := push(t, n.RTMP+"SECRET", v)(); err != nil {
		t.Fatal(err)
	}
	widths := make(map[int]bool)
	for range 2 {
		r := gate.Wait(t)
		pictures := len(r.Units[media.H264])
		// It begins with the newest key picture when it is connected: a busy machine is late.
		late := len(v.Units) - pictures
		if r.Reason != nil || len(r.Tracks) != 2 || late%gop != 0 || pictures < 2*gop || len(r.Units[media.AAC]) < pictures*48000/1024/30-5 {
			t.Errorf("%+v: %d pictures of %d, %d packets of sound, ended with %v", r.Tracks, pictures, len(v.Units), len(r.Units[media.AAC]), r.Reason)
		}
		widths[r.Tracks[0].Width] = true
	}
	if !widths[320] || !widths[160] {
		t.Errorf("streams of the widths %v came", widths)
	}
	eventually(t, patience, "the targets are idle", func() (api.StreamView, error) { return n.Stream(t.Context(), "show") }, func(v api.StreamView) bool {
		return len(v.Targets) == 2 && v.Targets[0].State == "idle" && v.Targets[1].State == "idle" && v.Targets[0].Bytes > 0 && v.Targets[0].Restarts+v.Targets[1].Restarts == 0
	})
}

// addTarget asks for one more server to push a stream on to, with its key.
func addTarget(t *testing.T, url, body string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer SECRET")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}
