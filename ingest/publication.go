package ingest

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/internal/media"
)

// What is waited for before the tracks are named to the sink.
const (
	// startWait is how long a track that was announced (or may still come) is waited for.
	startWait = time.Second
	// maxPending bounds the units that are held meanwhile.
	maxPending      = 256
	maxPendingBytes = 8 << 20
	// configWait is how long media may come without saying how to decode it.
	configWait = 10 * time.Second
)

// The kinds of tracks. A publication has at most one of each.
const (
	video = iota
	audio
	kinds
)

// Publication hands one publisher's units to its sink. It names the tracks once all that are expected are known, and
// again when one changes, and holds the units back until then; it keeps the PTS of pictures unique and their DTS rising,
// and dates the capture of units that come without a date. It is not safe for concurrent use.
type Publication struct {
	sink    Sink
	metrics *Metrics
	units   [kinds]prometheus.Counter
	clock   CaptureClock
	times   pictureTimes

	tracks        [kinds]*media.Track
	announced     bool // which tracks to expect is known:
	expect        [kinds]bool
	began         time.Time // when the first media came
	started       bool
	index         [kinds]int // of each kind in the sink's tracks
	named         []*media.Track
	pending       []pendingUnit
	pendingBytes  int
	discontinuity [kinds]bool
}

type pendingUnit struct {
	kind int
	unit *media.Unit
}

// NewPublication begins a publication into a sink, which the caller closes.
func NewPublication(sink Sink, metrics *Metrics) *Publication {
	return &Publication{
		sink: sink, metrics: metrics, times: newPictureTimes(),
		units: [kinds]prometheus.Counter{metrics.Units.WithLabelValues("video"), metrics.Units.WithLabelValues("audio")},
	}
}

// Expect says which tracks will come, so that they need not be waited for in vain.
func (p *Publication) Expect(pictures, sound bool) {
	p.expect = [kinds]bool{pictures, sound}
	p.announced = true
}

// SetTrack names a track or what it has become: one video and one audio track. An error ends the publisher.
func (p *Publication) SetTrack(t *media.Track) error {
	kind := video
	if t.Codec.IsAudio() {
		kind = audio
	}
	p.tracks[kind] = t
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
	u.PTS, u.DTS = p.times.unique(u.PTS), p.times.rising(u.DTS)
	return p.emit(video, u, now)
}

// Sound takes the next packet of the audio track; see Picture.
func (p *Publication) Sound(u *media.Unit, now time.Time) error { return p.emit(audio, u, now) }

// Broken says that what comes next does not follow what came: units were lost, or the publisher's clock jumped.
func (p *Publication) Broken() { p.discontinuity = [kinds]bool{true, true} }

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

func (p *Publication) complete() bool {
	for kind, t := range p.tracks {
		if t == nil && (p.expect[kind] || !p.announced) {
			return false
		}
	}
	return true
}

func (p *Publication) start() error {
	p.started = true
	if err := p.name(); err != nil {
		return err
	}
	pending := p.pending
	p.pending, p.pendingBytes = nil, 0
	for _, u := range pending {
		if err := p.sink.Write(p.index[u.kind], u.unit); err != nil {
			return err
		}
	}
	return nil
}

// name tells the sink the tracks as they are now. A track keeps its index; one that comes late is appended.
func (p *Publication) name() error {
	p.named = append([]*media.Track{}, p.named...)
	for kind, t := range p.tracks {
		if t == nil {
			continue
		}
		at := -1
		for i, old := range p.named {
			if old.Codec.IsVideo() == t.Codec.IsVideo() {
				at = i
			}
		}
		if at < 0 {
			at = len(p.named)
			p.named = append(p.named, nil)
		}
		p.named[at] = t
		p.index[kind] = at
	}
	return p.sink.Start(p.named)
}

// emit hands a unit to the sink, or holds it until the tracks are known.
func (p *Publication) emit(kind int, u *media.Unit, now time.Time) error {
	if p.discontinuity[kind] {
		u.Discontinuity = true
		p.discontinuity[kind] = false
	}
	if u.Capture.IsZero() {
		u.Capture = p.clock.Capture(p.tracks[kind].Duration(u.PTS), now)
	}
	p.units[kind].Inc()
	p.metrics.Bytes.Add(float64(len(u.Payload)))
	if p.started {
		return p.sink.Write(p.index[kind], u)
	}
	if p.began.IsZero() {
		p.began = now
	}
	p.pending = append(p.pending, pendingUnit{kind, u})
	p.pendingBytes += len(u.Payload)
	if p.complete() || now.Sub(p.began) >= startWait || len(p.pending) >= maxPending || p.pendingBytes >= maxPendingBytes {
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

func newPictureTimes() pictureTimes {
	return pictureTimes{taken: make(map[int64]struct{}), dts: -1 << 62}
}

// unique moves a PTS by the least that makes it unlike those of recent pictures.
func (t *pictureTimes) unique(pts int64) int64 {
	const remembered = 256
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
