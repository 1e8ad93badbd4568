package rtmp

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/abema/go-mp4"
	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
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

// errEnded is returned by stream.handle when the publisher says that it is done.
var errEnded = errors.New("publisher ended the stream")

// stream makes one publisher's messages into tracks and units, and hands them to its sink.
type stream struct {
	sink    ingest.Sink
	metrics *ingest.Metrics
	units   [tracks]prometheus.Counter

	clock ingest.CaptureClock
	time  timeline
	avc   avc
	pts   map[int64]struct{} // of recent pictures, to keep PTS unique
	queue []int64            // the same, oldest first
	dts   int64              // of the last picture

	sound     *media.Track
	soundRate int64
	frame     int64 // samples of one audio packet
	nextSound int64 // expected PTS

	announced     bool // metadata came, and says which tracks to expect:
	expect        [tracks]bool
	began         time.Time // when the first media came
	started       bool
	index         [tracks]int // of each kind in the sink's tracks
	named         []*media.Track
	pending       []pendingUnit
	pendingBytes  int
	discontinuity [tracks]bool
}

type pendingUnit struct {
	kind int
	unit *media.Unit
}

func newStream(sink ingest.Sink, metrics *ingest.Metrics) *stream {
	return &stream{
		sink: sink, metrics: metrics,
		units: [tracks]prometheus.Counter{metrics.Units.WithLabelValues("video"), metrics.Units.WithLabelValues("audio")},
		pts:   make(map[int64]struct{}),
		dts:   -1 << 62,
	}
}

// handle takes the next message. It returns errEnded at the end, and a *ingest.Refusal or the sink's error where the
// publisher cannot go on.
func (s *stream) handle(msg message.Message, now time.Time) error {
	switch m := msg.(type) {
	case *message.Video:
		return s.classicVideo(m, now)
	case *message.VideoExSequenceStart:
		if m.FourCC != message.FourCCAVC {
			return unsupported(fourCC(m.FourCC))
		}
		return s.configureVideo(m.AVCConfig)
	case *message.VideoExCodedFrames:
		if m.FourCC != message.FourCCAVC {
			return unsupported(fourCC(m.FourCC))
		}
		return s.picture(m.Payload, m.DTS, m.PTSDelta, now)
	case *message.VideoExFramesX:
		if m.FourCC != message.FourCCAVC {
			return unsupported(fourCC(m.FourCC))
		}
		return s.picture(m.Payload, m.DTS, 0, now)
	case *message.VideoExMultitrack:
		if m.TrackID == 0 {
			return s.handle(m.Wrapped, now)
		}
	case *message.Audio:
		return s.classicAudio(m, now)
	case *message.AudioExSequenceStart:
		if m.FourCC != message.FourCCMP4A {
			return unsupported(fourCC(m.FourCC))
		}
		return s.configureAudio(m.AACConfig)
	case *message.AudioExCodedFrames:
		if m.FourCC != message.FourCCMP4A {
			return unsupported(fourCC(m.FourCC))
		}
		return s.packet(m.Payload, m.DTS, now)
	case *message.AudioExMultitrack:
		if m.TrackID == 0 {
			return s.handle(m.Wrapped, now)
		}
	case *message.DataAMF0:
		s.metadata(m.Payload)
	case *message.CommandAMF0:
		switch m.Name {
		case "FCUnpublish", "deleteStream", "closeStream":
			return errEnded
		}
	}
	return nil
}

func (s *stream) classicVideo(m *message.Video, now time.Time) error {
	if m.Codec != message.CodecH264 {
		return unsupported("HEVC")
	}
	switch m.Type {
	case message.VideoTypeConfig:
		return s.configureVideo(m.AVCConfig)
	case message.VideoTypeAU:
		return s.picture(m.AU, m.DTS, m.PTSDelta, now)
	case message.VideoTypeEOS: // some encoders restart after it: what comes tells
	}
	return nil
}

func (s *stream) classicAudio(m *message.Audio, now time.Time) error {
	switch m.Codec {
	case message.CodecMPEG4Audio:
	case message.CodecMPEG1Audio:
		return unsupported("MP3")
	case message.CodecPCMA, message.CodecPCMU:
		return unsupported("G711")
	default:
		return unsupported("PCM")
	}
	if m.AACType == message.AudioAACTypeConfig {
		return s.configureAudio(m.AACConfig)
	}
	return s.packet(m.AU, m.DTS, now)
}

func unsupported(codec string) error {
	return &ingest.Refusal{
		Code: ingest.CodeUnsupportedCodec, Message: codec + " cannot be taken here: use H264 video and AAC audio",
		Asked: codec, Limit: "H264, AAC",
	}
}

func fourCC(c message.FourCC) string {
	switch c {
	case message.FourCCAV1:
		return "AV1"
	case message.FourCCVP9:
		return "VP9"
	case message.FourCCHEVC:
		return "HEVC"
	case message.FourCCOpus:
		return "Opus"
	default:
		return string([]byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)})
	}
}

// metadata reads which tracks will come, and the frame rate, from onMetaData. What it cannot read it ignores.
func (s *stream) metadata(data amf0.Data) {
	for _, v := range data {
		var fields amf0.Object
		switch o := v.(type) {
		case amf0.Object:
			fields = o
		case amf0.ECMAArray:
			fields = amf0.Object(o)
		default:
			continue
		}
		for _, f := range fields {
			switch f.Key {
			case "framerate":
				if rate, ok := f.Value.(float64); ok && rate >= 1 && rate <= 300 {
					s.avc.frameRate = rate
				}
			case "videocodecid":
				s.expect[video] = f.Value != nil && f.Value != 0.0
				s.announced = true
			case "audiocodecid":
				s.expect[audio] = f.Value != nil && f.Value != 0.0
				s.announced = true
			}
		}
	}
}

func (s *stream) configureVideo(c *mp4.AVCDecoderConfiguration) error {
	changed, err := s.avc.configure(c)
	if err != nil || !changed {
		return err
	}
	return s.tracksChanged()
}

func (s *stream) configureAudio(c *mpeg4audio.AudioSpecificConfig) error {
	if c == nil {
		return nil
	}
	config, err := c.Marshal()
	if err != nil {
		return badData(fmt.Sprintf("cannot read the AAC configuration: %v", err))
	}
	if s.sound != nil && bytes.Equal(config, s.sound.Config) {
		return nil
	}
	channels := int(c.ChannelConfig)
	if channels == 7 {
		channels = 8
	}
	if c.SampleRate < 7350 || c.SampleRate > 96000 || channels < 1 || channels > 8 {
		return &ingest.Refusal{
			Code: ingest.CodeUnsupportedCodec, Message: "this AAC cannot be taken: use 48000 or 44100 Hz stereo",
			Asked: fmt.Sprintf("%d Hz, %d channels", c.SampleRate, channels), Limit: "7350 to 96000 Hz, 1 to 8 channels",
		}
	}
	s.sound = &media.Track{Codec: media.AAC, ClockRate: c.SampleRate, Config: config, Channels: channels}
	s.soundRate = int64(c.SampleRate)
	s.frame = 1024
	if c.FrameLengthFlag {
		s.frame = 960
	}
	s.nextSound = -1 << 62
	return s.tracksChanged()
}

// picture takes one access unit at a message's DTS, with its composition offset.
func (s *stream) picture(au []byte, stamp, offset time.Duration, now time.Time) error {
	if s.avc.lengthSize == 0 {
		return s.waiting(now)
	}
	p, err := s.avc.convert(au)
	if err != nil {
		return err
	}
	if p.changed {
		if err := s.tracksChanged(); err != nil {
			return err
		}
	}
	if p.payload == nil || s.avc.track == nil {
		return nil
	}
	dts, jumped := s.time.at(video, stamp, now)
	pts := dts + offset.Milliseconds()
	s.jumped(jumped)
	if s.avc.observe(pts, dts) {
		if err := s.tracksChanged(); err != nil {
			return err
		}
	}
	const perMs = media.VideoClockRate / 1000
	u := &media.Unit{
		PTS: s.unique(pts * perMs), DTS: max(dts*perMs, s.dts+1), Key: p.key, Payload: p.payload,
		Capture: s.clock.Capture(time.Duration(pts)*time.Millisecond, now),
	}
	s.dts = u.DTS
	return s.emit(video, u, now)
}

// unique moves a PTS by the least that makes it unlike those of recent pictures: RTMP's milliseconds are coarse.
func (s *stream) unique(pts int64) int64 {
	const remembered = 256
	for {
		if _, taken := s.pts[pts]; !taken {
			break
		}
		pts++
	}
	s.pts[pts] = struct{}{}
	s.queue = append(s.queue, pts)
	if len(s.queue) > remembered {
		delete(s.pts, s.queue[0])
		s.queue = s.queue[1:]
	}
	return pts
}

// packet takes one AAC frame. Its PTS follow each other exactly, as long as they agree with RTMP's coarse timestamps.
func (s *stream) packet(au []byte, stamp time.Duration, now time.Time) error {
	if s.sound == nil {
		return s.waiting(now)
	}
	if len(au) == 0 {
		return nil
	}
	ms, jumped := s.time.at(audio, stamp, now)
	s.jumped(jumped)
	pts := media.Rescale(ms, 1000, s.soundRate)
	if off := pts - s.nextSound; off > -s.frame && off < s.frame {
		pts = s.nextSound
	} else if off < 0 {
		return nil // overlaps what was sent: an encoder that runs back a little
	}
	s.nextSound = pts + s.frame
	return s.emit(audio, &media.Unit{
		PTS: pts, DTS: pts, Key: true, Payload: au,
		Capture: s.clock.Capture(time.Duration(ms)*time.Millisecond, now),
	}, now)
}

func (s *stream) jumped(jumped bool) {
	if jumped {
		s.metrics.Jumps.Inc()
		s.discontinuity = [tracks]bool{true, true}
	}
}

// waiting ends a publisher that sends media which nobody can decode.
func (s *stream) waiting(now time.Time) error {
	if s.began.IsZero() {
		s.began = now
	}
	if waited := now.Sub(s.began); !s.started && waited > configWait {
		return &ingest.Refusal{
			Code: ingest.CodeBadData, Message: "media came without a sequence header, so it cannot be decoded: restart the encoder",
			Asked: waited.Round(time.Second).String(), Limit: configWait.String(),
		}
	}
	return nil
}

// tracksChanged names the tracks to the sink once all that are expected are known, and again when one changed.
func (s *stream) tracksChanged() error {
	if s.started {
		return s.name()
	}
	if s.complete() {
		return s.start()
	}
	return nil
}

func (s *stream) complete() bool {
	known := [tracks]bool{s.avc.track != nil, s.sound != nil}
	if s.announced && (s.expect[video] || s.expect[audio]) {
		return (known[video] || !s.expect[video]) && (known[audio] || !s.expect[audio])
	}
	return known[video] && known[audio]
}

func (s *stream) start() error {
	s.started = true
	if err := s.name(); err != nil {
		return err
	}
	pending := s.pending
	s.pending, s.pendingBytes = nil, 0
	for _, p := range pending {
		if err := s.sink.Write(s.index[p.kind], p.unit); err != nil {
			return err
		}
	}
	return nil
}

// name tells the sink the tracks as they are now. A track keeps its index; one that comes late is appended.
func (s *stream) name() error {
	s.named = append([]*media.Track{}, s.named...)
	for kind, t := range [tracks]*media.Track{s.avc.track, s.sound} {
		if t == nil {
			continue
		}
		at := -1
		for i, old := range s.named {
			if old.Codec.IsVideo() == t.Codec.IsVideo() {
				at = i
			}
		}
		if at < 0 {
			at = len(s.named)
			s.named = append(s.named, nil)
		}
		s.named[at] = t
		s.index[kind] = at
	}
	return s.sink.Start(s.named)
}

// emit hands a unit to the sink, or holds it until the tracks are known.
func (s *stream) emit(kind int, u *media.Unit, now time.Time) error {
	if s.discontinuity[kind] {
		u.Discontinuity = true
		s.discontinuity[kind] = false
	}
	s.units[kind].Inc()
	s.metrics.Bytes.Add(float64(len(u.Payload)))
	if s.started {
		return s.sink.Write(s.index[kind], u)
	}
	if s.began.IsZero() {
		s.began = now
	}
	s.pending = append(s.pending, pendingUnit{kind, u})
	s.pendingBytes += len(u.Payload)
	if s.complete() || now.Sub(s.began) >= startWait || len(s.pending) >= maxPending || s.pendingBytes >= maxPendingBytes {
		return s.start()
	}
	return nil
}
