// Package clip makes units of a natural camera clip for tests, by the ffmpeg command line.
package clip

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	tscodecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
)

// camera is the natural clip of Debian's opencv-doc: people crossing a yard, 768x576, 795 pictures.
const camera = "/usr/share/doc/opencv-doc/examples/data/vtest.avi"

// Clip is a stream's units in decoding order.
type Clip struct {
	Video *media.Track
	Units []*media.Unit
	// Audio and Sound are set where sound was asked for: AAC.
	Audio *media.Track
	Sound []*media.Unit
}

// Options is what to make of the camera clip: 30 pictures a second, a key picture every Keys.
type Options struct {
	Width, Height, Pictures, Keys int
	BFrames                       int
	Sound                         bool
	Tone                          int // of the sound, in Hz; 440 where it is 0
}

// debianFFmpeg decodes the clip's old codec, which the ffmpeg built for the workers does not.
const debianFFmpeg = "/usr/bin/ffmpeg"

// Make encodes the clip.
func Make(tb testing.TB, o Options) *Clip {
	tb.Helper()
	for _, file := range []string{debianFFmpeg, camera} {
		if _, err := os.Stat(file); err != nil {
			tb.Fatalf("%v: apt-get install ffmpeg opencv-doc", err)
		}
	}
	args := []string{"-v", "error", "-r", "30", "-i", camera}
	if o.Sound {
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:sample_rate=48000", cmp.Or(o.Tone, 440)), "-map", "0:v", "-map", "1:a",
			"-c:a", "aac", "-b:a", "96k", "-ac", "2", "-t", fmt.Sprint(float64(o.Pictures)/30))
	}
	args = append(args, "-frames:v", fmt.Sprint(o.Pictures), "-vf", fmt.Sprintf("scale=%d:%d", o.Width, o.Height),
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", fmt.Sprint(o.Keys), "-keyint_min", fmt.Sprint(o.Keys),
		"-sc_threshold", "0", "-bf", fmt.Sprint(o.BFrames), "-x264-params", "b-adapt=0:aud=0", "-f", "mpegts", "pipe:1")
	cmd := exec.CommandContext(tb.Context(), debianFFmpeg, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	ts, err := cmd.Output()
	if err != nil {
		tb.Fatalf("ffmpeg: %v: %s", err, stderr.Bytes())
	}
	return read(tb, ts, o)
}

func read(tb testing.TB, ts []byte, o Options) *Clip {
	tb.Helper()
	c := &Clip{}
	r := &mpegts.Reader{R: bytes.NewReader(ts)}
	if err := r.Initialize(); err != nil {
		tb.Fatal(err)
	}
	r.OnDecodeError(func(err error) { tb.Fatal(err) })
	for _, track := range r.Tracks() {
		switch codec := track.Codec.(type) {
		case *tscodecs.H264:
			c.Video = &media.Track{Codec: media.H264, ClockRate: media.VideoClockRate, Width: o.Width, Height: o.Height, FrameRate: 30, Reorder: o.BFrames}
			r.OnDataH264(track, func(pts, dts int64, au [][]byte) error { c.add(pts, dts, au); return nil })
		case *tscodecs.MPEG4Audio:
			config, err := codec.Marshal()
			if err != nil {
				tb.Fatal(err)
			}
			rate := codec.SampleRate
			c.Audio = &media.Track{Codec: media.AAC, ClockRate: rate, Channels: 2, Config: config}
			r.OnDataMPEG4Audio(track, func(pts int64, aus [][]byte) error {
				for i, au := range aus {
					at := media.Rescale(pts, media.VideoClockRate, int64(rate)) + int64(i)*1024
					c.Sound = append(c.Sound, &media.Unit{PTS: at, DTS: at, Key: true, Payload: slices.Clone(au)})
				}
				return nil
			})
		}
	}
	for err := error(nil); err == nil; {
		err = r.Read() // to the end
	}
	if len(c.Units) != o.Pictures {
		tb.Fatalf("the clip has %d pictures, wanted %d", len(c.Units), o.Pictures)
	}
	return c
}

func (c *Clip) add(pts, dts int64, au [][]byte) {
	u := &media.Unit{PTS: pts, DTS: dts}
	for _, nalu := range au {
		set, _ := playback.ParameterSet(media.H264, nalu[0])
		switch t := h264.NALUType(nalu[0] & 0x1f); {
		case t == h264.NALUTypeAccessUnitDelimiter:
			continue
		case set && len(c.Units) == 0:
			c.Video.Config = append(append(c.Video.Config, 0, 0, 0, 1), nalu...)
		case t == h264.NALUTypeIDR:
			u.Key = true
		}
		u.Payload = append(append(u.Payload, 0, 0, 0, 1), nalu...)
	}
	c.Units = append(c.Units, u)
}

// PTS lists the presentation times of units in rising order.
func PTS(units []*media.Unit) []int64 {
	all := make([]int64, len(units))
	for i, u := range units {
		all[i] = u.PTS
	}
	slices.Sort(all)
	return all
}

// Retime gives a rendition's units, which have no B-frames, the source's presentation times.
func (c *Clip) Retime(source []*media.Unit) {
	for i, pts := range PTS(source) {
		c.Units[i].PTS, c.Units[i].DTS = pts, pts
	}
}
