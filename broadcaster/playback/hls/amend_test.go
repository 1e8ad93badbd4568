package hls_test

import (
	"slices"
	"strings"
	"testing"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/internal/clip"
	"castnet/transcoder"
)

// TestAmendedLadder: a rung that the ladder gets while somebody watches is listed from then on, and can be played; the others go
// on.
func TestAmendedLadder(t *testing.T) {
	r := newRig(t, nil)
	r.load(150, 30)
	r.publish(60)
	if index := r.playlist("index.m3u8"); strings.Contains(index, "fresh/") {
		t.Fatal(index)
	}
	fresh := ladder[len(ladder)-1]
	fresh.Name, fresh.Width, fresh.Height = "fresh", 64, 48
	must(t, r.hub.Amend(append(slices.Clone(ladder), fresh)))
	r.publish(75)

	c := clip.Make(t, clip.Options{Width: fresh.Width, Height: fresh.Height, Pictures: 150, Keys: 30})
	c.Retime(r.clip.Units)
	var grant *playback.Grant
	for _, u := range c.Units {
		seq, published := r.segment[u.PTS]
		if !published || seq < 2 {
			continue
		}
		if grant == nil || grant.Seq() != seq {
			grant = r.hub.Admit(seq, r.hub.Rendition("fresh").Index())
		}
		must(t, grant.Publish(0, u))
	}
	index := r.playlist("index.m3u8")
	for !strings.Contains(index, "fresh/") { // it is taken up beside the requests
		index = r.playlist("index.m3u8")
	}
	for _, p := range ladder {
		if !strings.Contains(index, p.Name+"/") {
			t.Errorf("%s is gone:\n%s", p.Name, index)
		}
	}
	if !strings.Contains(index, "RESOLUTION=64x48") {
		t.Errorf("it is not described:\n%s", index)
	}
	if list := r.playlist("fresh/index.m3u8"); !strings.Contains(list, "#EXT-X-MEDIA-SEQUENCE:2\n") {
		t.Errorf("it does not count its segments as the others do:\n%s", list)
	}
}

// TestOnlyWhatIsAskedForIsWatched: all rungs are packaged for whoever comes, but only those that somebody asked for go on when
// the ladder becomes another one: the others would be paid for and seen by nobody.
func TestOnlyWhatIsAskedForIsWatched(t *testing.T) {
	r := newRig(t, nil)
	r.load(60, 30)
	r.publish(60)
	r.playlist("index.m3u8")
	r.playlist("360p/index.m3u8")
	fresh := ladder[0]
	fresh.Name, fresh.Width, fresh.Height = "fresh", 64, 48
	must(t, r.hub.Amend(transcoder.Ladder{fresh}))
	var names []string
	for _, rung := range r.hub.Renditions() {
		names = append(names, rung.Name())
	}
	if !slices.Equal(names, []string{"360p", "fresh"}) {
		t.Errorf("the ladder is %v", names)
	}
}
