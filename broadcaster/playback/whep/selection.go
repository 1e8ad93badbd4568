package whep

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/pion/rtcp"

	"castnet/broadcaster/playback/whep/bandwidth"
	"castnet/broadcaster/playback/whep/packets"
)

const (
	// startRate is the most that a rendition may have for a viewer to begin with it of whom nothing is known, in bits a
	// second, unless all have more.
	startRate = 1_000_000
	// maxHold is how long a key picture waits for the same one of another rendition, which takes longer to make.
	maxHold = 300 * time.Millisecond
	// maxPadding bounds the packets that a probe sends at once.
	maxPadding = 16
)

// selection is which rendition a viewer is shown: its own choice, or by what its connection carries. Moves happen where the
// new rendition has a key picture, most of them where both have one.
type selection struct {
	feeds           []*feed // what it may be shown, smallest first
	current, wanted int     // of feeds
	auto            bool
	heldFrom        time.Time // since when the next packet is held back; zero while it isn't
	changed         chan struct{}
	rates           []float64 // of feeds, as choose saw them
	firstPace       float64
	estimator       *bandwidth.Estimator // nil where the player reports nothing
	chooser         bandwidth.Chooser
	clock           bandwidth.Clock
	padded          uint64 // which packets probes have repeated
}

func newSelection() selection { return selection{changed: make(chan struct{}), firstPace: chosenPace} }

// offer names the feeds that the viewer may be shown, smallest first, and the one that it has chosen; nil leaves that to
// the server.
func (l *leg) offer(feeds []*feed, chosen *feed) {
	l.feeds, l.rates = feeds, make([]float64, len(feeds))
	if chosen != nil {
		l.current = slices.Index(feeds, chosen)
	} else {
		l.auto, l.current = true, len(feeds)-1
	}
	l.wanted = l.current
}

// shown is the feed that the viewer is sent.
func (l *leg) shown() *feed {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.feeds[l.current]
}

// amend adds feeds that the viewer may be shown from now on, and leaves out those that have ended.
func (l *leg) amend(more []*feed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reform(more)
}

// reform is amend. Who wanted what has ended stays with what is shown. The lock is held.
func (l *leg) reform(more []*feed) {
	current, wanted := l.feeds[l.current], l.feeds[l.wanted]
	l.feeds = slices.DeleteFunc(append(slices.Clone(l.feeds), more...), func(f *feed) bool {
		return f.rendition.Over() && f != current
	})
	slices.SortStableFunc(l.feeds, func(a, b *feed) int { return cmp.Compare(pixels(a.rendition), pixels(b.rendition)) })
	l.rates = make([]float64, len(l.feeds))
	l.current, l.wanted = slices.Index(l.feeds, current), slices.Index(l.feeds, wanted)
	if l.wanted < 0 {
		l.wanted = l.current
	}
	l.tell()
}

// start prepares the leg, after negotiation, and returns the feed to join.
func (l *leg) start() *feed {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := math.Inf(1)
	if l.numbered && l.repeatsPT != 0 {
		if l.auto {
			l.firstPace, limit = autoPace, startRate
		}
		l.estimator = bandwidth.New(l.firstPace)
	}
	if l.auto {
		for i, f := range slices.Backward(l.feeds) {
			if f.rendition.Track() == nil {
				continue // not begun
			}
			l.current, l.wanted = i, i
			if f.bitrate() <= limit {
				break
			}
		}
	}
	return l.feeds[l.current]
}

// pace is how quickly to send, in bits a second.
func (l *leg) pace() float64 {
	if l.estimator == nil {
		return l.firstPace
	}
	return min(l.estimator.Pace(), chosenPace)
}

// burst is how many bytes may be sent at once, whatever the pace.
func (l *leg) burst() float64 {
	if l.estimator != nil && l.estimator.Queued() {
		return 0
	}
	return freeBurst
}

func (l *leg) noteSent(number uint16, size int) {
	if l.estimator != nil {
		l.estimator.Sent(number, size, time.Since(l.born))
	}
}

// heed takes what a player reports of the packets it got.
func (l *leg) heed(report *rtcp.TransportLayerCC) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.estimator != nil && !l.closed {
		l.estimator.Report(l.clock.Packets(report), time.Since(l.born))
	}
}

// choose decides which rendition is wanted, and whether it is worth knowing if the connection carries more.
func (l *leg) choose(now time.Time) {
	if l.estimator == nil {
		return
	}
	at := now.Sub(l.born)
	l.estimator.Dead(at)
	if !l.auto || len(l.feeds) == 1 {
		return
	}
	for i, f := range l.feeds {
		l.rates[i] = f.bitrate()
	}
	l.wanted = l.chooser.Choose(l.current, l.rates, l.estimator, at)
	if l.wanted < len(l.feeds)-1 {
		l.estimator.Probe(bandwidth.Worth(l.rates), at)
	}
}

// crossing is what a viewer does who stands before a packet.
type crossing uint8

const (
	stay  crossing = iota // it goes on
	hold                  // the packet waits for the wanted rendition
	cross                 // the viewer belongs to another feed now
)

// crossing lets the viewer change over to the rendition that is wanted, if this is the place: before the packet p of the
// one that is shown, or where it has sent all, p being nil. Where the connection carries less than is sent, the rest of
// the old pictures is left out; else the viewer gets all of them that come before the other's key picture.
func (l *leg) crossing(p *packets.Packet, now time.Time) crossing {
	if l.wanted == l.current {
		return stay
	}
	to := l.feeds[l.wanted]
	if to.rendition.Over() { // its next key picture never comes
		l.reform(nil)
		l.heldFrom = time.Time{}
		return stay
	}
	key, ok := to.entry()
	if !ok {
		return stay
	}
	there := p != nil && p.PTS >= key.pts || l.estimator != nil && l.estimator.Queued()
	if key.pts > l.lastPTS && there {
		if !to.join(l, func() { l.begin(to, key.number) }) {
			return stay
		}
		l.chooser.Moved(l.wanted > l.current, now.Sub(l.born))
		l.current, l.heldFrom = l.wanted, time.Time{}
		l.tell()
		return cross
	}
	if key.pts <= l.lastPTS && l.wanted < l.current && l.estimator != nil && l.estimator.Queued() {
		to.rendition.RequestKey() // what is sent until the next one only adds to the queue
	}
	if p == nil || !p.Aligned || key.newest >= p.PTS {
		l.heldFrom = time.Time{}
		return stay
	}
	if l.heldFrom.IsZero() {
		l.heldFrom = now
	}
	if now.Sub(l.heldFrom) < maxHold {
		return hold
	}
	return stay
}

// requestKey asks for a key picture of what is shown next.
func (l *leg) requestKey() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.feeds[l.wanted].rendition.RequestKey()
}

// tell wakes those who watch what is shown.
func (l *leg) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// pad sends what a probe needs, packets that the viewer has already, and reports whether there is more to do.
func (l *leg) pad(now time.Time) bool {
	if l.estimator == nil || !l.estimator.Probing() {
		return false
	}
	for range maxPadding {
		if l.estimator.Padding(now.Sub(l.born)) == 0 {
			break
		}
		l.padded++
		if !l.repeatBack(1 + l.padded%64) {
			break
		}
	}
	return l.estimator.Probing()
}
