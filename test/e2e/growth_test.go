package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"castnet/broadcaster/api"
	"castnet/test/clip"
	"castnet/test/testnet"
)

// ladderGrows publishes 320x180 that becomes 640x360, as WebRTC publishers begin: 10 s later there are renditions of that size,
// by another lease, and who has watched the small ones from the beginning has them whole to the end.
func ladderGrows(t *testing.T, n *testnet.Network) {
	t.Helper()
	watched := watch(t, n, "grows")
	pushing, stop := context.WithCancel(t.Context())
	defer stop()
	pushed := make(chan error, 1)
	dir := t.TempDir()
	go func() { pushed <- pushGrowing(pushing, dir, n.SRT+"?latency=1000000&streamid=publish:grows") }()

	grows := func() (api.StreamView, error) { return n.Stream(t.Context(), "grows") }
	grown := eventually(t, patience, "there are larger renditions, and receipts for them", grows, func(v api.StreamView) bool {
		return slices.ContainsFunc(v.Renditions, func(r api.RenditionView) bool { return r.Name == "360p" }) && receiptOf(t, v) > 3
	})
	watchedLate := watch(t, n, "grows")
	more := grown.Verified.OK + 3
	eventually(t, patience, "it goes on", grows, func(v api.StreamView) bool { return v.Verified.OK >= more })
	stop()
	if err := <-pushed; err != nil {
		t.Fatal(err)
	}
	if late := watchedLate(); late["360p"] == nil || len(late["360p"].PTS) == 0 {
		t.Errorf("a player that comes later sees %v", names(late))
	}
	seen := watched()
	want := slices.Sorted(slices.Values(seen["source"].PTS))
	for _, name := range []string{"180p", "120p", "90p"} {
		v := seen[name]
		if v == nil {
			t.Errorf("no %s among %v", name, names(seen))
			continue
		}
		if missing, doubled := compare(want, slices.Sorted(slices.Values(v.PTS))); len(missing)+len(doubled) > 0 {
			t.Errorf("%s: %d pictures of %d; missing %v, doubled or unknown %v", name, len(v.PTS), len(want), missing, doubled)
		}
	}
	v, err := grows()
	if err != nil {
		t.Fatal(err)
	}
	if v.Verified.Failed != 0 || len(grown.Renditions) != 6 {
		t.Errorf("%d segments failed (%s); renditions %+v", v.Verified.Failed, v.Verified.LastFailure, grown.Renditions)
	}
}

// pushGrowing publishes 2 s of one size and then another in real time, until ctx is done.
func pushGrowing(ctx context.Context, dir, url string) error {
	var list strings.Builder
	for _, s := range []clip.Spec{{Width: 320, Height: 180, Seconds: 2}, {Width: 640, Height: 360, Seconds: 90}} {
		s.FPS, s.GOP = 30, 30
		v, err := clip.Make(ctx, s)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, filepath.Base(filepath.Dir(v.File))+".ts")
		if err := run(ctx, system, "-v", "error", "-i", v.File, "-c", "copy", file); err != nil {
			return err
		}
		list.WriteString("file '" + file + "'\n")
	}
	index := filepath.Join(dir, "list")
	if err := os.WriteFile(index, []byte(list.String()), 0o600); err != nil {
		return err
	}
	push := exec.CommandContext(ctx, system, "-v", "error", "-nostdin", "-re", "-f", "concat", "-safe", "0", "-i", index, "-c", "copy", "-f", "mpegts", url)
	push.Cancel = func() error { return push.Process.Signal(os.Interrupt) }
	if out, err := push.CombinedOutput(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("ffmpeg: %w\n%s", err, out)
	}
	return nil
}
