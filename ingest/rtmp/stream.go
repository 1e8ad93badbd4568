package rtmp

import (
	"errors"
	"fmt"
	"time"

	"github.com/abema/go-mp4"
	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"castnet/ingest"
	"castnet/internal/media"
)

// errEnded is returned by stream.handle when the publisher says that it is done.
var errEnded = errors.New("publisher ended the stream")

// stream makes one publisher's messages, classic RTMP's or enhanced RTMP's, into tracks and units.
type stream struct {
	out     *ingest.Publication
	metrics *ingest.Metrics
	tell    func(message string, args ...any) // logs
	time    timeline

	tracks    videoTracks
	frameRate float64 // from the metadata

	tones   []tone
	told    bool // that there are more
	leftOut bool // a further track, which is told
}

func newStream(sink ingest.Sink, metrics *ingest.Metrics, tell func(string, ...any)) *stream {
	return &stream{out: ingest.NewPublication(sink, metrics), metrics: metrics, tell: tell}
}

// handle takes the next message. It returns errEnded at the end, and a *ingest.Refusal or the sink's error where the
// publisher cannot go on.
func (s *stream) handle(msg message.Message, now time.Time) error {
	switch m := msg.(type) {
	case *message.VideoExMultitrack:
		return s.handleTrack(m.TrackID, m.Wrapped, now)
	case *message.AudioExMultitrack:
		return s.handleTrack(m.TrackID, m.Wrapped, now)
	default:
		return s.handleTrack(0, msg, now)
	}
}

// handleTrack takes a message about one of the tracks of its kind, or about none.
func (s *stream) handleTrack(track uint8, msg message.Message, now time.Time) error {
	switch m := msg.(type) {
	case *message.Video:
		return s.classicVideo(m, now)
	case *message.VideoExSequenceStart:
		return s.announceVideo(track, m)
	case *message.VideoExCodedFrames:
		return s.trackPicture(track, &picture{m.FourCC, m.Payload, m.DTS, m.PTSDelta}, now)
	case *message.VideoExFramesX:
		return s.trackPicture(track, &picture{m.FourCC, m.Payload, m.DTS, 0}, now)
	case *message.Audio:
		return s.classicAudio(m, now)
	case *message.AudioExSequenceStart:
		return s.startAudio(track, m)
	case *message.AudioExCodedFrames:
		return s.packet(track, m.Payload, m.DTS, now)
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
	codec := message.FourCCAVC
	if m.Codec == message.CodecH265 { // not in the standard, but sent by encoders older than enhanced RTMP
		codec = message.FourCCHEVC
	}
	switch m.Type {
	case message.VideoTypeConfig:
		return s.announceVideo(0, &message.VideoExSequenceStart{FourCC: codec, AVCConfig: m.AVCConfig, HEVCConfig: m.HEVCConfig})
	case message.VideoTypeAU:
		return s.trackPicture(0, &picture{codec, m.AU, m.DTS, m.PTSDelta}, now)
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
		return s.setAAC(0, m.AACConfig)
	}
	return s.packet(0, m.AU, m.DTS, now)
}

func unsupported(codec string) error {
	return &ingest.Refusal{
		Code: ingest.CodeUnsupportedCodec, Message: codec + " cannot be taken here: use H264 video and AAC audio",
		Asked: codec, Limit: "H264, HEVC, AV1 or VP9, with AAC or Opus",
	}
}

// codecOf is the codec of enhanced RTMP's name for it, where it can be taken.
func codecOf(c message.FourCC) (media.Codec, error) {
	switch c {
	case message.FourCCAVC:
		return media.H264, nil
	case message.FourCCHEVC:
		return media.HEVC, nil
	case message.FourCCAV1:
		return media.AV1, nil
	case message.FourCCVP9:
		return media.VP9, nil
	default:
		return media.CodecUnknown, unsupported(fourCC(c))
	}
}

func fourCC(c message.FourCC) string {
	return string([]byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)})
}

// metadata reads which tracks will come, and the frame rate, from onMetaData. What it cannot read it ignores.
func (s *stream) metadata(data amf0.Data) {
	var pictures bool
	var tones int
	for _, v := range data {
		for _, f := range fieldsOf(v) {
			switch f.Key {
			case "framerate":
				if rate, ok := f.Value.(float64); ok && rate >= 1 && rate <= 300 {
					s.frameRate = rate
				}
			case "videocodecid":
				pictures = f.Value != nil && f.Value != 0.0
			case "audiocodecid":
				if f.Value != nil && f.Value != 0.0 {
					tones++
				}
			case "audioTrackIdInfoMap": // of the tracks after the first
				tones += len(fieldsOf(f.Value))
			}
		}
	}
	if pictures { // not every encoder that says nothing of them has none
		s.out.Expect(true, tones)
	}
}

// fieldsOf are the fields of an AMF value that has some.
func fieldsOf(v any) amf0.Object {
	switch o := v.(type) {
	case amf0.Object:
		return o
	case amf0.ECMAArray:
		return amf0.Object(o)
	default:
		return nil
	}
}

// picture is one access unit at a message's DTS, with its composition offset.
type picture struct {
	codec         message.FourCC
	au            []byte
	stamp, offset time.Duration
}

// startVideo takes what a decoder needs to know of a track's codec before its first picture.
func (s *stream) startVideo(v *view, m *message.VideoExSequenceStart) error {
	codec, err := codecOf(m.FourCC)
	if err != nil {
		return err
	}
	if v.video == nil || v.codec != codec {
		v.video, v.codec, v.lengthSize = ingest.NewVideo(codec, s.frameRate), codec, 0
	}
	var sets [][]byte
	switch codec {
	case media.H264:
		v.lengthSize = int(m.AVCConfig.LengthSizeMinusOne) + 1
		sets = setsOfAVC(m.AVCConfig)
	case media.HEVC:
		v.lengthSize = int(m.HEVCConfig.LengthSizeMinusOne) + 1
		for _, array := range m.HEVCConfig.NaluArrays {
			for _, n := range array.Nalus {
				sets = append(sets, n.NALUnit)
			}
		}
	default:
		return nil // the first key frame tells
	}
	if v.lengthSize == 3 {
		return s.leaveOut(v, ingest.BadData(codec.String()+" configuration with 3-byte lengths, which the standard does not allow"))
	}
	changed, err := v.video.SetParameters(sets)
	switch {
	case err != nil:
		return s.leaveOut(v, err)
	case !changed:
		return nil
	default:
		return s.name(v)
	}
}

func setsOfAVC(c *mp4.AVCDecoderConfiguration) (sets [][]byte) {
	for _, sps := range c.SequenceParameterSets {
		sets = append(sets, sps.NALUnit)
	}
	for _, pps := range c.PictureParameterSets {
		sets = append(sets, pps.NALUnit)
	}
	return sets
}

func (s *stream) startAudio(track uint8, m *message.AudioExSequenceStart) error {
	switch m.FourCC {
	case message.FourCCMP4A:
		return s.setAAC(track, m.AACConfig)
	case message.FourCCOpus:
		n, sound := s.tone(track)
		if sound == nil {
			return nil
		}
		sound.SetOpus(int(m.OpusConfig.ChannelCount))
		return s.out.SetSound(n, sound.Track())
	default:
		_, known := s.find(track)
		return s.untaken(track, track == 0 || known != nil, m.FourCC)
	}
}

// untaken refuses a track in a codec that is not taken, where the stream needs it: it is the first one, or had been taken in another
// codec. A further one is left out.
func (s *stream) untaken(track uint8, needed bool, codec message.FourCC) error {
	if needed {
		return unsupported(fourCC(codec))
	}
	if !s.leftOut {
		s.leftOut = true
		s.tell("a further track is left out: its codec cannot be taken", "track", track, "codec", fourCC(codec))
	}
	return nil
}

func (s *stream) setAAC(track uint8, c *mpeg4audio.AudioSpecificConfig) error {
	n, sound := s.tone(track)
	if sound == nil || c == nil {
		return nil
	}
	changed, err := sound.SetAAC(c)
	if err != nil || !changed {
		return err
	}
	return s.out.SetSound(n, sound.Track())
}

// picture takes a picture of a track that is taken.
func (s *stream) picture(v *view, in *picture, now time.Time) error {
	codec, err := codecOf(in.codec)
	switch {
	case v.leftOut:
		return nil
	case err != nil:
		return s.leaveOut(v, err)
	case v.video == nil || v.codec != codec:
		return s.out.Undecodable(now)
	}
	parts, err := v.split(in.au)
	if err != nil {
		return s.leaveOut(v, err)
	}
	p, err := v.video.Convert(parts)
	if err != nil {
		return s.leaveOut(v, err)
	}
	if p.Changed {
		if err := s.name(v); err != nil {
			return err
		}
	}
	if v.video.Track() == nil {
		return s.out.Undecodable(now)
	}
	if p.Payload == nil {
		return nil
	}
	dts := s.at(v.place, in.stamp, now)
	pts := dts + in.offset.Milliseconds()
	if v.video.Observe(pts, dts) {
		if err := s.name(v); err != nil {
			return err
		}
	}
	const perMs = media.VideoClockRate / 1000
	return s.publish(v, &media.Unit{PTS: pts * perMs, DTS: dts * perMs, Key: p.Key, Payload: p.Payload}, now)
}

// split finds the parts of an access unit.
func (v *view) split(au []byte) ([][]byte, error) {
	switch v.codec {
	case media.H264, media.HEVC:
		return split(au, v.lengthSize)
	case media.AV1:
		var obus av1.Bitstream
		if err := obus.Unmarshal(au); err != nil {
			return nil, ingest.BadData(fmt.Sprintf("cannot read an AV1 temporal unit: %v", err))
		}
		return obus, nil
	default:
		return [][]byte{au}, nil
	}
}

// split finds the NAL units of a length-prefixed access unit.
func split(au []byte, lengthSize int) ([][]byte, error) {
	nalus := make([][]byte, 0, 8)
	for len(au) > 0 {
		if len(au) < lengthSize {
			return nil, ingest.BadData("an access unit ends inside a length")
		}
		n := 0
		for _, b := range au[:lengthSize] {
			n = n<<8 | int(b)
		}
		au = au[lengthSize:]
		if n > len(au) {
			return nil, ingest.BadData(fmt.Sprintf("an access unit announces %d bytes and holds %d", n, len(au)))
		}
		if len(nalus) == ingest.MaxParts {
			return nil, ingest.BadData(fmt.Sprintf("an access unit has more than %d NAL units", ingest.MaxParts))
		}
		nalus = append(nalus, au[:n:n])
		au = au[n:]
	}
	return nalus, nil
}

// packet takes one audio packet. RTMP's timestamps are coarse: packets follow each other exactly where they agree.
func (s *stream) packet(track uint8, au []byte, stamp time.Duration, now time.Time) error {
	n, sound := s.find(track)
	switch {
	case sound == nil || sound.Track() == nil:
		return s.out.Undecodable(now)
	case len(au) == 0:
		return nil
	}
	ms := s.at(sounds+n, stamp, now)
	pts, ok := sound.Time(au, media.Rescale(ms, 1000, int64(sound.Track().ClockRate)))
	if !ok {
		return nil
	}
	return s.out.Sound(n, &media.Unit{PTS: pts, DTS: pts, Key: true, Payload: au}, now)
}

// at is a message's time in ms.
func (s *stream) at(track int, stamp time.Duration, now time.Time) int64 {
	ms, jumped := s.time.at(track, stamp, now)
	if jumped {
		s.metrics.Jumps.Inc()
		s.out.Broken()
	}
	return ms
}
