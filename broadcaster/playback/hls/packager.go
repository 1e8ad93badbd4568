package hls

import (
	"fmt"
	"math"
	"slices"
	"time"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/captions"
	"castnet/internal/media"
)

// timelineOffset is added to every timestamp, so that a stream that begins at zero with B-frames, whose first DTS is
// negative, can be written: fMP4 has no negative times. A presentation time in a file is PTS + 10 s.
const timelineOffset = 10 * time.Second

// lateSegments is how many segments can still be fetched after they have left the playlist.
const lateSegments = 3

// part is the smallest thing that can be fetched.
type part struct {
	number      uint64 // of the variant's parts, across segments
	data        []byte
	duration    time.Duration
	independent bool
}

// segment is a run of parts. The last one of a live variant is open.
type segment struct {
	msn           uint64
	init          int // which initialization: an index into packager.formats
	discontinuity bool
	independent   bool // it begins with a key picture
	// piece marks a segment of the stream's first seconds (see begun). Its parts don't say whether they are
	// independent: hls.js goes on with a part that isn't only if none before it claims to be.
	piece    bool
	start    time.Time
	startDTS int64
	parts    []*part
	duration time.Duration                  // 0 while it is open
	told     bool                           // its end is shown though the next segment has no part: nothing comes
	bytes    int                            // of its parts
	cues     [captions.Count][]captions.Cue // what was shown meanwhile, by service
}

// held is the bytes that a complete segment takes.
func (s *segment) held() int {
	n := s.bytes
	for _, cues := range s.cues {
		for _, c := range cues {
			n += len(c.Text)
		}
	}
	return n
}

// clock is what the variants of one presentation share, so that their times and discontinuities are the same.
type clock struct {
	// epoch is the wall-clock time of PTS 0.
	epoch time.Time
	// discontinued counts the discontinuities before a moment of the timeline, with own including the one there.
	discontinued func(at time.Duration, own bool) int
}

// packager turns one rendition's units into segments and parts. It is pure: time comes with the units.
type packager struct {
	clock        clock
	partDuration time.Duration // aimed at
	window       time.Duration // of complete segments in the playlist
	maxBytes     int           // held of all of them, if that is less

	formats    []*format
	segments   []*segment // the newest last; the first late ones are no longer in the playlist
	late       int
	bytes      int // held of all segments
	evictedDis int // discontinuities that have left the playlist
	dis        int // discontinuities so far

	captions captions.Reader
	version  uint64        // rises with whatever changes the playlist
	units    []*media.Unit // of the part being filled
	frame    int64         // the newest distance of two units, in ticks
	nextPart uint64
	pieces   bool // each part is a segment, until the stream's next one begins
	longGOP  bool // a segment began without a key picture: the variant is no target to switch to
	ended    bool

	maxTarget time.Duration // the longest segment
	maxPart   time.Duration // the longest part
	peak      int           // bits a second of the densest segment
}

// write takes the next unit.
func (p *packager) write(item playback.Item) error {
	u := item.Unit
	if item.Segment == nil {
		return nil // sound before the first picture
	}
	video := item.Track.Codec.IsVideo()
	key := u.Key || !video
	if item.SegmentStart && !key {
		p.longGOP = true
	}
	newTrack := len(p.formats) == 0 || !playback.SameFormat(p.format().track, item.Track)
	if newTrack || len(p.segments) == 0 || item.Skipped || item.SegmentStart && key {
		end := u.DTS
		if hole(item) {
			end = p.end()
		}
		if err := p.cut(end, u.PTS); err != nil {
			return err
		}
		return p.begin(item, newTrack)
	}
	if n := len(p.units); n > 0 {
		if d := u.DTS - p.units[n-1].DTS; d > 0 {
			p.frame = d
		}
		if u.DTS-p.units[0].DTS >= p.ticks(p.partDuration) { // pictures are missing: don't let the part grow further
			if err := p.flush(u.DTS); err != nil {
				return err
			}
		}
	}
	p.units = append(p.units, u)
	p.open(u, item.Segment.Seq)
	return p.flushFull()
}

// hole reports whether nothing was published right before a unit.
func hole(item playback.Item) bool { return item.SegmentStart && item.Segment.Discontinuity }

// begin opens a segment at the beginning of one of the stream's, or where the parameters change.
func (p *packager) begin(item playback.Item, newTrack bool) error {
	u, first := item.Unit, len(p.formats) == 0
	at := item.Track.Duration(u.PTS)
	p.pieces = false
	if newTrack {
		f, err := newFormat(item.Track, item.Unit)
		if err != nil {
			return err
		}
		p.formats = append(p.formats, f)
	}
	if p.frame == 0 {
		p.frame = nominalFrame(item.Track)
	}
	p.units = append(p.units, u)
	s := p.open(u, item.Segment.Seq)
	total := p.clock.discontinued(at, newTrack && !first || hole(item))
	if first {
		p.dis, p.evictedDis = total, total
	} else if total > p.dis {
		s.discontinuity = true
		p.dis++
	}
	return p.flushFull()
}

// open makes sure that there is an open segment, beginning with u, and returns it.
func (p *packager) open(u *media.Unit, seq uint64) *segment {
	n := len(p.segments)
	if n > 0 && p.segments[n-1].duration == 0 {
		return p.segments[n-1]
	}
	f := p.format()
	s := &segment{
		msn: seq, init: len(p.formats) - 1, independent: u.Key || !f.track.Codec.IsVideo(),
		start: p.clock.epoch.Add(f.track.Duration(u.PTS)), startDTS: u.DTS, piece: p.pieces,
	}
	if n > 0 {
		s.msn = p.segments[n-1].msn + 1
	}
	p.segments = append(p.segments, s)
	return s
}

// nominalFrame is the distance of two units before two have been seen, in ticks.
func nominalFrame(t *media.Track) int64 {
	switch {
	case t.Codec == media.AAC:
		return 1024
	case t.Codec == media.Opus:
		return int64(t.ClockRate / 50)
	case t.FrameRate >= 1:
		return int64(float64(t.ClockRate) / t.FrameRate)
	default:
		return int64(t.ClockRate / 30)
	}
}

// flushFull ends the part if another unit of the same length would take it further from the aimed duration. The last
// unit's length is taken to be the one before's, so that a part is out with its last unit, not with the next one.
func (p *packager) flushFull() error {
	end := p.units[len(p.units)-1].DTS + p.frame
	if end-p.units[0].DTS < p.ticks(p.partDuration)*95/100 {
		return nil
	}
	if p.pieces {
		return p.cut(end, end) // nothing is shown before it is decoded
	}
	return p.flush(end)
}

// flush ends the part being filled at the given DTS.
func (p *packager) flush(end int64) error {
	if len(p.units) == 0 {
		return nil
	}
	f, first := p.format(), p.units[0]
	end = max(end, p.units[len(p.units)-1].DTS+1)
	data, err := f.fragment(p.nextPart, p.units, end)
	if err != nil {
		return err
	}
	for _, u := range p.units {
		p.captions.Add(f.track.Codec, u)
	}
	s := p.segments[len(p.segments)-1]
	s.parts = append(s.parts, &part{
		number: p.nextPart, data: data, duration: f.track.Duration(end - first.DTS),
		independent: first.Key || !f.track.Codec.IsVideo(),
	})
	s.bytes += len(data)
	p.bytes += len(data)
	p.maxPart = max(p.maxPart, f.track.Duration(end-first.DTS))
	p.nextPart++
	p.version++
	p.units = p.units[:0]
	return nil
}

// cut ends the open segment, if there is one, where the next one begins: at the DTS end. No later picture is shown before the
// PTS shown.
func (p *packager) cut(end, shown int64) error {
	if n := len(p.segments); n == 0 || p.segments[n-1].duration > 0 {
		return nil
	}
	if n := len(p.units); n > 0 && end <= p.units[n-1].DTS {
		end = p.units[n-1].DTS + p.frame
	}
	if err := p.flush(end); err != nil {
		return err
	}
	p.version++
	s := p.segments[len(p.segments)-1]
	s.duration = max(p.format().track.Duration(end-s.startDTS), time.Millisecond)
	p.maxTarget = max(p.maxTarget, s.duration)
	s.cues = p.captions.Take(shown)
	p.bytes += s.held() - s.bytes
	if s.duration >= 500*time.Millisecond { // a shorter one says nothing about the rate
		p.peak = max(p.peak, int(float64(s.bytes)*8/s.duration.Seconds()))
	}
	p.evict()
	return nil
}

// begun is called when all that the hub held has been written: what comes next is live. If that is the stream's first
// segment still, it becomes one piece a part. Players need whole segments to begin with; they would stand still until
// the first one was complete.
func (p *packager) begun() error {
	if len(p.segments) != 1 || p.segments[0].duration > 0 || p.pieces || p.ended {
		return nil
	}
	p.pieces = true
	whole := p.segments[0]
	whole.piece = true
	if len(whole.parts) == 0 {
		return nil
	}
	p.segments = nil
	msn, at := whole.msn, time.Duration(0)
	for i, part := range whole.parts {
		piece := *whole
		piece.msn, piece.parts, piece.duration = msn, whole.parts[i:i+1:i+1], part.duration
		piece.start, piece.startDTS = whole.start.Add(at), whole.startDTS+p.ticks(at)
		piece.independent, piece.piece, piece.bytes = part.independent, true, len(part.data)
		p.segments = append(p.segments, &piece)
		msn++
		at += part.duration
	}
	if len(p.units) > 0 {
		p.open(p.units[0], 0)
	}
	p.version++
	return nil
}

// quiet is called when nothing has come for a while. What is complete is shown; players that know no parts lack it otherwise.
func (p *packager) quiet() error {
	if n := len(p.segments); n > 1 && !p.whole(n-2) {
		p.segments[n-2].told = true
		p.version++
	}
	return nil
}

// finish ends the variant with all that has been written.
func (p *packager) finish() error {
	p.ended = true
	p.version++
	return p.cut(p.end(), math.MaxInt64)
}

// end is where what has been written ends, in ticks; 0 where no segment is open.
func (p *packager) end() int64 {
	n := len(p.segments)
	if n == 0 || p.segments[n-1].duration > 0 {
		return 0
	}
	if waiting := len(p.units); waiting > 0 {
		return p.units[waiting-1].DTS + p.frame
	}
	end := p.segments[n-1].startDTS
	for _, part := range p.segments[n-1].parts {
		end += p.ticks(part.duration)
	}
	return end
}

// evict takes segments out of the playlist while those that stay fill the window, and out of memory a little later.
func (p *packager) evict() {
	var listed time.Duration
	for _, s := range p.segments[p.late:] {
		listed += s.duration
	}
	held := p.bytes
	for {
		oldest := p.segments[p.late]
		rest := listed - oldest.duration
		if rest < p.window && (held <= p.maxBytes || rest < 3*p.target()) { // three target durations is the least to list
			break
		}
		listed, held = rest, held-oldest.held()
		if oldest.discontinuity {
			p.evictedDis++
		}
		p.late++
	}
	if drop := p.late - lateSegments; drop > 0 {
		for _, s := range p.segments[:drop] {
			p.bytes -= s.held()
		}
		clear(p.segments[:drop])
		p.segments = p.segments[drop:]
		p.late = lateSegments
		clear(p.formats[:p.segments[0].init])
	}
}

func (p *packager) format() *format { return p.formats[len(p.formats)-1] }

// target is the target duration that playlists name.
func (p *packager) target() time.Duration {
	return time.Duration(math.Round(max(minTarget, p.maxTarget).Seconds())) * time.Second
}

func (p *packager) ticks(d time.Duration) int64 { return p.format().track.Ticks(d) }

// newest is the place of the newest part: its segment's number and its index there. ok is false before the first.
func (p *packager) newest() (msn uint64, index int, ok bool) {
	for _, s := range slices.Backward(p.segments) {
		if len(s.parts) > 0 {
			return s.msn, len(s.parts) - 1, true
		}
	}
	return 0, 0, false
}

// has reports whether a playlist that is made now holds a part (or with index < 0 a whole segment), or something after it.
func (p *packager) has(msn uint64, index int) bool {
	for i, s := range slices.Backward(p.segments) {
		if s.msn > msn && len(s.parts) > 0 || s.msn == msn && (index < 0 && p.whole(i) || index >= 0 && index < len(s.parts)) {
			return true
		}
	}
	return p.ended
}

// whole reports whether playlists show the end of the segment with an index: once the next one has a part, not with its own
// last part. hls.js takes a segment whose end it knows for buffered where less than 0.2 s of it is missing, and would not ask
// for that last part any more.
func (p *packager) whole(i int) bool {
	s := p.segments[i]
	switch {
	case s.duration == 0:
		return false
	case s.piece || s.told || p.ended:
		return true
	case i+1 == len(p.segments):
		return false
	}
	next := p.segments[i+1]
	return len(next.parts) > 0 || next.discontinuity || next.init != s.init // tags that are written before next's first part
}

// rates are the bits a second over all that is held, and of the densest segment, as far as can be known: while no segment is
// complete that was long enough to tell, that is taken to be half as dense again. They are 0 before the first part.
func (p *packager) rates() (average, peak int) {
	var bytes int
	var d time.Duration
	for _, s := range p.segments {
		bytes += s.bytes
		for _, part := range s.parts {
			d += part.duration
		}
	}
	if d == 0 {
		return 0, 0
	}
	average = int(float64(bytes) * 8 / d.Seconds())
	if p.peak == 0 {
		return average, average * 3 / 2
	}
	return average, max(p.peak, average)
}

// file finds what a variant's file name stands for: initialization "i0.mp4", segment "s7.m4s", its captions "v7.vtt" to
// "z7.vtt", part "p42.m4s". It returns the chunks to send one after the other. pending is true for the part that comes next.
func (p *packager) file(kind byte, number uint64) (chunks [][]byte, pending bool) {
	switch {
	case kind == 'i':
		if number < uint64(len(p.formats)) && p.formats[number] != nil {
			return [][]byte{p.formats[number].initialization}, false
		}
	case kind == 's' || isWords(kind):
		i := slices.IndexFunc(p.segments, func(s *segment) bool { return s.msn == number && s.duration > 0 })
		if i < 0 {
			return nil, false
		}
		if isWords(kind) {
			return [][]byte{webVTT(p.segments[i].cues[kind-firstWords])}, false
		}
		for _, part := range p.segments[i].parts {
			chunks = append(chunks, part.data)
		}
	case kind == 'p':
		for _, s := range p.segments {
			if n := len(s.parts); n > 0 && s.parts[0].number <= number && number <= s.parts[n-1].number {
				return [][]byte{s.parts[number-s.parts[0].number].data}, false
			}
		}
		return nil, number == p.nextPart && !p.ended
	}
	return chunks, false
}

// fileName is the inverse of parsing in the server: all of a presentation's names carry its tag, so that a cache never
// mixes up two presentations of one stream.
func fileName(tag string, kind byte, number uint64) string {
	extension := "m4s"
	switch {
	case kind == 'i':
		extension = "mp4"
	case isWords(kind):
		extension = "vtt"
	}
	return fmt.Sprintf("%s-%c%d.%s", tag, kind, number, extension)
}

// isWords reports whether files of a kind are captions as text.
func isWords(kind byte) bool { return kind >= firstWords && kind < firstWords+byte(captions.Count) }
