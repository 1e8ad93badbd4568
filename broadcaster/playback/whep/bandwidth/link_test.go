package bandwidth_test

import (
	"math/rand/v2"
	"slices"
	"time"

	"castnet/broadcaster/playback/whep/bandwidth"
)

const (
	tick         = 5 * time.Millisecond
	packetBytes  = 1200
	pictureEvery = 33 * time.Millisecond
	gop          = 60 // pictures; the first is ten times as large as the others
)

// conditions are a connection's at one time.
type conditions struct {
	capacity float64 // bits a second
	delay    time.Duration
	jitter   time.Duration // at most; packets overtake each other
	loss     float64
}

// world is one viewer of a ladder behind a link, driven by the clock alone. It begins with the second rendition.
type world struct {
	rates  []float64
	link   func(now time.Duration) conditions
	buffer int     // bytes that the link queues
	drift  float64 // of the viewer's clock
	reply  time.Duration
	random *rand.Rand

	e       *bandwidth.Estimator
	chooser bandwidth.Chooser
	current int
	moves   int

	backlog   int // bytes of pictures that wait for the pace
	tokens    float64
	number    uint16
	freeAt    time.Duration // when the link's queue is empty
	arrivals  []arriving
	reported  uint16 // the next number to report
	gotSince  []arriving
	nextReply time.Duration
	maxQueue  time.Duration // of the link, since it was last reset
}

type arriving struct {
	number uint16
	at     time.Duration
}

func newWorld(rates []float64, link func(time.Duration) conditions) *world {
	return &world{
		rates: rates, link: link, buffer: 64 << 10, reply: 100 * time.Millisecond, random: rand.New(rand.NewPCG(1, 2)),
		e: bandwidth.New(20e6), current: 1,
	}
}

func always(c conditions) func(time.Duration) conditions {
	return func(time.Duration) conditions { return c }
}

// run lets time go on.
func (w *world) run(from, to time.Duration) {
	for now := from; now < to; now += tick {
		w.pictures(now)
		w.deliver(now)
		w.e.Dead(now)
		if w.current < len(w.rates)-1 {
			w.e.Probe(bandwidth.Worth(w.rates), now)
		}
		w.send(now)
	}
}

// pictures adds those of a tick, and moves at key pictures.
func (w *world) pictures(now time.Duration) {
	n := int(now / pictureEvery)
	if int((now-tick)/pictureEvery) == n && now > 0 {
		return
	}
	if n%gop == 0 {
		if next := w.chooser.Choose(w.current, w.rates, w.e, now); next != w.current {
			w.chooser.Moved(next > w.current, now)
			w.current, w.backlog = next, 0
			w.moves++
		}
	}
	share := 1.0
	if n%gop == 0 {
		share = 10
	}
	w.backlog += int(w.rates[w.current] / 8 * pictureEvery.Seconds() * share * gop / (gop + 9))
}

func (w *world) send(now time.Duration) {
	w.tokens = min(w.tokens+w.e.Pace()/8*tick.Seconds(), 2*packetBytes+w.e.Pace()/8*tick.Seconds())
	for w.backlog > 0 && w.tokens > 0 {
		n := min(w.backlog, packetBytes)
		w.backlog -= n
		w.packet(n, now)
	}
	for w.e.Padding(now) > 0 {
		w.packet(packetBytes, now)
	}
}

// packet goes through the link: a queue of limited length, then delay, jitter and loss.
func (w *world) packet(size int, now time.Duration) {
	c := w.link(now)
	w.tokens -= float64(size)
	w.e.Sent(w.number, size, now)
	number := w.number
	w.number++
	w.freeAt = max(w.freeAt, now)
	queue := w.freeAt - now
	if c.capacity == 0 || queue.Seconds()*c.capacity/8 > float64(w.buffer) {
		return
	}
	w.maxQueue = max(w.maxQueue, queue)
	w.freeAt += time.Duration(float64(size) * 8 / c.capacity * float64(time.Second))
	if w.random.Float64() < c.loss {
		return
	}
	at := w.freeAt + c.delay
	if c.jitter > 0 {
		at += time.Duration(w.random.Int64N(int64(c.jitter)))
	}
	w.arrivals = append(w.arrivals, arriving{number, at})
}

// deliver takes what has arrived, and reports it now and then, as players do.
func (w *world) deliver(now time.Duration) {
	w.arrivals = slices.DeleteFunc(w.arrivals, func(a arriving) bool {
		if a.at > now {
			return false
		}
		w.gotSince = append(w.gotSince, a)
		return true
	})
	if now < w.nextReply || len(w.gotSince) == 0 {
		return
	}
	w.nextReply = now + w.reply
	at := make(map[uint16]time.Duration)
	first, last := w.reported, w.reported
	for _, a := range w.gotSince {
		at[a.number] = a.at
		if int16(a.number-first) < 0 {
			first = a.number
		}
		if int16(a.number+1-last) > 0 {
			last = a.number + 1
		}
	}
	var packets []bandwidth.Packet
	for n := first; n != last; n++ {
		arrived, ok := at[n]
		arrived += time.Duration(float64(arrived)*w.drift) + time.Hour
		packets = append(packets, bandwidth.Packet{Number: n, Lost: !ok, At: arrived})
	}
	w.reported, w.gotSince = last, w.gotSince[:0]
	w.e.Report(packets, now)
}
