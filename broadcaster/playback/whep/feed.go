package whep

import (
	"context"
	"sync"
	"time"

	"github.com/pion/rtcp"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
)

const (
	// burstPackets and burstInterval pace what one viewer is sent: 32 packets every 5 ms are 60 Mb/s. A cached GOP
	// of 2 s at 2.5 Mb/s reaches live in 80 ms, and a key picture doesn't overflow the queues on the way.
	burstPackets  = 32
	burstInterval = 5 * time.Millisecond
	// keptPackets bounds the packets that a feed holds, about 19 MB. They are for joining and for repeating.
	keptPackets = 16 << 10
	// keptSound is the same for sound: 5 s.
	keptSound = 256
	// reportInterval is the distance of sender reports, from which players synchronize sound and pictures.
	reportInterval = time.Second
)

// feed packetizes one rendition once for all its viewers, and sends to them. One goroutine runs it.
type feed struct {
	hub       *playback.Hub
	rendition *playback.Rendition
	track     *media.Track
	metrics   *playback.Metrics
	packetize packetizer

	joins, leaves chan *leg
	done          chan struct{} // closed when run has ended
	unused        chan struct{} // closed by the server when users, which its lock guards, has come to 0
	users         int

	newest int64 // PTS of the newest unit

	// packets are the newest ones: of pictures from the last key unit but one on. The first has the number base;
	// numbers rise by one a packet. The feed's goroutine writes them, those that answer NACKs read.
	mu      sync.RWMutex
	packets []packet
	base    uint64
	key     uint64 // the number of the newest key unit's first packet, where haveKey
	haveKey bool
}

func newFeed(hub *playback.Hub, r *playback.Rendition, track *media.Track, metrics *playback.Metrics) *feed {
	return &feed{
		hub: hub, rendition: r, metrics: metrics, track: track, packetize: newPacketizer(track.Codec),
		joins: make(chan *leg), leaves: make(chan *leg),
		done: make(chan struct{}), unused: make(chan struct{}),
	}
}

// run sends until ctx is done, nobody uses the feed, or the stream is over and all of it has been sent.
func (f *feed) run(ctx context.Context) {
	defer close(f.done)
	reader := f.rendition.NewReader(playback.StartNewestKey)
	pace := time.NewTimer(burstInterval)
	defer pace.Stop()
	var legs []*leg
	for {
		wait, err := f.fill(reader)
		behind := f.serve(legs)
		if err != nil && !behind {
			return
		}
		var tick <-chan time.Time
		if behind {
			pace.Reset(burstInterval)
			tick = pace.C
		}
		select {
		case <-ctx.Done():
			return
		case <-f.unused:
			return
		case <-wait: // nil, so never, once the stream is over
		case <-tick:
		case l := <-f.joins:
			f.start(l)
			legs = append(legs, l)
		case l := <-f.leaves:
			for i := range legs {
				if legs[i] == l {
					legs[i] = legs[len(legs)-1]
					legs = legs[:len(legs)-1]
					break
				}
			}
		}
	}
}

// fill packetizes what has been published since.
func (f *feed) fill(reader *playback.Reader) (wait <-chan struct{}, err error) {
	for {
		item, wait, err := reader.Poll()
		if wait != nil || err != nil {
			return wait, err
		}
		f.append(item.Unit)
	}
}

func (f *feed) append(u *media.Unit) {
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
	if f.track.Codec.IsAudio() {
		most = keptSound
	}
	if f.packets[first-f.base].key {
		if f.haveKey && f.track.Codec.IsVideo() {
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

// start lets a viewer begin with the newest key unit, or asks for one.
func (f *feed) start(l *leg) {
	l.waiting = true
	if !f.haveKey {
		f.rendition.RequestKey()
	}
}

// serve sends every viewer the next packets that it lacks, but not too many at once. It reports whether one has more
// to get.
func (f *feed) serve(legs []*leg) (behind bool) {
	now, bytes := time.Now(), 0
	for _, l := range legs {
		n, more := f.send(l)
		bytes += n
		behind = behind || more
		if n > 0 && now.Sub(l.reported) >= reportInterval {
			l.reported = now
			f.report(l)
		}
	}
	if bytes > 0 {
		f.metrics.AddBytes(playback.WHEP, bytes)
	}
	return behind
}

func (f *feed) send(l *leg) (bytes int, behind bool) {
	if l.waiting {
		if !f.haveKey {
			return 0, false
		}
		l.begin(f.key)
	} else if l.next < f.base { // slower than all that is kept
		f.metrics.AddSkip()
		l.waiting = true
		return 0, f.haveKey
	}
	end := f.base + uint64(len(f.packets))
	for n := 0; n < burstPackets && l.next < end; n++ {
		p := &f.packets[l.next-f.base]
		l.write(p)
		bytes += len(p.payload)
	}
	return bytes, l.next < end
}

// report tells a player which wall-clock time the timestamps stand for, the same for sound and pictures.
func (f *feed) report(l *leg) {
	l.sendReport(&rtcp.SenderReport{
		SSRC: l.ssrc, NTPTime: captureTime(f.hub.Epoch().Add(f.track.Duration(f.newest))), RTPTime: uint32(f.newest),
		PacketCount: l.packets, OctetCount: l.octets,
	})
}

// find returns the packet with a number, if it is still kept.
func (f *feed) find(number uint64) (packet, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if number < f.base || number >= f.base+uint64(len(f.packets)) {
		return packet{}, false
	}
	return f.packets[number-f.base], true
}
