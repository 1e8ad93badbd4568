package broadcaster_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"castnet/broadcaster"
	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
)

// halves is a ladder of one rung, half as large as the source.
func halves(width, height int) transcoder.Ladder {
	return transcoder.Ladder{{Name: fmt.Sprintf("%dp", height/2), Codec: media.H264, Width: width / 2, Height: height / 2, Bitrate: 200_000, Divisor: 1}}
}

// play publishes some seconds of a clip in real time, over and over, and returns the PTS after them.
func play(t *testing.T, p *publisher, at int64, v *clip.Video, seconds int) int64 {
	t.Helper()
	if err := p.Start([]*media.Track{v.Track}); err != nil {
		t.Fatal(err)
	}
	for i := range seconds * 30 {
		u := *v.Units[i%len(v.Units)]
		u.PTS, u.DTS, u.Capture = at, at, time.Now()
		at += 3000
		if err := p.Write(0, &u); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second / 30)
	}
	return at
}

// TestLadderGrows: a source that has been larger for 10 s gets a ladder of its size; for less than that it does not, and when it
// is smaller again the ladder stays.
func TestLadderGrows(t *testing.T) {
	large, small := sizes(t)
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil, func(c *broadcaster.Config) { c.Ladder = halves })
		p, err := publish(t, b, small.Track)
		if err != nil {
			t.Fatal(err)
		}
		hub, _ := b.Hub("demo")
		names := func() (names []string) {
			for _, r := range hub.Renditions() {
				names = append(names, r.Name())
			}
			return names
		}
		at := int64(0)
		for name, step := range []struct {
			seconds int
			large   bool
			want    []string
		}{
			{4, false, []string{"60p"}},
			{8, true, []string{"60p"}},
			{4, false, []string{"60p"}},
			{14, true, []string{"120p"}},
			{4, false, []string{"120p"}},
		} {
			v := small
			if step.large {
				v = large
			}
			at = play(t, p, at, v, step.seconds)
			if got := names(); !slices.Equal(got, step.want) {
				t.Errorf("step %d: renditions %v, want %v", name, got, step.want)
			}
		}
		if st := status(t, b); len(st.Ladder) != 1 || st.Ladder[0].Name != "120p" {
			t.Errorf("the status says %+v", st.Ladder)
		}
		p.Close(nil)
	})
}

// TestPassedThroughGrows: a source that grows where nothing is made of it, at either size, is only passed through.
func TestPassedThroughGrows(t *testing.T) {
	large, small := sizes(t)
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil)
		p, err := publish(t, b, small.Track)
		if err != nil {
			t.Fatal(err)
		}
		hub, _ := b.Hub("demo")
		at := play(t, p, 0, small, 4)
		play(t, p, at, large, 14)
		p.Close(nil)
		<-hub.Done()
		if n := len(hub.Renditions()); n != 0 {
			t.Errorf("%d renditions", n)
		}
	})
}

// TestLadderStays: a source that is hardly larger keeps its ladder, step for step, until it is larger by more than a quarter.
func TestLadderStays(t *testing.T) {
	_, small := sizes(t)
	wide := func(width int) *clip.Video { // only its size is looked at
		track := *small.Track
		track.Width = width
		return &clip.Video{Track: &track, Units: small.Units}
	}
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil, func(c *broadcaster.Config) {
			c.Ladder = func(width, height int) transcoder.Ladder {
				l := halves(width, height)
				l[0].Name = fmt.Sprint(width)
				return l
			}
		})
		p, err := publish(t, b, small.Track)
		if err != nil {
			t.Fatal(err)
		}
		hub, _ := b.Hub("demo")
		at := play(t, p, 0, small, 4)
		for _, step := range []struct{ width, want int }{{180, 160}, {200, 160}, {202, 202}, {240, 202}} {
			at = play(t, p, at, wide(step.width), 14)
			if got := hub.Renditions(); len(got) != 1 || got[0].Name() != fmt.Sprint(step.want) {
				t.Errorf("%d pixels wide: the ladder is %v's", step.width, got[0].Name())
			}
		}
		p.Close(nil)
	})
}
