package health

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Grade says how well a publisher does.
type Grade int

// The grades, better ones last.
const (
	Bad  Grade = iota // viewers notice: somebody should do something now
	Fair              // it works, and could be better
	Good
)

// Kind names an advice for machines: metrics and alerts count by it.
type Kind string

// The kinds of advice.
const (
	Stopped      Kind = "stopped"       // no pictures come
	FallsBehind  Kind = "falls_behind"  // pictures come slower than they are shown
	RunsAhead    Kind = "runs_ahead"    // pictures come faster than they are shown
	Missing      Kind = "missing"       // pictures are left out
	LongInterval Kind = "long_interval" // key frames are far apart
	ShortGOP     Kind = "short_gop"     // key frames are too close
	BFrames      Kind = "b_frames"
)

// Advice is what is not as it should be, and what to change.
type Advice struct {
	Kind  Kind
	Grade Grade  // what it makes of the stream
	Text  string // for the publisher
}

// The limits beyond which a publisher is advised.
const (
	maxSilence = 2 * time.Second
	// By how much a stream may fall behind, or run ahead, within driftWindow: viewers' buffers are a few hundred ms.
	fairDrift, badDrift = 300 * time.Millisecond, time.Second
	// Key frames every 2 s are what segments, new viewers and changes of quality want; the hub refuses 12 s.
	maxInterval, badInterval = 3 * time.Second, 8 * time.Second
	minInterval              = 500 * time.Millisecond
	// Missing pictures, in parts of all: people see one in fifty. A few may always get lost, as when a publisher begins.
	fairMissing, badMissing = 0.01, 0.05
	fewMissing              = 4
)

// Advise says what would help, the most urgent first, and how the whole does. Nothing to say is Good.
func Advise(in *Input) (Grade, []Advice) {
	var list []Advice
	say := func(kind Kind, grade Grade, format string, a ...any) {
		list = append(list, Advice{kind, grade, fmt.Sprintf(format, a...)})
	}
	worse := func(bad bool) Grade {
		if bad {
			return Bad
		}
		return Fair
	}

	if in.Silent > maxSilence {
		say(Stopped, Bad, "Nothing has come for %.0f s: look whether your encoder still runs, and its connection.", in.Silent.Seconds())
	}
	switch {
	case in.Drift > fairDrift:
		say(FallsBehind, worse(in.Drift > badDrift),
			"The stream fell %.1f s behind the clock in half a minute: your upload or your encoder is too slow. Lower the bitrate, or the size of the picture.",
			in.Drift.Seconds())
	case in.Drift < -badDrift:
		say(RunsAhead, Fair, "The stream comes faster than it plays, by %.1f s in half a minute: send it in real time (ffmpeg -re).", -in.Drift.Seconds())
	}
	if part := float64(in.Missing) / float64(max(in.Missing+in.Pictures, 1)); part > fairMissing && in.Missing > fewMissing {
		say(Missing, worse(part > badMissing), "%.0f %% of the pictures are missing: your encoder leaves them out. Choose a faster preset, a smaller picture, or fewer frames a second.",
			100*part)
	}
	switch gop := in.KeyInterval; {
	case gop > maxInterval:
		say(LongInterval, worse(gop >= badInterval),
			"Key frames come every %.0f s: set a key frame interval of 2 s (in OBS: Settings, Output, Keyframe Interval).", gop.Seconds())
	case gop > 0 && gop < minInterval:
		say(ShortGOP, Fair, "Key frames come every %.1f s, which costs quality: set a key frame interval of 2 s.", gop.Seconds())
	}
	if in.BFrames {
		say(BFrames, Good, "B-frames add delay, and keep WebRTC from playing the source: set them to 0, or tune for zerolatency.")
	}
	if len(list) == 0 {
		return Good, nil
	}
	slices.SortStableFunc(list, func(a, b Advice) int { return cmp.Compare(a.Grade, b.Grade) })
	return list[0].Grade, list
}
