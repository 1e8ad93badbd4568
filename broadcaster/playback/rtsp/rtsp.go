// Package rtsp serves live streams to RTSP players, a frame at a time as they come: rtsp://host/ID is the source,
// rtsp://host/ID/720p a rendition. ingest/rtsp owns the server; a rendition is packetized once for all its players.
package rtsp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"

	"castnet/broadcaster/playback"
)

// idle is how long a rendition is still packetized after its last player has left, or for one that never comes.
const idle = 10 * time.Second

// Directory finds a live stream by its public id.
type Directory interface {
	Hub(id string) (*playback.Hub, bool)
}

// Config is what a Player needs. All fields are required.
type Config struct {
	Directory Directory
	Metrics   *playback.Metrics
	Logger    *slog.Logger
	// MaxViewers bounds the players of one stream; 0 does not.
	MaxViewers int
}

func (c *Config) validate() error {
	if c.Directory == nil || c.Metrics == nil || c.Logger == nil {
		return errors.New("rtsp: Directory, Metrics and Logger are required")
	}
	return nil
}

// Player sends renditions to those who play them. It works while Run runs. Its methods are safe for concurrent use.
type Player struct {
	cfg   Config
	spawn chan *show

	mu    sync.Mutex
	shows map[*playback.Rendition]*show     // those that run
	known map[*gortsplib.ServerStream]*show // those, and others that still have players
}

// New makes a player of the streams in a directory.
func New(cfg Config) (*Player, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Player{cfg: cfg, spawn: make(chan *show), shows: make(map[*playback.Rendition]*show), known: make(map[*gortsplib.ServerStream]*show)}, nil
}

// Run sends until ctx is done.
func (p *Player) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-p.spawn:
			all.Go(func() {
				s.run(ctx)
				p.end(s)
			})
		}
	}
}

// end forgets a show that has ended, and sends its players away.
func (p *Player) end(s *show) {
	p.mu.Lock()
	delete(p.shows, s.main)
	if s.players.Load() == 0 {
		delete(p.known, s.out)
	}
	p.mu.Unlock()
	s.out.Close()
}

// Stream finds what a path names, ID or ID/RENDITION, and begins to send it where nobody plays it yet.
func (p *Player) Stream(server *gortsplib.Server, path string) (*gortsplib.ServerStream, error) {
	id, name, _ := strings.Cut(path, "/")
	hub, ok := p.cfg.Directory.Hub(id)
	if !ok {
		return nil, fmt.Errorf("stream %.40q is not live", id)
	}
	if limit := p.cfg.MaxViewers; limit > 0 && hub.Viewers(playback.RTSP) >= limit {
		return nil, fmt.Errorf("stream %q has %d viewers by RTSP: no more are taken (--max-viewers)", id, limit)
	}
	if name == "" {
		name = playback.SourceName
	}
	r := hub.Rendition(name)
	if r == hub.Source() && hub.AudioOnly() {
		r = hub.Sound(0)
	}
	switch {
	case r == nil:
		return nil, fmt.Errorf("stream %q has no rendition %.40q: there are %s", id, name, names(hub))
	case r.Track() == nil:
		return nil, fmt.Errorf("rendition %q of stream %q has not begun: try again in a moment", name, id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.shows[r]; s != nil {
		return s.out, nil
	}
	s, err := newShow(server, hub, r, p.cfg.Metrics)
	if err != nil {
		return nil, err
	}
	select {
	case p.spawn <- s:
	case <-time.After(time.Second):
		s.out.Close()
		return nil, errors.New("the broadcaster is stopping")
	}
	p.shows[r], p.known[s.out] = s, s
	return s.out, nil
}

func names(hub *playback.Hub) string {
	all := []string{playback.SourceName}
	for _, r := range hub.Renditions() {
		all = append(all, r.Name())
	}
	return strings.Join(all, ", ")
}

// Joined tells that somebody begins to play a stream.
func (p *Player) Joined(stream *gortsplib.ServerStream) { p.count(stream, 1) }

// Left tells that somebody who played a stream has gone.
func (p *Player) Left(stream *gortsplib.ServerStream) { p.count(stream, -1) }

func (p *Player) count(stream *gortsplib.ServerStream, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.known[stream]
	if s == nil {
		return // it ended between the two requests that found and played it
	}
	s.hub.AddViewers(playback.RTSP, int(n))
	left := s.players.Add(n)
	switch {
	case n > 0:
		s.joined.Store(time.Now().UnixNano())
		s.main.RequestKey() // nothing can be decoded before the next one
	case left == 0 && p.shows[s.main] != s:
		delete(p.known, stream)
	}
}
