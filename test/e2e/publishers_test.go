package e2e_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"castnet/test/clip"
	"castnet/test/testnet"
	"castnet/test/viewer"
)

// TestPublishers has publishers of other kinds than most, all at once.
func TestPublishers(t *testing.T) {
	n := network(t, "--keys", keysFile(t, "own own", "grows grows", "sound sound", "pictures pictures"))
	for name, publish := range map[string]func(*testing.T, *testnet.Network){
		"sizes of its own": ownRendition, "a size that grows": ladderGrows, "sound or pictures alone": alone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			publish(t, n)
		})
	}
}

// alone publishes sound without pictures, and pictures without sound: both are whole by HLS, and are played by RTSP and
// WebRTC, with nothing but that in them.
func alone(t *testing.T, n *testnet.Network) {
	t.Helper()
	pictures, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 20, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	sound, err := clip.MakeAudio(t.Context(), 48_000)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for id, published := range map[string]struct {
		file, kind   string
		times, units int
	}{"sound": {sound.File, "audio", 3, len(sound.Units)}, "pictures": {pictures.File, "video", 1, len(pictures.Units)}} {
		dir := t.TempDir()
		index := n.HTTP + "/hls/" + id + "/index.m3u8"
		all.Go(func() {
			if err := run(t.Context(), system, "-v", "error", "-re", "-stream_loop", strconv.Itoa(published.times-1), "-i", published.file, "-c", "copy", "-f", "flv", n.RTMP+id); err != nil {
				t.Error(err)
			}
		})
		for way, play := range map[string]func(file string) error{
			"hls": func(file string) error {
				return run(t.Context(), system, "-v", "error", "-live_start_index", "0", "-i", index, "-c", "copy", "-f", "matroska", file)
			},
			"rtsp": func(file string) error {
				return run(t.Context(), system, "-v", "error", "-rtsp_transport", "tcp", "-i", n.RTSP+id, "-c", "copy", "-f", "matroska", file)
			},
			"whep": func(file string) error { return viewer.RecordWHEP(t.Context(), n.HTTP+"/whep/"+id, file) },
		} {
			all.Go(func() {
				file := filepath.Join(dir, way)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				if err := there(ctx, index); err != nil {
					t.Error(err)
					return
				}
				if err := play(file); err != nil {
					t.Errorf("%s by %s: %v", id, way, err)
					return
				}
				counts, err := packetsIn(t.Context(), file)
				if err != nil {
					t.Errorf("%s by %s: %v", id, way, err)
					return
				}
				least := published.times * published.units / 8 // who joins, joins late; Opus has other packets than AAC
				if way == "hls" {
					least = published.times * (published.units - 1) // ffmpeg leaves a packet out where it begins again
				}
				if len(counts) != 1 || counts[published.kind] < least {
					t.Errorf("%s by %s: %v packets, want %d or more of %s alone", id, way, counts, least, published.kind)
				}
			})
		}
	}
	all.Wait()
}

// packetsIn counts a file's packets by their kind, of which it has one track each.
func packetsIn(ctx context.Context, file string) (map[string]int, error) {
	out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=codec_type,nb_read_packets", "-of", "csv=p=0", file).Output()
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int)
	for line := range strings.Lines(string(out)) {
		kind, number, ok := strings.Cut(strings.TrimSpace(line), ",")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(strings.TrimRight(number, ","))
		if err != nil {
			return nil, err
		}
		counts[kind] = max(counts[kind], n) // a transport stream's are listed with its program, too
	}
	return counts, nil
}
