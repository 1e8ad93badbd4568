// Package free has renditions that publishers make themselves: further video tracks that fit rungs of their stream's ladder,
// for as long as they do. Orchestrators are not asked for those, and nobody is paid.
//
// Tracks publishes them beside what the stream's lease makes; Follower holds one against the source, picture by picture.
package free

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/worklist"
	"castnet/internal/media"
)

// maxLosses is how often within lossesLast what the publishers of a key make may stop to fit.
const (
	maxLosses  = 3
	lossesLast = time.Hour
)

// Losses is when what the publishers of one key made stopped to fit: each time, what orchestrators are busy with is cancelled
// and begun anew, which they take for a broadcaster that wastes their work. It outlives the key's streams, which use it one
// after the other. The zero value has none.
type Losses struct {
	newest []time.Time // at most maxLosses, oldest first
}

func (l *Losses) add(now time.Time) {
	l.newest = append(l.newest, now)
	if len(l.newest) > maxLosses {
		l.newest = l.newest[1:]
	}
}

// enough reports whether nothing more is to be tried for now.
func (l *Losses) enough(now time.Time) bool {
	return len(l.newest) == maxLosses && now.Sub(l.newest[0]) < lossesLast
}

// Config is what Tracks need. All of it is required.
type Config struct {
	Hub  *playback.Hub
	Work *worklist.List
	// Losses is the key's.
	Losses *Losses
	Now    func() time.Time
	// Begun is told of a rendition that the publisher makes from now on, Lost of one that it no longer makes, and why: the
	// worklist has it made by orchestrators by then. Ended is told of one that ended with the publisher's visit.
	Begun func(rendition string)
	Lost  func(rendition string, why error)
	Ended func(rendition string)
}

// Tracks are the further video tracks of a stream's publisher. One goroutine uses them, the publisher's.
type Tracks struct {
	cfg    Config
	tracks []*media.Track // all of the publisher's
	all    []*further
	lostAt uint64 // the source's segment of the last loss: those of one count as one
}

// further is one of them.
type further struct {
	Follower
	track   int                 // index into the publisher's
	rung    *playback.Rendition // nil before it fits
	from    uint64              // the first segment that it makes
	waiting bool                // for orchestrators, who make the same of the segments before
	grant   *playback.Grant     // of the segment that its next picture belongs to
	lost    bool                // it did not fit, and is not tried again
}

// makes reports whether the track stands in for a rung.
func (f *further) makes() bool { return f.rung != nil && !f.lost }

// New makes the Tracks of a stream, whose publishers come one after the other.
func New(cfg Config) *Tracks { return &Tracks{cfg: cfg, lostAt: noSegment} }

// noSegment is before the first loss.
const noSegment = math.MaxUint64

// Heed takes the publisher's tracks as they are now. video is the index of the one that the stream is cut by, -1 without.
func (t *Tracks) Heed(tracks []*media.Track, video int) {
	t.tracks = tracks
	for i, track := range tracks {
		if i == video || !track.Codec.IsVideo() {
			continue
		}
		f := t.find(i)
		if f == nil {
			t.all = append(t.all, &further{track: i})
		} else if f.makes() && !Fits(track, tracks[video], f.rung.Profile()) {
			t.lose(f, f.Lacks(), errors.New("its parameters changed"))
		}
	}
}

func (t *Tracks) find(track int) *further {
	for _, f := range t.all {
		if f.track == track {
			return f
		}
	}
	return nil
}

// Share divides the ladder of a segment that begins, and returns what is left for orchestrators: renditions of the hub, in
// ascending order.
func (t *Tracks) Share(seg *media.Segment) (rungs []int) {
	ladder := t.cfg.Hub.Renditions()
	for _, f := range t.all {
		if f.makes() && !slices.Contains(ladder, f.rung) {
			t.cfg.Ended(f.rung.Name())
			*f = further{track: f.track} // for another one
		}
		switch {
		case f.makes():
			f.Segment(seg.Seq)
		case !f.lost && seg.StartsAtKey() && !t.cfg.Losses.enough(t.cfg.Now()):
			t.begin(f, seg, ladder)
		}
	}
	for _, r := range ladder {
		if !t.makes(r) {
			rungs = append(rungs, r.Index())
		}
	}
	t.hold()
	slices.Sort(rungs)
	return rungs
}

// begin has a track make a rung from a segment on, if it fits one that is free.
func (t *Tracks) begin(f *further, seg *media.Segment, ladder []*playback.Rendition) {
	for _, r := range ladder {
		if !t.makes(r) && Fits(t.tracks[f.track], seg.Track, r.Profile()) {
			f.rung, f.from, f.waiting = r, seg.Seq, true
			f.Begin(r.Profile().Divisor, seg)
			t.cfg.Begun(r.Name())
			return
		}
	}
}

// makes reports whether the publisher makes a rung.
func (t *Tracks) makes(r *playback.Rendition) bool {
	return slices.ContainsFunc(t.all, func(f *further) bool { return f.makes() && f.rung == r })
}

// Names are the renditions that the publisher makes now.
func (t *Tracks) Names() (names []string) {
	for _, f := range t.all {
		if f.makes() {
			names = append(names, f.rung.Name())
		}
	}
	return names
}

// hold has segments wait for what the publisher still makes of them.
func (t *Tracks) hold() {
	held := uint64(worklist.All)
	for _, f := range t.all {
		if f.makes() {
			held = min(held, f.Lacks())
		}
	}
	t.cfg.Work.Hold(held)
}

// Source notes a picture of the source that has been published.
func (t *Tracks) Source(pts int64) {
	for _, f := range t.all {
		if f.makes() {
			t.match(f, f.Source(pts))
		}
	}
}

// Write takes the next unit of a track.
func (t *Tracks) Write(track int, u *media.Unit) {
	f := t.find(track)
	if f == nil || f.lost {
		return
	}
	if err := f.Add(u); f.makes() {
		t.match(f, err)
	}
}

// match publishes what a track and the source both have, unless err or what comes says that the track does not fit.
func (t *Tracks) match(f *further, err error) {
	f.waiting = f.waiting && t.cfg.Work.Needs(f.rung.Index(), f.from)
	before := f.Lacks()
	from := before
	for err == nil && !f.waiting {
		from = f.Lacks()
		var u *media.Unit
		var seq uint64
		if u, seq, err = f.Next(); u == nil {
			break
		}
		if f.grant == nil || f.grant.Seq() != seq {
			f.grant = t.cfg.Hub.Admit(seq, f.rung.Index())
		}
		err = f.grant.Publish(0, u)
	}
	switch {
	case err != nil:
		t.lose(f, from, err)
	case f.Lacks() != before:
		t.hold()
	}
}

// lose has orchestrators make what a track no longer does, from a segment on.
func (t *Tracks) lose(f *further, from uint64, why error) {
	now := t.cfg.Now()
	if t.lostAt != f.segment {
		t.lostAt = f.segment
		t.cfg.Losses.add(now)
	}
	if t.cfg.Losses.enough(now) {
		why = fmt.Errorf("%w (after %d times in %v nothing more is tried for a while)", why, maxLosses, lossesLast)
	}
	t.giveUp(f, from, why)
}

// giveUp is a loss that is not counted.
func (t *Tracks) giveUp(f *further, from uint64, why error) {
	f.lost = true
	t.cfg.Work.Amend(from, f.rung.Index())
	t.hold()
	t.cfg.Lost(f.rung.Name(), why)
}

var errEndMissing = errors.New("its end is missing")

// End ends a publisher's visit. Orchestrators are asked for what is missing at the end, unless it is hardly anything. Where the
// stream ends with it that is not counted: an encoder that is behind stops so each time, and the lease would end anyway.
func (t *Tracks) End(stream bool) {
	for _, f := range t.all {
		switch {
		case !f.makes():
		case f.Over():
			t.cfg.Ended(f.rung.Name())
		case stream:
			t.giveUp(f, f.Lacks(), errEndMissing)
		default:
			t.lose(f, f.Lacks(), errEndMissing)
		}
	}
	t.all = nil
	t.hold()
}
