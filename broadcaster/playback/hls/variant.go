package hls

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/captions"
)

// quietAfter is how long nothing comes of a stream until what is complete is shown, whatever should follow it.
const quietAfter = time.Second

// variant packages one rendition, once for all its viewers, in memory.
type variant struct {
	show      *presentation
	rendition *playback.Rendition

	mu   sync.Mutex
	pack packager
	wake chan struct{} // closed and made anew when the playlist changes
	err  error         // why there is nothing more to come, where that isn't the stream's end

	rendered [words + view(captions.Count)]rendered // by view
}

// rendered is a playlist at a version of the packager.
type rendered struct {
	document
	version uint64
}

// document is a playlist, as it is and compressed.
type document struct{ plain, gzipped []byte }

func newDocument(text string) document {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is valid
	_, _ = z.Write([]byte(text))                    // into memory: cannot fail
	_ = z.Close()
	return document{plain: []byte(text), gzipped: b.Bytes()}
}

func newVariant(show *presentation, r *playback.Rendition, cfg *Config) *variant {
	return &variant{
		show: show, rendition: r, wake: make(chan struct{}),
		pack: packager{clock: show.clock(), partDuration: cfg.PartDuration, window: cfg.Window, maxBytes: cfg.WindowBytes},
	}
}

// run packages until the stream is over.
func (v *variant) run(ctx context.Context) {
	reader := v.rendition.Prepare(playback.StartOldestKey) // whoever asks for the playlist reads it
	quiet := time.NewTimer(quietAfter)
	defer quiet.Stop()
	for {
		item, wait, err := reader.Poll()
		if wait != nil {
			_ = v.update((*packager).begun) // all that was there has been taken: this is live
			quiet.Reset(quietAfter)
			select {
			case <-ctx.Done():
				return // nobody watches: there is no end of the stream to show
			case <-quiet.C:
				_ = v.update((*packager).quiet)
			case <-wait:
			}
			continue
		}
		if err == nil {
			err = v.update(func(p *packager) error { return p.write(item) })
		}
		if err != nil {
			v.end(err)
			return
		}
	}
}

// update changes the packager and wakes who waits for a change.
func (v *variant) update(change func(*packager) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.pack.version
	err := change(&v.pack)
	if v.pack.version != before {
		close(v.wake)
		v.wake = make(chan struct{})
	}
	return err
}

func (v *variant) end(reason error) {
	err := v.update((*packager).finish)
	v.mu.Lock()
	defer v.mu.Unlock()
	if !errors.Is(reason, io.EOF) && err == nil {
		err = reason
	}
	v.err = err
}

// wait returns once ready holds of the packager, which it is called with under the lock. It fails when the variant
// has ended without it, or ctx is done.
func (v *variant) wait(ctx context.Context, ready func(*packager) bool) error {
	for {
		v.mu.Lock()
		ok, ended, err, wake := ready(&v.pack), v.pack.ended, v.err, v.wake
		v.mu.Unlock()
		switch {
		case ok:
			return nil
		case err != nil:
			return fmt.Errorf("%w: %w", errEnded, err)
		case ended:
			return errEnded
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		}
	}
}

var errEnded = errors.New("there is no more of this rendition")

// view is one of the playlists that a variant has.
type view uint8

const (
	whole view = iota
	delta
	words // of its captions: this view is the first service's, those after it the others'
)

// playlist renders one of the variant's playlists, once for all who ask for the same state of it.
func (v *variant) playlist(as view) document {
	reports := v.show.reports(v)
	v.mu.Lock()
	defer v.mu.Unlock()
	r := &v.rendered[as]
	if r.plain != nil && r.version == v.pack.version {
		return r.document
	}
	var text string
	if as >= words {
		text = captionsPlaylist(&v.pack, v.show.tag, captions.Service(as-words))
	} else {
		text = mediaPlaylist(&v.pack, v.show.tag, reports, as == delta)
	}
	*r = rendered{newDocument(text), v.pack.version}
	return r.document
}

// file returns the chunks of a file, waiting for the part that comes next.
func (v *variant) file(ctx context.Context, kind byte, number uint64) ([][]byte, error) {
	var chunks [][]byte
	err := v.wait(ctx, func(p *packager) bool {
		var pending bool
		chunks, pending = p.file(kind, number)
		return !pending
	})
	if err == nil && chunks == nil {
		err = errNoFile
	}
	return chunks, err
}

var errNoFile = errors.New("no such file: it has left the playlist, or was never in it")

// report is where the variant stands; ok is false before its first part.
func (v *variant) report() (r report, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r.uri = "../" + v.rendition.Name() + "/" + indexName
	r.msn, r.part, ok = v.pack.newest()
	return r, ok
}

// describe is the variant's line in the multivariant playlist. ok is false where it is no target to switch to.
func (v *variant) describe() (s stream, ok bool) {
	profile, source := v.rendition.Profile(), v.show.hub.Source().Track()
	s = stream{
		uri: v.rendition.Name() + "/" + indexName, width: profile.Width, height: profile.Height, codec: expectedCodec(profile),
		average: profile.Bitrate, peak: profile.Bitrate * 3 / 2,
	}
	if source != nil && profile.Divisor > 0 {
		s.frameRate = source.FrameRate / float64(profile.Divisor)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.pack.formats) > 0 {
		f := v.pack.format()
		s.codec, s.width, s.height = f.rfc6381, f.track.Width, f.track.Height
		if f.track.FrameRate > 0 {
			s.frameRate = f.track.FrameRate
		}
		s.captions = offered(v.pack.captions.Found())
	}
	if average, peak := v.pack.rates(); average > 0 {
		s.average, s.peak = average, peak
	}
	failed := v.pack.ended && len(v.pack.segments) == 0
	return s, !v.pack.longGOP && !failed
}

// describeSound is a track of sound in the multivariant playlist. ok is false before its first packet.
func (v *variant) describeSound() (s sound, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.pack.formats) == 0 {
		return s, false
	}
	f := v.pack.format()
	average, peak := v.pack.rates()
	if average == 0 {
		average, peak = 128_000, 192_000
	}
	return sound{
		uri: v.rendition.Name() + "/" + indexName, codec: f.rfc6381, channels: f.track.Channels,
		language: f.track.Language, label: f.track.Label, average: average, peak: peak,
	}, true
}
