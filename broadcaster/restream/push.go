package restream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
)

// State is what a target is doing.
type State string

// The states of a target.
const (
	Idle       State = "idle"       // its stream is not live
	Connecting State = "connecting" // to the server
	Live       State = "live"       // pictures go there
	Pausing    State = "pausing"    // before the next attempt
	Impossible State = "impossible" // the stream cannot be sent there as it is; it is not tried again
)

// Status is what there is to know of a target. It is a copy.
type Status struct {
	ID        int  // numbers the targets of all streams from 1; none is given twice
	Fixed     bool // it was there from the beginning
	Rendition string
	Server    string // scheme and host, without the key
	State     State
	Since     time.Time // of the state
	Bytes     uint64    // of coded media sent since the process began
	Restarts  int       // connections that ended before the stream did, or never came about
	LastError string    // of the last of them
}

// maxError bounds what is kept of an error, in bytes: the server's own words are in it.
const maxError = 300

// errNewTrack ends a connection whose track has changed: the next one begins with the new parameters.
var errNewTrack = errors.New("the stream has new parameters")

// outlet is a connection that publishes. One goroutine uses it.
type outlet interface {
	// Write sends one unit of a track, in decoding order. An error ends the connection.
	Write(track int, u *media.Unit) error
	// Close ends the stream there, and waits until all is taken. Abort cuts the connection.
	Close() error
	Abort()
}

// open begins to publish tracks where an address says.
func open(ctx context.Context, address string, tracks []*media.Track) (outlet, error) {
	if strings.HasPrefix(address, "srt:") {
		return dialSRT(ctx, address, tracks)
	}
	return Dial(ctx, address, tracks)
}

// push is one target, over all visits of its stream.
type push struct {
	server  *Server
	target  Target
	log     *slog.Logger
	turn    chan struct{} // holds a token while nobody follows a hub
	removed chan struct{} // closed when it is no target any more
	follows sync.WaitGroup

	mu     sync.Mutex
	status Status
}

func newPush(s *Server, t Target, as Status) *push {
	p := &push{server: s, target: t, turn: make(chan struct{}, 1), removed: make(chan struct{}), status: as}
	p.turn <- struct{}{}
	p.status.Rendition, p.status.State, p.status.Since = t.Rendition, Idle, time.Now()
	if u, err := url.Parse(t.URL); err == nil {
		p.status.Server = u.Scheme + "://" + u.Host
	}
	p.log = s.cfg.Logger.With("stream", t.Stream, "rendition", t.Rendition, "target", p.status.Server)
	return p
}

func (p *push) read() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

func (p *push) become(state State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.State, p.status.Since = state, time.Now()
}

func (p *push) sent(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.Bytes += uint64(bytes)
}

// trouble counts a connection that ended, or never came about, and tells of it where it is news.
func (p *push) trouble(err error) {
	text := err.Error()
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "") + "…"
	}
	p.mu.Lock()
	news := p.status.LastError != text || p.status.State == Live
	p.status.Restarts++
	p.status.LastError = text
	p.mu.Unlock()
	if news {
		p.log.Warn("the stream is not pushed on", "err", text)
	}
}

// follow pushes one hub until it ends, or the target is removed.
func (p *push) follow(ctx context.Context, hub *playback.Hub) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.server.running.Go(func() {
		select {
		case <-p.removed:
			cancel()
		case <-ctx.Done():
		}
	})
	select {
	case <-p.turn:
		defer func() { p.turn <- struct{}{} }()
	case <-ctx.Done():
		return
	}
	select {
	case <-hub.Ready():
	case <-ctx.Done():
		return
	}
	defer p.become(Idle)
	video := hub.Rendition(p.target.Rendition)
	if video == nil {
		p.give(ctx, hub, fmt.Errorf("%w: the stream has no rendition %s", ErrInvalid, p.target.Rendition))
		return
	}
	pause := p.server.cfg.FirstPause
	f := newFeed(hub, video, playback.StartOldestKey)
	for ctx.Err() == nil {
		began := time.Now()
		err := p.once(ctx, f)
		switch {
		case err == nil, ctx.Err() != nil:
			return
		case errors.Is(err, errNewTrack):
			continue
		case errors.Is(err, ErrInvalid):
			p.give(ctx, hub, err)
			return
		}
		p.trouble(err)
		p.become(Pausing)
		if time.Since(began) > p.server.cfg.LongestPause {
			pause = p.server.cfg.FirstPause
		}
		select {
		case <-time.After(pause):
		case <-hub.Done():
			return
		case <-ctx.Done():
		}
		pause = min(2*pause, p.server.cfg.LongestPause)
		f = newFeed(hub, video, playback.StartNewestKey) // what was missed is past, and what was sent is not sent again
	}
}

// give tells that a stream cannot be pushed, until it ends.
func (p *push) give(ctx context.Context, hub *playback.Hub, err error) {
	p.become(Impossible)
	p.trouble(err)
	select {
	case <-hub.Done():
	case <-ctx.Done():
	}
}

// once pushes over one connection. It returns nil where the stream has ended, and was sent to its end.
func (p *push) once(ctx context.Context, f *feed) error {
	p.become(Connecting)
	tracks, err := f.begin(ctx)
	if err != nil {
		return nil //nolint:nilerr // the stream ended before its first picture
	}
	out, err := open(ctx, p.target.URL, tracks)
	if err != nil {
		return err
	}
	p.become(Live)
	p.log.Info("the stream is pushed on")
	for {
		track, u, err := f.next(ctx)
		if err != nil {
			if closing := out.Close(); closing != nil {
				p.log.Warn("the end may be missing at the target", "err", closing)
			}
			if errors.Is(err, errNewTrack) {
				return err
			}
			return nil // the stream's end, however it ended
		}
		if err := out.Write(track, u); err != nil {
			out.Abort()
			return err
		}
		p.sent(len(u.Payload))
	}
}
