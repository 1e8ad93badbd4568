package playback

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"castnet/internal/media"
	"castnet/transcoder"
)

// Rendition is one track of the stream: the source, a rung of the ladder, or an audio track. It keeps the newest units
// for readers that join.
type Rendition struct {
	hub     *Hub
	name    string
	index   int // see Index
	codec   media.Codec
	profile transcoder.Profile
	read    atomic.Bool // by anybody, ever

	mu      sync.Mutex
	track   *media.Track
	items   []Item // the kept units, oldest first
	first   uint64 // the number of items[0]; numbers rise by one for each unit ever published
	bytes   int    // payload bytes in items
	newKey  uint64 // the number of the newest key unit, where haveKey
	haveKey bool
	lastPTS int64 // of the newest unit, NonePublished before it
	wake    chan struct{}
	ended   error // why no more comes
	keyAt   time.Time
}

// Item is one unit as a reader gets it.
type Item struct {
	Unit *media.Unit
	// Track is the parameters in force. Where they change (see SameFormat), they do at a key unit.
	Track *media.Track
	// Segment is what the unit belongs to: for audio the segment showing at that time, nil while there is none.
	Segment *media.Segment
	// SegmentStart marks the first unit of a segment in this rendition.
	SegmentStart bool
	// Skipped says that units before this one were published and are not returned: the reader was too slow.
	Skipped bool
}

func newRendition(h *Hub, name string, index int, track *media.Track) *Rendition {
	return &Rendition{hub: h, name: name, index: index, track: track, lastPTS: NonePublished, wake: make(chan struct{})}
}

// Name is how players name it: "source", "720p", "aac", "opus", and further tracks of sound "aac2", "opus2".
func (r *Rendition) Name() string { return r.name }

// Profile is what was asked of the transcoder; the zero Profile for the source and for audio.
func (r *Rendition) Profile() transcoder.Profile { return r.profile }

// Track is the parameters in force; nil until the first key unit of a rendition, the first segment of the source.
func (r *Rendition) Track() *media.Track {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.track
}

// RequestKey asks for a key picture soon, for a viewer that joined or lost one. More than one a second are dropped;
// it reports whether this one was passed on.
func (r *Rendition) RequestKey() bool {
	ask := r.hub.cfg.OnKeyRequest
	if ask == nil || r.codec.IsAudio() {
		return false
	}
	r.mu.Lock()
	now := time.Now()
	if now.Sub(r.keyAt) < keyRequestInterval {
		r.mu.Unlock()
		return false
	}
	r.keyAt = now
	r.mu.Unlock()
	ask(r.index)
	return true
}

func (r *Rendition) setTrack(t *media.Track) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.track = t
}

func (r *Rendition) last() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lastPTS
}

// append publishes a unit and drops what is more than may be kept. A rendition that has ended, having left the ladder, takes
// nothing.
func (r *Rendition) append(u *media.Unit, seg *media.Segment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended != nil {
		return
	}
	n := len(r.items)
	start := seg != nil && (n == 0 || r.items[n-1].Segment != seg)
	if r.key(u) {
		r.newKey, r.haveKey = r.first+uint64(n), true
	}
	r.items = append(r.items, Item{Unit: u, Track: r.track, Segment: seg, SegmentStart: start})
	r.bytes += len(u.Payload)
	r.lastPTS = u.PTS
	r.evict(u.DTS - r.track.Ticks(r.hub.cfg.MaxAge))
	close(r.wake)
	r.wake = make(chan struct{})
}

// evict drops units while the oldest is older than may be, or all are more: whole GOPs, so that the oldest kept unit
// can be decoded, unless there is only one GOP.
func (r *Rendition) evict(oldest int64) {
	for r.bytes > r.hub.cfg.MaxBytes || r.items[0].Unit.DTS < oldest {
		n := 1
		for n < len(r.items) && !r.key(r.items[n].Unit) {
			n++
		}
		if n == len(r.items) {
			n = 1
		}
		if n == len(r.items) {
			return // the newest unit always stays
		}
		for _, item := range r.items[:n] {
			r.bytes -= len(item.Unit.Payload)
		}
		clear(r.items[:n]) // or the backing array would keep them alive
		r.items = r.items[n:]
		r.first += uint64(n)
	}
	r.haveKey = r.haveKey && r.newKey >= r.first
}

// key reports whether a reader may begin with u: at any unit of a sound track.
func (r *Rendition) key(u *media.Unit) bool { return u.Key || r.codec.IsAudio() }

// since returns the kept units from the key unit with the given PTS on.
func (r *Rendition) since(pts int64) []*media.Unit {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := r.find(pts)
	if from < 0 {
		return nil
	}
	units := make([]*media.Unit, 0, len(r.items)-from)
	for _, item := range r.items[from:] {
		units = append(units, item.Unit)
	}
	return units
}

func (r *Rendition) holds(pts int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.find(pts) >= 0
}

// find looks for a key unit by PTS, newest first, and returns its place in items, or -1.
func (r *Rendition) find(pts int64) int {
	for i, item := range slices.Backward(r.items) {
		if item.Unit.Key && item.Unit.PTS == pts {
			return i
		}
	}
	return -1
}

func (r *Rendition) close(reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended == nil {
		r.ended = reason
		close(r.wake)
	}
}

// empty keeps nothing any more of a rendition that has ended.
func (r *Rendition) empty() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first += uint64(len(r.items))
	r.items, r.bytes, r.haveKey = nil, 0, false
}
