package transcoder

import (
	"fmt"
	"strings"

	"castnet/internal/media"
)

// Limits of what a profile may ask for.
const (
	MaxRungs     = 8
	MinDimension = 16
	MaxDimension = media.MaxDimension
	minBitrate   = 10_000
	maxBitrate   = 100_000_000
)

// Profile is one rung of a ladder: what one rendition looks like. It is part of the signed lease.
type Profile struct {
	// Name is how players name the rendition: "720p".
	Name  string
	Codec media.Codec
	// Width and Height are explicit, even numbers of luma samples.
	Width, Height int
	// Bitrate is the target in bits a second.
	Bitrate int
	// Divisor keeps every Divisor-th picture in PTS order, from the first picture of each segment; 1 keeps all.
	Divisor int
}

// Pixels is the luma samples of one picture.
func (p Profile) Pixels() int64 { return int64(p.Width) * int64(p.Height) }

// Ladder is the renditions of a stream, largest first.
type Ladder []Profile

// Validate returns an error that names the rung and the limit it breaks.
func (l Ladder) Validate() error {
	if len(l) == 0 || len(l) > MaxRungs {
		return fmt.Errorf("ladder has %d rungs: allowed are 1 to %d", len(l), MaxRungs)
	}
	seen := make(map[string]bool, len(l))
	for _, p := range l {
		if err := p.validate(); err != nil {
			return fmt.Errorf("rung %q: %w", p.Name, err)
		}
		if seen[p.Name] {
			return fmt.Errorf("rung %q appears twice", p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

func (p Profile) validate() error {
	switch {
	case p.Name == "" || reserved(p.Name):
		return fmt.Errorf("a rung needs a name other than %q: source, captions, aac and opus, with or without a number, are what else players can ask for", p.Name)
	case p.Codec != media.H264 && p.Codec != media.HEVC && p.Codec != media.AV1:
		return fmt.Errorf("codec %v cannot be encoded", p.Codec)
	case p.Width < MinDimension || p.Width > MaxDimension || p.Height < MinDimension || p.Height > MaxDimension:
		return fmt.Errorf("size %dx%d: allowed are %d to %d", p.Width, p.Height, MinDimension, MaxDimension)
	case p.Width%2 != 0 || p.Height%2 != 0:
		return fmt.Errorf("size %dx%d is odd", p.Width, p.Height)
	case p.Bitrate < minBitrate || p.Bitrate > maxBitrate:
		return fmt.Errorf("bitrate %d b/s: allowed are %d to %d", p.Bitrate, minBitrate, maxBitrate)
	case p.Divisor < 1 || p.Divisor > 8:
		return fmt.Errorf("frame-rate divisor %d: allowed are 1 to 8", p.Divisor)
	}
	return nil
}

// reserved reports whether players know something else by a name: the source, its captions as text, a track of sound.
func reserved(name string) bool {
	switch strings.TrimRight(name, "0123456789") {
	case "source", "captions", "aac", "opus":
		return true
	}
	return false
}

// DefaultLadder makes the ladder of a source of the given size: the top rung has the source's height, at most 720;
// then two thirds and one half of the top rung. It returns nil for a source too small for a rung.
func DefaultLadder(width, height int) Ladder {
	if width < MinDimension || height < MinDimension {
		return nil
	}
	top := min(height, 720)
	heights := []int{even(top), even(top * 2 / 3), even(top / 2)}
	var l Ladder
	for _, h := range heights {
		w := even((width*h + height/2) / height)
		if w < MinDimension || h < MinDimension || w > MaxDimension {
			continue
		}
		if n := len(l); n > 0 && l[n-1].Height == h {
			continue
		}
		l = append(l, Profile{
			Name: fmt.Sprintf("%dp", h), Codec: media.H264, Width: w, Height: h, Bitrate: defaultBitrate(w, h), Divisor: 1,
		})
	}
	return l
}

func even(n int) int { return n &^ 1 }

// defaultBitrate follows the power law that published ABR ladders fit: bits per pixel fall as pictures grow
// (720p30 about 2.5 Mb/s, 480p 1.4 Mb/s, 360p 0.9 Mb/s).
func defaultBitrate(w, h int) int {
	switch px := w * h; {
	case px >= 1280*720*3/4:
		return px * 27 / 10
	case px >= 854*480*3/4:
		return px * 34 / 10
	default:
		return max(px*4, 120_000)
	}
}
