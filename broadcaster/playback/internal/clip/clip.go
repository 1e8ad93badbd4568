// Package clip makes units of a natural picture, and of a tone beside it, for the tests of players.
package clip

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"castnet/internal/media"
	coded "castnet/test/clip"
)

// fps is the pictures a second of all clips.
const fps = 30

// Clip is a stream's units in decoding order.
type Clip struct {
	Video *media.Track
	Units []*media.Unit
	// Audio and Sound are set where sound was asked for: AAC.
	Audio *media.Track
	Sound []*media.Unit
}

// Options is what to make: 30 pictures a second, a key picture every Keys.
type Options struct {
	Width, Height, Pictures, Keys int
	BFrames                       int
	Sound                         bool
	Tone                          int // of the sound, in Hz; 440 where it is 0
	// Times is how often it is played in a row, once where it is 0. Pictures are then a multiple of 16, as pictures and
	// frames of sound (1024 samples at 48 kHz) end together every 16 pictures.
	Times int
}

// Make makes a clip, or reads one that was made before. Its units may be changed.
func Make(tb testing.TB, o Options) *Clip {
	tb.Helper()
	keys := fmt.Sprint(o.Keys)
	v, err := coded.MakeCoded(tb.Context(), coded.Coded{
		Codec: media.H264, Seconds: o.Pictures/fps + 1,
		Filter: fmt.Sprintf("fps=%d,scale=%d:%d,setsar=1,format=yuv420p", fps, o.Width, o.Height),
		Args: []string{
			"-frames:v", fmt.Sprint(o.Pictures), "-c:v", "libx264", "-preset", "ultrafast", "-g", keys, "-keyint_min", keys, "-sc_threshold", "0",
			"-bf", fmt.Sprint(o.BFrames), "-x264-params", "b-adapt=0",
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	v.Track.Width, v.Track.Height, v.Track.FrameRate, v.Track.Reorder = o.Width, o.Height, fps, o.BFrames
	c := &Clip{Video: v.Track, Units: v.Units}
	if len(c.Units) != o.Pictures {
		tb.Fatalf("the clip has %d pictures, wanted %d", len(c.Units), o.Pictures)
	}
	if o.Sound {
		a, err := coded.MakeTone(tb.Context(), cmp.Or(o.Tone, 440), time.Second*time.Duration(o.Pictures)/fps)
		if err != nil {
			tb.Fatal(err)
		}
		c.Audio, c.Sound = a.Track, a.Units
	}
	if o.Times > 1 {
		length := time.Second * time.Duration(o.Pictures) / fps
		c.Units = repeat(c.Video, c.Units, length, o.Times)
		c.Sound = repeat(c.Audio, c.Sound, length, o.Times)
	}
	return c
}

// repeat returns the units of a length, again and again.
func repeat(t *media.Track, units []*media.Unit, length time.Duration, times int) (all []*media.Unit) {
	for n := range times {
		for _, u := range units {
			if t.Duration(u.PTS-units[0].PTS) >= length {
				break // the last frame of sound may be longer than its tone
			}
			later := *u
			shift := t.Ticks(time.Duration(n) * length)
			later.PTS, later.DTS = u.PTS+shift, u.DTS+shift
			all = append(all, &later)
		}
	}
	return all
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
