// Package sound makes Opus of the AAC tracks of a live stream, for players over WebRTC, and AAC of its Opus tracks, for
// servers that take nothing else, in the broadcaster's own worker.
package sound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"castnet/internal/media"
	"castnet/transcoder"
)

const (
	// Bits a second of what is made, in stereo.
	opusBitrate, aacBitrate = 96_000, 128_000
	// waiting bounds the packets of a track that wait for its worker: ten seconds of AAC, as publishers of whole segments
	// send them at once. What is more is dropped: sound must not stall pictures.
	waiting = 512
	// finishTime is how long a converter may take with what it has when its track ends.
	finishTime = 2 * time.Second
	// retryPause is the pause before a converter that died is started again. What comes meanwhile is not converted: it would be
	// late for ever.
	retryPause = time.Second
	// quiet is how long a track has to be converted without a failure for the next one to be news.
	quiet = 10 * time.Second
)

// Config is what a Converter needs. All of it is required.
type Config struct {
	// ID is the stream's, for the names of sessions.
	ID string
	// Local is the worker that converts.
	Local transcoder.Transcoder
	// Wanted says whether track n is to be made in a codec: then it is, to its end.
	Wanted func(n int, codec media.Codec) bool
	// Publish takes what was made of track n. Its error ends a session.
	Publish func(n int, codec media.Codec, u *media.Unit) error
	// Dropped is told of a packet that nobody converts, as the worker is too slow or is not there.
	Dropped func()
	Logger  *slog.Logger
}

// Made is the track that is made of another one.
func Made(from *media.Track) *media.Track {
	t := job(from).Track()
	t.Language, t.Label = from.Language, from.Label
	return t
}

func job(from *media.Track) *transcoder.AudioJob {
	if from.Codec == media.Opus {
		return &transcoder.AudioJob{From: from, Codec: media.AAC, Bitrate: aacBitrate}
	}
	return &transcoder.AudioJob{From: from, Codec: media.Opus, Bitrate: opusBitrate}
}

// Converter converts all tracks of one stream, each in a session of its own. One that died, or whose track changed, is
// replaced; pictures and other tracks do not wait for it.
type Converter struct {
	cfg Config
	in  chan packet
}

// packet is a unit of a track with the parameters in force.
type packet struct {
	n     int
	track *media.Track
	unit  *media.Unit
}

// New makes a converter that takes packets at once, and converts them while it runs.
func New(cfg Config) *Converter { return &Converter{cfg: cfg, in: make(chan packet, waiting)} }

// Add gives it the next packet of track n. It does not block.
func (c *Converter) Add(n int, track *media.Track, u *media.Unit) { c.offer(c.in, packet{n, track, u}) }

// End says that no packet follows, and no call of Add: Run ends when all is converted.
func (c *Converter) End() { close(c.in) }

func (c *Converter) offer(to chan<- packet, p packet) {
	select {
	case to <- p:
	default:
		c.cfg.Dropped()
	}
}

// Run converts until the stream's end, or ctx's.
func (c *Converter) Run(ctx context.Context) {
	tracks := make(map[int]chan packet)
	var running sync.WaitGroup
	defer running.Wait()
	defer func() {
		for _, in := range tracks {
			close(in)
		}
	}()
	for {
		select {
		case p, more := <-c.in:
			if !more {
				return
			}
			in := tracks[p.n]
			if in == nil {
				in = make(chan packet, waiting)
				tracks[p.n] = in
				running.Go(func() { c.convert(ctx, in) })
			}
			c.offer(in, p)
		case <-ctx.Done():
			return
		}
	}
}

// convert works one track.
func (c *Converter) convert(ctx context.Context, in <-chan packet) {
	var failed time.Time
	for next, err := receive(ctx, in); err == nil; {
		if !c.cfg.Wanted(next.n, job(next.track).Codec) {
			next, err = receive(ctx, in)
			continue
		}
		if next, err = c.session(ctx, in, next); err == nil || errors.Is(err, io.EOF) || ctx.Err() != nil {
			continue
		}
		level := slog.LevelWarn
		if time.Since(failed) < quiet {
			level = slog.LevelDebug
		}
		failed = time.Now()
		c.cfg.Logger.Log(ctx, level, "audio converter ended, starting another", "err", err)
		if err = c.pause(ctx, in); err == nil {
			next, err = receive(ctx, in)
		}
	}
}

// pause waits before another attempt, and drops what comes meanwhile; io.EOF says that the track has ended.
func (c *Converter) pause(ctx context.Context, in <-chan packet) error {
	for over := time.After(retryPause); ; {
		select {
		case _, more := <-in:
			if !more {
				return io.EOF
			}
			c.cfg.Dropped()
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// receive waits for the next packet; io.EOF says that there is none.
func receive(ctx context.Context, in <-chan packet) (packet, error) {
	select {
	case p, more := <-in:
		if !more {
			return packet{}, io.EOF
		}
		return p, nil
	case <-ctx.Done():
		return packet{}, ctx.Err()
	}
}

// session converts until the track changed (then it returns the first packet of the new one), ended (io.EOF), or its
// worker failed.
func (c *Converter) session(ctx context.Context, in <-chan packet, first packet) (next packet, err error) {
	job := job(first.track)
	s, err := c.cfg.Local.Open(ctx, transcoder.SessionConfig{ID: fmt.Sprintf("%s/audio/%d", c.cfg.ID, first.n), Audio: job})
	if err != nil {
		return next, fmt.Errorf("open audio converter: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	published := make(chan error, 1)
	go func() {
		published <- c.publish(ctx, s, first.n, job.Codec)
		cancel()
	}()
	next, err = c.send(ctx, s, in, first)
	if (err == nil || errors.Is(err, io.EOF)) && s.Send(ctx, transcoder.EndSegment{}) == nil {
		select {
		case <-ctx.Done(): // all was published
		case <-time.After(finishTime):
		}
	}
	cancel()
	if err := s.Close(); err != nil {
		c.cfg.Logger.Debug("audio converter closed", "err", err)
	}
	if failed := <-published; failed != nil {
		err = failed // it says more
	}
	return next, err
}

// send sends until a packet of another track comes, which it returns.
func (c *Converter) send(ctx context.Context, s transcoder.Session, in <-chan packet, first packet) (next packet, err error) {
	for next = first; next.track == first.track; {
		if err := s.Send(ctx, transcoder.WriteUnit{Unit: next.unit}); err != nil {
			return next, err
		}
		if next, err = receive(ctx, in); err != nil {
			return next, err
		}
	}
	return next, nil
}

// publish publishes what comes out, until the session is over.
func (c *Converter) publish(ctx context.Context, s transcoder.Session, n int, codec media.Codec) error {
	for {
		out, err := s.Recv(ctx)
		switch {
		case errors.Is(err, io.EOF) || ctx.Err() != nil:
			return nil //nolint:nilerr // the session was ended on purpose
		case err != nil:
			return err
		}
		switch out := out.(type) {
		case transcoder.Rendered:
			if err := c.cfg.Publish(n, codec, out.Unit); err != nil {
				return err
			}
		case transcoder.SegmentDone:
			return nil
		}
	}
}
