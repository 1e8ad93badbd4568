package ingest

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/internal/media"
)

// What is waited for before the tracks are named to the sink.
const (
	// soundWait is how long sound that was announced (or may still come) is waited for, pictureWait pictures. Who announced
	// pictures is given more time: without them it becomes a stream of sound alone, for good.
	soundWait            = time.Second
	pictureWait          = 2 * time.Second
	announcedPictureWait = 5 * time.Second
	// maxPending bounds the units that are held meanwhile: four tracks of sound, 5 s.
	maxPending      = 1024
	maxPendingBytes = 8 << 20
	// configWait is how long media may come without saying how to decode it.
	configWait = 10 * time.Second
	// maxPacket bounds a packet of sound, in bytes, as queues of sound are bounded in packets: a frame of AAC has 6 KiB with eight
	// channels, and the longest packet of Opus, 48 frames of 1275 bytes, less than 60.
	maxPacket = 64 << 10
)

// MaxSounds is how many audio tracks a stream may have: languages, a commentary.
const MaxSounds = 4

// MaxFurther is how many further video tracks a stream may have, beside the one that is published: the publisher's own
// renditions.
const MaxFurther = 5

// The places of a publication's tracks: the pictures, then each track of sound, then each further one of pictures.
const (
	pictures = iota
	sounds
	further = sounds + MaxSounds
	places  = further + MaxFurther
)

// Publication hands one publisher's units to its sink. It names the tracks once all that are expected are known, and
// again when one changes, and holds the units back until then; it keeps the PTS of pictures unique and their DTS rising,
// and dates the capture of units that come without a date. It is not safe for concurrent use.
type Publication struct {
	sink    Sink
	metrics *Metrics
	units   [places]prometheus.Counter
	clock   CaptureClock
	times   [places]pictureTimes // of pictures

	tracks        [places]*media.Track
	announced     bool // which tracks to expect is known:
	expect        [places]bool
	began         time.Time // when the first media came
	started       bool
	index         [places]int // of each place in the sink's tracks, where named:
	known         [places]bool
	named         []*media.Track
	pending       []pendingUnit
	pendingBytes  int
	discontinuity [places]bool
}

type pendingUnit struct {
	place int
	unit  *media.Unit
}

// NewPublication begins a publication into a sink, which the caller closes.
func NewPublication(sink Sink, metrics *Metrics) *Publication {
	p := &Publication{sink: sink, metrics: metrics}
	for place := range p.units {
		kind := "video"
		if place >= sounds && place < further {
			kind = "audio"
		}
		p.units[place] = metrics.Units.WithLabelValues(kind)
	}
	return p
}

// Expect says which tracks will come, so that they need not be waited for in vain: pictures or not, and how many tracks of
// sound.
func (p *Publication) Expect(withPictures bool, tracksOfSound int) {
	p.announced = true
	p.expect = [places]bool{pictures: withPictures}
	for n := range min(tracksOfSound, MaxSounds) {
		p.expect[sounds+n] = true
	}
}

// SetPictures names the video track or what it has become. An error ends the publisher.
func (p *Publication) SetPictures(t *media.Track) error { return p.setTrack(pictures, t) }

// SetSound names an audio track or what it has become. n counts them from 0 to MaxSounds − 1, in the publisher's order:
// players begin with the first. An error ends the publisher.
func (p *Publication) SetSound(n int, t *media.Track) error {
	if n >= MaxSounds {
		return &Refusal{
			Code: CodeLimit, Message: "there are too many audio tracks: leave some out",
			Asked: strconv.Itoa(n + 1), Limit: strconv.Itoa(MaxSounds),
		}
	}
	return p.setTrack(sounds+n, t)
}

// SetFurther names a further video track, or what it has become: the same pictures in another size. n counts them from 0 to
// MaxFurther − 1. They are not waited for; to be there from the first picture on, one is named before the pictures are. An
// error ends the publisher.
func (p *Publication) SetFurther(n int, t *media.Track) error {
	p.tracks[further+n] = t
	if !p.started || p.tracks[pictures] == nil {
		return nil
	}
	return p.name()
}

func (p *Publication) setTrack(place int, t *media.Track) error {
	p.tracks[place] = t
	switch {
	case p.started:
		return p.name()
	case p.complete():
		return p.start()
	default:
		return nil
	}
}

// Picture takes the next picture of the video track, in decoding order. The unit is the publication's from then on. An
// error ends the publisher.
func (p *Publication) Picture(u *media.Unit, now time.Time) error {
	return p.picture(pictures, u, now)
}

// Further takes the next picture of further video track n; see Picture. Those of one moment have the same PTS in all tracks.
// What comes before the pictures are named is left out.
func (p *Publication) Further(n int, u *media.Unit, now time.Time) error {
	if p.tracks[pictures] == nil {
		return nil
	}
	return p.picture(further+n, u, now)
}

func (p *Publication) picture(place int, u *media.Unit, now time.Time) error {
	t := &p.times[place]
	u.PTS, u.DTS = t.unique(u.PTS), t.rising(u.DTS)
	return p.emit(place, u, now)
}

// Sound takes the next packet of audio track n; see Picture.
func (p *Publication) Sound(n int, u *media.Unit, now time.Time) error {
	if len(u.Payload) > maxPacket {
		return &Refusal{
			Code: CodeLimit, Message: "a packet of sound is larger than AAC or Opus ever make one: restart the encoder",
			Asked: fmt.Sprintf("%d bytes", len(u.Payload)), Limit: fmt.Sprintf("%d bytes", maxPacket),
		}
	}
	return p.emit(sounds+n, u, now)
}

// Broken says that what comes next does not follow what came: units were lost, or the publisher's clock jumped.
func (p *Publication) Broken() {
	for place := range p.discontinuity {
		p.discontinuity[place] = true
	}
}

// Undecodable says that media came which nobody can decode yet. It ends a publisher that never says how to.
func (p *Publication) Undecodable(now time.Time) error {
	if p.began.IsZero() {
		p.began = now
	}
	if waited := now.Sub(p.began); !p.started && waited > configWait {
		return &Refusal{
			Code: CodeBadData, Message: "media came without a sequence header, so it cannot be decoded: restart the encoder",
			Asked: waited.Round(time.Second).String(), Limit: configWait.String(),
		}
	}
	return nil
}

// complete reports whether nothing more is to be waited for: without an announcement, a track of each kind.
func (p *Publication) complete() bool {
	for place, t := range p.tracks {
		if t == nil && (p.expect[place] || !p.announced && place <= sounds) {
			return false
		}
	}
	return true
}

// waited reports whether what is missing has been waited for long enough.
func (p *Publication) waited(now time.Time) bool {
	limit := soundWait
	switch {
	case p.tracks[pictures] != nil:
	case p.expect[pictures]:
		limit = announcedPictureWait
	case !p.announced:
		limit = pictureWait
	}
	return now.Sub(p.began) >= limit || len(p.pending) >= maxPending || p.pendingBytes >= maxPendingBytes
}

func (p *Publication) start() error {
	p.started = true
	if err := p.name(); err != nil {
		return err
	}
	pending := p.pending
	p.pending, p.pendingBytes = nil, 0
	for _, u := range pending {
		if err := p.sink.Write(p.index[u.place], u.unit); err != nil {
			return err
		}
	}
	return nil
}

// name tells the sink the tracks as they are now. A track keeps its index; one that comes late is appended.
func (p *Publication) name() error {
	p.named = slices.Clone(p.named)
	for place, t := range p.tracks {
		switch {
		case t == nil || place >= further && p.tracks[pictures] == nil: // the stream is never cut by a further one
		case p.known[place]:
			p.named[p.index[place]] = t
		default:
			p.known[place], p.index[place] = true, len(p.named)
			p.named = append(p.named, t)
		}
	}
	return p.sink.Start(p.named)
}

// emit hands a unit to the sink, or holds it until the tracks are known.
func (p *Publication) emit(place int, u *media.Unit, now time.Time) error {
	if p.discontinuity[place] {
		u.Discontinuity = true
		p.discontinuity[place] = false
	}
	if u.Capture.IsZero() {
		u.Capture = p.clock.Capture(p.tracks[place].Duration(u.PTS), now)
	}
	p.units[place].Inc()
	p.metrics.Bytes.Add(float64(len(u.Payload)))
	if p.started {
		return p.sink.Write(p.index[place], u)
	}
	if p.began.IsZero() {
		p.began = now
	}
	p.pending = append(p.pending, pendingUnit{place, u})
	p.pendingBytes += len(u.Payload)
	if p.complete() || p.waited(now) {
		return p.start()
	}
	return nil
}

// pictureTimes makes the coarse timestamps of protocols good enough for the house: PTS unique, DTS rising.
type pictureTimes struct {
	taken map[int64]struct{} // PTS of recent pictures
	queue []int64            // the same, oldest first
	dts   int64              // of the last picture
}

// unique moves a PTS by the least that makes it unlike those of recent pictures.
func (t *pictureTimes) unique(pts int64) int64 {
	const remembered = 256
	if t.taken == nil {
		t.taken, t.dts = make(map[int64]struct{}), -1<<62
	}
	for {
		if _, taken := t.taken[pts]; !taken {
			break
		}
		pts++
	}
	t.taken[pts] = struct{}{}
	t.queue = append(t.queue, pts)
	if len(t.queue) > remembered {
		delete(t.taken, t.queue[0])
		t.queue = t.queue[1:]
	}
	return pts
}

func (t *pictureTimes) rising(dts int64) int64 {
	t.dts = max(dts, t.dts+1)
	return t.dts
}
