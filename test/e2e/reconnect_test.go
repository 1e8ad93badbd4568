package e2e_test

import (
	"os/exec"
	"slices"
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

// The publisher is killed and another pushes 3 s later, by the same key: who watches by WHEP and by LL-HLS sees
// one stream whose time goes on, nothing that was pushed is missing in the rendition, and every segment is paid.
func TestPublisherComesBack(t *testing.T) {
	const rung = "240x180@200000"
	t.Setenv("CASTNET_RECONNECT_GRACE", "20s") // a busy machine's publisher needs a while
	n := network(t, "--ladder", rung, "--face-value", "1 wei")
	v, again := camera(t, 320, 240, 240), camera(t, 320, 240, 6)
	hls := watch(t, n, "demo")

	first := startPush(t, n.RTMP+"demo", v) // until it is killed
	view := eventually(t, patience, "the stream is transcoded",
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
	eventually(t, patience, "a WHEP viewer is in", func() (bool, error) {
		return true, player.Join(t.Context(), n.HTTP+"/whep/demo?rendition=180p")
	}, func(joined bool) bool { return joined })

	seen := func() (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return len(shown), nil
	}
	eventually(t, patience, "the WHEP viewer sees pictures", seen, func(pictures int) bool { return pictures >= 60 })
	killed := time.Now()
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	eventually(t, patience, "the stream waits for its publisher",
		func() (api.StreamView, error) { return n.Stream(t.Context(), "demo") },
		func(v api.StreamView) bool { return v.State == api.Waiting })
	<-time.After(3 * time.Second)
	second := startPush(t, n.RTMP+"demo", again)
	eventually(t, patience, "the publisher is back",
		func() (api.StreamView, error) { return n.Stream(t.Context(), "demo") },
		func(v api.StreamView) bool { return v.State != api.Waiting })
	away := time.Since(killed)
	if err := second.Wait(); err != nil {
		t.Fatalf("the second publisher: %v", err)
	}

	variants := hls()
	source := slices.Sorted(slices.Values(variants["source"].PTS))
	if missing, extra := compare(source, variants["180p"].PTS); len(missing)+len(extra) > 0 {
		t.Errorf("the rendition lacks %v, and has %v too many or out of order", missing, extra)
	}
	back := checkHole(t, source, away)
	if after := len(source) - back; after != len(again.Units) {
		t.Errorf("%d pictures after the hole, %d were pushed", after, len(again.Units))
	}
	for name, v := range variants {
		if v.Discontinuities != 1 {
			t.Errorf("%s: %d discontinuities, want the one where the publisher came back", name, v.Discontinuities)
		}
	}
	// The last picture may be lost, with nothing behind it that tells.
	eventually(t, patience, "the WHEP viewer has seen the rest", func() (int, error) {
		mu.Lock()
		defer mu.Unlock()
		for i := 1; i < len(shown); i++ {
			if shown[i]-shown[i-1] > media.VideoClockRate {
				return len(shown) - i, nil
			}
		}
		return 0, nil
	}, func(pictures int) bool { return pictures >= len(again.Units)-1 })
	if err := player.Close(); err != nil {
		t.Errorf("the WHEP viewer: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if back := checkHole(t, shown, away); len(shown)-back < len(again.Units)-1 {
		t.Errorf("by WHEP %d pictures came after the hole, %d were pushed", len(shown)-back, len(again.Units))
	}

	end := eventually(t, patience, "every segment is paid",
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

// checkHole finds the one hole in rising timestamps, of about the time that the publishers were away, and returns the index
// behind it.
func checkHole(t *testing.T, pts []int64, away time.Duration) (behind int) {
	t.Helper()
	for i := 1; i < len(pts); i++ {
		switch gap := time.Duration(media.Rescale(pts[i]-pts[i-1], media.VideoClockRate, int64(time.Second))); {
		case gap <= 0:
			t.Fatalf("timestamp %d after %d", pts[i], pts[i-1])
		case gap > time.Second && behind > 0:
			t.Errorf("another hole of %v", gap)
		case gap > time.Second:
			behind = i
			if gap < 3*time.Second || gap > away+3*time.Second {
				t.Errorf("the publisher was away for %v, the hole has %v", away, gap)
			}
		}
	}
	if behind == 0 {
		t.Fatalf("no hole in %d timestamps", len(pts))
	}
	return behind
}

// startPush begins to publish a clip in real time.
func startPush(t *testing.T, url string, v *clip.Video) *exec.Cmd {
	t.Helper()
	sound, err := clip.MakeAudio(t.Context(), 48_000)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-re", "-i", v.File, "-stream_loop", "-1", "-i", sound.File,
		"-map", "0:v", "-map", "1:a", "-c", "copy", "-shortest", "-flvflags", "no_duration_filesize", "-f", "flv", url)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}
