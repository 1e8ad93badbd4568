package playback_test

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"testing"

	"castnet/broadcaster/playback"
	"castnet/transcoder"
)

// TestGrantOfOneRendition: two makers share a segment, each with renditions of its own, until one is given all.
func TestGrantOfOneRendition(t *testing.T) {
	h := newHub(t, nil)
	must(t, h.SetLadder(ladder))
	publish(t, h, 0, 4)
	large, small := h.Admit(0, 0), h.Admit(0, 1)
	must(t, large.Publish(0, unit(0, true)))
	must(t, small.Publish(0, unit(0, true)))
	must(t, small.Publish(0, unit(frame, false)))
	if err := small.Publish(1, unit(0, true)); !errors.Is(err, playback.ErrUnexpected) {
		t.Errorf("a rendition that was not granted: %v", err)
	}
	all := h.Admit(0)
	if got := all.ResumeAfter(); !slices.Equal(got, []int64{0, frame}) {
		t.Errorf("resume after %v", got)
	}
	for _, g := range []*playback.Grant{large, small} {
		if err := g.Publish(0, unit(2*frame, false)); !errors.Is(err, playback.ErrFenced) {
			t.Errorf("superseded grant: %v", err)
		}
	}
}

// TestAmend: what is in both ladders goes on, and so does what somebody watches; the rest ends.
func TestAmend(t *testing.T) {
	h := newHub(t, nil)
	rung := func(name string, width, height int) transcoder.Profile {
		p := ladder[0]
		p.Name, p.Width, p.Height = name, width, height
		return p
	}
	both, watched, alone := rung("both", 320, 180), rung("watched", 160, 90), rung("alone", 80, 45)
	must(t, h.SetLadder(transcoder.Ladder{both, watched, alone}))
	amended := h.Amended()
	h.Rendition("watched").NewReader(playback.StartNewestKey)
	old := h.Rendition("alone")
	publish(t, h, 0, 4)
	g := h.Admit(0)

	large, namesake := rung("large", 1280, 720), rung("watched", 640, 360)
	must(t, h.Amend(transcoder.Ladder{large, namesake, both}))
	select {
	case <-amended:
	default:
		t.Error("nobody is told")
	}
	var names []string
	var indexes []int
	for _, r := range h.Renditions() {
		names, indexes = append(names, r.Name()), append(indexes, r.Index())
		if h.Rung(r.Index()) != r {
			t.Errorf("%s is not the rung %d", r.Name(), r.Index())
		}
	}
	if !slices.Equal(names, []string{"large", "watched-2", "both", "watched"}) || !slices.Equal(indexes, []int{3, 4, 0, 1}) {
		t.Errorf("renditions %v, %v", names, indexes)
	}
	must(t, g.Publish(2, unit(0, true))) // what is still made of it is dropped
	if items, err := drain(old.NewReader(playback.StartOldestKey)); len(items) != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("of the rung that left: %d pictures, %v", len(items), err)
	}
	must(t, h.Admit(0, 3, 0).Publish(0, unit(0, true)))
	if tr := h.Rendition("large").Track(); tr == nil {
		t.Error("nothing was published of the new rung")
	}
	h.Close(nil)
}

// TestAmendHasRoomForALadder: what nobody can be asked for all at once is not kept, although somebody has watched it.
func TestAmendHasRoomForALadder(t *testing.T) {
	h := newHub(t, nil)
	sizes := func(from int) (l transcoder.Ladder) {
		for n := range 5 {
			p := ladder[0]
			p.Width, p.Height = (from-n)*16, (from-n)*16
			p.Name = string(rune('a' + from - n))
			l = append(l, p)
		}
		return l
	}
	must(t, h.SetLadder(sizes(10)))
	for _, r := range h.Renditions() {
		r.NewReader(playback.StartNewestKey)
	}
	must(t, h.Amend(sizes(20)))
	if n := len(h.Renditions()); n != transcoder.MaxRungs {
		t.Errorf("%d renditions", n)
	}
	if h.Rendition("k") == nil || h.Rendition("g") != nil {
		t.Error("the smallest ones are to go")
	}
}

// TestAmendToNothing: a stream of which nothing is made, or nothing any more, ends like any other.
func TestAmendToNothing(t *testing.T) {
	for name, before := range map[string]transcoder.Ladder{"nothing": nil, "something": ladder} {
		h := newHub(t, nil)
		must(t, h.SetLadder(before))
		must(t, h.Amend(nil))
		if err := h.SetLadder(ladder); err == nil {
			t.Errorf("%s before: a second ladder is taken", name)
		}
		h.Close(nil)
	}
}

// TestAmendForgets: a rung that left the ladder can be read to its end until the ladder changes again. Then nothing is kept of it.
func TestAmendForgets(t *testing.T) {
	h := newHub(t, nil)
	rung := func(n int) transcoder.Ladder {
		p := ladder[0]
		p.Name, p.Width, p.Height = strconv.Itoa(n), 16*n, 16*n
		return transcoder.Ladder{p}
	}
	must(t, h.SetLadder(rung(1)))
	old := h.Rung(0)
	publish(t, h, 0, 4)
	g := h.Admit(0)
	must(t, g.Publish(0, unit(0, true)))
	must(t, g.Publish(0, unit(frame, false)))

	must(t, h.Amend(rung(2)))
	slow := old.NewReader(playback.StartOldestKey)
	if _, err := slow.Next(t.Context()); err != nil {
		t.Errorf("what was there is gone at once: %v", err)
	}
	must(t, h.Amend(rung(3)))
	if old.Newest() != nil {
		t.Error("its pictures are still kept")
	}
	for _, r := range []*playback.Reader{slow, old.NewReader(playback.StartOldestKey), old.NewReader(playback.StartNewestKey)} {
		if items, err := drain(r); len(items) != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%d pictures, %v", len(items), err)
		}
	}
	must(t, g.Publish(0, unit(2*frame, false))) // what is still made of it is dropped
	h.Close(nil)
}
