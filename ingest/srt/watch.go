package srt

import (
	"fmt"
	"strings"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"castnet/ingest"
)

// What the library leaves to whoever uses it.
const (
	// leastHeld and mostHeld bound the packets that a connection holds, whose time has not come by their own clock: 48 MB, which are
	// four seconds of 100 Mb/s, and 192 MB where its latency asks for more, which are 30 s of 50 Mb/s. heldPerSecond is as much as
	// 100 Mb/s.
	leastHeld, mostHeld, heldPerSecond = 32 << 10, 128 << 10, 8 << 10
	// watchEvery is how often a connection is looked after.
	watchEvery = 250 * time.Millisecond
)

// watch ends a connection that holds too much, or on which nothing comes but signs of life, for idle beyond its latency. It returns
// why, and nil once nobody reads any more.
func (r *reader) watch(idle time.Duration) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-r.over:
			return nil
		}
		var st gosrt.Statistics
		r.conn.Stats(&st)
		latency := time.Duration(st.Instantaneous.MsRecvTsbPdDelay) * time.Millisecond
		var why *ingest.Refusal
		most := min(max(leastHeld, uint64(latency.Seconds()*heldPerSecond)), mostHeld)
		switch held := st.Instantaneous.PktRecvBuf; {
		case held > most:
			why = &ingest.Refusal{
				Code: ingest.CodeLimit, Message: "too much has to be held until its time comes: set a lower latency in your encoder",
				Asked: fmt.Sprintf("%d packets", held), Limit: fmt.Sprintf("%d packets", most),
			}
		case r.waited() > idle+latency:
			why = &ingest.Refusal{Code: ingest.CodeLimit, Message: "nothing came from the publisher for too long", Limit: idle.String()}
		default:
			continue
		}
		_ = r.conn.Close() // never fails
		return why
	}
}

// waited is how long the reader has been waiting for its next packet.
func (r *reader) waited() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting.IsZero() {
		return 0
	}
	return time.Since(r.waiting)
}

// transmissionUnit is the size of packets that a handshake asks for, in bytes, as the library describes it; 0 where it does not.
func transmissionUnit(handshake string) (bytes uint32) {
	_, field, _ := strings.Cut(handshake, "maxTransmissionUnitSize: ")
	_, _ = fmt.Sscanf(field, "0x%x", &bytes)
	return bytes
}
