package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"castnet/broadcaster/api"
	"castnet/test/clip"
	"castnet/test/testnet"
	"castnet/test/viewer"
)

// TestPull pulls a stream by RTSP from a server, which is the network's own: the stream gets its ladder and is paid for like a
// pushed one, and when the source goes away and comes back, the same stream goes on.
func TestPull(t *testing.T) {
	// The puller comes back 1, 3, 7 and 15 s after the source has ended.
	t.Setenv("CASTNET_RECONNECT_GRACE", "20s")
	t.Setenv("CASTNET_DVR", "5m") // all of the stream is watched when it is over
	v := camera(t, 320, 240, 240) // more than is pushed
	began := time.Now()
	n := mirroring(t, "--ladder", "160x120@100000")
	mirror := func() (api.StreamView, error) { return n.Stream(t.Context(), "mirror") }
	index := n.HTTP + "/hls/mirror/index.m3u8"

	stop := pushOn(t, n.RTMP+"demo", v)
	packaged := make(chan error, 1)
	go func() { packaged <- there(t.Context(), index) }() // streams are packaged for HLS from when somebody asks
	first := eventually(t, patience, "the pulled stream is transcoded", mirror, func(v api.StreamView) bool {
		// The puller begins again with its first pause, as the stream has lasted for longer than was waited for it.
		return v.Verified.OK >= 2 && time.Since(v.StartedAt) > v.StartedAt.Sub(began)+2*time.Second
	})
	stop()
	before := eventually(t, patience, "the pulled stream waits for its source", mirror, func(v api.StreamView) bool { return v.State == api.Waiting })
	stop = pushOn(t, n.RTMP+"demo", v)
	eventually(t, patience, "the source is pulled again", mirror, func(v api.StreamView) bool {
		return v.State == api.Live && v.Verified.OK >= before.Segments.Count+2
	})
	stop()
	eventually(t, patience, "the pulled stream ends", mirror, func(v api.StreamView) bool { return v.State == api.Ended })

	if err := <-packaged; err != nil {
		t.Fatal(err)
	}
	seen, err := viewer.HLS(t.Context(), index)
	if err != nil {
		t.Fatal(err)
	}
	if seen["source"] == nil || seen["120p"] == nil {
		t.Fatalf("variants %v", names(seen))
	}
	source := slices.Sorted(slices.Values(seen["source"].PTS))
	if missing, extra := compare(source, seen["120p"].PTS); len(missing)+len(extra) > 0 {
		t.Errorf("the rendition lacks %v, and has %v too many or out of order", missing, extra)
	}
	for name, v := range seen {
		if v.Discontinuities != 1 {
			t.Errorf("%s: %d discontinuities, want the one where the source came back", name, v.Discontinuities)
		}
	}
	end := eventually(t, patience, "every segment is paid", mirror, func(v api.StreamView) bool { return v.Paid.TicketsSent == v.Segments.Count })
	if end.Verified.OK != end.Segments.Count || end.Verified.Failed != 0 {
		t.Errorf("%d of %d segments verified, %d failed (%s)", end.Verified.OK, end.Segments.Count, end.Verified.Failed, end.Verified.LastFailure)
	}
	if !end.StartedAt.Equal(first.StartedAt) {
		t.Errorf("it is another stream: one began at %v, one at %v", first.StartedAt, end.StartedAt)
	}
}

// mirroring runs a network whose stream mirror is pulled from its own stream demo. Only a network that was started before knows
// where its RTSP is.
func mirroring(t *testing.T, args ...string) *testnet.Network {
	t.Helper()
	before, err := testnet.Start(context.WithoutCancel(t.Context()), testnet.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.Stop(); err != nil {
		t.Fatal(err)
	}
	keys := keysFile(t, "SECRET mirror pull:tcp="+before.RTSP+"demo")
	n, err := before.Restart(context.WithoutCancel(t.Context()), testnet.Config{Args: append(args, "--keys", keys)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := n.Stop(); err != nil {
			t.Errorf("castnet up ended with an error: %v", err)
		}
		if t.Failed() {
			t.Logf("the network's output:\n%s", n.Output())
		}
	})
	return n
}

// pushOn publishes a clip again and again, with sound, until it is stopped: with a goodbye.
func pushOn(t *testing.T, url string, v *clip.Video) (stop func()) {
	t.Helper()
	sound, err := clip.MakeAudio(t.Context(), 48_000)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", v.File,
		"-stream_loop", "-1", "-i", sound.File, "-map", "0:v", "-map", "1:a", "-c", "copy", "-flvflags", "no_duration_filesize", "-f", "flv", url)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatalf("ffmpeg ended by itself: %v\n%s", err, text.String())
		}
		const interrupted = 255
		if exit := (*exec.ExitError)(nil); !errors.As(cmd.Wait(), &exit) || exit.ExitCode() != interrupted {
			t.Fatalf("ffmpeg: %v, %s", exit, text.String())
		}
	}
}
