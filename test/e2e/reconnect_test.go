package e2e_test

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"castnet/broadcaster/api"
	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/test/viewer"
)

// The publisher is killed after 5 s and another pushes 3 s later, by the same key: who watches by WHEP and by LL-HLS sees
// one stream whose time goes on, nothing that was pushed is missing in the rendition, and every segment is paid.
func TestPublisherComesBack(t *testing.T) {
	const rung, again = "320x180@200000", 6 // s
	n := network(t, "--ladder", rung, "--face-value", "1 wei")
	v := camera(t, 640, 360, 20)
	type watched struct {
		seen map[string]*viewer.Variant
		err  error
	}
	hls := make(chan watched, 1)
	go func() {
		seen, err := viewer.HLS(t.Context(), n.HTTP+"/hls/demo/index.m3u8")
		hls <- watched{seen, err}
	}()

	first := startPush(t, n.RTMP+"demo", v, 20)
	killed := time.After(5 * time.Second)
	view := eventually(t, 20*time.Second, "the stream is transcoded",
		func() (api.StreamView, error) { return n.Stream(t.Context(), "demo") },
		func(v api.StreamView) bool { return v.Orchestrator != nil })
	var mu sync.Mutex
	var shown []int64
	player, err := viewer.NewWHEP(func(p viewer.Picture) {
		mu.Lock()
		defer mu.Unlock()
		shown = append(shown, p.PTS)
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "a WHEP viewer is in", func() (bool, error) {
		return true, player.Join(t.Context(), n.HTTP+"/whep/demo?rendition=180p")
	}, func(joined bool) bool { return joined })

	<-killed
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	eventually(t, 3*time.Second, "the stream waits for its publisher",
		func() (api.StreamView, error) { return n.Stream(t.Context(), "demo") },
		func(v api.StreamView) bool { return v.State == api.Waiting })
	<-time.After(3 * time.Second)
	if err := startPush(t, n.RTMP+"demo", v, again).Wait(); err != nil {
		t.Fatalf("the second publisher: %v", err)
	}

	var w watched
	select {
	case w = <-hls:
	case <-time.After(30 * time.Second):
		t.Fatal("the playlists did not end within 30 s of the stream")
	}
	if w.err != nil {
		t.Fatal(w.err)
	}
	source := slices.Sorted(slices.Values(w.seen["source"].PTS))
	if missing, extra := compare(source, w.seen["180p"].PTS); len(missing)+len(extra) > 0 {
		t.Errorf("the rendition lacks %v, and has %v too many or out of order", missing, extra)
	}
	back := checkHole(t, source)
	if after := len(source) - back; after != again*30 {
		t.Errorf("%d pictures after the hole, %d were pushed", after, again*30)
	}
	for name, v := range w.seen {
		if v.Discontinuities != 1 {
			t.Errorf("%s: %d discontinuities, want the one where the publisher came back", name, v.Discontinuities)
		}
	}
	if err := player.Close(); err != nil {
		t.Errorf("the WHEP viewer: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if back := checkHole(t, shown); len(shown)-back < again*30-1 { // the last picture may be on its way still
		t.Errorf("by WHEP %d pictures came after the hole, %d were pushed", len(shown)-back, again*30)
	}

	end := eventually(t, 20*time.Second, "every segment is paid",
		func() (api.StreamView, error) { return n.Stream(t.Context(), "demo") },
		func(v api.StreamView) bool { return v.State == api.Ended && v.Paid.TicketsSent == v.Segments.Count })
	if end.Verified.OK != end.Segments.Count || end.Verified.Failed != 0 || end.Paid.EVWei != end.Paid.FeesWei {
		t.Errorf("%d of %d segments verified, %d failed (%s); fees of %s wei, tickets worth %s", end.Verified.OK, end.Segments.Count,
			end.Verified.Failed, end.Verified.LastFailure, end.Paid.FeesWei, end.Paid.EVWei)
	}
	if !end.StartedAt.Equal(view.StartedAt) {
		t.Error("it is another stream")
	}
	leases := 0
	for _, e := range end.Events {
		if strings.Contains(e.Text, "serves this stream") {
			leases++
		}
	}
	if leases != 1 {
		t.Errorf("%d leases for one stream that nothing happened to but its publisher: %+v", leases, end.Events)
	}
}

// checkHole finds the one hole in rising timestamps, of about the time between the publishers, and returns the index
// behind it.
func checkHole(t *testing.T, pts []int64) (behind int) {
	t.Helper()
	for i := 1; i < len(pts); i++ {
		switch gap := time.Duration(media.Rescale(pts[i]-pts[i-1], media.VideoClockRate, int64(time.Second))); {
		case gap <= 0:
			t.Fatalf("timestamp %d after %d", pts[i], pts[i-1])
		case gap > time.Second && behind > 0:
			t.Errorf("another hole of %v", gap)
		case gap > time.Second:
			behind = i
			if gap < 3*time.Second || gap > 9*time.Second {
				t.Errorf("the publisher was away for 3 s and a moment, the hole has %v", gap)
			}
		}
	}
	if behind == 0 {
		t.Fatalf("no hole in %d timestamps", len(pts))
	}
	return behind
}

// startPush begins to publish a clip in real time, for so many seconds at most.
func startPush(t *testing.T, url string, v *clip.Video, seconds int) *exec.Cmd {
	t.Helper()
	sound, err := clip.MakeAudio(t.Context(), 48_000)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-re", "-i", v.File, "-stream_loop", "-1", "-i", sound.File,
		"-map", "0:v", "-map", "1:a", "-c", "copy", "-shortest", "-t", strconv.Itoa(seconds), "-flvflags", "no_duration_filesize", "-f", "flv", url)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}
