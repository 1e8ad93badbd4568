package broadcaster

import (
	"errors"
	"fmt"
	"slices"

	"castnet/broadcaster/free"
	"castnet/broadcaster/playback"
	"castnet/broadcaster/worklist"
	"castnet/internal/media"
)

// own is one of the publisher's further video tracks. Where it fits a rung, it is published as that rendition, and no
// orchestrator is asked for it; once it no longer does, orchestrators are.
type own struct {
	free.Follower
	track   int                 // index into the publisher's
	rung    *playback.Rendition // nil before it fits
	from    uint64              // the first segment that it makes
	waiting bool                // for orchestrators, who make the same of the segments before
	grant   *playback.Grant     // of the segment that its next picture belongs to
	lost    bool                // it did not fit, and is not tried again
}

// makes reports whether the track stands in for a rung.
func (o *own) makes() bool { return o.rung != nil && !o.lost }

// heed takes the publisher's further video tracks as they are now.
func (s *Stream) heed() {
	s.mu.Lock()
	tracks, video := s.tracks, s.video
	s.mu.Unlock()
	for i, t := range tracks {
		if i == video || !t.Codec.IsVideo() {
			continue
		}
		n := slices.IndexFunc(s.own, func(o *own) bool { return o.track == i })
		if n < 0 {
			s.own = append(s.own, &own{track: i})
			continue
		}
		if o := s.own[n]; o.makes() && !free.Fits(t, tracks[video], o.rung.Profile()) {
			s.lose(o, o.Lacks(), errors.New("its parameters changed"))
		}
	}
}

// share divides the ladder of a segment that begins: what the publisher makes is begun, and what remains for orchestrators is
// returned.
func (s *Stream) share(seg *media.Segment) (rungs []int) {
	s.mu.Lock()
	tracks := s.tracks
	s.mu.Unlock()
	ladder := s.hub.Renditions()
	for _, o := range s.own {
		if o.makes() && !slices.Contains(ladder, o.rung) {
			*o = own{track: o.track} // for another one
			s.b.metrics.own.Dec()
		}
		switch {
		case o.makes():
			o.Segment(seg.Seq)
		case !o.lost && seg.StartsAtKey():
			n := slices.IndexFunc(ladder, func(r *playback.Rendition) bool {
				return !s.makes(r) && free.Fits(tracks[o.track], seg.Track, r.Profile())
			})
			if n >= 0 {
				o.rung, o.from, o.waiting = ladder[n], seg.Seq, true
				o.Begin(o.rung.Profile().Divisor, seg)
				s.b.metrics.own.Inc()
				s.note(AtInput, fmt.Sprintf("The publisher sends %s itself: nobody is paid for it.", o.rung.Name()))
				s.log.Info("the publisher sends a rendition itself", "rendition", o.rung.Name(), "track", o.track)
			}
		}
	}
	for _, r := range ladder {
		if !s.makes(r) {
			rungs = append(rungs, r.Index())
		}
	}
	s.tellOwn()
	slices.Sort(rungs)
	return rungs
}

// makes reports whether the publisher makes a rung itself.
func (s *Stream) makes(r *playback.Rendition) bool {
	return slices.ContainsFunc(s.own, func(o *own) bool { return o.makes() && o.rung == r })
}

// tellOwn puts into the status what the publisher makes, and has segments wait for it.
func (s *Stream) tellOwn() {
	var names []string
	held := uint64(worklist.All)
	for _, o := range s.own {
		if o.makes() {
			names = append(names, o.rung.Name())
			held = min(held, o.Lacks())
		}
	}
	s.work.Hold(held)
	s.update(func(st *Status) { st.Own = names })
}

// writeOwn takes the next unit of a further video track.
func (s *Stream) writeOwn(track int, u *media.Unit) {
	n := slices.IndexFunc(s.own, func(o *own) bool { return o.track == track })
	if n < 0 || s.own[n].lost {
		return
	}
	o := s.own[n]
	if err := o.Add(u); err != nil || o.makes() {
		s.match(o, err)
	}
}

// match publishes what the track and the source both have, unless err or what comes says that the track does not fit.
func (s *Stream) match(o *own, err error) {
	o.waiting = o.waiting && s.work.Needs(o.rung.Index(), o.from)
	before := o.Lacks()
	from := before
	for err == nil && !o.waiting {
		from = o.Lacks()
		var u *media.Unit
		var seq uint64
		if u, seq, err = o.Next(); u == nil {
			break
		}
		if o.grant == nil || o.grant.Seq() != seq {
			o.grant = s.hub.Admit(seq, o.rung.Index())
		}
		err = o.grant.Publish(0, u)
	}
	switch {
	case err != nil:
		s.lose(o, from, err)
	case o.Lacks() != before:
		s.tellOwn()
	}
}

// lose has orchestrators make what a track of the publisher no longer does, from a segment on.
func (s *Stream) lose(o *own, from uint64, why error) {
	o.lost = true
	name := o.rung.Name()
	s.b.metrics.own.Dec()
	s.b.metrics.ownLost.Inc()
	s.trouble(AtInput, fmt.Sprintf("What the publisher sends no longer does for %s: %v. Orchestrators are asked for it.", name, why))
	s.log.Warn("the publisher's own rendition no longer fits", "rendition", name, "seq", from, "why", why)
	s.work.Amend(from, o.rung.Index())
	s.tellOwn()
	s.mu.Lock()
	l := s.lease
	s.mu.Unlock()
	if l != nil {
		l.amend()
	}
}

// dismiss ends what a publisher makes that goes. Orchestrators are asked for what is missing at the end, unless it is hardly
// anything.
func (s *Stream) dismiss() {
	for _, o := range s.own {
		switch {
		case !o.makes():
		case o.Over():
			s.b.metrics.own.Dec()
		default:
			s.lose(o, o.Lacks(), errors.New("its end is missing"))
		}
	}
	s.own = nil
	s.tellOwn()
}
