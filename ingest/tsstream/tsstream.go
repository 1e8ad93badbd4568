// Package tsstream makes units of what publishers send as MPEG transport stream: SRT carries one, and so do pushed segments.
package tsstream

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
	"golang.org/x/text/language"

	"castnet/ingest"
	"castnet/internal/media"
)

// Limits of what a publisher's timestamps may do before they are taken for a jump, in ticks of 90 kHz.
const (
	maxBack  = media.VideoClockRate / 2
	maxAhead = 10 * media.VideoClockRate
)

// maxAgain is how far back a transport stream may begin that is read again: longer segments are not pushed.
const maxAgain = 60 * media.VideoClockRate

// The places of tracks: the pictures, then each track of sound.
const (
	pictures = iota
	sounds
	places = sounds + ingest.MaxSounds
)

// ErrNoTables is returned, wrapped, for what is no MPEG transport stream at all. Nothing of it went to the sink.
var ErrNoTables = errors.New("no tables were found")

// Stream is one publisher's media. It is not safe for concurrent use.
type Stream struct {
	out     *ingest.Publication
	metrics *ingest.Metrics
	now     func() time.Time

	time    mpegts.TimeDecoder // of all tracks: they have one clock
	offset  int64              // what is added to it
	highest int64              // of all that came out
	at      time.Time          // when that was
	started bool

	again bool          // this is read for the second time: what was taken is left out
	taken [places]int64 // the newest DTS of each track

	pictures *ingest.Video
	codec    media.Codec // of pictures
	tones    [ingest.MaxSounds]ingest.Sound
}

// New begins a stream into a sink, which the caller closes. now is the clock.
func New(sink ingest.Sink, metrics *ingest.Metrics, now func() time.Time) *Stream {
	s := &Stream{out: ingest.NewPublication(sink, metrics), metrics: metrics, now: now}
	for i := range s.taken {
		s.taken[i] = -1 << 62
	}
	return s
}

// Read takes media until r ends, which is no error. Another transport stream, a later segment say, may follow by another
// Read. An error is a *ingest.Refusal, the sink's, or r's.
func (s *Stream) Read(r io.Reader) error {
	from := &source{r: r}
	reader := &mpegts.Reader{R: from}
	switch err := reader.Initialize(); {
	case err == nil:
	case from.err != nil:
		return from.err
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", ingest.BadData("this is no MPEG transport stream, or its tables are missing"), ErrNoTables)
	default:
		return ingest.BadData("cannot read the transport stream: " + err.Error())
	}
	if err := s.choose(reader); err != nil {
		return err
	}
	reader.OnDecodeError(func(error) {}) // a garbled packet is a packet lost; what refers to it is marked by its decoder
	for {
		if err := reader.Read(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return cmp.Or(from.err, err)
		}
	}
}

// ReadAgain is Read for a transport stream whose first try broke off: what was taken of it then is left out.
func (s *Stream) ReadAgain(r io.Reader) error {
	s.again = true
	defer func() { s.again = false }()
	return s.Read(r)
}

// Broken says that what comes next does not follow what came: a segment is missing.
func (s *Stream) Broken() { s.out.Broken() }

// source tells its own errors from those of who reads it.
type source struct {
	r   io.Reader
	err error // but io.EOF
}

func (f *source) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
		err = errSource // the library takes an unexpected EOF for a good end, and would pass a torn picture on
	}
	return n, err
}

var errSource = errors.New("the source failed")

// choose takes the first video track and the first audio tracks of a transport stream. One without video is taken, too, but
// not if it has video that cannot be.
func (s *Stream) choose(reader *mpegts.Reader) error {
	seen, others, tones := false, false, 0
	for _, t := range reader.Tracks() {
		others = others || t.Codec.IsVideo()
		switch {
		case !seen && s.takePictures(reader, t):
			seen = true
		case tones < ingest.MaxSounds:
			taken, err := s.takeSound(reader, t, tones)
			if err != nil {
				return err
			}
			if taken {
				tones++
			}
		}
	}
	if !seen && (others || tones == 0) {
		return &ingest.Refusal{
			Code: ingest.CodeUnsupportedCodec, Message: "there is nothing in the transport stream that can be taken: use H264 or HEVC, with AAC or Opus",
			Asked: fmt.Sprintf("%d tracks", len(reader.Tracks())), Limit: "H264 or HEVC, with AAC or Opus",
		}
	}
	s.out.Expect(seen, tones)
	return nil
}

func (s *Stream) takePictures(reader *mpegts.Reader, t *mpegts.Track) bool {
	switch t.Codec.(type) {
	case *codecs.H264:
		s.begin(media.H264)
		reader.OnDataH264(t, s.picture)
	case *codecs.H265:
		s.begin(media.HEVC)
		reader.OnDataH265(t, s.picture)
	default:
		return false
	}
	return true
}

// takeSound takes a track as audio track n, if it can be.
func (s *Stream) takeSound(reader *mpegts.Reader, t *mpegts.Track, n int) (bool, error) {
	tone := &s.tones[n]
	tone.Language = spoken(t.Language)
	take := func(pts int64, packets [][]byte) error { return s.sound(n, pts, packets) }
	switch c := t.Codec.(type) {
	case *codecs.MPEG4Audio:
		reader.OnDataMPEG4Audio(t, take)
		changed, err := tone.SetAAC(&c.Config)
		if err != nil || !changed {
			return true, err
		}
	case *codecs.Opus:
		reader.OnDataOpus(t, take)
		if known := tone.Track(); known != nil && known.Codec == media.Opus {
			return true, nil
		}
		tone.SetOpus(2) // whatever its channels are, Opus decodes to two
	default:
		return false, nil
	}
	return true, s.out.SetSound(n, tone.Track())
}

// spoken is the BCP 47 tag of an ISO 639-2 code, which is what a transport stream's descriptor has: "de" of "ger" and of
// "deu". It is empty where the language is not known.
func spoken(code string) string {
	tag, err := language.Parse(code)
	if err != nil || tag == language.Und {
		return ""
	}
	return tag.String()
}

func (s *Stream) begin(codec media.Codec) {
	if s.pictures == nil || s.codec != codec {
		s.pictures, s.codec = ingest.NewVideo(codec, 0), codec
	}
}

// picture takes one access unit.
func (s *Stream) picture(pts, dts int64, au [][]byte) error {
	now := s.now()
	p, err := s.pictures.Convert(au)
	if err != nil {
		return err
	}
	if p.Changed {
		if err := s.out.SetPictures(s.pictures.Track()); err != nil {
			return err
		}
	}
	if s.pictures.Track() == nil {
		return s.out.Undecodable(now)
	}
	if p.Payload == nil {
		return nil
	}
	ahead := (pts - dts) & (1<<33 - 1) // the difference is small, the clock has 33 bits
	if ahead > maxAhead {
		return ingest.BadData("a picture's presentation time is before its decoding time")
	}
	dts = s.when(dts, now)
	if s.repeated(pictures, dts) {
		return nil
	}
	pts = dts + ahead
	const perMs = media.VideoClockRate / 1000
	if s.pictures.Observe(pts/perMs, dts/perMs) {
		if err := s.out.SetPictures(s.pictures.Track()); err != nil {
			return err
		}
	}
	return s.out.Picture(&media.Unit{PTS: pts, DTS: dts, Key: p.Key, Payload: p.Payload}, now)
}

// sound takes the packets of one PES packet of audio track n.
func (s *Stream) sound(n int, pts int64, packets [][]byte) error {
	now, tone := s.now(), &s.tones[n]
	rate := int64(tone.Track().ClockRate)
	stamp := s.when(pts, now)
	if s.repeated(sounds+n, stamp) {
		return nil
	}
	at := media.Rescale(stamp, media.VideoClockRate, rate)
	for _, packet := range packets {
		if len(packet) == 0 {
			continue
		}
		exact, ok := tone.Time(packet, at)
		at += tone.Duration(packet)
		if !ok {
			continue
		}
		if err := s.out.Sound(n, &media.Unit{PTS: exact, DTS: exact, Key: true, Payload: packet}, now); err != nil {
			return err
		}
	}
	return nil
}

// when makes one steady clock out of the publisher's, which may wrap and may be restarted. After a jump it goes on from where
// it was, by the time that has really passed.
func (s *Stream) when(stamp int64, now time.Time) int64 {
	t := s.time.Decode(stamp) + s.offset
	back := int64(maxBack + media.VideoClockRate)
	if s.again {
		back = maxAgain
	}
	if s.started && (t < s.highest-back || t > s.highest+maxAhead) {
		s.metrics.Jumps.Inc()
		s.out.Broken()
		passed := max(media.Rescale(int64(now.Sub(s.at)), int64(time.Second), media.VideoClockRate), 1)
		s.offset += s.highest + passed - t
		t = s.highest + passed
	}
	s.started = true
	if t >= s.highest {
		s.highest, s.at = t, now
	}
	return t
}

// repeated reports whether what has this DTS was taken before the transport stream broke off.
func (s *Stream) repeated(place int, dts int64) bool {
	if s.again && dts <= s.taken[place] {
		return true
	}
	s.taken[place] = dts
	return false
}
