package playback

import (
	"cmp"
	"io"
	"slices"
	"strconv"

	"castnet/transcoder"
)

// newRung makes a rendition of the ladder. Nobody may take it for one that there was: its name is its own. The lock is held.
func (h *Hub) newRung(profile transcoder.Profile) *Rendition {
	name := profile.Name
	for n := 2; slices.ContainsFunc(h.rungs, func(r *Rendition) bool { return r.name == profile.Name }); n++ {
		profile.Name = name + "-" + strconv.Itoa(n)
	}
	r := newRendition(h, profile.Name, len(h.rungs), nil)
	r.profile, r.codec = profile, profile.Codec
	h.rungs = append(h.rungs, r)
	return r
}

// Amend gives the stream another ladder from the next segment on. What is in both goes on, and so does, while there is room,
// what somebody has watched: its viewers know of nothing else. The other renditions end.
func (h *Hub) Amend(ladder transcoder.Ladder) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	for _, r := range h.rungs {
		if !slices.Contains(h.ladder, r) {
			r.empty() // it left with the amendment before this one: who still read it has had the time
		}
	}
	amended := make([]*Rendition, 0, len(ladder))
	for _, profile := range ladder {
		i := slices.IndexFunc(h.ladder, func(r *Rendition) bool { return sameRung(r.profile, profile) })
		if i >= 0 {
			amended = append(amended, h.ladder[i])
		} else {
			amended = append(amended, h.newRung(profile))
		}
	}
	for _, r := range h.ladder {
		switch {
		case slices.Contains(amended, r):
		case r.Read() && len(amended) < transcoder.MaxRungs:
			amended = append(amended, r)
		default:
			r.close(io.EOF)
		}
	}
	slices.SortStableFunc(amended, func(a, b *Rendition) int { return cmp.Compare(b.profile.Pixels(), a.profile.Pixels()) })
	h.ladder = amended
	close(h.amended)
	h.amended = make(chan struct{})
	return nil
}

// sameRung reports whether two rungs are the same but for their names.
func sameRung(a, b transcoder.Profile) bool {
	a.Name = b.Name
	return a == b
}

// Amended is closed when the ladder changes the next time: read it before Renditions.
func (h *Hub) Amended() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.amended
}

// Rung is the rendition with an Index, also where it is no longer in the ladder.
func (h *Hub) Rung(index int) *Rendition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rungs[index]
}

// Index names a rendition of the ladder for the hub's life, from 0 in the order of their beginning; SourceIndex for the
// source. Of sound it is which of the stream's tracks it is.
func (r *Rendition) Index() int { return r.index }
