package av_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
)

func source(t *testing.T, filter string, c media.Codec, args ...string) (*clip.Video, []segment) {
	t.Helper()
	v, err := clip.MakeCoded(t.Context(), clip.Coded{Codec: c, Seconds: 2, Filter: filter, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	return v, cut(v)
}

func x264(more ...string) []string {
	return append([]string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "30", "-sc_threshold", "0"}, more...)
}

// complete checks that every picture came out of every rung, once, with keys at segment starts alone.
func complete(t *testing.T, l transcoder.Ladder, got result, segments []segment) {
	t.Helper()
	for i, p := range l {
		if want, have := ptsOf(segments, p.Divisor), coded(got.units[i]); !slices.Equal(have, want) {
			t.Fatalf("%s: pictures at %v, want %v", p.Name, have, want)
		}
		if want, have := firsts(segments), keysOf(got.units[i]); !slices.Equal(have, want) {
			t.Errorf("%s: keys at %v, want %v", p.Name, have, want)
		}
	}
}

// alike has the independent FFmpeg compare each rung with the source that went through filter.
func alike(t *testing.T, l transcoder.Ladder, got result, v *clip.Video, filter string) {
	t.Helper()
	for i, p := range l {
		file := store(t, p.Codec, p.Width, p.Height, got.units[i])
		frames, ssim := compare(t, file, v.File, fmt.Sprintf("%s,select='not(mod(n\\,%d))',scale=%d:%d:flags=bicubic:out_range=limited",
			filter, p.Divisor, p.Width, p.Height))
		if frames != len(got.units[i]) || ssim < 0.93 {
			t.Errorf("%s: %d pictures of %d, SSIM %.3f", p.Name, frames, len(got.units[i]), ssim)
		}
	}
}

// Interlaced pictures come out progressive, one for one, also where not all of them are interlaced.
func TestInterlaced(t *testing.T) {
	v, segments := source(t, "fps=60,scale=320:240,tinterlace=interleave_top,setsar=1,format=yuv420p", media.H264, x264("-flags", "+ildct+ilme")...)
	l := everyCodec(320, 240)
	got := playOn(t, l, segments)
	complete(t, l, got, segments)
	alike(t, l, got, v, "bwdif=mode=send_frame:deint=interlaced")
	if p := probe(t, store(t, media.H264, 320, 240, got.units[0])); p.FieldOrder != "progressive" {
		t.Errorf("field order %q", p.FieldOrder)
	}
}

func TestChroma422(t *testing.T) {
	v, segments := source(t, "fps=30,scale=320:240,setsar=1,format=yuv422p10le", media.H264, x264()...)
	l := everyCodec(320, 240)
	got := playOn(t, l, segments)
	complete(t, l, got, segments)
	alike(t, l, got, v, "null")
}

// Red, green and blue become what every player takes; libaom would abort on their name.
func TestRGB(t *testing.T) {
	v, segments := source(t, "fps=30,scale=320:240,setsar=1,format=gbrp", media.H264, "-c:v", "libx264rgb", "-preset", "veryfast", "-bf", "0", "-g", "30",
		"-sc_threshold", "0", "-pix_fmt", "rgb24")
	l := everyCodec(320, 240)
	got := playOn(t, l, segments)
	complete(t, l, got, segments)
	alike(t, l, got, v, "null")
}

// High dynamic range becomes BT.709, as another FFmpeg maps it.
func TestHighDynamicRange(t *testing.T) {
	for _, transfer := range []string{"smpte2084", "arib-std-b67"} {
		t.Run(transfer, func(t *testing.T) {
			v, segments := source(t, "fps=30,scale=320:240,setsar=1,format=yuv420p10le", media.HEVC, "-c:v", "libx265", "-preset", "veryfast",
				"-x265-params", "keyint=30:min-keyint=30:scenecut=0:open-gop=0:log-level=error:colorprim=bt2020:colormatrix=bt2020nc:transfer="+transfer)
			l := everyCodec(320, 240)
			got := playOn(t, l, segments)
			complete(t, l, got, segments)
			alike(t, l, got, v, fmt.Sprintf("zscale=min=2020_ncl:pin=2020:tin=%s:t=linear:npl=203,format=gbrpf32le,zscale=p=709,"+
				"tonemap=hable:desat=0,zscale=t=709:m=709:r=limited,format=yuv420p", transfer))
			for i, p := range l {
				s := probe(t, store(t, p.Codec, p.Width, p.Height, got.units[i]))
				if s.Transfer != "bt709" || s.Primaries != "bt709" || s.Space != "bt709" || s.Range == "pc" {
					t.Errorf("%s: %+v", p.Name, s)
				}
			}
		})
	}
}

func TestSampleAspect(t *testing.T) {
	_, segments := source(t, "fps=30,scale=240:240,setsar=4/3,format=yuv420p", media.H264, x264()...)
	l := transcoder.Ladder{
		{Name: "same", Codec: media.H264, Width: 240, Height: 240, Bitrate: 400_000, Divisor: 1},
		{Name: "square", Codec: media.HEVC, Width: 160, Height: 120, Bitrate: 400_000, Divisor: 1},
	}
	got := playOn(t, l, segments)
	for i, want := range []string{"4:3", "1:1"} {
		have := probe(t, store(t, l[i].Codec, l[i].Width, l[i].Height, got.units[i])).Aspect
		if have != want && (want != "1:1" || have != "") {
			t.Errorf("%s: %q, want %s", l[i].Name, have, want)
		}
	}
}

func TestRotation(t *testing.T) {
	v, segments := source(t, "fps=30,scale=240:180,setsar=1,format=yuv420p", media.H264, x264("-bsf:v", "h264_metadata=rotate=90")...)
	l := everyCodec(240, 180)[:2] // AV1 has no place for it
	got := playOn(t, l, segments)
	want := rotation(t, v.File)
	if want == "" || want == "0" {
		t.Fatalf("the source is rotated by %q", want)
	}
	for i, p := range l {
		if have := rotation(t, store(t, p.Codec, p.Width, p.Height, got.units[i])); have != want {
			t.Errorf("%s: %q, want %s", p.Name, have, want)
		}
	}
}

// rotation is what the independent ffprobe reads from the first picture.
func rotation(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), independentProbe, "-v", "error", "-read_intervals", "%+#1", "-show_frames",
		"-show_entries", "frame_side_data=rotation", "-of", "default=nk=1:nw=1", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strings.TrimSpace(first)
}

// Closed captions reach every rung, in order, also those of pictures that a divisor leaves out.
func TestCaptions(t *testing.T) {
	segments := cut(video(t, 0))[:2]
	var want []byte
	for _, s := range segments {
		for i, w := range s.units {
			triplet := []byte{0xfc, 'A' + byte(i%26), 'a' + byte(len(want)%26)}
			want = append(want, triplet...)
			u := *w.Unit
			sei := slices.Concat([]byte{0, 0, 0, 1, 6, 4, 14, 0xb5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x41, 0xff}, triplet, []byte{0xff, 0x80})
			u.Payload = append(sei, u.Payload...)
			s.units[i].Unit = &u
		}
	}
	l := transcoder.Ladder{
		{Name: "unscaled", Codec: media.H264, Width: 640, Height: 360, Bitrate: 900_000, Divisor: 1},
		{Name: "scaled", Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1},
		{Name: "HEVC", Codec: media.HEVC, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1},
		{Name: "AV1", Codec: media.AV1, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1},
		{Name: "half the rate", Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 2},
	}
	got := playOn(t, l, segments)
	for i, p := range l {
		var have []byte
		for _, u := range got.units[i] {
			if _, after, ok := bytes.Cut(u.Payload, []byte("GA94\x03")); ok {
				n := int(after[0] & 31)
				have = append(have, after[2:2+3*n]...)
			}
		}
		if !bytes.Equal(have, want[:len(have)]) || len(want)-len(have) > 3*(p.Divisor-1) {
			t.Errorf("%s: %d bytes of captions, want %d\n got %q\nwant %q", p.Name, len(have), len(want), have, want)
		}
	}
}

// A source may change its size inside a segment, said by its parameter sets alone, and its clock may jump between two.
func TestSurprises(t *testing.T) {
	small, err := clip.Make(t.Context(), clip.Spec{Width: 322, Height: 182, FPS: 30, Seconds: 2, BFrames: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	big := cut(video(t, 2))[:2]
	for _, w := range cut(small)[0].units {
		u := *w.Unit
		u.PTS += media.VideoClockRate // it goes on where the first segment's pictures end
		u.DTS += media.VideoClockRate
		big[0].units = append(big[0].units, transcoder.WriteUnit{Unit: &u})
	}
	for _, by := range []int64{7 * media.VideoClockRate, -7 * media.VideoClockRate, 1 << 60, -1 << 62} {
		jump := segment{start: big[1].start, drain: true}
		jump.start.FirstPTS += by
		for _, w := range big[1].units {
			u := *w.Unit
			u.PTS += by
			u.DTS += by
			jump.units = append(jump.units, transcoder.WriteUnit{Unit: &u})
		}
		segments := []segment{big[0], jump}
		got := playOn(t, ladder, segments)
		for i, p := range ladder {
			if want, have := ptsOf(segments, p.Divisor), coded(got.units[i]); !slices.Equal(have, want) {
				t.Errorf("by %d: %s: pictures at %v, want %v", by, p.Name, have, want)
			}
		}
	}
}
