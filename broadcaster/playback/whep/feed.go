package whep

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/whep/packets"
	"castnet/internal/media"
	"castnet/internal/rtc"
)

const (
	// turnInterval is how often viewers get a turn who have not yet been sent all that there is.
	turnInterval = 5 * time.Millisecond
	// keptPackets bounds the packets that a feed holds, about 19 MB. They are for joining and for repeating.
	keptPackets = 16 << 10
	// keptSound is the same for sound: 5 s.
	keptSound = 256
	// reportInterval is the distance of sender reports, from which players synchronize sound and pictures.
	reportInterval = time.Second
	// rateSpan is over how much of the stream a rendition's rate is taken: a GOP or two.
	rateSpan = 2 * time.Second
)

// feed packetizes one rendition once for all its viewers, and sends to them. One goroutine runs it.
type feed struct {
	host      *rtc.Host
	hub       *playback.Hub
	rendition *playback.Rendition
	codec     media.Codec
	metrics   *playback.Metrics
	packetize packets.Packetizer

	unused chan struct{} // closed by the server when users, which its lock guards, has come to 0
	users  int

	// arriving are the legs that come, from sessions and from other feeds.
	arriving struct {
		sync.Mutex
		legs   []*leg
		closed bool // run has ended
	}
	wake chan struct{} // tells that somebody arrives

	// Of the feed's goroutine.
	track    *media.Track // of the newest unit
	rateFrom int64        // PTS from which bytes are counted
	bytes    int
	lastRate float64 // of the span before

	rate atomic.Uint64 // bits a second lately, as math.Float64bits; 0 while unknown

	// packets are the newest ones: of pictures from the last key unit but one on. The first has the number base;
	// numbers rise by one a packet. The feed's goroutine writes all this; others read it.
	mu      sync.RWMutex
	packets []packets.Packet
	base    uint64
	key     uint64 // the number of the newest key unit's first packet, where haveKey
	haveKey bool
	newest  int64 // PTS of the newest unit
}

func newFeed(host *rtc.Host, hub *playback.Hub, r *playback.Rendition, codec media.Codec, metrics *playback.Metrics) *feed {
	return &feed{
		host: host, hub: hub, rendition: r, metrics: metrics, codec: codec, packetize: packets.New(codec),
		unused: make(chan struct{}), wake: make(chan struct{}, 1), newest: playback.NonePublished,
	}
}

// run sends until ctx is done, nobody uses the feed, or the stream is over and all of it has been sent.
func (f *feed) run(ctx context.Context) {
	reader := f.rendition.NewReader(playback.StartNewestKey)
	pace := time.NewTimer(turnInterval)
	defer pace.Stop()
	var legs []*leg
	defer func() { f.end(legs) }()
	for {
		wait, err := f.fill(reader)
		legs = f.welcome(legs)
		var behind bool
		legs, behind = f.serve(legs)
		if err != nil && !behind && f.leave() {
			return
		}
		var tick <-chan time.Time
		if behind {
			pace.Reset(turnInterval)
			tick = pace.C
		}
		select {
		case <-ctx.Done():
			return
		case <-f.unused:
			return
		case <-wait: // nil, so never, once the stream is over
		case <-tick:
		case <-f.wake:
		}
	}
}

// join hands a leg to the feed, after preparing it; false where the feed has ended.
func (f *feed) join(l *leg, prepare func()) bool {
	f.arriving.Lock()
	defer f.arriving.Unlock()
	if f.arriving.closed {
		return false
	}
	prepare()
	f.arriving.legs = append(f.arriving.legs, l)
	select {
	case f.wake <- struct{}{}:
	default: // it will look anyway
	}
	return true
}

// welcome takes those in who have arrived.
func (f *feed) welcome(legs []*leg) []*leg {
	f.arriving.Lock()
	defer f.arriving.Unlock()
	if len(f.arriving.legs) > 0 {
		legs = append(legs, f.arriving.legs...)
		f.arriving.legs = nil
	}
	return legs
}

// leave lets nobody in any more, unless somebody has just come, who is to get what there is.
func (f *feed) leave() bool {
	f.arriving.Lock()
	defer f.arriving.Unlock()
	f.arriving.closed = len(f.arriving.legs) == 0
	return f.arriving.closed
}

// end tells all legs that no more comes.
func (f *feed) end(legs []*leg) {
	f.arriving.Lock()
	defer f.arriving.Unlock()
	f.arriving.closed = true
	for _, l := range append(legs, f.arriving.legs...) {
		close(l.finished)
	}
}

// fill packetizes what has been published since.
func (f *feed) fill(reader *playback.Reader) (wait <-chan struct{}, err error) {
	for {
		item, wait, err := reader.Poll()
		if wait != nil || err != nil {
			return wait, err
		}
		f.track = item.Track
		f.append(item.Unit, item.SegmentStart)
		f.measure(item.Unit)
	}
}

func (f *feed) append(u *media.Unit, segmentStart bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newest = u.PTS
	first := f.base + uint64(len(f.packets))
	f.packets = f.packetize(f.packets, u)
	end := f.base + uint64(len(f.packets))
	if end == first {
		return // nothing but what players don't need
	}
	keep, most := f.base, uint64(keptPackets)
	if f.codec.IsAudio() {
		most = keptSound
	}
	f.packets[first-f.base].Aligned = segmentStart
	if f.packets[first-f.base].Key {
		if f.haveKey && f.codec.IsVideo() {
			keep = f.key // the GOP before stays, for repeating
		}
		f.key, f.haveKey = first, true
	}
	if end-keep > most {
		keep = end - most
	}
	drop := keep - f.base
	clear(f.packets[:drop]) // or the backing array would keep them alive
	f.packets, f.base = f.packets[drop:], keep
	f.haveKey = f.haveKey && f.key >= f.base
}

// measure counts a unit into the rendition's rate: the higher one of the last two spans.
func (f *feed) measure(u *media.Unit) {
	if f.bytes == 0 {
		f.rateFrom = u.PTS
	}
	if span := f.track.Duration(u.PTS - f.rateFrom); span >= rateSpan {
		rate := float64(f.bytes) * 8 / span.Seconds()
		f.rate.Store(math.Float64bits(max(rate, f.lastRate)))
		f.lastRate, f.bytes, f.rateFrom = rate, 0, u.PTS
	}
	f.bytes += len(u.Payload) + (len(u.Payload)/packets.MaxPayload+1)*overhead
}

// bitrate is what sending the rendition takes, in bits a second. A quiet scene may end soon: it is at least half of what
// the ladder says. For a source that nothing is known of yet it is a guess by its size.
func (f *feed) bitrate() float64 {
	rate := math.Float64frombits(f.rate.Load())
	nominal := float64(f.rendition.Profile().Bitrate)
	switch {
	case rate > 0:
		return max(rate, nominal/2)
	case nominal > 0:
		return nominal
	}
	const bitsPerPixelSecond = 3 // 720p: 2.8 Mb/s
	t := f.rendition.Track()
	return float64(t.Width * t.Height * bitsPerPixelSecond)
}

// serve gives every viewer a turn, and leaves out those who have gone. It reports whether one has more to get.
func (f *feed) serve(legs []*leg) (staying []*leg, behind bool) {
	now, bytes := time.Now(), 0
	staying = slices.DeleteFunc(legs, func(l *leg) bool {
		n, then := f.turn(l, now)
		bytes += n
		behind = behind || then == again
		return then == gone
	})
	if bytes > 0 {
		f.metrics.AddBytes(playback.WHEP, bytes)
	}
	return staying, behind
}

// then is what is to be done with a leg after its turn.
type then uint8

const (
	wait  then = iota // for the next unit
	again             // soon, as it has more to get
	gone              // it has been closed, or belongs to another feed now
)

// turn sends a viewer the next packets that it lacks, as many as its connection should get at once.
func (f *feed) turn(l *leg, now time.Time) (bytes int, _ then) {
	end := f.base + uint64(len(f.packets))
	if l.next == end && !l.busy {
		return 0, wait
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return 0, gone
	case l.waiting && !f.haveKey:
		f.rendition.RequestKey()
		return 0, wait
	case l.waiting:
		l.begin(f, f.key)
	case l.next < f.base: // slower than all that is kept
		f.metrics.AddSkip()
		l.waiting, l.busy = true, true
		return 0, again
	}
	f.host.Hold()
	defer f.host.Release()
	l.refill(now)
	l.choose(now)
	for l.next < end {
		p := &f.packets[l.next-f.base]
		if c := l.crossing(p, now); c == cross {
			return bytes, gone
		} else if c == hold || l.tokens <= 0 {
			return bytes, again
		}
		bytes += l.write(p)
	}
	if l.crossing(nil, now) == cross {
		return bytes, gone
	}
	if bytes > 0 && now.Sub(l.reported) >= reportInterval {
		l.reported = now
		f.report(l)
	}
	if l.busy = l.pad(now); l.busy {
		return bytes, again
	}
	return bytes, wait
}

// report tells a player which wall-clock time the timestamps stand for, the same for sound and pictures.
func (f *feed) report(l *leg) {
	l.sendReport(&rtcp.SenderReport{
		SSRC: l.ssrc, NTPTime: packets.NTP(f.hub.Epoch().Add(f.track.Duration(f.newest))), RTPTime: uint32(f.newest),
		PacketCount: uint32(l.sent), OctetCount: l.octets,
	})
}

// find returns the packet with a number, if it is still kept.
func (f *feed) find(number uint64) (packets.Packet, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if number < f.base || number >= f.base+uint64(len(f.packets)) {
		return packets.Packet{}, false
	}
	return f.packets[number-f.base], true
}

// entry is where another feed's viewers can be taken over: the newest key unit.
type entry struct {
	number uint64 // of its first packet
	pts    int64
	newest int64 // PTS of the newest unit, where the feed is by now
}

// entry returns false where there is no key unit yet.
func (f *feed) entry() (entry, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.haveKey {
		return entry{}, false
	}
	return entry{f.key, f.packets[f.key-f.base].PTS, f.newest}, true
}
