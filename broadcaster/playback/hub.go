// Package playback is the hub of one live stream: the source's and every rendition's units, kept for a few seconds and
// shared by all who read them.
//
// What the stream publishes is handed to readers by pointer. A reader that falls behind skips to a key unit; it never
// slows the publisher or another reader. Renditions come in through a Grant, which fences off every transcoder that a
// segment has been taken away from.
package playback

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"castnet/internal/media"
	"castnet/transcoder"
)

const (
	// SourceName is the name of the stream itself among its renditions.
	SourceName = "source"
	// SourceIndex stands for the source where renditions are named by their place in the ladder.
	SourceIndex = -1

	// indexedPictures is how many source pictures the hub remembers the PTS and the capture time of: 34 s at 120
	// pictures a second, far beyond the lag at which a transcoder is given up.
	indexedPictures = 4096
	// keptSegments is how many announced segments can still be granted.
	keptSegments = 16
	// keptBreaks is how many discontinuities are remembered by their time.
	keptBreaks = 64
	// sameBreak is how far apart renditions may change their parameters and still be one discontinuity: a resumed
	// ladder begins anew at another picture on each rung.
	sameBreak = 3 * time.Second
	// soundAhead is by how much sound may begin before the pictures behind a hole in the timeline.
	soundAhead = 100 * time.Millisecond
	// epochSlew is the part of the time passed by which the epoch moves at most: 2 ms a second.
	epochSlew = 500
	// keyRequestInterval is the least time between two on-demand key pictures of a rendition.
	keyRequestInterval = time.Second
)

// Errors of publishing.
var (
	// ErrFenced is returned to a grant that has been superseded: its transcoder no longer serves the segment.
	ErrFenced = errors.New("grant superseded: the segment has been given to another attempt")
	// ErrClosed is returned once the stream is over.
	ErrClosed = errors.New("stream is over")
	// ErrUnexpected is returned, wrapped with the reason, for a unit that is not the next one of its rendition. It is
	// its maker's fault; the hub is unchanged.
	ErrUnexpected = errors.New("unexpected unit")
	// ErrGOPTooLong is returned, wrapped with advice, when the source's pictures since the last key picture exceed
	// what the hub may keep. The stream cannot go on.
	ErrGOPTooLong = errors.New("too long without a key frame")
)

// Config is what a hub needs.
type Config struct {
	// ID is the stream's public id, used in logs.
	ID string
	// Logger gets the hub's few lines. Required.
	Logger *slog.Logger
	// Metrics is shared by all hubs of a process. Required.
	Metrics *Metrics
	// OnKeyRequest, where set, is asked for a key picture of a rendition (SourceIndex: of the source), at most once
	// a second each. It must not block.
	OnKeyRequest func(rendition int)
	// MaxBytes and MaxAge bound what is kept of each rendition. Defaults: 24 MiB and 12 s.
	MaxBytes int
	MaxAge   time.Duration
}

func (c *Config) validate() error {
	if c.Logger == nil || c.Metrics == nil {
		return errors.New("playback hub: Logger and Metrics are required")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 24 << 20
	}
	if c.MaxAge == 0 {
		c.MaxAge = 12 * time.Second
	}
	if c.MaxBytes < 0 || c.MaxAge < 0 {
		return fmt.Errorf("playback hub: MaxBytes %d and MaxAge %v must be positive", c.MaxBytes, c.MaxAge)
	}
	return nil
}

// Hub holds one live stream. Its methods are safe for concurrent use; the source, each audio track and each grant are
// published by one goroutine each.
type Hub struct {
	cfg    Config
	source *Rendition

	ready   chan struct{} // closed by SetLadder
	done    chan struct{} // closed by Close
	viewers [protocols]atomic.Int64

	mu       sync.Mutex    // guards what follows, and is held while units are published
	ladder   []*Rendition  // nil before SetLadder
	rungs    []*Rendition  // all there ever were, by index
	amended  chan struct{} // closed and replaced when the ladder changes
	audio    []*Rendition
	noVideo  bool
	segments []*media.Segment // the last keptSegments, oldest first
	grants   map[uint64]map[*Rendition]*Grant
	pictures pictureIndex
	breaks   []time.Duration // the newest keptBreaks discontinuities, oldest first
	dropped  int             // discontinuities before those
	epoch    time.Time
	dated    time.Duration // the latest picture that the epoch followed
	closed   bool
}

// New makes the hub of a stream that has published nothing yet.
func New(cfg Config) (*Hub, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	h := &Hub{
		cfg:     cfg,
		ready:   make(chan struct{}),
		done:    make(chan struct{}),
		amended: make(chan struct{}),
		grants:  make(map[uint64]map[*Rendition]*Grant),
	}
	h.pictures.bySource = make(map[int64]picture)
	h.source = newRendition(h, SourceName, SourceIndex, nil)
	return h, nil
}

// ID is the stream's public id.
func (h *Hub) ID() string { return h.cfg.ID }

// AddAudio announces audio track n in a codec, or its new parameters. n counts the stream's tracks of sound from 0;
// each may be there in several codecs, of which one was made of another. Tracks are announced before SetLadder, so that
// players who were waiting for Ready find them.
func (h *Hub) AddAudio(n int, track *media.Track) *Rendition {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.sound(n, track.Codec); r != nil {
		r.setTrack(track)
		return r
	}
	r := newRendition(h, audioName(n, track.Codec), n, track)
	r.codec = track.Codec
	h.audio = append(h.audio, r)
	if h.closed {
		r.close(ErrClosed)
	}
	return r
}

// SetLadder makes the renditions, in the ladder's order, and makes the hub ready for players. It is called once, unless
// SetAudioOnly is; an empty ladder is a stream that is only passed through.
func (h *Hub) SetLadder(ladder transcoder.Ladder) error { return h.setLadder(ladder, false) }

// SetAudioOnly says that there is sound and nothing else, and makes the hub ready for players: nothing will come from
// Source, and there are no renditions.
func (h *Hub) SetAudioOnly() error { return h.setLadder(nil, true) }

func (h *Hub) setLadder(ladder transcoder.Ladder, noVideo bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return ErrClosed
	case h.ladder != nil:
		return errors.New("playback hub: there is a ladder already")
	}
	h.noVideo = noVideo
	h.ladder = make([]*Rendition, len(ladder))
	for i, profile := range ladder {
		h.ladder[i] = h.newRung(profile)
	}
	close(h.ready)
	return nil
}

// Ready is closed once the ladder is known: from then on Audio and AudioOnly are what they will be, and Renditions until
// Amended.
func (h *Hub) Ready() <-chan struct{} { return h.ready }

// AudioOnly reports whether the stream has no pictures. Before Ready it is false.
func (h *Hub) AudioOnly() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.noVideo
}

// Done is closed when the stream is over. Readers still drain what was published.
func (h *Hub) Done() <-chan struct{} { return h.done }

// Source is the stream as it was sent.
func (h *Hub) Source() *Rendition { return h.source }

// Renditions are the rungs of the ladder in its order, without the source; nil before SetLadder. The slice is not changed.
func (h *Hub) Renditions() []*Rendition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ladder
}

// Rendition finds the source or a rung by its name; nil where there is none.
func (h *Hub) Rendition(name string) *Rendition {
	if name == SourceName {
		return h.source
	}
	for _, r := range h.Renditions() {
		if r.name == name {
			return r
		}
	}
	return nil
}

// Sound is audio track n, from 0, as it was sent; nil where there is none. Its Track has language and label.
func (h *Hub) Sound(n int) *Rendition {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.audio {
		if r.index == n {
			return r // it was announced before what is made of it
		}
	}
	return nil
}

// Audio is audio track n in the given codec, made of another one where it was not sent so; nil where there is none. What
// is made on demand begins with its first reader.
func (h *Hub) Audio(n int, codec media.Codec) *Rendition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sound(n, codec)
}

// AudioTracks is how many tracks of sound the stream has.
func (h *Hub) AudioTracks() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, r := range h.audio {
		n = max(n, r.index+1)
	}
	return n
}

// sound finds an audio track. The lock is held.
func (h *Hub) sound(n int, codec media.Codec) *Rendition {
	for _, r := range h.audio {
		if r.index == n && r.codec == codec {
			return r
		}
	}
	return nil
}

// StartSegment announces a segment before its first source unit, or, where there is sound only, before the first unit of
// audio track 0, whose track and clock the segment has.
func (h *Hub) StartSegment(seg *media.Segment) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	if last := h.lastSegment(); last != nil && (seg.Seq <= last.Seq || seg.FirstPTS <= last.FirstPTS) {
		return fmt.Errorf("playback hub: segment %d (first PTS %d) follows segment %d (%d)", seg.Seq, seg.FirstPTS, last.Seq, last.FirstPTS)
	}
	if len(h.segments) == keptSegments {
		delete(h.grants, h.segments[0].Seq)
		copy(h.segments, h.segments[1:])
		h.segments = h.segments[:keptSegments-1]
	}
	h.segments = append(h.segments, seg)
	if seg.Discontinuity {
		h.discontinue(seg.Track.Duration(seg.FirstPTS))
	}
	if !h.noVideo {
		h.changeTrack(h.source, seg.Track, seg.FirstPTS)
	}
	return nil
}

// changeTrack gives a video rendition the parameters that hold from pts on, and notes a discontinuity where it had
// others before.
func (h *Hub) changeTrack(r *Rendition, track *media.Track, pts int64) {
	old := r.Track()
	r.setTrack(track)
	at := track.Duration(pts)
	if old == nil || SameFormat(old, track) || len(h.breaks) > 0 && (at-h.breaks[len(h.breaks)-1]).Abs() <= sameBreak {
		return
	}
	h.discontinue(at)
}

// discontinue notes a discontinuity.
func (h *Hub) discontinue(at time.Duration) {
	if len(h.breaks) == keptBreaks {
		h.breaks = append(h.breaks[:0], h.breaks[1:]...)
		h.dropped++
	}
	h.breaks = append(h.breaks, at)
}

// Discontinuities counts the changes of video parameters, anywhere in the ladder, and the holes in the timeline before a
// moment of it, so that all renditions number them alike. With own, what the caller's rendition has at that moment counts.
func (h *Hub) Discontinuities(at time.Duration, own bool) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.dropped
	for _, b := range h.breaks {
		if b < at || own && b-at <= sameBreak {
			n++
		}
	}
	return n
}

// PublishSource publishes the next source unit, in decoding order, into the segment announced last. It is called
// before the unit is sent to any transcoder: renditions get their capture time from it.
func (h *Hub) PublishSource(u *media.Unit) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	seg := h.lastSegment()
	switch {
	case h.closed:
		return ErrClosed
	case seg == nil:
		return errors.New("playback hub: a source unit before the first segment")
	}
	h.pictures.add(u.PTS, picture{segment: seg.Seq, capture: u.Capture})
	h.date(seg.Track.Duration(u.PTS), u.Capture)
	h.source.append(u, seg)
	if !h.source.holds(seg.DecodeFrom) {
		return fmt.Errorf("%w: kept are at most %d MiB and %v of pictures; set a key frame interval of 2 s in the encoder",
			ErrGOPTooLong, h.cfg.MaxBytes>>20, h.cfg.MaxAge)
	}
	return nil
}

// date moves the epoch towards what a picture's capture time says. It moves slowly, as sound and pictures are reported on at
// different times; and single pictures mislead, those above all that are coded before others and shown after them.
func (h *Hub) date(at time.Duration, capture time.Time) {
	first := h.epoch.IsZero()
	if capture.IsZero() {
		if !first {
			return
		}
		capture = time.Now()
	}
	seen := capture.Add(-at)
	if first {
		h.epoch, h.dated = seen, at
		return
	}
	step := max(at-h.dated, 0) / epochSlew
	h.epoch = h.epoch.Add(min(max(seen.Sub(h.epoch), -step), step))
	h.dated = max(h.dated, at)
}

// PublishAudio publishes the next unit of audio track n, announced before, in a codec.
func (h *Hub) PublishAudio(n int, codec media.Codec, u *media.Unit) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	r := h.sound(n, codec)
	if r == nil {
		return fmt.Errorf("playback hub: no %v track %d was announced", codec, n)
	}
	at := r.Track().Duration(u.PTS)
	if h.noVideo && !u.Capture.IsZero() { // what was made of another codec has none
		h.date(at, u.Capture)
	}
	r.append(u, h.segmentAt(at))
	return nil
}

// Retained returns the source units from the key picture with the given PTS to the newest, in decoding order: what a
// transcoder that starts fresh must be given. It is nil where that picture is no longer kept.
func (h *Hub) Retained(fromPTS int64) []*media.Unit { return h.source.since(fromPTS) }

// EndSource says that nothing more comes of the source, nor of its sound: who watches them sees the end while the ladder is
// still being made of the last pictures.
func (h *Hub) EndSource() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endSource(io.EOF)
}

// endSource ends the source and all sound. The lock is held.
func (h *Hub) endSource(reason error) {
	h.source.close(reason)
	for _, r := range h.audio {
		r.close(reason)
	}
}

// Close ends the stream: everything published before stays readable to its end, then readers get the reason (io.EOF
// for nil). Closing twice does nothing.
func (h *Hub) Close(reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	if reason == nil {
		reason = io.EOF
	}
	h.endSource(reason)
	for _, r := range h.rungs {
		r.close(reason)
	}
	select {
	case <-h.ready:
	default:
		h.ladder = []*Rendition{}
		close(h.ready)
	}
	close(h.done)
}

// Epoch is the wall-clock time of the timeline's zero, for sound and pictures alike: by the newest picture's capture
// time, or by when the first one came where capture times are unknown. Without pictures it is the sound's. It is zero
// before the first of them.
func (h *Hub) Epoch() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.epoch
}

// AddViewers counts viewers in (positive) and out (negative).
func (h *Hub) AddViewers(p Protocol, n int) {
	h.viewers[p].Add(int64(n))
	h.cfg.Metrics.viewers[p].Add(float64(n))
}

// Viewers is how many are watching by a protocol now.
func (h *Hub) Viewers(p Protocol) int { return int(h.viewers[p].Load()) }

func (h *Hub) lastSegment() *media.Segment {
	if len(h.segments) == 0 {
		return nil
	}
	return h.segments[len(h.segments)-1]
}

// segmentAt is the segment that is showing at a moment of the stream's timeline: the first one for what is earlier,
// nil while there is none. Behind a hole, sound begins with the pictures, or a little before.
func (h *Hub) segmentAt(at time.Duration) *media.Segment {
	for i, s := range slices.Backward(h.segments) {
		from := s.Track.Duration(s.FirstPTS)
		if s.Discontinuity {
			from -= soundAhead
		}
		if from <= at || i == 0 {
			return s
		}
	}
	return nil
}

// audioName names an audio track: "aac", "opus", and those after the first "aac2", "opus2" and so on.
func audioName(n int, c media.Codec) string {
	name := strings.ToLower(c.String())
	if n > 0 {
		name += strconv.Itoa(n + 1)
	}
	return name
}

// pictureIndex remembers the newest source pictures by PTS.
type pictureIndex struct {
	bySource map[int64]picture
	order    []int64 // a ring, once it is full
	added    int
}

type picture struct {
	segment uint64
	capture time.Time
}

func (x *pictureIndex) add(pts int64, p picture) {
	if slot := x.added % indexedPictures; x.added < indexedPictures {
		x.order = append(x.order, pts)
	} else {
		delete(x.bySource, x.order[slot])
		x.order[slot] = pts
	}
	x.bySource[pts] = p
	x.added++
}
