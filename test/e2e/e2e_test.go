// Package e2e_test is a newcomer with a stopwatch and a ledger: it runs the real `castnet up`, pushes camera pictures
// by the real ffmpeg, watches them as players do, kills what can be killed, and adds the money up on the chain.
package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"castnet/broadcaster/api"
	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/test/testnet"
	"castnet/test/viewer"
)

// patience is how long something may take that comes at once or not at all: a busy machine is late.
const patience = 2 * time.Minute

// network starts a network for a test and ends it with the test.
func network(t *testing.T, args ...string) *testnet.Network {
	t.Helper()
	return networkOf(t, testnet.Config{Args: args})
}

// networkOf starts one with a configuration, but for the folder.
func networkOf(t *testing.T, cfg testnet.Config) *testnet.Network {
	t.Helper()
	cfg.Dir = t.TempDir()
	n, err := testnet.Start(context.WithoutCancel(t.Context()), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := n.Stop(); err != nil && !n.Killed() {
			t.Errorf("castnet up ended with an error: %v", err)
		}
		if t.Failed() {
			t.Logf("the network's output:\n%s", n.Output())
		}
	})
	return n
}

// camera is the natural clip that tests push, with B-frames.
func camera(t *testing.T, width, height, seconds int) *clip.Video {
	t.Helper()
	v, err := clip.Make(t.Context(), clip.Spec{
		Width: width, Height: height, FPS: 30, Seconds: seconds, BFrames: 2, GOP: 60, Bitrate: width * height * 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// push publishes a clip in real time by the ffmpeg command line, once, with sound; wait returns when ffmpeg has ended.
func push(t *testing.T, url string, v *clip.Video) (wait func() error) {
	t.Helper()
	sound, err := clip.MakeAudio(t.Context(), 48_000)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-re", "-i", v.File, "-stream_loop", "-1", "-i", sound.File,
		"-map", "0:v", "-map", "1:a", "-c", "copy", "-shortest", "-flvflags", "no_duration_filesize", "-f", "flv", url)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() error {
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("ffmpeg: %w\n%s", err, text.String())
		}
		return nil
	}
}

// watch has an LL-HLS player watch every variant of a stream to its end. seen waits for that, and returns what it saw.
func watch(t *testing.T, n *testnet.Network, id string) (seen func() map[string]*viewer.Variant) {
	t.Helper()
	type result struct {
		seen map[string]*viewer.Variant
		err  error
	}
	watched := make(chan result, 1)
	go func() {
		seen, err := viewer.HLS(t.Context(), n.HTTP+"/hls/"+id+"/index.m3u8")
		watched <- result{seen, err}
	}()
	return func() map[string]*viewer.Variant {
		t.Helper()
		select {
		case r := <-watched:
			if r.err != nil {
				t.Fatal(r.err)
			}
			return r.seen
		case <-time.After(patience):
			t.Fatalf("the playlists did not end within %v of the stream", patience)
			return nil
		}
	}
}

// wholeStream pushes a clip and returns what an LL-HLS player saw of every variant, to the end.
func wholeStream(t *testing.T, n *testnet.Network, key string, v *clip.Video) map[string]*viewer.Variant {
	t.Helper()
	seen := watch(t, n, key)
	if err := push(t, n.RTMP+key, v)(); err != nil {
		t.Fatal(err)
	}
	return seen()
}

// complete checks that every variant has exactly the source's pictures, and the source all that were pushed.
func complete(t *testing.T, seen map[string]*viewer.Variant, v *clip.Video, rungs ...string) {
	t.Helper()
	if source := seen["source"]; source != nil && len(source.PTS) != len(v.Units) {
		t.Errorf("the source has %d pictures, %d were pushed", len(source.PTS), len(v.Units))
	}
	whole(t, seen, rungs...)
}

// whole checks that the source has no hole but at its end, where a publisher was interrupted that sends B-frames, and every
// variant exactly its pictures.
func whole(t *testing.T, seen map[string]*viewer.Variant, rungs ...string) {
	t.Helper()
	source := seen["source"]
	if source == nil {
		t.Fatalf("no source among the variants %v", names(seen))
	}
	want := slices.Sorted(slices.Values(source.PTS))
	const picture, rounding = media.VideoClockRate / 30, media.VideoClockRate / 1000 // RTMP counts in milliseconds
	for i, pts := range want[1:max(1, len(want)-3)] {
		if step := pts - want[i]; step < picture-rounding || step > picture+rounding {
			t.Errorf("the source's picture %d comes %d ticks after the one before", i+1, step)
		}
	}
	for _, name := range rungs {
		r := seen[name]
		if r == nil {
			t.Errorf("no rendition %s among %v", name, names(seen))
			continue
		}
		if !slices.IsSorted(r.PTS) {
			t.Errorf("%s: pictures out of order", name)
		}
		missing, doubled := compare(want, slices.Sorted(slices.Values(r.PTS)))
		if len(missing)+len(doubled) > 0 {
			t.Errorf("%s: %d pictures of %d; missing %v, doubled or unknown %v", name, len(r.PTS), len(want), missing, doubled)
		}
	}
}

// compare walks two sorted lists.
func compare(want, got []int64) (missing, extra []int64) {
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case j == len(got) || i < len(want) && want[i] < got[j]:
			missing = append(missing, want[i])
			i++
		case i == len(want) || got[j] < want[i]:
			extra = append(extra, got[j])
			j++
		default:
			i++
			j++
		}
	}
	return missing, extra
}

func names(seen map[string]*viewer.Variant) []string {
	var list []string
	for name := range seen {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// eventually asks again, ten times a second, until ok says so.
func eventually[T any](t *testing.T, within time.Duration, what string, ask func() (T, error), ok func(T) bool) T {
	t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := ask()
		if err == nil && ok(v) {
			return v
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %v; last answer %+v, error %v", what, within, v, err)
			return v
		}
	}
}

// served waits until somebody serves the stream demo and has had segments verified.
func served(t *testing.T, n *testnet.Network, verified int64) api.StreamView {
	t.Helper()
	return eventually(t, patience, "the stream is served", func() (api.StreamView, error) { return n.Stream(t.Context(), "demo") },
		func(v api.StreamView) bool { return v.Orchestrator != nil && v.Verified.OK >= verified })
}

// TestStopsQuickly holds the quickest of several ends against the clock: a busy machine is late, but not with all of them.
func TestStopsQuickly(t *testing.T) {
	const allowed, hung = 3 * time.Second, 15 * time.Second
	quickest := time.Duration(math.MaxInt64)
	for tries := 0; quickest > allowed && tries < 4; tries++ {
		n, err := testnet.Start(context.WithoutCancel(t.Context()), testnet.Config{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		processes := n.Pids()
		if len(processes) < 5 {
			t.Fatalf("castnet up runs %d processes; chain, broadcaster and three orchestrators are five", len(processes))
		}
		took, err := n.Stop()
		if err != nil {
			t.Errorf("castnet up ended with an error: %v\n%s", err, n.Output())
		}
		if left := n.Running(processes); len(left) > 0 {
			t.Errorf("processes %v are still there", left)
		}
		if took > hung {
			t.Errorf("it took %v to end: something was waited for", took)
		}
		quickest = min(quickest, took)
		t.Logf("it ended after %v", took)
	}
	if quickest > allowed {
		t.Errorf("it took %v to end, %v are allowed", quickest, allowed)
	}
}

func TestRefusals(t *testing.T) {
	n := network(t)
	v := camera(t, 640, 360, 10)
	t.Run("wrong stream key", func(t *testing.T) {
		err := push(t, n.RTMP+"nobody", v)()
		if err == nil || !strings.Contains(err.Error(), "no stream has this key") {
			t.Errorf("ffmpeg was told: %v", err)
		}
	})
	t.Run("second publisher", func(t *testing.T) {
		stop := pushOn(t, n.RTMP+"demo", camera(t, 320, 240, 240)) // more than is pushed
		before := served(t, n, 1)
		err := push(t, n.RTMP+"demo", v)()
		if err == nil || !strings.Contains(err.Error(), "already publishing") {
			t.Errorf("the second ffmpeg was told: %v", err)
		}
		served(t, n, before.Verified.OK+1) // the first is not disturbed
		stop()
	})
	t.Run("port in use", func(t *testing.T) {
		out, err := exec.CommandContext(t.Context(), "../../bin/castnet", "up", "--data-dir", t.TempDir(),
			"--rtmp", strings.Split(strings.TrimPrefix(n.RTMP, "rtmp://127.0.0.1:"), "/")[0]).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "--rtmp") {
			t.Errorf("a taken port: %v, %s", err, out)
		}
	})
}
