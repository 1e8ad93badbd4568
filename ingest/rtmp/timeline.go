package rtmp

import (
	"time"

	"castnet/ingest"
)

// Limits of what a publisher's timestamps may do before they are taken for a jump.
const (
	maxBack  = 500 // ms behind the track's last unit: some encoders jitter
	maxAhead = 10_000
)

// timeline makes one steady clock out of a connection's message timestamps: 32-bit milliseconds that wrap after 49
// days, shared by all tracks, and restarted at will by some encoders. Without jumps, milliseconds come out as they
// came. After a jump the clock goes on from where it was, by the time that has really passed.
type timeline struct {
	started bool
	raw     int64         // the last timestamp, unwrapped
	offset  int64         // what is added to it
	highest int64         // of all that came out
	last    [tracks]int64 // what came out last, by track
	arrival time.Time     // of the message before
}

// The places of tracks: the pictures, then each track of sound, then each further one of pictures.
const (
	pictures = iota
	sounds
	further = sounds + ingest.MaxSounds
	tracks  = further + ingest.MaxFurther
)

// at takes a message's timestamp and arrival, and returns its time in ms, and whether the publisher's clock jumped.
func (t *timeline) at(track int, timestamp time.Duration, arrival time.Time) (ms int64, jumped bool) {
	stamp := uint32(timestamp / time.Millisecond)
	if !t.started {
		t.started = true
		t.raw = int64(stamp)
		t.highest = t.raw
		for i := range t.last {
			t.last[i] = t.raw
		}
		t.arrival = arrival
	}
	t.raw += int64(int32(stamp - uint32(t.raw)))
	ms = t.raw + t.offset
	if ms < t.last[track]-maxBack || ms > t.highest+maxAhead {
		jumped = true
		passed := max(arrival.Sub(t.arrival).Milliseconds(), 1)
		t.offset += t.highest + passed - ms
		ms = t.highest + passed
	}
	t.last[track] = ms
	t.highest = max(t.highest, ms)
	t.arrival = arrival
	return ms, jumped
}
