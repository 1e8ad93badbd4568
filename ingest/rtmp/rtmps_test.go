package rtmp_test

import (
	"context"
	"crypto/tls"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"castnet/ingest/ingesttest"
	"castnet/ingest/rtmp"
	"castnet/internal/media"
	"castnet/test/clip"
)

// TestRTMPS takes what ffmpeg pushes by TLS, to the last picture, and refuses plain RTMP on the same port.
func TestRTMPS(t *testing.T) {
	video, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 2, BFrames: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	lender := httptest.NewTLSServer(nil) // of its certificate
	defer lender.Close()
	g := ingesttest.NewGate()
	address := start(t, g, func(c *rtmp.Config) {
		c.Protocol = "rtmps"
		c.Listener = tls.NewListener(c.Listener, &tls.Config{Certificates: lender.TLS.Certificates, MinVersion: tls.VersionTLS12})
	})
	push := func(url string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		return exec.CommandContext(ctx, "/usr/bin/ffmpeg", "-v", "error", "-nostdin", "-i", video.File, "-c", "copy", "-f", "flv", url).CombinedOutput()
	}
	if out, err := push("rtmps://" + address + "/live/demo"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := g.Wait(t)
	if n := len(r.Units[media.H264]); n != len(video.Units) || r.Reason != nil || g.Requests[0].Protocol != "rtmps" {
		t.Errorf("%d pictures of %d, ended with %v, asked as %+v", n, len(video.Units), r.Reason, g.Requests[0])
	}
	if out, err := push("rtmp://" + address + "/live/demo"); err == nil {
		t.Errorf("plain RTMP was taken: %s", out)
	}
}
