// Package rtpstream makes units of what publishers send as RTP packets: WHIP and RTSP share it. It takes packets in order;
// who brings them in order, and asks for lost ones again, is the protocol's affair.
package rtpstream

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpav1"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpfragmented"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph265"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpsimpleaudio"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpvp8"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpvp9"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"

	"castnet/ingest"
	"castnet/internal/media"
)

const (
	// syncTolerance is how far pictures and sound may be apart by the publisher's reports before sound is moved.
	syncTolerance = 20 * time.Millisecond
	// maxApart is how far the layers of pictures may be apart, by the publisher's reports or in what was published, and by how much
	// pictures are moved to the sound.
	maxApart = 2 * time.Second
	// maxHeld is for how long the layer that is shown waits for the next one, which is in the midst of a picture, and
	// maxHeldPictures how many pictures of it do.
	maxHeld         = time.Second
	maxHeldPictures = 64
)

// Stream is one publisher's tracks. It is not safe for concurrent use.
type Stream struct {
	out      *ingest.Publication
	origin   time.Time // when the first packet came
	pictures *Track    // nil where there are none
	next     *Track    // takes its place at its next key frame
	awaited  bool      // that comes at any moment
	highest  int64     // PTS of its pictures so far
	floor    int64     // which those of another layer come after
	held     []held    // of its pictures: they wait for the next layer's key frame, which may have begun
	tones    []*Track
}

// New begins a stream into a sink, which the caller closes.
func New(sink ingest.Sink, metrics *ingest.Metrics) *Stream {
	return &Stream{out: ingest.NewPublication(sink, metrics), highest: math.MinInt64, floor: math.MinInt64}
}

// Expect says which tracks will come, so that they need not be waited for in vain; see ingest.Publication.
func (s *Stream) Expect(pictures bool, sounds int) { s.out.Expect(pictures, sounds) }

// Track is one track of a stream.
type Track struct {
	stream  *Stream
	clock   clock
	depack  func(*rtp.Packet) (parts [][]byte, err error)
	video   *ingest.Video // one of the two
	sound   *ingest.Sound
	n       int // of the sound among the stream's
	codec   media.Codec
	dts     func(parts [][]byte, pts int64) (int64, error)
	next    uint16    // expected sequence number
	started bool      // a packet came
	waiting bool      // for a key frame
	begun   bool      // a picture came
	midst   time.Time // when a picture began whose rest has not come; else zero
	lastKey time.Time
	lastDTS int64
	early   *report // one that came before the first packet, as ffmpeg sends it
}

// held is a picture that waits.
type held struct {
	parts [][]byte
	pts   int64
	now   time.Time
}

// report is a sender's word on which timestamp belongs to which wall-clock time.
type report struct {
	ntp       uint64
	timestamp uint32
}

// LastKey is when the last key frame came; zero before the first.
func (t *Track) LastKey() time.Time { return t.lastKey }

// Pixels is how large the track's pictures are, 0 until a key frame came.
func (t *Track) Pixels() int {
	if v := t.video.Track(); v != nil {
		return v.Width * v.Height
	}
	return 0
}

// Video adds the video track. sets are parameter sets that the protocol told.
func (s *Stream) Video(codec media.Codec, sets [][]byte) (*Track, error) {
	t, err := s.Layer(codec)
	if err != nil {
		return nil, err
	}
	s.Show(t)
	if len(sets) > 0 {
		if _, err := t.video.SetParameters(sets); err != nil {
			return nil, err
		}
		if err := s.out.SetPictures(t.video.Track()); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Show makes a layer the video track: the first at once, another at its next key frame. Shown is the one that is.
func (s *Stream) Show(layer *Track) {
	if s.next = layer; s.pictures == nil {
		s.pictures = layer
	}
	s.awaited = layer != s.pictures
}

// Shown is the video track.
func (s *Stream) Shown() *Track { return s.pictures }

// Layer adds a track of the stream's pictures, in a size of its own, which is not published until it is shown.
func (s *Stream) Layer(codec media.Codec) (*Track, error) {
	t := &Track{
		stream: s, clock: clock{rate: media.VideoClockRate}, codec: codec, video: ingest.NewVideo(codec, 0), waiting: true,
	}
	var err error
	switch codec {
	case media.H264:
		d := &rtph264.Decoder{PacketizationMode: 1}
		err = d.Init()
		t.depack = d.Decode
		order := &h264.DTSExtractor{}
		order.Initialize()
		t.dts = order.Extract
	case media.HEVC:
		d := &rtph265.Decoder{}
		err = d.Init()
		t.depack = d.Decode
		order := &h265.DTSExtractor{}
		order.Initialize()
		t.dts = order.Extract
	case media.AV1:
		d := &rtpav1.Decoder{}
		err = d.Init()
		t.depack = d.Decode
	case media.VP8:
		d := &rtpvp8.Decoder{}
		err = d.Init()
		t.depack = single(d.Decode)
	case media.VP9:
		d := &rtpvp9.Decoder{}
		err = d.Init()
		t.depack = single(d.Decode)
	default:
		return nil, fmt.Errorf("rtpstream: %v is no video codec", codec)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// takeOver makes the next layer the video track where its key frame is here, and returns the time that this one has in the stream.
// By the publisher's reports the pictures of a moment have one time, whichever layer they come by: those of the old layer that
// have waited and are of that moment or later are left out, for they would be seen twice.
func (s *Stream) takeOver(t *Track, p ingest.Picture, pts int64) (at int64, taken bool, err error) {
	old := s.pictures
	if t != s.next || t == old || !p.Key || p.Payload == nil || t.video.Track() == nil {
		return pts, false, nil
	}
	if off := t.clock.wall - old.clock.wall; old.clock.known && t.clock.known && off.Abs() <= maxApart {
		pts += t.clock.shift(off)
	}
	if err := s.release(pts); err != nil {
		return pts, false, err
	}
	const far = int64(maxApart/time.Second) * media.VideoClockRate
	if pts+far < s.highest {
		pts += t.clock.shift(time.Duration(media.Rescale(s.highest-pts, media.VideoClockRate, int64(time.Second))))
	}
	s.pictures, s.floor, s.awaited = t, s.highest, false
	s.out.Broken() // what comes does not follow what came
	return pts, true, nil
}

// hold reports whether a picture of the layer that is shown waits: the next one is in the midst of a picture, which may be the key
// frame from which on it is shown. Through a tight uplink that takes a while.
func (s *Stream) hold(now time.Time) bool {
	return !s.next.midst.IsZero() && now.Sub(s.next.midst) < maxHeld && len(s.held) < maxHeldPictures
}

// release publishes the pictures before a time that have waited, and leaves out the others.
func (s *Stream) release(before int64) error {
	waited := s.held
	s.held = nil
	for _, h := range waited {
		if h.pts >= before {
			break
		}
		if _, err := s.pictures.picture(h.parts, h.pts, h.now); err != nil {
			return err
		}
	}
	return nil
}

// Opus adds an audio track.
func (s *Stream) Opus(channels int) (*Track, error) {
	d := &rtpsimpleaudio.Decoder{}
	if err := d.Init(); err != nil {
		return nil, err
	}
	t := &Track{clock: clock{rate: ingest.OpusClockRate}, codec: media.Opus, sound: &ingest.Sound{}, depack: single(d.Decode)}
	t.sound.SetOpus(channels)
	return t, s.addSound(t)
}

func (s *Stream) addSound(t *Track) error {
	t.stream, t.n = s, len(s.tones)
	s.tones = append(s.tones, t)
	return s.out.SetSound(t.n, t.sound.Track())
}

// AACPacking is how AAC frames lie in RTP packets (RFC 3640, section 3.3): the lengths of header fields in bits.
type AACPacking struct{ SizeLength, IndexLength, IndexDeltaLength int }

// AAC adds an audio track.
func (s *Stream) AAC(config *mpeg4audio.AudioSpecificConfig, packing AACPacking) (*Track, error) {
	d := &rtpmpeg4audio.Decoder{SizeLength: packing.SizeLength, IndexLength: packing.IndexLength, IndexDeltaLength: packing.IndexDeltaLength}
	if err := d.Init(); err != nil {
		return nil, err
	}
	return s.addAAC(config, d.Decode)
}

func (s *Stream) addAAC(config *mpeg4audio.AudioSpecificConfig, depack func(*rtp.Packet) ([][]byte, error)) (*Track, error) {
	t := &Track{clock: clock{rate: int64(config.SampleRate)}, codec: media.AAC, sound: &ingest.Sound{}, depack: depack}
	if _, err := t.sound.SetAAC(config); err != nil {
		return nil, err
	}
	return t, s.addSound(t)
}

// LATM adds an audio track of AAC as MPEG-4 systems pack it (RFC 6416), whose configuration was told beforehand.
func (s *Stream) LATM(config *mpeg4audio.StreamMuxConfig) (*Track, error) {
	if len(config.Programs) != 1 || len(config.Programs[0].Layers) != 1 {
		return nil, &ingest.Refusal{
			Code: ingest.CodeUnsupportedCodec, Message: "AAC in several programs or layers cannot be taken: send one",
			Asked: fmt.Sprintf("%d programs", len(config.Programs)), Limit: "1",
		}
	}
	d := &rtpfragmented.Decoder{}
	if err := d.Init(); err != nil {
		return nil, err
	}
	return s.addAAC(config.Programs[0].Layers[0].AudioSpecificConfig, func(p *rtp.Packet) (packets [][]byte, err error) {
		element, err := d.Decode(p)
		if err != nil {
			return nil, err
		}
		frames := mpeg4audio.AudioMuxElement{StreamMuxConfig: config}
		if err := frames.Unmarshal(element); err != nil {
			return nil, err
		}
		for _, frame := range frames.Payloads {
			packets = append(packets, frame[0][0])
		}
		return packets, nil
	})
}

// single adapts the decoders whose packets make one part.
func single(decode func(*rtp.Packet) ([]byte, error)) func(*rtp.Packet) ([][]byte, error) {
	return func(p *rtp.Packet) ([][]byte, error) {
		part, err := decode(p)
		if err != nil {
			return nil, err
		}
		return [][]byte{part}, nil
	}
}

// Packet takes the next packet of the track; those between it and the one before will never come. needKey asks for a
// key frame: nothing can be decoded before. An error ends the publisher.
func (t *Track) Packet(p *rtp.Packet, now time.Time) (needKey bool, err error) {
	s := t.stream
	lost := t.started && p.SequenceNumber != t.next
	t.started, t.next = true, p.SequenceNumber+1
	if s.origin.IsZero() {
		s.origin = now
	}
	if len(p.Payload) == 0 {
		return t.waiting && t.video != nil, nil // padding, for probing
	}
	pts := t.clock.at(p.Timestamp, now.Sub(s.origin))
	if early := t.early; early != nil {
		t.early = nil
		t.Report(early.ntp, early.timestamp)
		pts = t.clock.at(p.Timestamp, 0) // it may have been moved
	}
	if t.video == nil {
		return false, t.packetOfSound(p, pts, now)
	}
	if lost && t.begun {
		t.waiting = true
	}
	parts, err := t.depack(p)
	switch {
	case err == nil:
		t.midst = time.Time{}
	case moreNeeded(err):
		if t.midst.IsZero() {
			t.midst = now
		}
		return t.waiting, nil
	default: // what was lost or garbled is a picture that others refer to
		t.waiting, t.midst = true, time.Time{}
		return true, nil
	}
	if t == s.pictures {
		if s.hold(now) {
			s.held = append(s.held, held{parts, pts, now})
			return t.waiting, nil
		}
		if err := s.release(math.MaxInt64); err != nil {
			return false, err
		}
	}
	return t.picture(parts, pts, now)
}

// moreNeeded reports whether a decoder is only waiting for the rest of a picture.
func moreNeeded(err error) bool {
	for _, normal := range []error{
		rtph264.ErrMorePacketsNeeded, rtph265.ErrMorePacketsNeeded, rtpav1.ErrMorePacketsNeeded, rtpvp8.ErrMorePacketsNeeded,
		rtpvp9.ErrMorePacketsNeeded, rtpmpeg4audio.ErrMorePacketsNeeded,
	} {
		if errors.Is(err, normal) {
			return true
		}
	}
	return false
}

func (t *Track) picture(parts [][]byte, pts int64, now time.Time) (needKey bool, err error) {
	s, out := t.stream, t.stream.out
	p, err := t.video.Convert(parts)
	if err != nil {
		return false, err
	}
	pts, taken, err := s.takeOver(t, p, pts)
	if err != nil || t != s.pictures {
		return false, err
	}
	if p.Changed || taken { // parameter sets may come before the key picture, alone
		if err := out.SetPictures(t.video.Track()); err != nil {
			return false, err
		}
	}
	if t.waiting && !p.Key {
		if t.begun {
			return true, nil
		}
		return true, out.Undecodable(now)
	}
	if p.Payload == nil || t.video.Track() == nil {
		return t.waiting, nil
	}
	key := p.Key
	switch {
	case t.waiting && t.begun:
		out.Broken()
	case key && s.awaited && !t.waiting: // browsers make one for all layers: a segment that began here would be cut by the other layer's
		key, s.awaited = false, false
	}
	t.waiting, t.begun = false, true
	if p.Key {
		t.lastKey = now
	}
	pts = s.follow(pts)
	dts := t.decodingTime(parts, p.Key, pts)
	const perMs = media.VideoClockRate / 1000
	if t.video.Observe(pts/perMs, dts/perMs) {
		if err := out.SetPictures(t.video.Track()); err != nil {
			return false, err
		}
	}
	return false, out.Picture(&media.Unit{PTS: pts, DTS: dts, Key: key, Payload: p.Payload}, now)
}

// follow is the time of a picture that is published next: it comes after those of the layer before.
func (s *Stream) follow(pts int64) int64 {
	if pts <= s.floor {
		s.floor++
		pts = s.floor
	}
	s.highest = max(s.highest, pts)
	return pts
}

// decodingTime is a picture's DTS: RTP tells the PTS alone, so where pictures are reordered it follows from their order
// counts, which a decoder reads with the parameter sets.
func (t *Track) decodingTime(parts [][]byte, key bool, pts int64) int64 {
	if t.dts == nil || t.video.Track().Reorder == 0 {
		return pts
	}
	if key {
		parts = append(slices.Collect(media.NALUs(t.video.Track().Config)), parts...)
	}
	dts, err := t.dts(parts, pts)
	if err != nil {
		return t.lastDTS + 1
	}
	t.lastDTS = dts
	return dts
}

func (t *Track) packetOfSound(p *rtp.Packet, pts int64, now time.Time) error {
	packets, err := t.depack(p)
	if err != nil {
		return nil //nolint:nilerr // a packet of sound that cannot be read is a packet lost
	}
	for _, packet := range packets {
		if len(packet) == 0 || len(packet) > media.MaxUnitBytes {
			continue
		}
		exact, ok := t.sound.Time(packet, pts)
		if ok {
			if err := t.stream.out.Sound(t.n, &media.Unit{PTS: exact, DTS: exact, Key: true, Payload: append([]byte(nil), packet...)}, now); err != nil {
				return err
			}
		}
		pts += t.sound.Duration(packet)
	}
	return nil
}

// Report takes the publisher's word on which RTP timestamp belongs to which wall-clock time (RTCP sender report, RFC 3550
// section 6.4.1), and moves sound to where it belongs beside the pictures; or the pictures, while none of them is published, as
// sound that is cannot be moved back.
func (t *Track) Report(ntp uint64, timestamp uint32) {
	if !t.clock.started {
		t.early = &report{ntp, timestamp}
		return
	}
	// 32.32 fixed-point seconds since 1900; as nanoseconds they would fit until 2192.
	wall := time.Duration(ntp>>32*uint64(time.Second) + (ntp&0xffffffff)*uint64(time.Second)>>32)
	t.clock.wall, t.clock.known = wall-t.clock.time(timestamp), true

	s := t.stream
	if s.pictures == nil || !s.pictures.clock.known {
		return
	}
	for n, tone := range s.tones {
		off := tone.clock.wall - s.pictures.clock.wall
		switch {
		case !tone.clock.known || off.Abs() <= syncTolerance:
		case n == 0 && tone.started && !s.pictures.begun && off.Abs() <= maxApart: // players begin with the first sound
			s.pictures.clock.shift(-off)
		default:
			tone.clock.shift(off)
		}
	}
}

// clock makes a track's 32-bit timestamps, which begin anywhere, into the stream's time.
type clock struct {
	rate    int64 // ticks a second
	started bool
	last    uint32
	ticks   int64 // of last, unwrapped, since the first
	offset  int64 // what is added: where the track began in the stream

	known bool          // a report came:
	wall  time.Duration // the publisher's wall clock at the stream's time 0
}

// at is the stream's time in ticks of a packet that came at a time since the stream's beginning.
func (c *clock) at(timestamp uint32, arrived time.Duration) int64 {
	if !c.started {
		c.started, c.last = true, timestamp
		c.offset = media.Rescale(int64(arrived), int64(time.Second), c.rate)
	}
	c.ticks += int64(int32(timestamp - c.last))
	c.last = timestamp
	return c.ticks + c.offset
}

// shift moves the track later in the stream's time.
func (c *clock) shift(by time.Duration) (ticks int64) {
	ticks = media.Rescale(int64(by), int64(time.Second), c.rate)
	c.offset += ticks
	c.wall -= by
	return ticks
}

// time is the stream's time of a timestamp near the last.
func (c *clock) time(timestamp uint32) time.Duration {
	ticks := c.ticks + int64(int32(timestamp-c.last)) + c.offset
	return time.Duration(media.Rescale(ticks, c.rate, int64(time.Second)))
}
