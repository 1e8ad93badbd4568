package playback

import (
	"fmt"
	"math"

	"castnet/internal/media"
)

// NonePublished stands in ResumeAfter for a rendition of which nothing has been published.
const NonePublished = math.MinInt64

// Grant is the capability to publish one segment of some renditions. For each of them it is superseded by the next grant of
// that segment.
type Grant struct {
	hub    *Hub
	seq    uint64
	rungs  []*Rendition
	resume []int64
	opened []bool // per rendition: the grant's first unit, a key unit, has been published
}

// Admit gives a segment, announced before, to one attempt at renditions, by their Index; at the whole ladder where none is
// named. Earlier grants of the same are fenced first; only then is the last published PTS of each rendition read. So what
// ResumeAfter says stays true. The grant counts its renditions from 0, in the order in which they were named.
func (h *Hub) Admit(seq uint64, renditions ...int) *Grant {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := &Grant{hub: h, seq: seq, rungs: h.ladder}
	if len(renditions) > 0 {
		g.rungs = make([]*Rendition, len(renditions))
		for i, index := range renditions {
			g.rungs[i] = h.rungs[index]
		}
	}
	g.opened = make([]bool, len(g.rungs))
	if h.grants[seq] == nil {
		h.grants[seq] = make(map[*Rendition]*Grant, len(g.rungs))
	}
	resume, begun := make([]int64, len(g.rungs)), false
	for i, r := range g.rungs {
		h.grants[seq][r] = g
		resume[i] = r.last()
		begun = begun || resume[i] != NonePublished
	}
	if begun {
		g.resume = resume
	}
	return g
}

// Seq is the segment's number.
func (g *Grant) Seq() uint64 { return g.seq }

// ResumeAfter is the last PTS published of each rendition at admission, whatever segment it was in (NonePublished
// where there was none): the attempt makes only pictures after it. It is nil while nothing has been published of any.
func (g *Grant) ResumeAfter() []int64 { return g.resume }

// Publish publishes the next unit of a rendition. The hub takes the unit over: it sets DTS, which without B-frames is
// PTS, and Capture, from the source picture of the same PTS.
//
// It returns ErrFenced when the grant was superseded, ErrClosed when the stream is over, and ErrUnexpected when the
// unit is not one the segment can have next: a PTS that the source's segment doesn't have or that doesn't rise, or a
// beginning that isn't a key unit with parameter sets.
func (g *Grant) Publish(rendition int, u *media.Unit) error {
	h := g.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return ErrClosed
	case rendition < 0 || rendition >= len(g.rungs):
		return fmt.Errorf("%w: rendition %d of a ladder of %d", ErrUnexpected, rendition, len(g.rungs))
	case h.grants[g.seq][g.rungs[rendition]] != g:
		return ErrFenced
	}
	seg := h.segment(g.seq)
	pic, known := h.pictures.bySource[u.PTS]
	r := g.rungs[rendition]
	switch {
	case seg == nil || !known || pic.segment != g.seq:
		return fmt.Errorf("%w: %s: segment %d has no picture with PTS %d", ErrUnexpected, r.name, g.seq, u.PTS)
	case u.PTS <= r.last():
		return fmt.Errorf("%w: %s: PTS %d after %d", ErrUnexpected, r.name, u.PTS, r.last())
	case !g.opened[rendition] && !u.Key:
		return fmt.Errorf("%w: %s: segment %d begins with PTS %d, which is not a key picture", ErrUnexpected, r.name, g.seq, u.PTS)
	}
	if u.Key {
		track, err := trackOf(r.Track(), r.profile, u)
		if err != nil {
			return fmt.Errorf("%w: %s: PTS %d: %w", ErrUnexpected, r.name, u.PTS, err)
		}
		h.changeTrack(r, track, u.PTS)
	}
	g.opened[rendition] = true
	u.DTS, u.Capture = u.PTS, pic.capture
	r.append(u, seg)
	return nil
}

func (h *Hub) segment(seq uint64) *media.Segment {
	for _, s := range h.segments {
		if s.Seq == seq {
			return s
		}
	}
	return nil
}
