package broadcaster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"castnet/internal/media"
	"castnet/transcoder"
)

const (
	opusClockRate = 48_000
	opusBitrate   = 96_000
	// audioRetry is the pause before a converter that died is started again.
	audioRetry = time.Second
)

// opusTrack is what every Opus stream here is: WebRTC's clock, two channels.
func opusTrack() *media.Track {
	return &media.Track{Codec: media.Opus, ClockRate: opusClockRate, Channels: 2}
}

// convertAudio makes Opus of an AAC track, in this broadcaster's own worker, for players over WebRTC. A converter that
// dies is replaced; the stream's pictures do not wait for it.
func (s *Stream) convertAudio(ctx context.Context) {
	for ctx.Err() == nil {
		track := s.audioTrack()
		if track == nil || track.Codec != media.AAC || s.b.cfg.Local == nil {
			return
		}
		err := s.convertOnce(ctx, track)
		if err == nil || ctx.Err() != nil {
			return
		}
		s.log.Warn("audio converter ended, starting another", "err", err)
		select {
		case <-time.After(audioRetry):
		case <-s.closed:
			return
		case <-ctx.Done():
		}
	}
}

func (s *Stream) audioTrack() *media.Track {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.audio < 0 {
		return nil
	}
	return s.tracks[s.audio]
}

// convertOnce runs one session until the publisher is gone (nil) or the session failed.
func (s *Stream) convertOnce(ctx context.Context, track *media.Track) error {
	session, err := s.b.cfg.Local.Open(ctx, transcoder.SessionConfig{
		ID:    s.id + "/audio",
		Audio: &transcoder.AudioJob{From: track, Codec: media.Opus, Bitrate: opusBitrate},
	})
	if err != nil {
		return fmt.Errorf("open audio converter: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	received := make(chan error, 1)
	go func() {
		received <- s.receiveAudio(ctx, session)
		cancel()
	}()
	sendErr := s.sendAudio(ctx, session)
	cancel()
	if err := session.Close(); err != nil {
		s.log.Debug("audio converter closed", "err", err)
	}
	err = <-received
	if sendErr == nil {
		return nil // the publisher is gone
	}
	if err != nil {
		return err
	}
	return sendErr
}

func (s *Stream) sendAudio(ctx context.Context, session transcoder.Session) error {
	for {
		select {
		case u := <-s.audioIn:
			if err := session.Send(ctx, transcoder.WriteUnit{Unit: u}); err != nil {
				return err
			}
		case <-s.closed:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Stream) receiveAudio(ctx context.Context, session transcoder.Session) error {
	for {
		out, err := session.Recv(ctx)
		if err != nil {
			if errors.Is(err, io.EOF) || ctx.Err() != nil {
				return nil //nolint:nilerr // the session was ended on purpose
			}
			return err
		}
		if r, ok := out.(transcoder.Rendered); ok {
			if err := s.hub.PublishAudio(media.Opus, r.Unit); err != nil {
				return err
			}
		}
	}
}
