package hls

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
)

const (
	// viewerTimeout is how long after its last request a player counts as a viewer: more than the 3 s after which
	// one that doesn't know blocking reloads comes back.
	viewerTimeout = 10 * time.Second
	// maxViewers bounds what is remembered of one stream's viewers.
	maxViewers = 10_000
)

// presentation is one stream packaged for HLS: from the first request on, as long as anybody watches.
type presentation struct {
	hub *playback.Hub
	cfg *Config
	tag string // in all file names

	ready  chan struct{} // closed when what follows is set
	epoch  time.Time
	video  []*variant // the source, then the ladder
	audio  *variant   // nil for a silent stream
	closed chan struct{}

	mu       sync.Mutex
	viewers  map[string]time.Time
	lastSeen time.Time
}

func newPresentation(hub *playback.Hub, cfg *Config) *presentation {
	return &presentation{
		hub: hub, cfg: cfg, tag: fmt.Sprintf("%08x", rand.Uint32()), //nolint:gosec // it keeps names apart, and is no secret
		ready: make(chan struct{}), closed: make(chan struct{}),
		viewers: make(map[string]time.Time), lastSeen: time.Now(),
	}
}

// run packages the stream until it has been over, or unwatched, for a while.
func (s *presentation) run(ctx context.Context) {
	defer close(s.closed)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !s.start(ctx) {
		return
	}
	var variants sync.WaitGroup
	defer variants.Wait()
	defer cancel()
	for _, v := range s.all() {
		variants.Go(func() { v.run(ctx) })
	}
	over := s.hub.Done()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	defer s.forget(time.Time{})
	var end <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-end:
			return
		case <-over:
			over, end = nil, time.After(s.cfg.Linger)
		case now := <-tick.C:
			if idle := s.forget(now); idle > s.cfg.Idle && over != nil {
				return
			}
		}
	}
}

// ended reports whether the stream is no longer packaged.
func (s *presentation) ended() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// start makes the variants once the hub knows its ladder and has its first picture.
func (s *presentation) start(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-s.hub.Ready():
	}
	if _, err := s.hub.Source().NewReader(playback.StartNewestKey).Next(ctx); err != nil {
		return false
	}
	s.epoch = s.hub.Epoch()
	for _, r := range append([]*playback.Rendition{s.hub.Source()}, s.hub.Renditions()...) {
		s.video = append(s.video, newVariant(s, r, s.cfg))
	}
	for _, codec := range []media.Codec{media.AAC, media.Opus} {
		if r := s.hub.Audio(0, codec); r != nil && s.audio == nil {
			s.audio = newVariant(s, r, s.cfg)
		}
	}
	close(s.ready)
	return true
}

func (s *presentation) all() []*variant {
	if s.audio == nil {
		return s.video
	}
	return append(slices.Clip(s.video), s.audio)
}

// variant finds one by its rendition's name.
func (s *presentation) variant(name string) *variant {
	for _, v := range s.all() {
		if v.rendition.Name() == name {
			return v
		}
	}
	return nil
}

func (s *presentation) clock() clock {
	return clock{epoch: s.epoch, discontinued: s.hub.Discontinuities}
}

// reports are where the other variants of a kind stand.
func (s *presentation) reports(of *variant) (reports []report) {
	for _, v := range s.all() {
		if v == of {
			continue
		}
		if r, ok := v.report(); ok {
			reports = append(reports, r)
		}
	}
	return reports
}

// multivariant makes index.m3u8. It waits for the source's first part, and a moment for the rungs' first pictures,
// so that their parameters can be given rather than expected.
func (s *presentation) multivariant(ctx context.Context) (document, error) {
	started := func(p *packager) bool { return p.nextPart > 0 }
	// A source that cannot be packaged (VP8) is left out: the rungs stand in for it.
	if err := s.video[0].wait(ctx, started); err != nil && (ctx.Err() != nil || len(s.video) == 1) {
		return document{}, err
	}
	soon, cancel := context.WithTimeout(ctx, s.cfg.RungWait)
	defer cancel()
	for _, v := range s.all()[1:] {
		// One that isn't there in time is described by what was asked of its encoder.
		_ = v.wait(soon, started)
	}
	var streams []stream
	for _, v := range s.video {
		if d, ok := v.describe(); ok {
			streams = append(streams, d)
		}
	}
	if len(streams) == 0 {
		d, _ := s.video[0].describe()
		streams = []stream{d}
	}
	var audio *sound
	if s.audio != nil {
		audio = s.audio.describeSound()
	}
	return newDocument(multivariantPlaylist(streams, audio)), nil
}

// seen counts the player that a request comes from.
func (s *presentation) seen(r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	agent := r.UserAgent()
	who := host + " " + agent[:min(len(agent), 200)]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastSeen = time.Now()
	if _, known := s.viewers[who]; !known {
		if len(s.viewers) >= maxViewers {
			return
		}
		s.hub.AddViewers(playback.HLS, 1)
	}
	s.viewers[who] = s.lastSeen
}

// forget drops the viewers that have gone, all of them for the zero time, and returns for how long there was none.
func (s *presentation) forget(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	for who, last := range s.viewers {
		if now.IsZero() || now.Sub(last) > viewerTimeout {
			delete(s.viewers, who)
			s.hub.AddViewers(playback.HLS, -1)
		}
	}
	return now.Sub(s.lastSeen)
}
