package rtsp

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"castnet/ingest"
	"castnet/ingest/rtpstream"
	"castnet/internal/media"
)

const (
	// keyRetry is how soon a key frame is asked for again.
	keyRetry = 500 * time.Millisecond
	// hush is how long nothing may come of a publisher whose senders have all said goodbye by RTCP, before it is believed. Whom a
	// BYE names says too little (RFC 3550, section 6.6): GStreamer's names the SSRC of its reports at times, and not of its packets;
	// who changes its SSRC says goodbye to the old one, and goes on; a relay passes on what others said. A picture a second goes on.
	hush = 4 * time.Second
)

// errVanished is what a sink is told where the session ended without a goodbye.
var errVanished = errors.New("the publisher's connection ended without a goodbye")

// plan is what is taken of an announced stream: the first video track and the first audio tracks that can be.
type plan struct {
	pictures                  *source // nil without
	sounds                    []source
	codec                     media.Codec // of pictures
	sets                      [][]byte
	foundPictures, foundSound string // names of what was announced and cannot be taken
}

// source is where a track's packets come from.
type source struct {
	media  *description.Media
	format format.Format
}

// medias are what is taken packets of.
func (p *plan) medias() (list []*description.Media) {
	if p.pictures != nil {
		list = append(list, p.pictures.media)
	}
	for _, s := range p.sounds {
		list = append(list, s.media)
	}
	return list
}

// choose reads an announcement.
func choose(d *description.Session) (plan, error) {
	var p plan
	for _, m := range d.Medias {
		for _, f := range m.Formats {
			p.consider(m, f)
		}
	}
	switch {
	case p.pictures != nil, p.foundPictures == "" && len(p.sounds) > 0:
		return p, nil
	case p.foundPictures != "":
		return p, &ingest.Refusal{
			Code: ingest.CodeUnsupportedCodec, Message: p.foundPictures + " cannot be taken by RTSP: use H264",
			Asked: p.foundPictures, Limit: "H264, HEVC, AV1, VP8, VP9",
		}
	default:
		return p, &ingest.Refusal{
			Code: ingest.CodeUnsupportedCodec, Message: "there is nothing in the stream that can be taken by RTSP: use H264 and AAC",
			Asked: p.foundSound, Limit: "H264, HEVC, AV1, VP8, VP9, AAC, Opus",
		}
	}
}

func (p *plan) consider(m *description.Media, f format.Format) {
	if m.Type == description.MediaTypeAudio {
		p.considerSound(m, f)
		return
	}
	if m.Type != description.MediaTypeVideo {
		return
	}
	var codec media.Codec
	var sets [][]byte
	switch f := f.(type) {
	case *format.H264:
		codec = media.H264
		if sps, pps := f.SafeParams(); len(sps) > 0 && len(pps) > 0 {
			sets = [][]byte{sps, pps}
		}
	case *format.H265:
		codec = media.HEVC
		if vps, sps, pps := f.SafeParams(); len(vps) > 0 && len(sps) > 0 && len(pps) > 0 {
			sets = [][]byte{vps, sps, pps}
		}
	case *format.AV1:
		codec = media.AV1
	case *format.VP8:
		codec = media.VP8
	case *format.VP9:
		codec = media.VP9
	default:
		p.foundPictures = f.Codec()
		return
	}
	if p.pictures == nil {
		p.pictures, p.codec, p.sets = &source{m, f}, codec, sets
	}
}

// considerSound takes a track of sound, in the first of its formats that can be.
func (p *plan) considerSound(m *description.Media, f format.Format) {
	switch {
	case len(p.sounds) > 0 && p.sounds[len(p.sounds)-1].media == m:
	case audible(f) && len(p.sounds) < ingest.MaxSounds:
		p.sounds = append(p.sounds, source{m, f})
	default:
		p.foundSound = f.Codec()
	}
}

// audible reports whether sound of this format can be taken.
func audible(f format.Format) bool {
	switch f := f.(type) {
	case *format.Opus, *format.MPEG4Audio:
		return true
	case *format.MPEG4AudioLATM:
		return f.StreamMuxConfig != nil // those that tell only as they go are rare, and the library cannot tell their clock
	default:
		return false
	}
}

// session is where a publisher's packets come from: a session of the server's, or a connection to another server.
type session interface {
	OnPacketRTP(m *description.Media, f format.Format, take gortsplib.OnPacketRTPFunc)
	OnPacketRTCP(m *description.Media, take gortsplib.OnPacketRTCPFunc)
	WritePacketRTCP(m *description.Media, packet rtcp.Packet) error
}

// publisher is one session whose packets are taken. Packets of its tracks may come from different goroutines.
type publisher struct {
	plan    plan
	log     *slog.Logger
	metrics *ingest.Metrics
	now     func() time.Time
	began   time.Time

	mu       sync.Mutex
	sink     ingest.Sink
	pictures *rtpstream.Track               // nil without
	tones    []*rtpstream.Track             // of plan.sounds
	asked    time.Time                      // when a key frame was asked for
	left     map[*rtpstream.Track]time.Time // when a track's sender said goodbye by RTCP, as GStreamer does instead of TEARDOWN
	hushed   bool                           // somebody waits for what comes after the last goodbye
	reason   error                          // why the publisher was ended by us
	closed   bool
}

func newPublisher(sink ingest.Sink, plan plan, metrics *ingest.Metrics, now func() time.Time) (*publisher, error) {
	p := &publisher{plan: plan, sink: sink, metrics: metrics, now: now, began: now(), left: make(map[*rtpstream.Track]time.Time)}
	stream := rtpstream.New(sink, metrics)
	stream.Expect(plan.pictures != nil, len(plan.sounds))
	if plan.pictures != nil {
		var err error
		if p.pictures, err = stream.Video(plan.codec, plan.sets); err != nil {
			return nil, err
		}
	}
	for _, s := range plan.sounds {
		tone, err := addSound(stream, s.format)
		if err != nil {
			return nil, err
		}
		p.tones = append(p.tones, tone)
	}
	return p, nil
}

func addSound(stream *rtpstream.Stream, f format.Format) (*rtpstream.Track, error) {
	switch f := f.(type) {
	case *format.Opus:
		return stream.Opus(f.ChannelCount)
	case *format.MPEG4Audio:
		return stream.AAC(f.Config, rtpstream.AACPacking{
			SizeLength: f.SizeLength, IndexLength: f.IndexLength, IndexDeltaLength: f.IndexDeltaLength,
		})
	case *format.MPEG4AudioLATM:
		return stream.LATM(f.StreamMuxConfig)
	default:
		return nil, fmt.Errorf("rtsp: %s is no sound that can be taken", f.Codec())
	}
}

// listen takes the session's packets from now on. end is called where they cannot be taken any more; it must not wait.
func (p *publisher) listen(session session, end func()) {
	if left := p.plan.foundSound; left != "" {
		p.log.Warn("some of the sound is not taken", "codec", left, "taken", len(p.tones), "limit", fmt.Sprintf("%d tracks of AAC or Opus", ingest.MaxSounds))
	}
	take := func(from source, track *rtpstream.Track) {
		m, f := from.media, from.format
		session.OnPacketRTP(m, f, func(packet *rtp.Packet) { p.packet(session, end, m, track, packet) })
		session.OnPacketRTCP(m, func(packet rtcp.Packet) {
			p.mu.Lock()
			defer p.mu.Unlock()
			switch packet := packet.(type) {
			case *rtcp.SenderReport:
				track.Report(packet.NTPTime, packet.RTPTime)
			case *rtcp.Goodbye:
				p.left[track] = p.now()
				if p.gone() && !p.hushed {
					p.hushed = true
					p.leave(end, hush)
				}
			}
		})
	}
	if p.pictures != nil {
		take(*p.plan.pictures, p.pictures)
	}
	for i, from := range p.plan.sounds {
		take(from, p.tones[i])
	}
}

func (p *publisher) packet(session session, end func(), m *description.Media, track *rtpstream.Track, packet *rtp.Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.reason != nil {
		return
	}
	now := p.now()
	if said, ok := p.left[track]; ok && now.Sub(said) > tail { // it goes on after all
		delete(p.left, track)
	}
	needKey, err := track.Packet(packet, now)
	if err != nil {
		p.reason = err
		end()
		return
	}
	if needKey && now.Sub(p.asked) >= keyRetry {
		p.asked = now
		_ = session.WritePacketRTCP(m, &rtcp.PictureLossIndication{MediaSSRC: packet.SSRC}) // few encoders listen; those that do are asked again
	}
}

// gone reports whether the senders of all tracks have said goodbye. The lock is held.
func (p *publisher) gone() bool { return len(p.left) == len(p.plan.medias()) }

// leave ends the session in a while, where its publisher has said goodbye and stands by it.
func (p *publisher) leave(end func(), in time.Duration) {
	time.AfterFunc(in, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.hushed = p.gone() && !p.closed
		if !p.hushed {
			return
		}
		silent := hush
		for _, said := range p.left {
			silent = min(silent, p.now().Sub(said))
		}
		if silent < hush {
			p.leave(end, hush-silent)
			return
		}
		end()
	})
}

// dismiss ends a publisher whose session of ours has ended: for good where it said goodbye, by RTSP or by RTCP.
func (p *publisher) dismiss(err error) {
	p.mu.Lock()
	gone := p.gone()
	p.mu.Unlock()
	p.close(err, gone || torn(err))
}

// close ends the publisher as its session has ended, whether by a goodbye or not.
func (p *publisher) close(err error, goodbye bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	lasted := p.now().Sub(p.began).Round(time.Millisecond)
	switch {
	case p.reason != nil:
		p.metrics.Refused.WithLabelValues(string(ingest.CodeOf(p.reason))).Inc()
		p.log.Warn("publisher refused", "after", lasted, "reason", p.reason)
	case goodbye:
		p.log.Info("publisher ended its stream", "after", lasted)
	default:
		p.reason = fmt.Errorf("%w (%w)", errVanished, err)
		p.log.Info("publisher vanished", "after", lasted, "reason", err)
	}
	p.sink.Close(p.reason)
}
