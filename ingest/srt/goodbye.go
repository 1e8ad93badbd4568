package srt

import (
	"sync"
	"sync/atomic"
	"time"

	gosrt "github.com/datarhei/gosrt"
)

const (
	// settled is how long a reader waits for its next packet when there is none left: the library hands them on every 10 ms.
	settled = 30 * time.Millisecond
	// maxSettling bounds the wait for what a publisher sent before its goodbye, beyond the latency.
	maxSettling = time.Second
)

// goodbyes holds a publisher's goodbye back until all that came before it is read. The library throws away what waits in its
// buffers, a latency's worth and what is queued for the reader, as soon as it acts on a goodbye; but first it tells its
// logger, in the goroutine that would: so this is the listener's logger.
type goodbyes struct {
	asked uint32 // by the last handshake: the size of packets, in bytes; for the goroutine that accepts

	mu      sync.Mutex
	readers map[uint32]*reader // by the socket's id
}

// HasTopic implements gosrt.Logger: there is nothing to be written.
func (g *goodbyes) HasTopic(string) bool { return false }

// Print implements gosrt.Logger.
func (g *goodbyes) Print(topic string, socket uint32, _ int, message func() string) {
	switch topic {
	case "handshake:recv:cif":
		g.asked = transmissionUnit(message())
	case "control:recv:shutdown:dump":
		g.mu.Lock()
		r := g.readers[socket]
		g.mu.Unlock()
		if r != nil {
			r.said.Store(true)
			r.settle()
		}
	}
}

// Listen implements gosrt.Logger.
func (g *goodbyes) Listen() <-chan gosrt.Log { return nil }

// Close implements gosrt.Logger.
func (g *goodbyes) Close() {}

// read makes a connection's reader. end says that nobody reads any more.
func (g *goodbyes) read(conn gosrt.Conn) (r *reader, end func()) {
	r = &reader{conn: conn, over: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.readers[conn.SocketId()] = r
	return r, func() {
		close(r.over)
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.readers, conn.SocketId())
	}
}

// reader reads a connection, and knows whether it waits for more.
type reader struct {
	conn gosrt.Conn
	over chan struct{} // closed when nobody reads any more
	said atomic.Bool   // the publisher said goodbye

	mu      sync.Mutex
	waiting time.Time // since when; zero while it does not
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	r.wait(time.Now())
	defer r.wait(time.Time{})
	return r.conn.Read(p)
}

func (r *reader) wait(since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = since
}

// idle reports whether all that came was read.
func (r *reader) idle() bool {
	var st gosrt.Statistics
	r.conn.Stats(&st)
	return st.Instantaneous.PktRecvBuf == 0 && r.waited() > settled
}

// settle waits until all that came is read. It looks more than once: what the library has handed on just now is in neither's
// hands until the reader wakes, which takes a moment on a busy machine.
func (r *reader) settle() {
	var st gosrt.Statistics
	r.conn.Stats(&st)
	latency := time.Duration(st.Instantaneous.MsRecvTsbPdDelay) * time.Millisecond
	enough := time.After(latency + maxSettling)
	tick := time.NewTicker(settled / 3)
	defer tick.Stop()
	for quiet := 0; quiet < 3; quiet++ {
		if !r.idle() {
			quiet = -1
		}
		select {
		case <-tick.C:
		case <-enough:
			return
		case <-r.over:
			return
		}
	}
}
