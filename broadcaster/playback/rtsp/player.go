package rtsp

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
	"github.com/pion/rtcp"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
)

const (
	// burst is how many packets of what a new player missed go out at once, and breath the pause behind them: about 70 Mb/s, in
	// pieces that a player's socket takes while it is not read.
	burst  = 64
	breath = 10 * time.Millisecond
	// introduction is how many units of each track are preceded by a report on its clock. Until a player has one of each track it can
	// put sound and pictures in step by the packets' arrival only, which in a burst says nothing.
	introduction = 10
	// reportEvery is the distance of reports after that.
	reportEvery = 5 * time.Second
	// fresh is how long a player waits for a key picture that was asked for, before it is sent what there is from the last one on. Those
	// who show pictures by the clock of their first one are nearer to live for it.
	fresh = 400 * time.Millisecond
	// flushed is how long what has been sent may take to leave after the end.
	flushed = 5 * time.Second
	// drained is the pause before the goodbye, which takes another way than media by UDP: who read it first would leave the rest.
	drained = 500 * time.Millisecond
	// parting is how long a player may take to hang up after the goodbye.
	parting = 2 * time.Second
)

// cname names the sender of a session's tracks.
const cname = "castnet"

// viewer is one who plays a show.
type viewer struct {
	show    *show
	session *gortsplib.ServerSession
	tracks  map[*outgoing]*account // those it asked for
	leave   func()
	gone    <-chan struct{}
}

// account is what a viewer got of a track.
type account struct {
	packets, bytes uint32 // as reports count them
	units          int
	reported       time.Time
	last           packed
}

func newViewer(s *show, session *gortsplib.ServerSession) *viewer {
	v := &viewer{show: s, session: session, tracks: make(map[*outgoing]*account)}
	wanted := session.SetuppedMedias()
	for _, t := range s.tracks {
		if slices.Contains(wanted, t.media) {
			v.tracks[t] = &account{}
		}
	}
	gone := make(chan struct{})
	v.gone, v.leave = gone, sync.OnceFunc(func() { close(gone) })
	return v
}

// run sends from the last key picture on, in haste until that is live, then as it comes, to the end.
func (v *viewer) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, v.leave)
	defer stop()
	v.awaitKey()
	var at place
	left := burst
	for {
		p, wait, ok := v.show.log.get(&at)
		if !ok {
			if wait == nil {
				v.part()
				return
			}
			left = burst
			select {
			case <-v.gone:
				return
			case <-wait:
			}
			continue
		}
		got := v.tracks[p.track]
		if got == nil {
			continue
		}
		if left -= len(p.packets); left <= 0 {
			left = burst
			if !v.pause() {
				return
			}
		}
		if !v.send(p, got) {
			return
		}
	}
}

// awaitKey asks for a key picture, and waits a moment for it. Only rungs are asked: not every publisher makes one when it is told to.
func (v *viewer) awaitKey() {
	before, wait := v.show.log.begun()
	if v.show.main == v.show.hub.Source() || !v.show.main.RequestKey() {
		return
	}
	late := time.After(fresh)
	for n := before; n == before; n, wait = v.show.log.begun() {
		select {
		case <-v.gone:
			return
		case <-late:
			return
		case <-wait:
		}
	}
}

// flush waits until all that was sent has left.
func (v *viewer) flush() {
	for end := time.Now().Add(flushed); time.Now().Before(end); {
		stats, waiting := v.session.Stats(), false
		for t, got := range v.tracks {
			for _, f := range stats.Medias[t.media].Formats {
				waiting = waiting || f.RTPPacketsSent < uint64(got.packets)
			}
		}
		if !waiting || !v.pause() {
			return
		}
	}
}

// part ends a session whose stream has ended. Each track ends with a goodbye (RFC 3550, section 6.6), as over UDP nothing else tells
// a player that no more comes. Then it is the player who hangs up: if the server did, what the player still holds would be lost, or
// taken for an error. Who does not is sent away.
func (v *viewer) part() {
	defer v.session.Close()
	v.flush()
	if !v.wait(drained) {
		return
	}
	for t, got := range v.tracks {
		if v.session.WritePacketRTCP(t.media, got.report(t.ssrc, &rtcp.Goodbye{Sources: []uint32{t.ssrc}})) != nil {
			return // it has gone: nothing waits before it
		}
	}
	v.wait(parting)
}

// pause lets the player breathe. It returns false where the player has gone.
func (v *viewer) pause() bool { return v.wait(breath) }

// wait waits for so long. It returns false where the player has gone.
func (v *viewer) wait(d time.Duration) bool {
	select {
	case <-v.gone:
		return false
	case <-time.After(d):
		return true
	}
}

// send sends one unit, and returns false where nothing more can be.
func (v *viewer) send(p packed, got *account) bool {
	got.last = p
	if now := time.Now(); got.units < introduction || now.Sub(got.reported) > reportEvery {
		got.reported = now
		// What cannot be reported now is reported with a later unit.
		_ = v.session.WritePacketRTCP(p.track.media, got.report(p.track.ssrc))
	}
	got.units++
	for _, packet := range p.packets {
		for {
			header := *packet // which the session writes into
			err := v.session.WritePacketRTP(p.track.media, &header)
			if err == nil {
				break
			}
			// A slow player makes nobody wait but itself, until it begins anew at a key picture.
			if full := (liberrors.ErrServerWriteQueueFull{}); !errors.As(err, &full) || !v.pause() {
				return false
			}
		}
		got.packets++
		got.bytes += uint32(len(packet.Payload))
	}
	v.show.metrics.AddBytes(playback.RTSP, p.bytes)
	return true
}

// report tells what time the last unit's timestamp belongs to, if there was one, by what name the sender of all tracks goes, so that
// players put them in step (RFC 3550, section 6.5.1), and what else there is to tell.
func (a *account) report(ssrc uint32, more ...rtcp.Packet) rtcp.Packet {
	name := &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: cname}},
	}}}
	all := rtcp.CompoundPacket{&rtcp.ReceiverReport{SSRC: ssrc}, name}
	if at := a.last.at; !a.reported.IsZero() {
		// NTP's time is seconds since 1900 in 32.32 bits (RFC 3550, section 4).
		const from1900To1970 = 2_208_988_800
		ntp := uint64(at.Unix()+from1900To1970)<<32 | uint64(at.Nanosecond())<<32/uint64(time.Second)
		all[0] = &rtcp.SenderReport{SSRC: ssrc, NTPTime: ntp, RTPTime: uint32(a.last.pts), PacketCount: a.packets, OctetCount: a.bytes}
	}
	all = append(all, more...)
	return &all
}

// begins reports whether players can begin with a unit of the track that was asked for.
func begins(u *media.Unit, video bool, n int) bool {
	if video {
		return u.Key
	}
	return n%soundStep == 0
}
