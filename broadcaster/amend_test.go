package broadcaster_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"castnet/broadcaster"
	"castnet/internal/media"
	"castnet/transcoder"
)

// halves is a ladder of one rung, half as large as the source.
func halves(width, height int) transcoder.Ladder {
	return transcoder.Ladder{{Name: fmt.Sprintf("%dp", height/2), Codec: media.H264, Width: width / 2, Height: height / 2, Bitrate: 200_000, Divisor: 1}}
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
		play := func(seconds int, size []*media.Unit, track *media.Track) {
			t.Helper()
			if err := p.Start([]*media.Track{track}); err != nil {
				t.Fatal(err)
			}
			for i := range seconds * 30 {
				u := *size[i%len(size)]
				u.PTS, u.DTS, u.Capture = at, at, time.Now()
				at += 3000
				if err := p.Write(0, &u); err != nil {
					t.Fatal(err)
				}
				<-time.After(time.Second / 30)
			}
		}
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
			clip := small
			if step.large {
				clip = large
			}
			play(step.seconds, clip.Units, clip.Track)
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
