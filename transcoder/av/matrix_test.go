package av_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/av"
)

// The distribution's FFmpeg judges what ours makes: other libraries of another version.
const (
	independent      = "/usr/bin/ffmpeg"
	independentProbe = "/usr/bin/ffprobe"
)

// everyCodec is a ladder with a rung of each codec that is made: the largest, one that is scaled, one at half the rate.
func everyCodec(width, height int) transcoder.Ladder {
	return transcoder.Ladder{
		{Name: "h264", Codec: media.H264, Width: width &^ 1, Height: height &^ 1, Bitrate: 800_000, Divisor: 1},
		{Name: "hevc", Codec: media.HEVC, Width: width * 3 / 4 &^ 1, Height: height * 3 / 4 &^ 1, Bitrate: 600_000, Divisor: 1},
		{Name: "av1", Codec: media.AV1, Width: width / 2 &^ 1, Height: height / 2 &^ 1, Bitrate: 400_000, Divisor: 2},
	}
}

// pictures is one kind of source material.
type pictures struct {
	name          string
	width, height int
	filter        string    // after scaling
	format        string    // pixel format
	colours       [3]string // primaries, transfer, matrix
	full          bool
}

// kinds are sizes (odd, too), rates (variable, too), colours and ranges, spread so that each codec meets each.
func kinds(c media.Codec) []pictures {
	bt709, bt601, bt2020 := [3]string{"bt709", "bt709", "bt709"}, [3]string{"smpte170m", "smpte170m", "smpte170m"},
		[3]string{"bt2020", "bt2020-10", "bt2020nc"}
	odd := pictures{name: "odd size, 25 a second, BT.601", width: 319, height: 181, filter: "fps=25", format: "yuv420p", colours: bt601}
	if c == media.H264 || c == media.HEVC { // 4:2:0 crops by two
		odd.width, odd.height, odd.full = 322, 182, true
		odd.name += ", full range"
	}
	// Every third picture is missing, and of the others the times jitter.
	vfr := pictures{
		name: "variable rate, BT.709", width: 320, height: 180, format: "yuv420p", colours: bt709,
		filter: `select='mod(n\,3)',setpts='PTS+mod(N\,2)*0.004/TB'`,
	}
	list := []pictures{odd, vfr}
	if c != media.VP8 {
		list = append(list, pictures{
			name: "10 bits, 60 a second, BT.2020", width: 256, height: 144, filter: "fps=60", format: "yuv420p10le", colours: bt2020,
		})
	}
	return list
}

// sources are the encoders of the source material.
func sources() map[string]clip.Coded {
	return map[string]clip.Coded{
		"H264":               {Codec: media.H264, Args: []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "30", "-sc_threshold", "0"}},
		"H264 with B-frames": {Codec: media.H264, Args: []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "30", "-sc_threshold", "0"}},
		"HEVC": {Codec: media.HEVC, Args: []string{
			"-c:v", "libx265", "-preset", "veryfast",
			"-x265-params", "keyint=30:min-keyint=30:scenecut=0:open-gop=0:log-level=error",
		}},
		"AV1": {Codec: media.AV1, Args: []string{"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-g", "30", "-b:v", "500k"}},
		"VP8": {Codec: media.VP8, Args: []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-lag-in-frames", "0", "-auto-alt-ref", "0", "-b:v", "500k"}},
		"VP9": {Codec: media.VP9, Args: []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-b:v", "500k"}},
	}
}

func (p pictures) coded(c clip.Coded) clip.Coded {
	scaleRange := "limited"
	if p.full {
		scaleRange = "full"
	}
	c.Seconds = 2
	c.Filter = fmt.Sprintf("%s,scale=%d:%d:out_range=%s,setsar=1,format=%s", p.filter, p.width, p.height, scaleRange, p.format)
	c.Args = append(slices.Clone(c.Args), "-color_primaries", p.colours[0], "-color_trc", p.colours[1], "-colorspace", p.colours[2])
	if p.full {
		c.Args = append(c.Args, "-color_range", "pc")
	} else {
		c.Args = append(c.Args, "-color_range", "tv")
	}
	return c
}

// Sources of every codec × sizes, rates, colours × profiles of every codec: each rendition holds exactly the pictures
// that it should, with keys exactly at segment starts, and an independent decoder sees the source in them.
func TestMatrix(t *testing.T) {
	for name, source := range sources() {
		for _, kind := range kinds(source.Codec) {
			t.Run(name+"/"+kind.name, func(t *testing.T) {
				v, err := clip.MakeCoded(t.Context(), kind.coded(source))
				if err != nil {
					t.Fatal(err)
				}
				ladder := everyCodec(kind.width, kind.height)
				segments := cut(v)
				got := playOn(t, ladder, segments)
				for i, p := range ladder {
					want, keys := ptsOf(segments, p.Divisor), firsts(segments)
					if have := coded(got.units[i]); !slices.Equal(have, want) {
						t.Fatalf("%s: pictures at %v, want %v", p.Name, have, want)
					}
					if have := keysOf(got.units[i]); !slices.Equal(have, keys) {
						t.Errorf("%s: keys at %v, want %v", p.Name, have, keys)
					}
					look(t, p, got.units[i], v.File, kind)
				}
			})
		}
	}
}

func playOn(t *testing.T, l transcoder.Ladder, segments []segment) result {
	t.Helper()
	s, err := av.Open(t.Context(), transcoder.SessionConfig{ID: t.Name(), Ladder: l})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	got := play(t, s, segments)
	for _, b := range got.bad {
		t.Fatalf("%+v", b)
	}
	return got
}

func keysOf(units []*media.Unit) []int64 {
	var out []int64
	for _, u := range units {
		if u.Key {
			out = append(out, u.PTS)
		}
	}
	return out
}

// look has the independent FFmpeg decode a rendition and compare it with the source that it decodes and scales itself.
func look(t *testing.T, p transcoder.Profile, units []*media.Unit, source string, kind pictures) {
	t.Helper()
	file := store(t, p.Codec, p.Width, p.Height, units)
	got := probe(t, file)
	if got.Width != p.Width || got.Height != p.Height {
		t.Errorf("%s: %dx%d, want %dx%d", p.Name, got.Width, got.Height, p.Width, p.Height)
	}
	if have := [3]string{got.Primaries, got.Transfer, got.Space}; have != kind.colours {
		// VP8 is BT.601 always, VP9 says the matrix alone.
		if have[2] != kind.colours[2] && have[2] != "bt470bg" {
			t.Errorf("%s: colours %v, want %v", p.Name, have, kind.colours)
		}
	}
	if got.Range == "pc" {
		t.Errorf("%s: full range", p.Name)
	}
	frames, ssim := compare(t, file, source, fmt.Sprintf("select='not(mod(n\\,%d))',scale=%d:%d:flags=bicubic:out_range=limited",
		p.Divisor, p.Width, p.Height))
	if frames != len(units) {
		t.Errorf("%s: %d pictures decode of %d", p.Name, frames, len(units))
	}
	if ssim < 0.93 {
		t.Errorf("%s: SSIM %.3f", p.Name, ssim)
	}
	t.Logf("%s: %d pictures, SSIM %.3f", p.Name, frames, ssim)
}

// store writes units into a file that ffmpeg reads.
func store(t *testing.T, c media.Codec, width, height int, units []*media.Unit) string {
	t.Helper()
	var out bytes.Buffer
	name := map[media.Codec]string{media.H264: "out.h264", media.HEVC: "out.hevc", media.AV1: "out.ivf"}[c]
	if c == media.AV1 { // IVF: a header, then size and time before each unit
		out.WriteString("DKIF\x00\x00\x20\x00AV01")
		for _, n := range []any{uint16(width), uint16(height), uint32(30), uint32(1), uint32(len(units)), uint32(0)} {
			_ = binary.Write(&out, binary.LittleEndian, n)
		}
	}
	for i, u := range units {
		if c == media.AV1 {
			_ = binary.Write(&out, binary.LittleEndian, uint32(len(u.Payload)))
			_ = binary.Write(&out, binary.LittleEndian, uint64(i))
		}
		out.Write(u.Payload)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

type stream struct {
	Width, Height int
	Range         string `json:"color_range"`
	Space         string `json:"color_space"`
	Transfer      string `json:"color_transfer"`
	Primaries     string `json:"color_primaries"`
	Aspect        string `json:"sample_aspect_ratio"`
	FieldOrder    string `json:"field_order"`
}

func probe(t *testing.T, file string) stream {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), independentProbe, "-v", "error", "-show_streams", "-of", "json", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Streams []stream }
	if err := json.Unmarshal(out, &list); err != nil || len(list.Streams) != 1 {
		t.Fatalf("%s: %v", out, err)
	}
	return list.Streams[0]
}

// compare returns how many pictures of a rendition decode, and their mean SSIM with the filtered source.
func compare(t *testing.T, rendition, source, filter string) (frames int, ssim float64) {
	t.Helper()
	graph := fmt.Sprintf("[0:v]format=yuv420p,setpts=N/30/TB[a];[1:v]%s,format=yuv420p,setpts=N/30/TB[b];[a][b]ssim=stats_file=-", filter)
	cmd := exec.CommandContext(t.Context(), independent, "-hide_banner", "-loglevel", "error", "-i", rendition, "-i", source,
		"-lavfi", graph, "-fps_mode", "vfr", "-f", "null", "-")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	text, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("ffmpeg: %v: %s", err, &complaints)
	}
	var sum float64
	for line := range strings.Lines(string(text)) {
		_, all, _ := strings.Cut(line, "All:")
		value, _, _ := strings.Cut(all, " ")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
		frames++
	}
	return frames, sum / float64(max(frames, 1))
}
