package hls

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"castnet/broadcaster/playback"
)

const (
	// viewerTimeout is how long after its last request a player counts as a viewer: more than the 3 s after which
	// one that doesn't know blocking reloads comes back.
	viewerTimeout = 10 * time.Second
	// maxAgents bounds the User-Agents that are told apart at one place: a household's. All others there count as one, so
	// that nobody takes all the places of a stream by making them up.
	maxAgents = 64
)

// presentation is one stream packaged for HLS: from the first request on, as long as anybody watches.
type presentation struct {
	hub *playback.Hub
	cfg *Config
	tag string // in all file names

	ready  chan struct{} // closed when what follows is set
	epoch  time.Time
	sounds []*variant // one of each track
	closed chan struct{}

	amended <-chan struct{} // closed when the ladder is no longer the one that is packaged; of run's goroutine

	mu       sync.Mutex
	video    []*variant // the source, then the ladder; none where there is sound only
	viewers  map[viewer]time.Time
	agents   map[netip.Prefix]int // how many of the viewers are at a place
	lastSeen time.Time
}

// viewer is what players are told apart by.
type viewer struct {
	place netip.Prefix
	agent string // the beginning of the User-Agent
}

func newPresentation(hub *playback.Hub, cfg *Config) *presentation {
	return &presentation{
		hub: hub, cfg: cfg, tag: fmt.Sprintf("%08x", rand.Uint32()), //nolint:gosec // it keeps names apart, and is no secret
		ready: make(chan struct{}), closed: make(chan struct{}),
		viewers: make(map[viewer]time.Time), agents: make(map[netip.Prefix]int), lastSeen: time.Now(),
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
		case <-s.amended:
			for _, v := range s.adopt() {
				variants.Go(func() { v.run(ctx) })
			}
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

// start makes the variants once the hub knows its ladder and has its first picture, or sound where that is all.
func (s *presentation) start(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-s.hub.Ready():
	}
	sounds, first := s.sound(), s.hub.Source()
	if s.hub.AudioOnly() {
		if len(sounds) == 0 {
			return false
		}
		first = sounds[0]
	}
	if _, err := first.NewReader(playback.StartNewestKey).Next(ctx); err != nil {
		return false
	}
	s.epoch = s.hub.Epoch()
	if !s.hub.AudioOnly() {
		s.adopt()
	}
	for _, r := range sounds {
		s.sounds = append(s.sounds, newVariant(s, r, s.cfg))
	}
	close(s.ready)
	return true
}

// adopt takes the source and its ladder as it is now, and returns the variants that are new.
func (s *presentation) adopt() (fresh []*variant) {
	s.amended = s.hub.Amended()
	renditions := append([]*playback.Rendition{s.hub.Source()}, s.hub.Renditions()...)
	s.mu.Lock()
	defer s.mu.Unlock()
	video := make([]*variant, len(renditions))
	for i, r := range renditions {
		n := slices.IndexFunc(s.video, func(v *variant) bool { return v.rendition == r })
		if n >= 0 {
			video[i] = s.video[n]
			continue
		}
		video[i] = newVariant(s, r, s.cfg)
		fresh = append(fresh, video[i])
	}
	s.video = video
	return fresh
}

// pictures are the source and its ladder; none where there is sound only.
func (s *presentation) pictures() []*variant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clip(s.video)
}

// sound is each track of sound, as it was sent: what is made of it begins later than the pictures.
func (s *presentation) sound() (tracks []*playback.Rendition) {
	for n := range s.hub.AudioTracks() {
		if r := s.hub.Sound(n); r != nil {
			tracks = append(tracks, r)
		}
	}
	return tracks
}

func (s *presentation) all() []*variant { return slices.Concat(s.pictures(), s.sounds) }

// variant finds one by its rendition's name. The captions are the source's.
func (s *presentation) variant(name string) *variant {
	if _, ok := textOf(name); ok && len(s.pictures()) > 0 {
		return s.pictures()[0]
	}
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

// multivariant makes index.m3u8. It waits for the first part of the source, or of the sound where that is all, and a moment
// for the other variants' first, so that their parameters can be given rather than expected.
func (s *presentation) multivariant(ctx context.Context) (document, error) {
	started := func(p *packager) bool { return p.nextPart > 0 }
	// A source that cannot be packaged (VP8) is left out: the rungs stand in for it.
	video := s.pictures()
	all := slices.Concat(video, s.sounds)
	if err := all[0].wait(ctx, started); err != nil && (ctx.Err() != nil || len(video) <= 1) {
		return document{}, err
	}
	soon, cancel := context.WithTimeout(ctx, s.cfg.RungWait)
	defer cancel()
	for _, v := range all[1:] {
		// One that isn't there in time is described by what was asked of its encoder.
		_ = v.wait(soon, started)
	}
	var streams []stream
	for _, v := range video {
		if d, ok := v.describe(); ok {
			streams = append(streams, d)
		}
	}
	if len(streams) == 0 && len(video) > 0 {
		d, _ := video[0].describe()
		streams = []stream{d}
	}
	var sounds []sound
	for _, v := range s.sounds {
		if d, ok := v.describeSound(); ok {
			sounds = append(sounds, d)
		}
	}
	return newDocument(multivariantPlaylist(streams, sounds)), nil
}

// seen counts the player that a request comes from, or refuses one that would be too many: whatever it asks for first.
func (s *presentation) seen(r *http.Request) error {
	agent := r.UserAgent()
	who := viewer{playback.PlaceOf(r.RemoteAddr), agent[:min(len(agent), 200)]}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastSeen = time.Now()
	_, known := s.viewers[who]
	together := viewer{place: who.place} // the others at this place
	_, shared := s.viewers[together]
	full := len(s.viewers) >= s.cfg.MaxViewers
	// Who was one of the others goes on as one of them, where there is no place of its own.
	if !known && (s.agents[who.place] >= maxAgents || full && shared) {
		who, known = together, shared
	}
	if !known {
		if full {
			return &httpError{http.StatusServiceUnavailable, fmt.Sprintf("the stream has %d viewers by HLS: no more are taken (--max-viewers)", len(s.viewers))}
		}
		s.agents[who.place]++
		s.hub.AddViewers(playback.HLS, 1)
	}
	s.viewers[who] = s.lastSeen
	return nil
}

// forget drops the viewers that have gone, all of them for the zero time, and returns for how long there was none.
func (s *presentation) forget(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	for who, last := range s.viewers {
		if now.IsZero() || now.Sub(last) > viewerTimeout {
			delete(s.viewers, who)
			if s.agents[who.place]--; s.agents[who.place] == 0 {
				delete(s.agents, who.place)
			}
			s.hub.AddViewers(playback.HLS, -1)
		}
	}
	return now.Sub(s.lastSeen)
}
