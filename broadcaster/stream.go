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

	"castnet/broadcaster/health"
	"castnet/broadcaster/playback"
	"castnet/broadcaster/sound"
	"castnet/ingest"
	"castnet/internal/media"
	"castnet/transcoder"
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

	work      *worklist
	converter *sound.Converter // nil without a worker of our own

	announced chan struct{} // closed by the first Start
	closed    chan struct{} // closed when the publisher is gone for good

	// Of the present publisher's goroutine.
	segmenter *ingest.Segmenter
	splice    ingest.Splice
	soundFrom time.Duration // sound before it has no pictures beside it, and is left out

	mu        sync.Mutex
	request   ingest.Request
	publisher *sink       // nil while it is gone
	away      *time.Timer // ends the stream of one that is gone; nil before it has gone once
	deadline  time.Time   // until when it may come back
	over      bool        // no publisher is let in any more
	tracks    []*media.Track
	video     int   // index into tracks, -1 without
	sounds    []int // the same of each track of sound that is published
	ladder    transcoder.Ladder
	status    Status
	lease     *lease                   // nil while nobody serves
	paid      map[common.Hash]struct{} // receipts that a ticket was made for
	input     health.Meter
}

func newStream(b *Broadcaster, id string, req ingest.Request) (*Stream, error) {
	s := &Stream{
		b: b, id: id, log: b.cfg.Logger.With("stream", id), started: b.cfg.Now(), request: req,
		// The hash names this stream, not the key: a later one with it is another stream.
		hash:      crypto.Keccak256Hash([]byte(id), []byte(b.cfg.Now().UTC().Format(time.RFC3339Nano))),
		work:      newWorklist(),
		announced: make(chan struct{}),
		closed:    make(chan struct{}),
		video:     -1,
		soundFrom: math.MinInt64,
		paid:      make(map[common.Hash]struct{}),
	}
	s.publisher = &sink{stream: s}
	hub, err := playback.New(playback.Config{ID: id, Logger: s.log, Metrics: b.cfg.Playback, OnKeyRequest: s.requestKey})
	if err != nil {
		return nil, err
	}
	s.hub = hub
	if b.cfg.Local != nil {
		s.converter = sound.New(sound.Config{
			ID: id, Local: b.cfg.Local, Publish: hub.PublishAudio, Dropped: b.metrics.audioDropped.Inc, Logger: s.log,
		})
	}
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
	var workers sync.WaitGroup
	work, stop := context.WithCancel(ctx)
	defer stop()
	if s.converter != nil {
		workers.Go(func() { s.converter.Run(work) })
	}
	workers.Go(func() { s.runLadder(work) })

	select {
	case <-s.closed:
		tail, cancel := context.WithTimeout(ctx, tailTimeout)
		if err := s.work.drained(tail); err != nil && ctx.Err() == nil {
			s.trouble(AtOrchestrator, "The last seconds could not be transcoded in time.")
			s.log.Warn("stream ended before its last segments were transcoded", "err", err)
		}
		cancel()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		s.hub.Close(errStopping)
	} else {
		s.hub.Close(nil)
	}
	s.setState(Ended)
	// Receipts of the last segments are settled by the ladder, which ends by itself now.
	settled := make(chan struct{})
	go func() { workers.Wait(); close(settled) }()
	select {
	case <-settled:
	case <-time.After(tailTimeout):
		stop()
		<-settled
	}
	select {
	case <-time.After(s.b.cfg.Linger):
	case <-ctx.Done():
	}
}

// announce takes the tracks as they are now.
func (s *Stream) announce(tracks []*media.Track) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.tracks == nil
	s.tracks = tracks
	s.video, s.sounds = -1, nil
	for i, t := range tracks {
		if t.Codec.IsVideo() && s.video < 0 {
			s.video = i
		}
		if t.Codec.IsAudio() && len(s.sounds) < ingest.MaxSounds {
			s.sounds = append(s.sounds, i)
		}
	}
	if s.video < 0 {
		return &ingest.Refusal{Code: ingest.CodeUnsupportedCodec, Message: "the stream has no video: sound alone cannot be taken yet"}
	}
	video := tracks[s.video]
	if first {
		s.segmenter = ingest.NewSegmenter(video)
	} else {
		s.segmenter.SetTrack(video)
	}
	for n, i := range s.sounds {
		s.hub.AddAudio(n, tracks[i])
		if made := sound.Made(tracks[i]); made != nil && s.converter != nil {
			s.hub.AddAudio(n, made)
		}
	}
	if !first {
		return nil
	}
	s.ladder = s.b.cfg.Ladder(video.Width, video.Height)
	if err := s.hub.SetLadder(s.ladder); err != nil {
		return err
	}
	s.status.Ladder = s.ladder
	s.status.State = Live
	s.log.Info("stream is live", "codec", video.Codec, "size", fmt.Sprintf("%dx%d", video.Width, video.Height),
		"protocol", s.request.Protocol, "remote", s.request.Remote)
	close(s.announced)
	return nil
}

func (s *Stream) writeVideo(u *media.Unit) error {
	decision, err := s.segmenter.Push(u)
	if err != nil {
		return err
	}
	if decision.Drop {
		return nil
	}
	s.meter(u)
	if seg := decision.Start; seg != nil {
		if err := s.startSegment(seg); err != nil {
			return err
		}
	}
	if err := s.hub.PublishSource(u); err != nil {
		if errors.Is(err, playback.ErrGOPTooLong) {
			return &ingest.Refusal{Code: ingest.CodeNoKeyFrame, Message: err.Error()}
		}
		return err
	}
	if len(s.ladder) > 0 {
		s.work.add(u)
	}
	return nil
}

// videoTime is a video timestamp as a duration.
func videoTime(pts int64) time.Duration {
	return time.Duration(media.Rescale(pts, media.VideoClockRate, int64(time.Second)))
}

func (s *Stream) startSegment(seg *media.Segment) error {
	if err := s.hub.StartSegment(seg); err != nil {
		return err
	}
	if s.soundFrom == math.MaxInt64 {
		s.soundFrom = seg.Track.Duration(seg.FirstPTS)
	}
	s.mu.Lock()
	s.status.Segments++
	s.mu.Unlock()
	if len(s.ladder) == 0 {
		return nil
	}
	if n := s.work.start(seg); n > 0 {
		s.mu.Lock()
		s.status.GivenUp += n
		s.mu.Unlock()
		s.b.metrics.givenUp.Add(float64(n))
		s.trouble(AtSegments, fmt.Sprintf("%d segments were not transcoded: nobody did it in time.", n))
		s.log.Warn("segments given up: nobody transcoded them in time", "segments", n)
	}
	return nil
}

// writeSound takes the next unit of track n of sound.
func (s *Stream) writeSound(n int, track *media.Track, u *media.Unit) error {
	if track.Duration(u.PTS) < s.soundFrom {
		return nil
	}
	if err := s.hub.PublishAudio(n, track.Codec, u); err != nil {
		return err
	}
	if s.converter != nil && sound.Made(track) != nil {
		s.converter.Add(n, track, u)
	}
	return nil
}
