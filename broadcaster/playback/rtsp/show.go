package rtsp

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
)

// firstType is the first of the dynamic payload types, which the tracks of a show have in their order.
const firstType = 96

// farewell is how long sound is still packetized when the pictures have ended: a rung can end before its stream does.
const farewell = time.Second

// leaving is how long players may take for what is left of the stream when it has ended, to be sent the last of it, and to hang up.
const leaving = 2 * flushed

// show packetizes one rendition, with all sounds, once for all its players.
type show struct {
	hub     *playback.Hub
	main    *playback.Rendition     // that was asked for: pictures, or the first sound of a stream without
	out     *gortsplib.ServerStream // what players ask for; it is sent to each of them by itself
	metrics *playback.Metrics
	tracks  []*outgoing
	log     *backlog
	joins   chan *viewer
	asked   chan struct{} // has one where somebody has asked for it or left since idle was last reckoned from
	over    chan struct{} // closed when it takes no more
	players atomic.Int64
	// epoch is the timeline's zero for all its players: one that moved would put sound and pictures out of step, which are
	// reported on at different times.
	epoch time.Time
	// from is where it begins on the timeline: written before sound begins.
	from time.Duration
}

// outgoing is one of its tracks.
type outgoing struct {
	rendition *playback.Rendition
	media     *description.Media
	ssrc      uint32
	packetize func(*media.Unit) ([]*rtp.Packet, error)
}

func newShow(server *gortsplib.Server, hub *playback.Hub, r *playback.Rendition, metrics *playback.Metrics) (*show, error) {
	s := &show{
		hub: hub, main: r, metrics: metrics, epoch: hub.Epoch(),
		log: newBacklog(), joins: make(chan *viewer), asked: make(chan struct{}, 1), over: make(chan struct{}),
	}
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
	if err := s.out.Initialize(); err != nil {
		return nil, err
	}
	stats := s.out.Stats()
	for _, t := range s.tracks {
		t.ssrc = stats.Medias[t.media].Formats[t.media.Formats[0]].LocalSSRC
	}
	return s, nil
}

// describe is what players read first (SDP, RFC 8866): with the languages and names of the sounds, where they are known.
func (s *show) describe() ([]byte, error) {
	named := &description.Session{Title: s.out.Desc.Title}
	for i, m := range s.out.Desc.Medias {
		named.Medias = append(named.Medias, &description.Media{Type: m.Type, Formats: m.Formats, Control: fmt.Sprintf("trackID=%d", i)})
	}
	plain, err := named.Marshal(false)
	if err != nil {
		return nil, err
	}
	var all sdp.SessionDescription
	if err := all.Unmarshal(plain); err != nil {
		return nil, err
	}
	for i, t := range s.tracks {
		track, m := t.rendition.Track(), all.MediaDescriptions[i]
		if language.MatchString(track.Language) {
			m.Attributes = append(m.Attributes, sdp.NewAttribute("lang", track.Language))
		}
		if label := printable(track.Label); label != "" {
			title := sdp.Information(label)
			m.MediaTitle = &title
		}
	}
	return all.Marshal()
}

// language is what a language can look like (RFC 5646).
var language = regexp.MustCompile(`^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8}){0,8}$`)

// printable leaves out of a publisher's words what would begin another line.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s))
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

// run packetizes until ctx is done, the stream is over, or nobody has played for long.
func (s *show) run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var sending, viewers sync.WaitGroup
	began := make(chan struct{}) // closed when other tracks than the main one may begin
	begin := sync.OnceFunc(func() { close(began) })
	beside, silence := context.WithCancel(ctx)
	defer silence()
	sending.Go(func() {
		defer begin()
		s.send(ctx, s.tracks[0], begin)
		time.AfterFunc(farewell, silence)
	})
	for _, t := range s.tracks[1:] {
		sending.Go(func() {
			select {
			case <-beside.Done():
			case <-began:
				s.send(beside, t, begin)
			}
		})
	}
	ended := make(chan struct{}) // when all tracks have been packetized to their ends
	go func() {
		sending.Wait()
		close(ended)
	}()
	if s.take(ctx, ended, &viewers) {
		s.log.end()
		late := time.AfterFunc(leaving, stop)
		defer late.Stop()
	} else {
		stop()
	}
	<-ended
	viewers.Wait()
}

// use has it go on for idle from now on, with or without players.
func (s *show) use() {
	select {
	case s.asked <- struct{}{}:
	default:
	}
}

// take lets players in until ctx is done, all has been packetized, which it reports, or nobody has played for long.
func (s *show) take(ctx context.Context, ended <-chan struct{}, viewers *sync.WaitGroup) bool {
	defer close(s.over) // nobody waits to be let in while the last ones leave
	unused := time.NewTimer(idle)
	defer unused.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-ended:
			return true
		case v := <-s.joins:
			viewers.Go(func() { v.run(ctx) })
		case <-s.asked:
			unused.Reset(idle)
		case <-unused.C:
			select {
			case <-s.asked: // just now
				unused.Reset(idle)
			default:
				if s.players.Load() == 0 {
					return false
				}
			}
		}
	}
}

// send packetizes one track, and says when it has begun. Units that cannot be packetized are left out.
func (s *show) send(ctx context.Context, t *outgoing, began func()) {
	main := t.rendition == s.main
	start := playback.StartNewestKey
	if !main {
		start = playback.StartOldestKey
	}
	reader := t.rendition.NewReader(start)
	for n := 0; ; {
		item, err := reader.Next(ctx)
		if err != nil {
			return
		}
		at := item.Track.Duration(item.Unit.PTS)
		if !main && n == 0 && at < s.from { // it belongs to pictures that nobody gets
			continue
		}
		packets, err := t.packetize(item.Unit)
		if err != nil {
			continue
		}
		for _, p := range packets {
			p.Timestamp = uint32(item.Unit.PTS)
		}
		if main && n == 0 {
			s.from = at
		}
		s.log.add(packed{track: t, packets: packets, pts: item.Unit.PTS, at: s.epoch.Add(at), bytes: len(item.Unit.Payload)},
			main && begins(item.Unit, item.Track.Codec.IsVideo(), n))
		n++
		began()
	}
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
