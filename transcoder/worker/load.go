package worker

import (
	"bytes"
	"cmp"
	"math"
	"os"
	"strconv"
	"sync"
	"time"

	"castnet/transcoder"
)

const (
	// assumedRate is how many pictures a second a session is taken for until it has been seen at work.
	assumedRate = 30
	// loadWindow is how long pixels are counted for a rate: the length of a usual segment.
	loadWindow = 2 * time.Second
)

// load is the pixels a second that a session's encoders make.
type load struct {
	at       *place
	session  string        // its id
	customer string        // or the session's id, where there is none
	move     chan struct{} // closed, under the pool's mutex, when the session is to leave the device
	ladder   transcoder.Ladder
	estimate int64 // pixels a second, from the ladder

	mu     sync.Mutex
	worked uint32    // the renditions that have a picture, one bit each
	seen   bool      // a whole window has been counted
	last   int64     // the rate in it
	since  time.Time // when the present window began
	pixels int64     // in it
}

func newLoad(at *place, cfg transcoder.SessionConfig, now time.Time) *load {
	made := &load{
		at: at, session: cfg.ID, customer: cmp.Or(cfg.Customer, cfg.ID), move: make(chan struct{}), ladder: cfg.Ladder, since: now,
	}
	for _, p := range cfg.Ladder {
		made.estimate += p.Pixels() * assumedRate / int64(max(p.Divisor, 1))
	}
	return made
}

// moved reports whether the session has been told to leave the device. The pool's mutex is held.
func (l *load) moved() bool {
	select {
	case <-l.move:
		return true
	default:
		return false
	}
}

// made counts one picture of a rendition.
func (l *load) made(rendition int, now time.Time) {
	if rendition >= len(l.ladder) {
		return // sound, a still
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.roll(now)
	l.worked |= 1 << rendition
	l.pixels += l.ladder[rendition].Pixels()
}

// hasWorked reports whether the device has made pictures of every rendition: it has taken the whole session.
func (l *load) hasWorked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ladder) > 0 && l.worked == 1<<len(l.ladder)-1
}

// rate is the pixels a second of the last whole window; of a session that has not had one, at least what its ladder
// lets expect.
func (l *load) rate(now time.Time) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.roll(now)
	if !l.seen {
		return l.estimate
	}
	return l.last
}

func (l *load) roll(now time.Time) {
	if took := now.Sub(l.since); took >= loadWindow {
		l.seen, l.last = true, int64(float64(l.pixels)/took.Seconds())
		l.since, l.pixels = now, 0
	}
}

// freeMemory is how many bytes the machine can give away, as the kernel estimates it; where it does not, enough.
func freeMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return math.MaxInt64
	}
	_, after, _ := bytes.Cut(text, []byte("MemAvailable:"))
	line, _, _ := bytes.Cut(after, []byte("kB"))
	kib, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return kib << 10
}
