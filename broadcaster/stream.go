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

	work    *worklist
	audioIn chan sound // to the converter; a full channel drops, sound must not stall pictures

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
	video     int // index into tracks, -1 without
	audio     int
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
		audioIn:   make(chan sound, 64),
		announced: make(chan struct{}),
		closed:    make(chan struct{}),
		video:     -1, audio: -1,
		soundFrom: math.MinInt64,
		paid:      make(map[common.Hash]struct{}),
	}
	s.publisher = &sink{stream: s}
	hub, err := playback.New(playback.Config{ID: id, Logger: s.log, Metrics: b.cfg.Playback, OnKeyRequest: s.requestKey})
	if err != nil {
		return nil, err
	}
	s.hub = hub
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
	workers.Go(func() { s.convertAudio(work) })
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
	s.video, s.audio = -1, -1
	for i, t := range tracks {
		if t.Codec.IsVideo() && s.video < 0 {
			s.video = i
		}
		if t.Codec.IsAudio() && s.audio < 0 {
			s.audio = i
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
	if s.audio >= 0 {
		s.hub.AddAudio(tracks[s.audio])
		if tracks[s.audio].Codec == media.AAC && s.b.cfg.Local != nil {
			s.hub.AddAudio(opusTrack())
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

func (s *Stream) writeAudio(track *media.Track, u *media.Unit) error {
	if track.Duration(u.PTS) < s.soundFrom {
		return nil
	}
	if err := s.hub.PublishAudio(track.Codec, u); err != nil {
		return err
	}
	if track.Codec != media.AAC || s.b.cfg.Local == nil {
		return nil
	}
	select {
	case s.audioIn <- sound{track, u}:
	default:
		s.b.metrics.audioDropped.Inc()
	}
	return nil
}
