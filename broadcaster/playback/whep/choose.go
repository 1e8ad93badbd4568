package whep

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
	"castnet/internal/rtc"
)

// wish is what a viewer wants to see and to hear.
type wish struct {
	pictures *playback.Rendition // nil where the stream has none
	auto     bool                // or others, as its connection allows
	sound    *playback.Rendition // nil where the stream has none
}

// choice finds what a viewer asked for by ?rendition= and ?audio=.
func choice(ctx context.Context, hub *playback.Hub, query url.Values) (w wish, err error) {
	select {
	case <-hub.Ready():
	case <-ctx.Done():
		return w, ctx.Err()
	}
	if w.sound, err = sound(hub, query.Get("audio")); err != nil {
		return w, err
	}
	name := query.Get("rendition")
	w.auto = name == "" || name == "auto"
	switch {
	case !hub.AudioOnly():
		w.pictures, err = pictures(ctx, hub, name)
	case !w.auto:
		err = rtc.Refuse(http.StatusNotFound, "stream %q has no rendition %q: it has nothing but sound", hub.ID(), name)
	case w.sound == nil:
		err = rtc.Refuse(http.StatusConflict, "stream %q has nothing but sound, and that is not Opus: hear it by HLS", hub.ID())
	}
	return w, err
}

// sound finds the track of sound that a viewer asked for, by its number from 1 or by its language. Without either it is the first
// one, which may be missing.
func sound(hub *playback.Hub, wanted string) (*playback.Rendition, error) {
	if wanted == "" {
		return hub.Audio(0, media.Opus), nil
	}
	var all []string
	for n := range hub.AudioTracks() {
		r := hub.Audio(n, media.Opus)
		if r == nil {
			continue
		}
		number, language := strconv.Itoa(n+1), r.Track().Language
		if wanted == number || strings.EqualFold(wanted, language) {
			return r, nil
		}
		all = append(all, strings.TrimSpace(number+" "+language))
	}
	return nil, rtc.Refuse(http.StatusNotFound, "stream %q has no track of sound %q: its tracks are %s", hub.ID(), wanted, cmp.Or(strings.Join(all, ", "), "none"))
}

// pictures finds the rendition that a viewer asked for by name, waiting for its first picture. Without a name, or for "auto", it is
// the best one that browsers can play.
func pictures(ctx context.Context, hub *playback.Hub, name string) (*playback.Rendition, error) {
	if name != "" && name != "auto" {
		r := hub.Rendition(name)
		if r == nil {
			return nil, rtc.Refuse(http.StatusNotFound, "stream %q has no rendition %q: there are %s", hub.ID(), name, names(hub))
		}
		if err := begun(ctx, hub, r); err != nil {
			return nil, err
		}
		if why := unplayable(r.Track()); why != "" {
			return nil, rtc.Refuse(http.StatusConflict, "%s cannot be watched by WebRTC: %s; ask for rendition=auto or one of %s", name, why, names(hub))
		}
		return r, nil
	}
	// A rung that is late is waited for only where nothing else can be shown.
	candidates := append(slices.Clone(hub.Renditions()), hub.Source())
	for _, r := range candidates {
		if t := r.Track(); t != nil && unplayable(t) == "" {
			return r, nil
		}
	}
	for _, r := range candidates {
		if r.Track() != nil {
			continue
		}
		if err := begun(ctx, hub, r); err != nil {
			return nil, err
		}
		if unplayable(r.Track()) == "" {
			return r, nil
		}
	}
	return nil, rtc.Refuse(http.StatusConflict, "stream %q has no rendition that can be watched by WebRTC: %s", hub.ID(), unplayable(hub.Source().Track()))
}

// siblings are the renditions that a viewer may be shown without another offer, smallest first: of one codec, and none of
// a size that another has. chosen is one of them.
func siblings(hub *playback.Hub, chosen *playback.Rendition) []*playback.Rendition {
	all := []*playback.Rendition{chosen}
	for _, r := range append(slices.Clone(hub.Renditions()), hub.Source()) {
		t := r.Track()
		switch {
		case r == chosen, r.Over():
		case t == nil && (r == hub.Source() || r.Profile().Codec != chosen.Track().Codec):
		case t != nil && (unplayable(t) != "" || t.Codec != chosen.Track().Codec):
		case r == hub.Source() && slices.ContainsFunc(all, func(o *playback.Rendition) bool { return pixels(o) >= pixels(r) }):
		default:
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b *playback.Rendition) int { return cmp.Compare(pixels(a), pixels(b)) })
	return all
}

// pixels is a rendition's size: as asked for, until it has begun.
func pixels(r *playback.Rendition) int {
	if t := r.Track(); t != nil {
		return t.Width * t.Height
	}
	return int(r.Profile().Pixels())
}

// begun waits for a rendition's first picture.
func begun(ctx context.Context, hub *playback.Hub, r *playback.Rendition) error {
	if _, err := r.NewReader(playback.StartNewestKey).Next(ctx); err != nil && ctx.Err() == nil {
		return rtc.Refuse(http.StatusNotFound, "stream %q is over", hub.ID())
	}
	return ctx.Err()
}

// unplayable says why browsers cannot be sent a track, "" where they can.
func unplayable(t *media.Track) string {
	switch {
	case t.Codec == media.HEVC:
		return "its codec is HEVC, which most browsers cannot take by WebRTC"
	case t.Reorder > 0:
		return "it has B-frames, which WebRTC cannot carry (in OBS: set \"B-frames\" to 0)"
	default:
		return ""
	}
}

func names(hub *playback.Hub) string {
	var all []string
	if t := hub.Source().Track(); t != nil && unplayable(t) == "" {
		all = append(all, playback.SourceName)
	}
	for _, r := range hub.Renditions() {
		all = append(all, r.Name())
	}
	return cmp.Or(strings.Join(all, ", "), "none")
}
