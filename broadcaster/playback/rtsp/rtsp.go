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
	cfg     Config
	spawn   chan *show
	stopped chan struct{} // closed when Run takes no more

	mu    sync.Mutex
	shows map[*playback.Rendition]*show     // those that run
	known map[*gortsplib.ServerStream]*show // those, and others that still have players
	// viewers are those who play.
	viewers map[*gortsplib.ServerSession]*viewer
}

// New makes a player of the streams in a directory.
func New(cfg Config) (*Player, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Player{
		cfg: cfg, spawn: make(chan *show), stopped: make(chan struct{}),
		shows: make(map[*playback.Rendition]*show), known: make(map[*gortsplib.ServerStream]*show), viewers: make(map[*gortsplib.ServerSession]*viewer),
	}, nil
}

// Run sends until ctx is done.
func (p *Player) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	defer close(p.stopped)
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

// Stream is what a path names, for those who set up a session: all of one rendition's players ask for the same.
func (p *Player) Stream(server *gortsplib.Server, path string) (*gortsplib.ServerStream, error) {
	s, err := p.find(server, path)
	if err != nil {
		return nil, err
	}
	return s.out, nil
}

// find finds what a path names, ID or ID/RENDITION, and begins to packetize it where nobody plays it yet.
func (p *Player) find(server *gortsplib.Server, path string) (*show, error) {
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
	case r.Over():
		return nil, fmt.Errorf("stream %.40q is over", id)
	case r.Track() == nil:
		return nil, fmt.Errorf("rendition %q of stream %q has not begun: try again in a moment", name, id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.shows[r]; s != nil {
		s.use()
		return s, nil
	}
	s, err := newShow(server, hub, r, p.cfg.Metrics)
	if err != nil {
		return nil, err
	}
	select {
	case p.spawn <- s:
	case <-p.stopped:
		s.out.Close()
		return nil, errors.New("the broadcaster is stopping")
	}
	p.shows[r], p.known[s.out] = s, s
	return s, nil
}

func names(hub *playback.Hub) string {
	all := []string{playback.SourceName}
	for _, r := range hub.Renditions() {
		all = append(all, r.Name())
	}
	return strings.Join(all, ", ")
}

// Describe tells what a path names, in SDP.
func (p *Player) Describe(server *gortsplib.Server, path string) ([]byte, error) {
	s, err := p.find(server, path)
	if err != nil {
		return nil, err
	}
	return s.describe()
}

// Joined begins to send to a session what it has asked for.
func (p *Player) Joined(session *gortsplib.ServerSession) {
	p.mu.Lock()
	s := p.known[session.SetuppedStream()]
	if s == nil || p.viewers[session] != nil {
		p.mu.Unlock()
		return // it ended between the two requests that found and played it
	}
	v := newViewer(s, session)
	p.viewers[session] = v
	s.hub.AddViewers(playback.RTSP, 1)
	s.players.Add(1)
	p.mu.Unlock()
	select {
	case s.joins <- v:
	case <-s.over:
	}
}

// Left stops sending to a session.
func (p *Player) Left(session *gortsplib.ServerSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.viewers[session]
	if v == nil {
		return
	}
	v.leave()
	delete(p.viewers, session)
	s := v.show
	s.use()
	s.hub.AddViewers(playback.RTSP, -1)
	if s.players.Add(-1) == 0 && p.shows[s.main] != s {
		delete(p.known, s.out)
	}
}
