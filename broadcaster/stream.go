package broadcaster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/broadcaster/free"
	"castnet/broadcaster/health"
	"castnet/broadcaster/playback"
	"castnet/broadcaster/sound"
	"castnet/broadcaster/worklist"
	"castnet/ingest"
	"castnet/internal/media"
)

// tailTimeout bounds how long an ended stream waits for its last renditions and receipts.
const tailTimeout = 15 * time.Second

// Stream is what is published with one key, from the first unit to the last receipt. Its publisher may go and come back
// (visit.go).
type Stream struct {
	b       *Broadcaster
	id      string
	hash    common.Hash // names the stream in signed objects
	hub     *playback.Hub
	log     *slog.Logger
	started time.Time

	work      *worklist.List
	converter *sound.Converter // nil until announced, and without a worker of our own

	announced chan struct{} // closed by the first Start
	closed    chan struct{} // closed when the publisher is gone for good
	replaced  chan struct{} // closed when another stream has its name

	// Of the present publisher's goroutine.
	segmenter *ingest.Segmenter
	splice    ingest.Splice
	soundFrom time.Duration // sound before it has no pictures beside it, and is left out
	early     early         // sound that waits for the first picture
	own       *free.Tracks  // its further video tracks
	growth    growth

	mu        sync.Mutex
	request   ingest.Request
	publisher *sink       // nil while it is gone
	away      *time.Timer // ends the stream of one that is gone; nil before it has gone once
	deadline  time.Time   // until when it may come back
	parted    error       // why it is gone
	over      bool        // no publisher is let in any more
	tracks    []*media.Track
	video     int   // index into tracks, -1 without: then it stays so
	sounds    []int // the same of each track of sound that is published
	status    Status
	lease     *lease                   // nil while nobody serves
	paid      map[common.Hash]struct{} // receipts that a ticket was made for
	input     health.Meter
}

func newStream(b *Broadcaster, id string, req ingest.Request, losses *free.Losses) (*Stream, error) {
	s := &Stream{
		b: b, id: id, log: b.cfg.Logger.With("stream", id), started: b.cfg.Now(), request: req,
		// The hash names this stream, not the key: a later one with it is another stream.
		hash:      crypto.Keccak256Hash([]byte(id), []byte(b.cfg.Now().UTC().Format(time.RFC3339Nano))),
		work:      worklist.New(),
		announced: make(chan struct{}),
		closed:    make(chan struct{}),
		replaced:  make(chan struct{}),
		video:     -1,
		paid:      make(map[common.Hash]struct{}),
	}
	s.publisher = s.newSink(req, false)
	hub, err := playback.New(playback.Config{ID: id, Logger: s.log, Metrics: b.cfg.Playback, OnKeyRequest: s.requestKey})
	if err != nil {
		return nil, err
	}
	s.hub = hub
	s.own = s.newOwn(losses)
	s.status = Status{ID: id, State: Starting, Started: s.started}
	return s, nil
}

// ID is the stream's public id.
func (s *Stream) ID() string { return s.id }

// Hub is where the stream's units are read.
func (s *Stream) Hub() *playback.Hub { return s.hub }

// PaidFor reports whether a ticket of this stream names the receipt.
func (s *Stream) PaidFor(receipt common.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.paid[receipt]
	return ok
}

// run works the stream until it has ended, its tail included, and its viewers have had time to see the end.
func (s *Stream) run(ctx context.Context) {
	s.b.metrics.streams.Inc()
	defer s.b.metrics.streams.Dec()
	select {
	case <-s.announced:
	case <-s.closed:
	case <-ctx.Done():
	}
	select {
	case <-s.announced:
		s.transcode(ctx)
	default: // nothing came, so nothing is owed to anybody
		s.endHub(ctx)
	}
	select {
	case <-time.After(s.b.cfg.Linger):
	case <-s.replaced:
	case <-ctx.Done():
	}
}

// transcode works what is published until the last of it is transcoded and settled.
func (s *Stream) transcode(ctx context.Context) {
	var workers sync.WaitGroup
	work, stop := context.WithCancel(ctx)
	defer stop()
	converted := make(chan struct{})
	workers.Go(func() {
		defer close(converted)
		if s.converter != nil {
			s.converter.Run(work)
		}
	})
	workers.Go(func() { s.runLadder(work) })

	select {
	case <-s.closed:
		tail, cancel := context.WithTimeout(ctx, tailTimeout)
		select {
		case <-converted: // so that viewers have the last of the sound before the end
		case <-tail.Done():
		}
		s.hub.EndSource()
		if err := s.work.Drained(tail); err != nil && ctx.Err() == nil {
			s.trouble(AtOrchestrator, "The last seconds could not be transcoded in time.")
			s.log.Warn("stream ended before its last segments were transcoded", "err", err)
		}
		cancel()
	case <-ctx.Done():
	}
	s.endHub(ctx)
	// Receipts of the last segments are settled by the ladder, which ends by itself now.
	settled := make(chan struct{})
	go func() { workers.Wait(); close(settled) }()
	select {
	case <-settled:
	case <-time.After(tailTimeout):
		stop()
		<-settled
	}
}

// endHub tells viewers that nothing follows.
func (s *Stream) endHub(ctx context.Context) {
	if ctx.Err() != nil {
		s.hub.Close(errStopping)
	} else {
		s.hub.Close(nil)
	}
	s.setState(Ended)
}

// announce takes the tracks as they are now.
func (s *Stream) announce(tracks []*media.Track) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.main()
	video, sounds := sorted(tracks)
	if old != nil && s.video < 0 {
		if refusal := outgrown(old, tracks, video, sounds); refusal != nil {
			s.over = true
			return refusal
		}
	}
	s.tracks, s.video, s.sounds = tracks, video, sounds
	main := s.main()
	switch {
	case main == nil:
		return &ingest.Refusal{Code: ingest.CodeUnsupportedCodec, Message: "the stream has neither pictures nor sound"}
	case old == nil:
		s.segmenter = ingest.NewSegmenter(main)
		s.converter = s.newConverter()
		s.await()
	case main != old:
		s.segmenter.SetTrack(main)
	}
	for n, i := range s.sounds {
		s.hub.AddAudio(n, tracks[i])
		if s.converter != nil {
			s.hub.AddAudio(n, sound.Made(tracks[i]))
		}
	}
	if old != nil {
		return nil
	}
	if err := s.openHub(main); err != nil {
		return err
	}
	s.status.State = Live
	s.log.Info("stream is live", "codec", main.Codec, "size", fmt.Sprintf("%dx%d", main.Width, main.Height), "sounds", len(s.sounds),
		"protocol", s.request.Protocol, "remote", s.request.Remote)
	close(s.announced)
	return nil
}

// outgrown refuses tracks that a stream of sound alone, cut by the track old, cannot go on with: a new stream has to begin.
func outgrown(old *media.Track, tracks []*media.Track, video int, sounds []int) error {
	if video >= 0 {
		return &ingest.Refusal{
			Code:    ingest.CodeUnsupportedCodec,
			Message: "the stream has begun as one of sound alone, and now pictures come: connect again, and it begins with both",
		}
	}
	if len(sounds) == 0 {
		return nil
	}
	if is := tracks[sounds[0]]; is.Codec != old.Codec { // players were told of the old one
		return &ingest.Refusal{
			Code:    ingest.CodeUnsupportedCodec,
			Message: "the codec of a stream of sound alone has changed: connect again, and it begins anew with the new one",
			Asked:   is.Codec.String(), Limit: old.Codec.String(),
		}
	}
	if tracks[sounds[0]].ClockRate != old.ClockRate { // all times are in ticks of the old one
		return &ingest.Refusal{
			Code:    ingest.CodeUnsupportedCodec,
			Message: "the sample rate of a stream of sound alone has changed: connect again, and it begins anew with the new one",
			Asked:   hertz(tracks[sounds[0]]), Limit: hertz(old),
		}
	}
	return nil
}

// hertz is a track's clock rate in words: its sample rate, or 48000 Hz for Opus.
func hertz(t *media.Track) string { return fmt.Sprintf("%d Hz", t.ClockRate) }

func (s *Stream) newConverter() *sound.Converter {
	if s.b.cfg.Local == nil {
		return nil
	}
	return sound.New(sound.Config{
		ID: s.id, Local: s.b.cfg.Local, Publish: s.hub.PublishAudio, Dropped: s.b.metrics.audioDropped.Inc, Logger: s.log,
		// Viewers by WebRTC don't wait for a converter to begin; AAC is for the few who cannot take Opus.
		Wanted: func(n int, codec media.Codec) bool { return codec == media.Opus || s.hub.Audio(n, codec).Read() },
	})
}

// sorted finds the tracks that are published among a publisher's: the index of the video, -1 without, and those of the
// sounds.
func sorted(tracks []*media.Track) (video int, sounds []int) {
	video = -1
	for i, t := range tracks {
		if t.Codec.IsVideo() && video < 0 {
			video = i
		}
		if t.Codec.IsAudio() && len(sounds) < ingest.MaxSounds {
			sounds = append(sounds, i)
		}
	}
	return video, sounds
}

// main is the track that the stream is cut by: the video, or the first sound where there is none. The lock is held.
func (s *Stream) main() *media.Track {
	switch {
	case s.video >= 0:
		return s.tracks[s.video]
	case len(s.sounds) > 0:
		return s.tracks[s.sounds[0]]
	default:
		return nil
	}
}

// openHub lets players in. The lock is held.
func (s *Stream) openHub(main *media.Track) error {
	if s.video < 0 {
		return s.hub.SetAudioOnly()
	}
	s.growth.pixels = main.Width * main.Height
	s.status.Ladder = s.b.cfg.Ladder(main.Width, main.Height)
	return s.hub.SetLadder(s.status.Ladder)
}

// cut takes a unit of the main track and begins a segment where one begins with it. taken is false where the unit is no
// part of the stream.
func (s *Stream) cut(u *media.Unit) (taken bool, err error) {
	decision, err := s.segmenter.Push(u)
	if err != nil || decision.Drop {
		return false, err
	}
	if seg := decision.Start; seg != nil {
		if err := s.startSegment(seg); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *Stream) writeVideo(u *media.Unit) error {
	if taken, err := s.cut(u); !taken {
		return err
	}
	s.meter(u)
	if err := s.hub.PublishSource(u); err != nil {
		if errors.Is(err, playback.ErrGOPTooLong) {
			return &ingest.Refusal{Code: ingest.CodeNoKeyFrame, Message: err.Error()}
		}
		return err
	}
	s.work.Add(u)
	s.own.Source(u.PTS)
	for _, e := range s.early.take() {
		if e.n >= len(s.sounds) || s.tracks[s.sounds[e.n]] != e.track {
			continue // it has other parameters now
		}
		if err := s.publishSound(e.n, e.track, e.unit); err != nil {
			return err
		}
	}
	return nil
}

// videoTime is a video timestamp as a duration.
func videoTime(pts int64) time.Duration {
	return time.Duration(media.Rescale(pts, media.VideoClockRate, int64(time.Second)))
}

// await has sound wait for the first picture of a publisher, where pictures were announced, and begin with it.
func (s *Stream) await() {
	s.early, s.soundFrom = early{open: s.video >= 0}, math.MaxInt64
}

func (s *Stream) startSegment(seg *media.Segment) error {
	if err := s.hub.StartSegment(seg); err != nil {
		return err
	}
	if err := s.grow(seg); err != nil {
		return err
	}
	if s.soundFrom == math.MaxInt64 {
		s.soundFrom = seg.Track.Duration(seg.FirstPTS) - soundLead
	}
	s.mu.Lock()
	s.status.Segments++
	s.mu.Unlock()
	rungs := s.own.Share(seg)
	s.tellOwn()
	if n := s.work.Start(seg, rungs); n > 0 {
		s.mu.Lock()
		s.status.GivenUp += n
		s.mu.Unlock()
		s.b.metrics.givenUp.Add(float64(n))
		s.trouble(AtSegments, fmt.Sprintf("%d segments were not transcoded: nobody did it in time.", n))
		s.log.Warn("segments given up: nobody transcoded them in time", "segments", n)
	}
	return nil
}

// writeSound takes the next unit of track n of sound, by which the stream is cut if it is the main track.
func (s *Stream) writeSound(n int, track *media.Track, u *media.Unit, main bool) error {
	if main {
		if taken, err := s.cut(u); !taken {
			return err
		}
		at := media.Rescale(u.DTS, int64(track.ClockRate), media.VideoClockRate)
		s.meter(&media.Unit{PTS: at, DTS: at, Payload: u.Payload})
	}
	if s.early.open && !main {
		s.early.add(earlySound{n, track, u})
		return nil
	}
	return s.publishSound(n, track, u)
}

func (s *Stream) publishSound(n int, track *media.Track, u *media.Unit) error {
	if track.Duration(u.PTS) < s.soundFrom {
		return nil
	}
	if err := s.hub.PublishAudio(n, track.Codec, u); err != nil {
		return err
	}
	if s.converter != nil {
		s.converter.Add(n, track, u)
	}
	return nil
}
