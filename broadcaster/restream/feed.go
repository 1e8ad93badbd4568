package restream

import (
	"context"
	"time"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
)

// The kinds of tracks of a feed.
const (
	video = iota
	audio
	kinds
)

// feed reads one rendition and the sound that belongs to it, in the order of their decoding times as far as both are there.
type feed struct {
	sound   *playback.Rendition // nil without
	readers [kinds]*playback.Reader
	items   [kinds]*playback.Item // read, and not handed out yet
	main    int                   // the kind that everything begins and ends with: pictures, or sound where there are none
	tracks  [kinds]*media.Track   // as the connection was told
	index   [kinds]int            // their places among the connection's tracks
	from    time.Duration         // of the first picture: sound before it is left out
}

// newFeed begins a feed: with the newest key picture, or where there are none with the sound from alone on.
func newFeed(hub *playback.Hub, pictures *playback.Rendition, alone playback.Start) *feed {
	f := &feed{}
	start := playback.StartOldestKey // what sounds before the first picture is left out by its time
	if hub.AudioOnly() {
		f.main, start = audio, alone
	} else {
		f.readers[video] = pictures.NewReader(playback.StartNewestKey)
	}
	if f.sound = hub.Audio(0, media.AAC); f.sound == nil { // what every server takes
		f.sound = hub.Audio(0, media.Opus)
	}
	if f.sound != nil {
		f.readers[audio] = f.sound.NewReader(start)
	}
	return f
}

// begin waits for a key picture, and names the tracks as they are there. An error is the stream's end, or ctx's.
func (f *feed) begin(ctx context.Context) ([]*media.Track, error) {
	for f.items[f.main] == nil || f.main == video && !f.items[video].Unit.Key {
		item, err := f.readers[f.main].Next(ctx)
		if err != nil {
			return nil, err
		}
		f.items[f.main] = &item
	}
	first := f.items[f.main]
	f.from = first.Track.Duration(first.Unit.DTS)
	f.tracks[f.main], f.index[f.main] = first.Track, 0
	tracks := []*media.Track{first.Track}
	if f.main == video && f.sound != nil {
		f.tracks[audio], f.index[audio] = f.sound.Track(), 1
		tracks = append(tracks, f.tracks[audio])
	}
	return tracks, nil
}

// next waits for the next unit, of the tracks that begin named. errNewTrack says that the next one has another; begin names
// it. Another error is the stream's end, or ctx's.
func (f *feed) next(ctx context.Context) (track int, u *media.Unit, err error) {
	for {
		var over [kinds]error
		var more [kinds]<-chan struct{}
		for kind := range kinds {
			more[kind], over[kind] = f.poll(kind)
		}
		if kind, ok := f.earliest(); ok {
			item := f.items[kind]
			if !playback.SameFormat(item.Track, f.tracks[kind]) {
				return 0, nil, errNewTrack
			}
			f.items[kind] = nil
			return f.index[kind], item.Unit, nil
		}
		if over[f.main] != nil {
			return 0, nil, over[f.main]
		}
		select {
		case <-more[video]:
		case <-more[audio]:
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		}
	}
}

// poll reads a unit of a kind ahead, if there is one. Otherwise wait is closed when there may be, or err says why no more
// comes.
func (f *feed) poll(kind int) (wait <-chan struct{}, err error) {
	for f.items[kind] == nil && f.readers[kind] != nil {
		item, wait, err := f.readers[kind].Poll()
		if wait != nil || err != nil {
			return wait, err
		}
		if kind == video || item.Track.Duration(item.Unit.DTS) >= f.from {
			f.items[kind] = &item
		}
	}
	return nil, nil //nolint:nilnil // there is a unit, or there is no such track
}

// earliest is the kind whose unit comes next, of those that are there.
func (f *feed) earliest() (kind int, ok bool) {
	v, a := f.items[video], f.items[audio]
	switch {
	case v == nil:
		return audio, a != nil
	case a == nil || v.Track.Duration(v.Unit.DTS) <= a.Track.Duration(a.Unit.DTS):
		return video, true
	default:
		return audio, true
	}
}
