package rtsp

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
)

// firstType is the first of the dynamic payload types, which the tracks of a show have in their order.
const firstType = 96

// introduction is how long after a player came each unit is preceded by a report on its clock. Until a player has one of each track
// it can put sound and pictures in step by the packets' arrival only; gortsplib's own reports come every 10 s.
const introduction = 500 * time.Millisecond

// show sends one rendition, with all sounds, to all its players.
type show struct {
	hub     *playback.Hub
	main    *playback.Rendition // that was asked for: pictures, or the first sound of a stream without
	out     *gortsplib.ServerStream
	metrics *playback.Metrics
	tracks  []*outgoing
	players atomic.Int64
	joined  atomic.Int64 // when the last of them came, in ns since 1970
	// epoch is the timeline's zero for all its players: one that moved would put sound and pictures out of step, which are
	// reported on at different times.
	epoch time.Time
}

// outgoing is one of its tracks.
type outgoing struct {
	rendition *playback.Rendition
	media     *description.Media
	packetize func(*media.Unit) ([]*rtp.Packet, error)
}

func newShow(server *gortsplib.Server, hub *playback.Hub, r *playback.Rendition, metrics *playback.Metrics) (*show, error) {
	s := &show{hub: hub, main: r, metrics: metrics, epoch: hub.Epoch()}
	if err := s.add(r); err != nil {
		return nil, err
	}
	for n := range hub.AudioTracks() {
		sound := hub.Sound(n)
		if sound == nil || sound == r {
			continue
		}
		if err := s.add(sound); err != nil {
			return nil, err
		}
	}
	d := &description.Session{Title: hub.ID()}
	for _, t := range s.tracks {
		d.Medias = append(d.Medias, t.media)
	}
	s.out = &gortsplib.ServerStream{Server: server, Desc: d}
	return s, s.out.Initialize()
}

func (s *show) add(r *playback.Rendition) error {
	track := r.Track()
	f, packetize, err := describe(track, firstType+uint8(len(s.tracks)))
	if err != nil {
		return fmt.Errorf("rendition %q cannot be played by RTSP: %w", r.Name(), err)
	}
	kind := description.MediaTypeVideo
	if track.Codec.IsAudio() {
		kind = description.MediaTypeAudio
	}
	s.tracks = append(s.tracks, &outgoing{
		rendition: r, packetize: packetize, media: &description.Media{Type: kind, Formats: []format.Format{f}},
	})
	return nil
}

// run sends until ctx is done, the stream is over, or nobody has played for long.
func (s *show) run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var sending sync.WaitGroup
	for _, t := range s.tracks {
		sending.Go(func() { s.send(ctx, t) })
	}
	over := make(chan struct{}) // when all tracks have been sent to their ends
	go func() {
		sending.Wait()
		close(over)
	}()
	defer func() { stop(); <-over }()
	tick := time.NewTicker(idle)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-over:
			return
		case <-tick.C:
			if s.players.Load() == 0 {
				return
			}
		}
	}
}

// send sends one track from its newest key unit on. Units that cannot be packetized are left out.
func (s *show) send(ctx context.Context, t *outgoing) {
	reader := t.rendition.NewReader(playback.StartNewestKey)
	for {
		item, err := reader.Next(ctx)
		if err != nil {
			return
		}
		packets, err := t.packetize(item.Unit)
		if err != nil {
			continue
		}
		at := s.epoch.Add(item.Track.Duration(item.Unit.PTS))
		if time.Since(time.Unix(0, s.joined.Load())) < introduction {
			s.report(t, at, item.Unit.PTS)
		}
		for _, p := range packets {
			p.Timestamp = uint32(item.Unit.PTS)
			if err := s.out.WritePacketRTPWithNTP(t.media, p, at); err != nil {
				return // closed
			}
		}
		s.metrics.AddBytes(playback.RTSP, len(item.Unit.Payload)*int(s.players.Load()))
	}
}

// report tells a track's players what time, at, its timestamp pts belongs to.
func (s *show) report(t *outgoing, at time.Time, pts int64) {
	sent := s.out.Stats().Medias[t.media]
	packets := sent.Formats[t.media.Formats[0]]
	// NTP's time is seconds since 1900 in 32.32 bits (RFC 3550, section 4).
	const from1900To1970 = 2_208_988_800
	ntp := uint64(at.Unix()+from1900To1970)<<32 | uint64(at.Nanosecond())<<32/uint64(time.Second)
	// An error means that the stream is closed, which the packets that follow find out too.
	_ = s.out.WritePacketRTCP(t.media, &rtcp.SenderReport{
		SSRC: packets.LocalSSRC, NTPTime: ntp, RTPTime: uint32(pts),
		PacketCount: uint32(packets.RTPPacketsSent), OctetCount: uint32(sent.BytesSent),
	})
}

// describe says how a track is told to players, and makes what packetizes it.
func describe(t *media.Track, payloadType uint8) (format.Format, func(*media.Unit) ([]*rtp.Packet, error), error) {
	switch t.Codec {
	case media.H264:
		f := &format.H264{PayloadTyp: payloadType, PacketizationMode: 1}
		for _, n := range sets(t) {
			if _, sps := playback.ParameterSet(t.Codec, n[0]); sps {
				f.SPS = n
			} else {
				f.PPS = n
			}
		}
		e, err := f.CreateEncoder()
		return f, func(u *media.Unit) ([]*rtp.Packet, error) { return e.Encode(slices.Collect(media.NALUs(u.Payload))) }, err
	case media.HEVC:
		f := &format.H265{PayloadTyp: payloadType}
		if all := sets(t); len(all) >= 3 {
			f.VPS, f.SPS, f.PPS = all[0], all[1], all[2] // in this order (see ingest.Video)
		}
		e, err := f.CreateEncoder()
		return f, func(u *media.Unit) ([]*rtp.Packet, error) { return e.Encode(slices.Collect(media.NALUs(u.Payload))) }, err
	case media.AV1:
		f := &format.AV1{PayloadTyp: payloadType}
		e, err := f.CreateEncoder()
		return f, func(u *media.Unit) ([]*rtp.Packet, error) {
			var obus av1.Bitstream
			if err := obus.Unmarshal(u.Payload); err != nil {
				return nil, err
			}
			return e.Encode(obus)
		}, err
	case media.VP8:
		f := &format.VP8{PayloadTyp: payloadType}
		e, err := f.CreateEncoder()
		return f, func(u *media.Unit) ([]*rtp.Packet, error) { return e.Encode(u.Payload) }, err
	case media.VP9:
		f := &format.VP9{PayloadTyp: payloadType}
		e, err := f.CreateEncoder()
		return f, func(u *media.Unit) ([]*rtp.Packet, error) { return e.Encode(u.Payload) }, err
	default:
		return describeSound(t, payloadType)
	}
}

func describeSound(t *media.Track, payloadType uint8) (format.Format, func(*media.Unit) ([]*rtp.Packet, error), error) {
	switch t.Codec {
	case media.AAC:
		var config mpeg4audio.AudioSpecificConfig
		if err := config.Unmarshal(t.Config); err != nil {
			return nil, nil, err
		}
		// The lengths are those of RFC 3640's mode AAC-hbr.
		f := &format.MPEG4Audio{PayloadTyp: payloadType, Config: &config, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}
		e, err := f.CreateEncoder()
		return f, func(u *media.Unit) ([]*rtp.Packet, error) { return e.Encode([][]byte{u.Payload}) }, err
	case media.Opus:
		f := &format.Opus{PayloadTyp: payloadType, ChannelCount: t.Channels}
		e, err := f.CreateEncoder()
		return f, func(u *media.Unit) ([]*rtp.Packet, error) {
			p, err := e.Encode(u.Payload)
			return []*rtp.Packet{p}, err
		}, err
	default:
		return nil, nil, fmt.Errorf("its codec is %v", t.Codec)
	}
}

func sets(t *media.Track) [][]byte { return slices.Collect(media.NALUs(t.Config)) }
