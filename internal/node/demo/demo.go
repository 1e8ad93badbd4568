// Package demo plays coded clips in real time, looped, as a camera would send them; one clip comes with it.
package demo

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"castnet/internal/media"
)

// picture is made by deploy/demo/make-clip.sh: 8 s of 1280x720 at 30 pictures a second without B-frames, a key picture
// every 2 s, and AAC at 48 kHz. Both tracks are a whole number of packets long and are cut out of something that
// repeats, so that the loop has no seam.
//
//go:embed demo.mp4
var picture []byte

// Default returns the clip that comes with the program.
func Default() (*Clip, error) { return parse(picture) }

// Stream is one coded track and its units in decoding order, as package media describes them.
type Stream struct {
	Track *media.Track
	Units []*media.Unit
}

// Clip is coded material, ready to be played: video and, where there is any, sound.
type Clip struct {
	tracks  []*media.Track
	samples []sample // of one round, by due time
	length  int64    // of one round, in ticks of the video's clock
}

type sample struct {
	track int
	due   time.Duration // its decoding time, from the beginning of a round
	unit  *media.Unit
}

// New makes a clip. Timestamps are moved so that the first picture is decoded at 0, and that the first sound is heard
// when the first picture is seen.
func New(video Stream, audio *Stream) (*Clip, error) {
	n := len(video.Units)
	if n < 2 {
		return nil, fmt.Errorf("a clip needs two pictures or more, has %d", n)
	}
	c := &Clip{tracks: []*media.Track{video.Track}}
	first := video.Units[0].DTS
	low, high := video.Units[0].PTS, video.Units[0].PTS
	for _, u := range video.Units {
		low, high = min(low, u.PTS), max(high, u.PTS)
		c.add(0, u, -first)
	}
	c.length = media.Rescale(high-low, int64(n-1), int64(n))
	if c.length <= 0 {
		return nil, errors.New("all pictures of the clip are shown at once")
	}
	if audio != nil && len(audio.Units) > 0 {
		c.tracks = append(c.tracks, audio.Track)
		rate := int64(audio.Track.ClockRate)
		length := media.Rescale(c.length, media.VideoClockRate, rate)
		start, lead := audio.Units[0].PTS, media.Rescale(low-first, media.VideoClockRate, rate)
		for _, u := range audio.Units {
			at := u.PTS - start
			if at >= length { // longer than the picture
				break
			}
			// What the lead pushes over the end belongs before the beginning, where the round before it ends.
			c.add(1, u, (at+lead)%length-u.PTS)
		}
	}
	slices.SortStableFunc(c.samples, func(a, b sample) int { return cmp.Compare(a.due, b.due) })
	return c, nil
}

func (c *Clip) add(track int, u *media.Unit, shift int64) {
	moved := *u
	moved.PTS += shift
	moved.DTS += shift
	c.samples = append(c.samples, sample{track: track, due: c.tracks[track].Duration(moved.DTS), unit: &moved})
}

// Tracks lists the video and, where there is one, the sound.
func (c *Clip) Tracks() []*media.Track { return c.tracks }

// Video is the clip's pictures, once, in decoding order.
func (c *Clip) Video() Stream {
	video := Stream{Track: c.tracks[0]}
	for _, s := range c.samples {
		if s.track == 0 {
			video.Units = append(video.Units, s.unit)
		}
	}
	return video
}

// Length is how long the clip plays before it begins anew.
func (c *Clip) Length() time.Duration { return c.tracks[0].Duration(c.length) }

// Play writes the clip's units, each at its decoding time against the monotonic clock, so that errors do not add up.
// Round follows round, with timestamps that go on, until limit (0: for ever), the first error, or the end of ctx.
func (c *Clip) Play(ctx context.Context, limit time.Duration, write func(track int, u *media.Unit) error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	start := time.Now()
	for round := int64(0); ; round++ {
		base := c.tracks[0].Duration(round * c.length)
		for _, s := range c.samples {
			due := base + s.due
			if limit > 0 && due >= limit {
				return nil
			}
			timer.Reset(time.Until(start.Add(due)))
			select {
			case <-timer.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			u := *s.unit
			shift := media.Rescale(round*c.length, media.VideoClockRate, int64(c.tracks[s.track].ClockRate))
			u.PTS += shift
			u.DTS += shift
			if err := write(s.track, &u); err != nil {
				return err
			}
		}
	}
}
