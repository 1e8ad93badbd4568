package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"castnet/broadcaster/api"
	"castnet/test/clip"
	"castnet/test/testnet"
	"castnet/test/viewer"
)

// ladderGrows publishes 320x180 that becomes 640x360, as WebRTC publishers begin: 10 s later there are renditions of that size,
// by another lease, and who has watched the small ones from the beginning has them whole to the end.
func ladderGrows(t *testing.T, n *testnet.Network) {
	t.Helper()
	watched := make(chan map[string]*viewer.Variant, 1)
	go func() {
		seen, err := viewer.HLS(t.Context(), n.HTTP+"/hls/grows/index.m3u8")
		if err != nil {
			t.Error(err)
		}
		watched <- seen
	}()
	pushed := make(chan error, 1)
	go func() {
		pushed <- pushGrowing(t.Context(), t.TempDir(), n.SRT+"?latency=1000000&streamid=publish:grows")
	}()

	grows := func() (api.StreamView, error) { return n.Stream(t.Context(), "grows") }
	grown := eventually(t, 60*time.Second, "there are larger renditions, and receipts for them", grows, func(v api.StreamView) bool {
		return slices.ContainsFunc(v.Renditions, func(r api.RenditionView) bool { return r.Name == "360p" }) && receiptOf(t, v) > 3
	})
	if late, err := viewer.HLS(t.Context(), n.HTTP+"/hls/grows/index.m3u8"); err != nil || late["360p"] == nil || len(late["360p"].PTS) == 0 {
		t.Errorf("a player that comes later sees %v, %v", names(late), err)
	}
	if err := <-pushed; err != nil {
		t.Fatal(err)
	}
	seen := <-watched
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

// pushGrowing publishes 2 s of one size and 16 s of another, in real time.
func pushGrowing(ctx context.Context, dir, url string) error {
	var list strings.Builder
	for _, s := range []clip.Spec{{Width: 320, Height: 180, Seconds: 2}, {Width: 640, Height: 360, Seconds: 16}} {
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
	return run(ctx, system, "-v", "error", "-re", "-f", "concat", "-safe", "0", "-i", index, "-c", "copy", "-f", "mpegts", url)
}
