package rtmp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/internal/media"
	"castnet/test/clip"
)

// ffmpegs returns the command lines that are tested: the one that is installed, and the one built by make deps.
func ffmpegs(t *testing.T) map[string]string {
	t.Helper()
	prefix, err := exec.CommandContext(t.Context(), "../../deploy/deps/ffmpeg.sh").Output()
	if err != nil {
		t.Fatalf("deploy/deps/ffmpeg.sh: %v", err)
	}
	return map[string]string{"installed": "/usr/bin/ffmpeg", "built": filepath.Join("/", strings.TrimSpace(string(prefix)), "bin", "ffmpeg")}
}

// push runs ffmpeg and returns what it wrote to stderr.
func push(t *testing.T, ffmpeg string, args ...string) (stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, ffmpeg, append([]string{"-hide_banner", "-loglevel", "error", "-nostdin"}, args...)...)
	var out bytes.Buffer
	cmd.Stderr = &out
	err = cmd.Run()
	return out.String(), err
}

// material is a natural clip with B-frames, and sound.
func material(t *testing.T) (args []string) {
	t.Helper()
	video, err := clip.Make(t.Context(), clip.Spec{Width: 640, Height: 480, FPS: 30, Seconds: 8, BFrames: 3, GOP: 60})
	if err != nil {
		t.Fatal(err)
	}
	sound, err := clip.MakeAudio(t.Context(), 44100)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"-i", video.File, "-i", sound.File, "-map", "0:v", "-map", "1:a", "-c", "copy"}
}

type packet struct {
	PTS   int64  `json:"pts"`
	Size  string `json:"size"`
	Flags string `json:"flags"`
}

func probe(t *testing.T, file, stream string) []packet {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", stream, "-show_packets", "-of", "json", file).Output()
	if err != nil {
		t.Fatalf("ffprobe: %v", err)
	}
	var list struct{ Packets []packet }
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	return list.Packets
}

// TestFFmpegPush takes what ffmpeg pushes, unit by unit, against ffprobe's reading of the same stream in a file.
func TestFFmpegPush(t *testing.T) {
	args := material(t)
	for name, ffmpeg := range ffmpegs(t) {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "out.flv")
			if out, err := push(t, ffmpeg, append(slices.Clone(args), "-f", "flv", file)...); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			g := ingesttest.NewGate()
			address := start(t, g, nil)
			if out, err := push(t, ffmpeg, append(slices.Clone(args), "-f", "flv", "rtmp://"+address+"/live/demo")...); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			r := g.Wait(t)
			if r.Reason != nil {
				t.Errorf("closed with %v, want a clean end", r.Reason)
			}
			if r.Starts != 1 || len(r.Tracks) != 2 {
				t.Fatalf("%d tracks in %d starts", len(r.Tracks), r.Starts)
			}
			checkVideo(t, r, probe(t, file, "v"))
			checkAudio(t, r, probe(t, file, "a"))
		})
	}
}

func checkVideo(t *testing.T, r *ingesttest.Recorder, want []packet) {
	t.Helper()
	track, units := r.Tracks[0], r.Units[media.H264]
	if track.Width != 640 || track.Height != 480 || track.FrameRate != 30 || track.Reorder != 2 || len(track.Config) == 0 {
		t.Errorf("track %+v", track)
	}
	if len(units) != len(want) || len(units) != 240 {
		t.Fatalf("%d units, ffprobe sees %d", len(units), len(want))
	}
	for i, u := range units {
		if u.PTS != want[i].PTS*90 {
			t.Fatalf("unit %d has PTS %d, ffprobe says %d ms", i, u.PTS, want[i].PTS)
		}
		if i > 0 && u.DTS <= units[i-1].DTS || u.DTS > u.PTS {
			t.Fatalf("unit %d: DTS %d, PTS %d", i, u.DTS, u.PTS)
		}
		if u.Key != (i%60 == 0) {
			t.Fatalf("unit %d: key is %v", i, u.Key)
		}
		if u.Key != bytes.HasPrefix(u.Payload, track.Config) {
			t.Fatalf("unit %d: parameter sets do not go with the key", i)
		}
		size, _ := strconv.Atoi(want[i].Size)
		if u.Key {
			size += len(track.Config)
		}
		if !bytes.HasPrefix(u.Payload, []byte{0, 0, 0, 1}) || len(u.Payload) != size {
			t.Fatalf("unit %d: %d bytes, begins % x; ffprobe's has %s bytes", i, len(u.Payload), u.Payload[:5], want[i].Size)
		}
	}
	if r.Dropped != 0 || len(r.Segments) != 4 {
		t.Errorf("%d segments, %d units dropped", len(r.Segments), r.Dropped)
	}
}

func checkAudio(t *testing.T, r *ingesttest.Recorder, want []packet) {
	t.Helper()
	track, units := r.Tracks[1], r.Units[media.AAC]
	if track.ClockRate != 44100 || track.Channels != 2 || len(track.Config) < 2 {
		t.Errorf("track %+v", track)
	}
	if len(units) != len(want) || len(units) < 300 {
		t.Fatalf("%d packets, ffprobe sees %d", len(units), len(want))
	}
	for i, u := range units {
		if i > 0 && u.PTS != units[i-1].PTS+1024 {
			t.Fatalf("packet %d at %d, the one before at %d", i, u.PTS, units[i-1].PTS)
		}
		if off := u.PTS - want[i].PTS*44100/1000; off < -90 || off > 90 { // 2 ms
			t.Fatalf("packet %d at %d, ffprobe says %d ms", i, u.PTS, want[i].PTS)
		}
		if size := strconv.Itoa(len(u.Payload)); size != want[i].Size {
			t.Fatalf("packet %d has %s bytes, ffprobe says %s", i, size, want[i].Size)
		}
	}
}

// TestFFmpegIsTold checks that a person reads the reason where they look: in ffmpeg's own words.
func TestFFmpegIsTold(t *testing.T) {
	args := material(t)
	for name, ffmpeg := range ffmpegs(t) {
		t.Run(name, func(t *testing.T) {
			g := ingesttest.NewGate()
			address := start(t, g, nil)
			for _, tc := range []struct {
				name, path string
				args       []string
				want       string
			}{
				{"wrong key", "/live/nope", args, "no stream has this key"},
				{"no key", "/live/", args, "stream key is missing"},
				{"wrong app", "/show/demo", args, "publish to rtmp://HOST/live/KEY"},
				{"MP3", "/live/demo", append(slices.Clone(args[:len(args)-1]), "copy", "-c:a", "libmp3lame"), "MP3 cannot be taken"},
				{"long GOP", "/live/demo", []string{
					"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30", "-t", "20", "-pix_fmt", "yuv420p",
					"-c:v", "libx264", "-preset", "ultrafast", "-g", "1000",
				}, "no key frame for 12 s"},
			} {
				t.Run(tc.name, func(t *testing.T) {
					if tc.name == "MP3" && name == "built" {
						t.Skip("built without an MP3 encoder")
					}
					out, err := push(t, ffmpeg, append(slices.Clone(tc.args), "-f", "flv", "rtmp://"+address+tc.path)...)
					if err == nil || !strings.Contains(out, tc.want) {
						t.Errorf("ffmpeg (%v) says %q, want %q", err, out, tc.want)
					}
				})
			}
		})
	}
}

// TestEnhancedRTMP takes the codecs that came with enhanced RTMP, which ffmpeg speaks from 6.1 on, and decodes what was
// taken: every picture is there.
func TestEnhancedRTMP(t *testing.T) {
	built := ffmpegs(t)["built"]
	const pictures = 90
	for _, tc := range []struct {
		codec media.Codec
		maker string // the ffmpeg that has the encoder
		args  []string
		raw   string // the demuxer of the units, one behind the other,
		mark  []byte // and what it needs before each
	}{
		{media.HEVC, built, []string{"libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:open-gop=0:keyint=30"}, "hevc", nil},
		{media.AV1, "/usr/bin/ffmpeg", []string{"libsvtav1", "-preset", "12", "-g", "30"}, "obu", []byte{0x12, 0}},
		{media.VP9, "/usr/bin/ffmpeg", []string{"libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-lag-in-frames", "0"}, "", nil},
	} {
		t.Run(tc.codec.String(), func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "made.mkv")
			args := append([]string{
				"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=3", "-f", "lavfi", "-i", "sine=duration=3:sample_rate=48000",
				"-pix_fmt", "yuv420p", "-c:v",
			}, tc.args...)
			if out, err := push(t, tc.maker, append(args, "-c:a", "aac", "-ac", "2", file)...); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			g := ingesttest.NewGate()
			address := start(t, g, nil)
			if out, err := push(t, built, "-i", file, "-c", "copy", "-f", "flv", "rtmp://"+address+"/live/demo"); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			r := g.Wait(t)
			units := r.Units[tc.codec]
			if r.Reason != nil || len(r.Tracks) != 2 || r.Tracks[0].Width != 320 || r.Tracks[0].Height != 240 || len(units) != pictures {
				t.Fatalf("ended with %v, tracks %+v, %d pictures", r.Reason, r.Tracks, len(units))
			}
			if sound := r.Tracks[1]; sound.Codec != media.AAC || sound.ClockRate != 48000 || sound.Channels != 2 || len(r.Units[media.AAC]) < 140 {
				t.Errorf("sound %+v, %d packets", sound, len(r.Units[media.AAC]))
			}
			for i, u := range units {
				if u.Key != (i%30 == 0) {
					t.Errorf("picture %d: key is %v", i, u.Key)
				}
			}
			if tc.raw == "" {
				return
			}
			raw := filepath.Join(dir, "taken")
			if err := os.WriteFile(raw, joined(units, tc.mark), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := push(t, "/usr/bin/ffmpeg", "-xerror", "-err_detect", "explode", "-f", tc.raw, "-i", raw, "-fps_mode", "passthrough", "-f", "framecrc", filepath.Join(dir, "crc"))
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			crc, err := os.ReadFile(filepath.Join(dir, "crc"))
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(crc, []byte("\n0,")); n != pictures {
				t.Errorf("%d pictures can be decoded", n)
			}
		})
	}
}

func joined(units []*media.Unit, mark []byte) (all []byte) {
	for _, u := range units {
		all = append(append(all, mark...), u.Payload...)
	}
	return all
}

func TestFFmpegSecondPublisherIsTold(t *testing.T) {
	args := material(t)
	g := ingesttest.NewGate()
	address := start(t, g, nil)
	first := make(chan error, 1)
	go func() {
		_, err := push(t, "ffmpeg", append(append([]string{"-re"}, args...), "-t", "3", "-f", "flv", "rtmp://"+address+"/live/demo")...)
		first <- err
	}()
	r := g.Next(t)
	out, err := push(t, "ffmpeg", append(slices.Clone(args), "-f", "flv", "rtmp://"+address+"/live/demo")...)
	if err == nil || !strings.Contains(out, "already publishing") {
		t.Errorf("the second ffmpeg (%v) says %q", err, out)
	}
	if err := <-first; err != nil {
		t.Errorf("the first publisher failed: %v", err)
	}
	<-r.Closed
	if n := len(r.Units[media.H264]); r.Reason != nil || n < 85 {
		t.Errorf("the first publisher ended with %v after %d pictures", r.Reason, n)
	}
	if code := ingest.CodeOf(ingest.ErrKeyInUse); code != ingest.CodeKeyInUse {
		t.Error(code)
	}
}
