package hls_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
)

// kind is sources and rungs of a codec other than H264.
type kind struct {
	codec       media.Codec
	args, rung  []string // the encoder's
	described   string   // RFC 6381: the source
	smaller     string   // the rung
	beforeAny   string   // a rung of 1080 lines that has made nothing
	sampleEntry string
}

func kinds() []kind {
	x265 := func(bFrames int) []string {
		return []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", fmt.Sprintf("keyint=30:min-keyint=30:scenecut=0:open-gop=0:bframes=%d:log-level=error", bFrames)}
	}
	svt := []string{"-c:v", "libsvtav1", "-preset", "10", "-g", "30", "-svtav1-params", "pred-struct=1"}
	return []kind{
		{media.HEVC, x265(2), x265(0), "hvc1.1.6.L90.90", "hvc1.1.6.L60.90", "hvc1.1.6.L120.90", "hvc1"},
		{media.AV1, svt, svt, "av01.0.04M.08.0.111.01.01.01.0", "av01.0.00M.08.0.111.01.01.01.0", "av01.0.08M.08", "av01"},
	}
}

// TestCodecs: a source with B-frames and a rung of each codec are described truly, and a player finds every picture of both,
// and decodes them without a complaint.
func TestCodecs(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.codec.String(), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			source, rung := k.video(t, k.args, 640, 480), k.video(t, k.rung, 320, 240)
			must(t, r.hub.SetLadder(transcoder.Ladder{
				{Name: "240p", Codec: k.codec, Width: 320, Height: 240, Bitrate: 300_000, Divisor: 1},
				{Name: "none", Codec: k.codec, Width: 1920, Height: 1080, Bitrate: 3_000_000, Divisor: 1},
			}))
			index := r.later("index.m3u8")
			for seq, gop := range gops(source.Units) {
				must(t, r.hub.StartSegment(&media.Segment{Seq: uint64(seq), FirstPTS: gop[0].PTS, DecodeFrom: gop[0].PTS, Track: source.Track}))
				grant := r.hub.Admit(uint64(seq))
				for _, u := range gop {
					must(t, r.hub.PublishSource(u))
				}
				for _, u := range gops(rung.Units)[seq] {
					must(t, grant.Publish(0, u))
				}
			}
			r.contains(<-index, `CODECS="`+k.described+`",RESOLUTION=640x480`, `CODECS="`+k.smaller+`",RESOLUTION=320x240`,
				`CODECS="`+k.beforeAny+`",RESOLUTION=1920x1080`)
			r.hub.Close(nil)
			r.decodes("source", source.Units, k.sampleEntry)
			r.decodes("240p", rung.Units, k.sampleEntry)
		})
	}
}

// decodes checks that a player finds every unit of an ended variant, and decodes them all.
func (r *rig) decodes(name string, units []*media.Unit, sampleEntry string) {
	r.Helper()
	r.ended(name)
	var want []int64
	for _, u := range units {
		want = append(want, u.PTS+offset)
	}
	slices.Sort(want)
	url := r.url + name + "/index.m3u8"
	if got := r.packets(url); !slices.Equal(got, want) {
		r.Errorf("%s: %d pictures with the wrong PTS, published were %d", name, len(got), len(want))
	}
	tag, err := exec.CommandContext(r.Context(), "ffprobe", "-v", "error", "-show_entries", "stream=codec_tag_string", "-of", "csv=p=0", url).Output()
	if err != nil || !strings.Contains(string(tag), sampleEntry) {
		r.Errorf("%s: ffprobe: %v: %s, wanted %s", name, err, tag, sampleEntry)
	}
	out, err := exec.CommandContext(r.Context(), "ffmpeg", "-v", "warning", "-i", url, "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		r.Errorf("%s: ffmpeg: %v: %s", name, err, out)
	}
}

// video is 3 s of a natural picture.
func (k *kind) video(t *testing.T, args []string, width, height int) *clip.Video {
	t.Helper()
	v, err := clip.MakeCoded(t.Context(), clip.Coded{
		Codec: k.codec, Seconds: 3, Args: args, Filter: fmt.Sprintf("fps=30,scale=%d:%d,setsar=1,format=yuv420p", width, height),
	})
	must(t, err)
	v.Track.Width, v.Track.Height, v.Track.FrameRate = width, height, 30
	return v
}

// gops cuts units before each key.
func gops(units []*media.Unit) (all [][]*media.Unit) {
	for _, u := range units {
		if u.Key {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], u)
	}
	return all
}
