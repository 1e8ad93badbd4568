package broadcaster

import (
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"castnet/broadcaster/health"
	"castnet/ingest"
	"castnet/internal/media"
)

// maxShapeChange is by how much the shape of the picture (width over height) of a publisher that comes back may differ
// from what it was, in parts of it: a pixel more or less, not another format.
const maxShapeChange = 0.1

// silence is for how long nothing may have come from a publisher when another one with its key takes its place: a connection that
// broke off without a word looks alive for longer, and encoders come back within seconds. It is more than RTSP weighs a goodbye for.
// Who has sent nothing yet has as long as connecting and the wait for a key frame may take.
const silence, starting = 5 * time.Second, 15 * time.Second

// errSilent is why a visit ended that another publisher took the place of.
var errSilent = &ingest.Refusal{
	Code: ingest.CodeKeyInUse, Message: "nothing came for too long, and another publisher with this stream key has come", Limit: silence.String(),
}

// sink is one visit of a stream's publisher: it implements ingest.Sink.
type sink struct {
	stream *Stream
	remote string // where the publisher is
	bursts bool   // it publishes whole segments, and is silent between them
	back   bool   // another visit came before

	turn  sync.Mutex // of the publisher and of who takes its place
	live  bool       // the tracks were taken
	wrote bool       // something came
	heard time.Time  // when it did, or the publisher
	gone  bool
}

func (s *Stream) newSink(req ingest.Request, back bool) *sink {
	return &sink{stream: s, remote: req.Remote, bursts: req.Bursts, back: back, heard: s.b.cfg.Now()}
}

// Start takes the tracks, at first and when parameters change.
func (k *sink) Start(tracks []*media.Track) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	if k.gone {
		return errSilent
	}
	if !k.live && k.back {
		if err := k.stream.resume(tracks); err != nil {
			return err
		}
	}
	if err := k.stream.announce(tracks); err != nil {
		return err
	}
	k.live = true
	s := k.stream
	s.own.Heed(s.tracks, s.video)
	return nil
}

// Write takes one unit.
func (k *sink) Write(track int, u *media.Unit) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	if k.gone {
		return errSilent
	}
	s := k.stream
	k.wrote, k.heard = true, s.b.cfg.Now()
	s.mu.Lock()
	isVideo, n, t := track == s.video, slices.Index(s.sounds, track), s.tracks[track]
	main := isVideo || s.video < 0 && n == 0
	s.mu.Unlock()
	if n < 0 && t.Codec.IsAudio() {
		return nil // there are enough
	}
	s.splice.Place(t, u)
	var err error
	switch {
	case isVideo:
		err = s.writeVideo(u)
	case n >= 0:
		err = s.writeSound(n, t, u, main)
	default:
		s.own.Write(track, u)
	}
	if err == nil {
		s.splice.Keep(t, u)
	}
	return err
}

// Close ends the visit, and with it the stream where the publisher ended it. One that vanished, or was sent away, may
// come back for a while.
func (k *sink) Close(reason error) {
	k.turn.Lock()
	defer k.turn.Unlock()
	k.end(reason)
}

// end is Close, once. It is the caller's turn.
func (k *sink) end(reason error) {
	if k.gone {
		return
	}
	k.gone = true
	s := k.stream
	s.b.places.free(k.remote)
	s.own.End(reason == nil)
	s.tellOwn()
	s.early = early{}
	s.work.Pause()
	if s.leave(k, reason) {
		s.end(reason)
		return
	}
	if k.live {
		grace := s.b.cfg.ReconnectGrace
		s.trouble(AtInput, fmt.Sprintf("The publisher is gone: %s. The stream waits %v for it to come back.", shown(reason), grace))
		s.log.Info("publisher gone, waiting for it to come back", "reason", reason, "for", grace)
	}
}

// relieve ends the visit of a publisher that has been silent for long when another one comes.
func (s *Stream) relieve() {
	s.mu.Lock()
	k := s.publisher
	s.mu.Unlock()
	if k == nil || k.bursts || !k.turn.TryLock() { // what is its turn is not silent
		return
	}
	defer k.turn.Unlock()
	patience := silence
	if !k.wrote {
		patience = starting
	}
	if s.b.cfg.Now().Sub(k.heard) >= patience {
		k.end(errSilent)
	}
}

// leave lets a publisher go, and reports whether the stream is over with it.
func (s *Stream) leave(k *sink, reason error) (over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publisher = nil
	now := s.b.cfg.Now()
	if k.live { // one that was refused does not put off the end, nor is it the reason
		s.deadline, s.parted = now.Add(s.b.cfg.ReconnectGrace), reason
	}
	left := s.deadline.Sub(now)
	s.over = s.over || reason == nil || left <= 0
	if !s.over {
		s.status.State = Waiting
		parted := s.parted
		s.away = time.AfterFunc(left, func() { s.abandon(parted) })
	}
	return s.over
}

// abandon ends a stream whose publisher has not come back.
func (s *Stream) abandon(reason error) {
	s.mu.Lock()
	late := s.publisher == nil && !s.over
	s.over = s.over || late
	s.mu.Unlock()
	if late {
		s.end(reason)
	}
}

// end says that nothing more is published.
func (s *Stream) end(reason error) {
	s.work.End()
	if s.converter != nil {
		s.converter.End()
	}
	close(s.closed)
	if reason == nil {
		s.note(AtInput, "The publisher ended the stream.")
		s.update(func(st *Status) { st.EndReason = "the publisher ended it" })
		s.log.Info("stream ended by its publisher")
		return
	}
	s.trouble(AtInput, fmt.Sprintf("The publisher is gone: %s.", shown(reason)))
	s.update(func(st *Status) { st.EndReason = fmt.Sprintf("the publisher is gone (%s)", shown(reason)) })
	s.log.Info("publisher gone", "reason", reason)
}

// shown is a reason in words that everybody may read: viewers need not know the publisher's address, which errors of the
// network name.
func shown(reason error) string {
	words := reason.Error()
	if op, ok := errors.AsType[*net.OpError](reason); ok {
		words = strings.ReplaceAll(words, op.Error(), op.Err.Error())
	}
	return words
}

// admit lets a publisher in who comes back, or refuses a second one. nil says that the stream is over.
func (s *Stream) admit(req ingest.Request) (*sink, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.publisher != nil:
		return nil, ingest.ErrKeyInUse
	case s.over:
		return nil, nil //nolint:nilnil // it neither came in nor was refused
	}
	s.away.Stop()
	s.publisher = s.newSink(req, true)
	s.request = req
	return s.publisher, nil
}

// resume goes on with a publisher that has come back, if what it brings fits what viewers and orchestrators were told.
func (s *Stream) resume(tracks []*media.Track) error {
	s.mu.Lock()
	if err := s.fits(tracks); err != nil {
		s.mu.Unlock()
		return err
	}
	s.input = health.Meter{}
	s.status.State = Live
	req := s.request
	s.mu.Unlock()
	s.segmenter.Break()
	s.splice.Next()
	s.await()
	s.note(AtInput, "The publisher is back: the stream goes on.")
	s.log.Info("publisher is back, the stream goes on", "protocol", req.Protocol, "remote", req.Remote)
	return nil
}

// fits refuses tracks that players or the ladder could not go on with. The lock is held.
func (s *Stream) fits(tracks []*media.Track) error {
	refuse := func(what, asked, limit string) error {
		return &ingest.Refusal{
			Code: ingest.CodeUnsupportedCodec, Asked: asked, Limit: limit, Knob: "--reconnect-grace",
			Message: fmt.Sprintf("viewers are waiting for the stream that broke off, which cannot go on with another %s: publish as before, or again in %v",
				what, s.b.cfg.ReconnectGrace),
		}
	}
	video, sounds := sorted(tracks)
	if (video < 0) != (s.video < 0) {
		return refuse("kind of tracks", kind(video), kind(s.video))
	}
	for n, i := range sounds[:min(len(sounds), len(s.sounds))] {
		is, was := tracks[i], s.tracks[s.sounds[n]]
		if is.Codec != was.Codec {
			return refuse("codec", is.Codec.String(), was.Codec.String())
		}
		if video < 0 && n == 0 && is.ClockRate != was.ClockRate { // the stream's times are in its ticks
			return refuse("sample rate", hertz(is), hertz(was))
		}
	}
	if video < 0 {
		return nil
	}
	t := tracks[video]
	if was := s.tracks[s.video].Codec; t.Codec != was {
		return refuse("codec", t.Codec.String(), was.String())
	}
	was := s.tracks[s.video]
	shape := float64(t.Width*was.Height) / float64(t.Height*was.Width)
	if len(s.hub.Renditions()) > 0 && math.Abs(shape-1) > maxShapeChange { // the ladder has the one that was
		return refuse("shape of the picture", fmt.Sprintf("%dx%d", t.Width, t.Height), fmt.Sprintf("the shape of %dx%d", was.Width, was.Height))
	}
	return nil
}

// kind says in words whether there are pictures.
func kind(video int) string {
	if video < 0 {
		return "sound alone"
	}
	return "pictures"
}
