package hls_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"castnet/broadcaster/playback/internal/clip"
	"castnet/internal/media"
)

// TestHole publishes a stream whose publisher was away for 5 s: in every playlist the media before the hole and behind it
// are told apart by one discontinuity, no segment or part is longer for it, and wall-clock times follow it.
func TestHole(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(180, 60)
	const hole = 5 * time.Second
	back := r.clip.Units[60]
	back.Discontinuity = true
	from := back.PTS
	shift := func(units []*media.Unit, rate int64) {
		for _, u := range units {
			if media.Rescale(u.PTS, rate, media.VideoClockRate) >= from {
				ticks := media.Rescale(int64(hole), int64(time.Second), rate)
				u.PTS += ticks
				u.DTS += ticks
			}
		}
	}
	for _, c := range append(slices.Clone(r.rungs), r.clip) {
		shift(c.Units, media.VideoClockRate)
	}
	shift(r.clip.Sound, int64(r.clip.Audio.ClockRate))
	index := r.later("index.m3u8")
	r.publish(len(r.clip.Units))
	<-index
	r.hub.Close(nil)

	want := clip.PTS(r.clip.Units)
	for i := range want {
		want[i] += offset
	}
	lengths := regexp.MustCompile(`(EXTINF:|DURATION=)([0-9.]+)`)
	for _, name := range []string{"source", "360p", "180p", "aac"} {
		r.ended(name)
		list := r.playlist(name + "/index.m3u8")
		before, after, found := strings.Cut(list, "#EXT-X-DISCONTINUITY\n")
		if !found || strings.Contains(after, "#EXT-X-DISCONTINUITY\n") {
			t.Errorf("%s: wanted one discontinuity:\n%s", name, list)
			continue
		}
		for _, m := range lengths.FindAllStringSubmatch(list, -1) {
			limit := 2.1
			if m[1] == "DURATION=" {
				limit = 0.3
			}
			if d, err := strconv.ParseFloat(m[2], 64); err != nil || d > limit {
				t.Errorf("%s: %s%s s (%v)", name, m[1], m[2], err)
			}
		}
		if gap := dated(t, after)[0].Sub(dated(t, before)[0]); (gap - hole - 2*time.Second).Abs() > 100*time.Millisecond {
			t.Errorf("%s: the wall clock goes on by %v from the first segment to the one behind the hole", name, gap)
		}
		if name == "aac" {
			continue
		}
		if got := r.packets(r.url + name + "/index.m3u8"); len(got) != len(want) {
			t.Errorf("%s: %d pictures, published were %d", name, len(got), len(want))
		}
	}
}

// dated are the program dates of a part of a playlist.
func dated(t *testing.T, list string) (all []time.Time) {
	t.Helper()
	for _, m := range regexp.MustCompile(`#EXT-X-PROGRAM-DATE-TIME:(\S+)`).FindAllStringSubmatch(list, -1) {
		at, err := time.Parse(time.RFC3339Nano, m[1])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, at)
	}
	if len(all) == 0 {
		t.Fatalf("no program date in\n%s", list)
	}
	return all
}
