package e2e_test

import (
	"log/slog"
	"net"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/api"
	"castnet/ingest/ingesttest"
	"castnet/ingest/rtmp"
	"castnet/internal/media"
)

// TestRestream pushes a stream on to another server: as it came, and a rendition of it, to the last picture.
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
	n := network(t, "--ladder", "160x120@100000", "--keys", keysFile(t, "SECRET show push="+elsewhere+"demo push:120p="+elsewhere+"second"))
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
