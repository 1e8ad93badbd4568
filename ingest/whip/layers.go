package whip

import (
	"slices"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"castnet/ingest"
	"castnet/ingest/rtpstream"
	"castnet/internal/media"
)

const (
	// maxLayers bounds the layers of pictures: browsers send three.
	maxLayers = 8
	// layerWait is how long the layers are waited for at first: the ladder is made for the one that begins.
	layerWait = 250 * time.Millisecond
	// layerPause is how many pictures each of the other layers sends until one that sends nothing is held to be off: browsers
	// switch the largest off, and on again, as they find bandwidth and time to encode it.
	layerPause = 6
	// layerSteady is for how long a larger layer than the one that is shown has to come before it takes its place, and how much
	// of a segment comes first.
	layerSteady = time.Second
)

// stream is what the loop knows of a publisher's tracks.
type stream struct {
	session *session
	out     *rtpstream.Stream
	layers  []*layer // of pictures
	shown   *layer   // nil until one is
	next    *layer   // is shown from its next key frame on; else it is the same
	tone    *layer
	known   map[*webrtc.TrackRemote]*layer // all, those that are left out too
	began   time.Time                      // when the first layer came
}

// layer is one RTP track: sound, the pictures, or one of several sizes of them.
type layer struct {
	remote *webrtc.TrackRemote
	order  reorder
	track  *rtpstream.Track // nil where it is left out
	asked  time.Time        // when a key frame was asked for
	since  time.Time        // when it came, or came back
	behind int              // pictures that came of other layers since its last packet
	held   []arrival        // packets in their order, until a layer is shown
	bytes  int              // of them
}

func newStream(v *session, out *rtpstream.Stream) *stream {
	pictures, sounds := false, 0
	for _, t := range v.pc.GetTransceivers() {
		if t.Direction() != webrtc.RTPTransceiverDirectionRecvonly {
			continue
		}
		pictures = pictures || t.Kind() == webrtc.RTPCodecTypeVideo
		if t.Kind() == webrtc.RTPCodecTypeAudio {
			sounds = 1
		}
	}
	out.Expect(pictures, sounds)
	return &stream{session: v, out: out, known: make(map[*webrtc.TrackRemote]*layer)}
}

// take works one packet or report. An error ends the publisher.
func (s *stream) take(a arrival) error {
	l, err := s.layer(a.track, a.at)
	if err != nil || l.track == nil {
		return err
	}
	if a.report != nil {
		l.track.Report(a.report.NTPTime, a.report.RTPTime)
		return nil
	}
	for _, p := range l.order.push(a.packet, a.at) {
		if l != s.tone && s.shown == nil {
			l.held = append(l.held, arrival{packet: p, at: a.at})
			l.bytes += len(p.Payload)
			continue
		}
		if err := s.packet(l, p, a.at); err != nil {
			return err
		}
	}
	switch {
	case l == s.tone || l.track == nil:
	case s.shown != nil:
		s.weigh(l, a)
	case a.at.Sub(s.began) >= layerWait || len(l.held) >= queue:
		return s.begin()
	}
	return nil
}

// packet takes the next packet of a track.
func (s *stream) packet(l *layer, p *rtp.Packet, at time.Time) error {
	if l.track == nil {
		return nil
	}
	need, err := l.track.Packet(p, at)
	switch {
	case err == nil:
	case l == s.tone || s.out.Shown() == l.track:
		return err
	default: // nobody sees it
		s.leaveOut(l, err)
		return nil
	}
	if l == s.next && l != s.shown && s.out.Shown() == l.track {
		s.session.logger.Info("publisher's layer changed", "from", s.shown.remote.RID(), "to", l.remote.RID())
		s.shown = l
	}
	if need && l == s.shown {
		s.askKey(l, at, keyRetry)
	}
	return nil
}

// leaveOut goes on without a layer that is not shown.
func (s *stream) leaveOut(l *layer, why error) {
	s.session.logger.Warn("one of the publisher's layers is left out", "layer", l.remote.RID(), "reason", why)
	l.track, l.held = nil, nil
	s.layers = slices.DeleteFunc(slices.Clone(s.layers), func(other *layer) bool { return other == l }) // begin may go through them
	if s.next == l {
		s.show(s.shown)
	}
}

// begin shows the best of the layers that have come, from its first packet.
func (s *stream) begin() error {
	best := slices.MaxFunc(s.layers, func(a, b *layer) int { return a.bytes - b.bytes })
	s.show(best)
	s.shown = best
	for _, l := range s.layers {
		for _, held := range l.held {
			if err := s.packet(l, held.packet, held.at); err != nil {
				return err
			}
		}
		l.held = nil
	}
	return nil
}

// layer finds what is known of a track, or begins it. Pictures of which there is one size are shown at once.
func (s *stream) layer(remote *webrtc.TrackRemote, now time.Time) (*layer, error) {
	if l := s.known[remote]; l != nil {
		return l, nil
	}
	l := &layer{remote: remote, since: now}
	s.known[remote] = l
	var err error
	if remote.Kind() == webrtc.RTPCodecTypeAudio {
		if s.tone == nil { // a second sound is left out
			s.tone = l
			l.track, err = s.out.Opus(max(int(remote.Codec().Channels), 1))
		}
		return l, err
	}
	if len(s.layers) == maxLayers {
		return nil, errCrowd
	}
	if l.track, err = s.pictures(remote.Codec().MimeType); err != nil {
		return nil, err
	}
	if s.layers = append(s.layers, l); len(s.layers) == 1 {
		s.began = now
	}
	if s.shown == nil && remote.RID() == "" {
		s.show(l)
		s.shown = l
	}
	return l, nil
}

// pictures begins a track of pictures.
func (s *stream) pictures(mime string) (*rtpstream.Track, error) {
	switch mime {
	case webrtc.MimeTypeH264:
		return s.out.Layer(media.H264)
	case webrtc.MimeTypeVP8:
		return s.out.Layer(media.VP8)
	case webrtc.MimeTypeVP9:
		return s.out.Layer(media.VP9)
	case webrtc.MimeTypeAV1:
		return s.out.Layer(media.AV1)
	default:
		return nil, &ingest.Refusal{
			Code: ingest.CodeUnsupportedCodec, Message: "this codec cannot be taken by WebRTC: use H264, VP8, VP9 or AV1",
			Asked: mime, Limit: "H264, VP8, VP9, AV1",
		}
	}
}

// show has a layer shown from its next key frame on; the first at once.
func (s *stream) show(l *layer) {
	s.next = l
	s.out.Show(l.track)
}

// weigh counts a packet of a layer, and has the largest of the layers that come shown.
func (s *stream) weigh(l *layer, a arrival) {
	if len(s.layers) == 1 || len(a.packet.Payload) == 0 { // probing is no sign of a picture
		return
	}
	off := layerPause * (len(s.layers) - 1)
	if l.behind >= off {
		l.since = a.at
	}
	l.behind = 0
	if !a.packet.Marker { // which ends a picture
		return
	}
	for _, other := range s.layers {
		if other != l {
			other.behind++
		}
	}
	best, gone := s.shown, s.shown.behind >= off
	full := a.at.Sub(best.track.LastKey()) >= layerSteady
	for _, other := range s.layers {
		size, ready := other.track.Pixels(), other == s.next || full && a.at.Sub(other.since) >= layerSteady
		switch {
		case other.behind >= off:
			continue
		case gone && best == s.shown, (gone || ready) && size > best.track.Pixels(): // nothing is waited for where nothing is shown
			best = other
		}
		if size == 0 {
			s.askKey(other, a.at, keyInterval)
		}
	}
	if best != s.next {
		s.show(best)
	}
	switch {
	case best == s.shown:
	case gone:
		s.askKey(best, a.at, keyRetry)
	default: // there is time: the larger layer may just get too little bandwidth for a key frame, of which more make it worse
		s.askKey(best, a.at, keyInterval)
	}
}

// keepKeys asks for a key frame where none came for long.
func (s *stream) keepKeys(now time.Time) {
	if s.shown != nil && now.Sub(s.shown.track.LastKey()) >= keyInterval {
		s.askKey(s.shown, now, keyRetry)
	}
}

// askKey asks for a key frame, once in so long.
func (s *stream) askKey(l *layer, now time.Time, every time.Duration) {
	if now.Sub(l.asked) < every {
		return
	}
	l.asked = now
	s.session.requestKey(l.remote)
}
