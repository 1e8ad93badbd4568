package rtmp

import "time"

// What the tests of the pure parts use.

type Timeline = timeline

func (t *timeline) At(track int, stamp time.Duration, arrival time.Time) (int64, bool) {
	return t.at(track, stamp, arrival)
}

var (
	Split = split
	KeyOf = keyOf
)
