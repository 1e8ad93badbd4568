package restream

import (
	"context"
	"time"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
)

// The kinds of tracks of a feed: their places among the tracks of a connection.
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
	tracks  [kinds]*media.Track   // as the connection was told
	from    time.Duration         // of the first picture: sound before it is left out
}

func newFeed(hub *playback.Hub, pictures *playback.Rendition) *feed {
	f := &feed{}
	f.readers[video] = pictures.NewReader(playback.StartNewestKey)
	if f.sound = hub.Audio(0, media.AAC); f.sound == nil { // what every server takes
		f.sound = hub.Audio(0, media.Opus)
	}
	if f.sound != nil {
		f.readers[audio] = f.sound.NewReader(playback.StartOldestKey)
	}
	return f
}

// begin waits for a key picture, and names the tracks as they are there. An error is the stream's end, or ctx's.
func (f *feed) begin(ctx context.Context) ([]*media.Track, error) {
	for f.items[video] == nil || !f.items[video].Unit.Key {
		item, err := f.readers[video].Next(ctx)
		if err != nil {
			return nil, err
		}
		f.items[video] = &item
	}
	first := f.items[video]
	f.from = first.Track.Duration(first.Unit.DTS)
	f.tracks[video] = first.Track
	tracks := []*media.Track{first.Track}
	if f.sound != nil {
		f.tracks[audio] = f.sound.Track()
		tracks = append(tracks, f.tracks[audio])
	}
	return tracks, nil
}

// next waits for the next unit, of the tracks that begin named. errNewTrack says that the next one has another; begin names
// it. Another error is the stream's end, or ctx's.
func (f *feed) next(ctx context.Context) (kind int, u *media.Unit, err error) {
	for {
		pictures, over := f.poll(video)
		sounds, _ := f.poll(audio)
		if kind, ok := f.earliest(); ok {
			item := f.items[kind]
			if !playback.SameFormat(item.Track, f.tracks[kind]) {
				return 0, nil, errNewTrack
			}
			f.items[kind] = nil
			return kind, item.Unit, nil
		}
		if over != nil {
			return 0, nil, over
		}
		select {
		case <-pictures:
		case <-sounds:
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
