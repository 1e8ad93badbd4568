// Package e2e_test is a newcomer with a stopwatch and a ledger: it runs the real `castnet up`, pushes camera pictures
// by the real ffmpeg, watches them as players do, kills what can be killed, and adds the money up on the chain.
package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"castnet/broadcaster/api"
	"castnet/test/clip"
	"castnet/test/testnet"
	"castnet/test/viewer"
)

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

// wholeStream pushes a clip and returns what an LL-HLS player saw of every variant, to the end.
func wholeStream(t *testing.T, n *testnet.Network, key string, v *clip.Video) map[string]*viewer.Variant {
	t.Helper()
	type result struct {
		seen map[string]*viewer.Variant
		err  error
	}
	watched := make(chan result, 1)
	go func() {
		seen, err := viewer.HLS(t.Context(), n.HTTP+"/hls/"+key+"/index.m3u8")
		watched <- result{seen, err}
	}()
	if err := push(t, n.RTMP+key, v)(); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-watched:
		if r.err != nil {
			t.Fatal(r.err)
		}
		return r.seen
	case <-time.After(30 * time.Second):
		t.Fatal("the playlists did not end within 30 s of the stream")
		return nil
	}
}

// complete checks that every variant has exactly the source's pictures, and the source all that were pushed.
func complete(t *testing.T, seen map[string]*viewer.Variant, v *clip.Video, rungs ...string) {
	t.Helper()
	source := seen["source"]
	if source == nil {
		t.Fatalf("no source among the variants %v", names(seen))
	}
	want := slices.Sorted(slices.Values(source.PTS))
	if len(want) != len(v.Units) {
		t.Errorf("the source has %d pictures, %d were pushed", len(want), len(v.Units))
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
	return eventually(t, 30*time.Second, "the stream is served", func() (api.StreamView, error) { return n.Stream(t.Context(), "demo") },
		func(v api.StreamView) bool { return v.Orchestrator != nil && v.Verified.OK >= verified })
}

func TestStopsQuickly(t *testing.T) {
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
	if took > 3*time.Second {
		t.Errorf("it took %v to end, 3 s are allowed", took)
	}
	if left := n.Running(processes); len(left) > 0 {
		t.Errorf("processes %v are still there", left)
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
		first := push(t, n.RTMP+"demo", v)
		served(t, n, 0)
		err := push(t, n.RTMP+"demo", v)()
		if err == nil || !strings.Contains(err.Error(), "already publishing") {
			t.Errorf("the second ffmpeg was told: %v", err)
		}
		if err := first(); err != nil {
			t.Errorf("the first publisher was disturbed: %v", err)
		}
	})
	t.Run("port in use", func(t *testing.T) {
		out, err := exec.CommandContext(t.Context(), "../../bin/castnet", "up", "--data-dir", t.TempDir(),
			"--rtmp", strings.Split(strings.TrimPrefix(n.RTMP, "rtmp://127.0.0.1:"), "/")[0]).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "--rtmp") {
			t.Errorf("a taken port: %v, %s", err, out)
		}
	})
}
