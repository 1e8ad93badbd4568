// Package publisher pushes coded clips by RTMP, in real time and to the millisecond, and tells when it wrote which
// picture: the sending end of latency benches and tests.
package publisher

import (
	"context"
	"time"

	"castnet/broadcaster/restream"
	"castnet/internal/media"
	"castnet/internal/node/demo"
)

// Stream is one coded track and its units in decoding order, as package media describes them.
type Stream = demo.Stream

// Refused is returned by Push where the server sent an error status.
//
//nolint:errname // the client's own name
type Refused = restream.Refused

// Clip is coded material, ready to be sent.
type Clip struct{ clip *demo.Clip }

// Load reads an MP4 file with H264 video and, if there is any, AAC audio.
func Load(_ context.Context, file string) (*Clip, error) {
	c, err := demo.Load(file)
	if err != nil {
		return nil, err
	}
	return &Clip{c}, nil
}

// New makes a clip of H264 video and, where it is not nil, AAC audio.
func New(video Stream, audio *Stream) (*Clip, error) {
	c, err := demo.New(video, audio)
	if err != nil {
		return nil, err
	}
	return &Clip{c}, nil
}

// Length is how long the clip plays before it loops.
func (c *Clip) Length() time.Duration { return c.clip.Length() }

// Options says how to push.
type Options struct {
	// VideoOnly leaves the sound out.
	VideoOnly bool
	// For ends the push after so much media, looping the clip; 0 plays the clip once.
	For time.Duration
	// OnSent is called for each picture just before its bytes go to the socket, with its PTS on the 90 kHz clock as
	// the receiver will see it (RTMP carries whole milliseconds), and the time.
	OnSent func(pts int64, at time.Time)
}

// Push publishes the clip to rtmp://host/live/KEY in real time: each picture is written at its decoding time, against
// the monotonic clock, so that errors do not add up. It ends with a goodbye; a cancelled ctx cuts the connection
// without one, as a publisher that dies does, and returns ctx's error.
func (c *Clip) Push(ctx context.Context, address string, o Options) error {
	tracks := c.clip.Tracks()
	if o.VideoOnly {
		tracks = tracks[:1]
	}
	p, err := restream.Dial(ctx, address, tracks)
	if err != nil {
		return err
	}
	limit := o.For
	if limit == 0 {
		limit = c.Length()
	}
	err = c.clip.Play(ctx, limit, func(track int, u *media.Unit) error {
		if track >= len(tracks) {
			return nil
		}
		if track == 0 && o.OnSent != nil {
			o.OnSent(media.Rescale(u.PTS, media.VideoClockRate, 1000)*(media.VideoClockRate/1000), time.Now())
		}
		return p.Write(track, u)
	})
	if err != nil {
		p.Abort()
		return err
	}
	return p.Close()
}
