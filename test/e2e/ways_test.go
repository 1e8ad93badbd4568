package e2e_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"castnet/broadcaster/api"
	"castnet/test/testnet"
	"castnet/test/viewer"
)

// way is a way in, with the codec that goes along it.
type way struct {
	key   string   // and id of its stream
	built bool     // pushed by the ffmpeg that make deps builds: Debian's is too old for codecs beside H264 in RTMP
	codec []string // ffmpeg's arguments for it
	out   func(n *testnet.Network, key string) []string
}

func byRTSP(n *testnet.Network, key string) []string {
	return []string{"-f", "rtsp", "-rtsp_transport", "tcp", n.RTSP + key}
}

func byRTMP(n *testnet.Network, key string) []string { return []string{"-f", "flv", n.RTMP + key} }

// TestWaysIn pushes a stream by each way and in each codec that ffmpeg can send, all at once: each ladder is complete to the
// last picture, and verified.
func TestWaysIn(t *testing.T) {
	const (
		installed = "/usr/bin/ffmpeg"
		pictures  = 240
	)
	ways := []way{
		{"rtsp-h264", false, []string{"libx264", "-preset", "ultrafast", "-bf", "2", "-g", "60"}, byRTSP},
		{"rtsp-vp8", false, []string{"libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "60"}, byRTSP},
		{"rtmp-hevc", true, []string{"libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:open-gop=0:keyint=60"}, byRTMP},
		{"rtmp-av1", true, []string{"libsvtav1", "-preset", "12", "-g", "60"}, byRTMP},
		{"rtmp-vp9", true, []string{"libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "60", "-lag-in-frames", "0"}, byRTMP},
	}
	var keys []string
	for _, w := range ways {
		keys = append(keys, w.key+" "+w.key)
	}
	n := network(t, "--keys", keysFile(t, keys...))
	prefix, err := exec.CommandContext(t.Context(), filepath.Join(testnet.Root(), "deploy", "deps", "ffmpeg.sh")).Output()
	if err != nil {
		t.Fatalf("deploy/deps/ffmpeg.sh: %v", err)
	}
	enhanced := filepath.Join("/", strings.TrimSpace(string(prefix)), "bin", "ffmpeg")
	var all sync.WaitGroup
	for _, w := range ways {
		file := filepath.Join(t.TempDir(), w.key+".mkv")
		args := append([]string{
			"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=8", "-f", "lavfi", "-i", "sine=duration=8:sample_rate=48000",
			"-pix_fmt", "yuv420p", "-c:v",
		}, w.codec...)
		if out, err := exec.CommandContext(t.Context(), installed, append(args, "-c:a", "aac", "-ac", "2", file)...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", w.key, err, out)
		}
		all.Go(func() {
			args := append([]string{"-v", "error", "-re", "-i", file, "-c", "copy"}, w.out(n, w.key)...)
			program := installed
			if w.built {
				program = enhanced
			}
			if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", w.key, err, out)
			}
		})
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			seen, err := viewer.HLS(ctx, n.HTTP+"/hls/"+w.key+"/index.m3u8")
			if err != nil {
				t.Errorf("%s: %v", w.key, err)
			}
			renditions := 0
			for name, v := range seen {
				if name != "source" {
					renditions++
				}
				if once := slices.Compact(slices.Sorted(slices.Values(v.PTS))); len(v.PTS) != pictures || len(once) != pictures {
					t.Errorf("%s: %s has %d pictures, %d of them different, of %d", w.key, name, len(v.PTS), len(once), pictures)
				}
			}
			if renditions < 2 {
				t.Errorf("%s: %d renditions among %v", w.key, renditions, names(seen))
			}
			v := eventually(t, 20*time.Second, "all segments of "+w.key+" are verified", func() (api.StreamView, error) { return n.Stream(ctx, w.key) },
				func(v api.StreamView) bool { return v.Segments.Count > 2 && v.Verified.OK == v.Segments.Count })
			if v.Verified.Failed != 0 {
				t.Errorf("%s: %d segments failed: %s", w.key, v.Verified.Failed, v.Verified.LastFailure)
			}
		})
	}
	all.Wait()
}
