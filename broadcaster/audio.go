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

// sound is a unit of sound with the parameters in force.
type sound struct {
	track *media.Track
	unit  *media.Unit
}

// convertAudio makes Opus of an AAC track, in this broadcaster's own worker, for players over WebRTC. It begins with
// the first sound, whenever that comes. A converter that died or whose track changed is replaced; the stream's pictures
// do not wait for it.
func (s *Stream) convertAudio(ctx context.Context) {
	for {
		select {
		case first := <-s.audioIn:
			for changed := &first; changed != nil; {
				var err error
				if changed, err = s.convertOnce(ctx, *changed); err != nil && ctx.Err() == nil && s.publishing() {
					s.log.Warn("audio converter ended, starting another", "err", err)
					wait(ctx, audioRetry)
				}
			}
		case <-s.closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// convertOnce runs one session until the publisher is gone, its track changed (then it returns the first unit of the
// new one), or the session failed.
func (s *Stream) convertOnce(ctx context.Context, first sound) (changed *sound, err error) {
	session, err := s.b.cfg.Local.Open(ctx, transcoder.SessionConfig{
		ID:    s.id + "/audio",
		Audio: &transcoder.AudioJob{From: first.track, Codec: media.Opus, Bitrate: opusBitrate},
	})
	if err != nil {
		return nil, fmt.Errorf("open audio converter: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	received := make(chan error, 1)
	go func() {
		received <- s.receiveAudio(ctx, session)
		cancel()
	}()
	changed, err = s.sendAudio(ctx, session, first)
	cancel()
	if err := session.Close(); err != nil {
		s.log.Debug("audio converter closed", "err", err)
	}
	if failed := <-received; failed != nil {
		err = failed // it says more
	}
	return changed, err
}

// sendAudio sends until the publisher is gone, or another track's unit comes, which it returns.
func (s *Stream) sendAudio(ctx context.Context, session transcoder.Session, next sound) (changed *sound, err error) {
	for track := next.track; next.track == track; {
		if err := session.Send(ctx, transcoder.WriteUnit{Unit: next.unit}); err != nil {
			return nil, err
		}
		select {
		case next = <-s.audioIn:
		case <-s.closed:
			return nil, nil //nolint:nilnil // nothing changed, nothing failed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return &next, nil
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
