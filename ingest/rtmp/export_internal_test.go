package rtmp

import (
	"time"

	"castnet/internal/media"
)

// What the tests of the pure parts use.

type Timeline = timeline

func (t *timeline) At(track int, stamp time.Duration, arrival time.Time) (int64, bool) {
	return t.at(track, stamp, arrival)
}

type AVC struct{ avc }

func (a *AVC) Set(lengthSize int, sps, pps [][]byte) (*media.Track, error) {
	a.lengthSize = lengthSize
	_, err := a.setParameters(sps, pps)
	return a.track, err
}

type Picture struct {
	Payload      []byte
	Key, Changed bool
}

func (a *AVC) Convert(au []byte) (Picture, error) {
	p, err := a.convert(au)
	return Picture{p.payload, p.key, p.changed}, err
}

func (a *AVC) Observe(pts, dts int64) bool { return a.observe(pts, dts) }

func (a *AVC) Track() *media.Track { return a.track }
