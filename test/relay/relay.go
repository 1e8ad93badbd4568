// Package relay is a UDP link between a player and a server, with the rate, queue, delay, jitter and loss that a test wants:
// kernels of test machines often have no netem.
package relay

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Conditions are the link's towards the player; the other direction only has the delay.
type Conditions struct {
	// Rate is in bits a second; 0 is no limit.
	Rate float64
	// Queue is the bytes that wait at most for the link; more are dropped. 0 is no limit.
	Queue int
	// Delay is of each packet, Jitter a random time at most beside it: with it packets overtake each other.
	Delay, Jitter time.Duration
	// Loss is the share of packets that get lost on the way.
	Loss float64
}

// Counts are packets towards the player.
type Counts struct{ Sent, Overflowed, Lost int }

// Relay listens for players on Address, and passes their packets on to the server.
type Relay struct {
	front  *net.UDPConn
	server *net.UDPAddr
	wake   chan struct{}

	mu         sync.Mutex
	conditions Conditions
	counts     Counts
	freeAt     time.Time // when the link's queue is empty
	flying     flying
	number     int
}

// New makes a relay to a server; Run works it.
func New(server string) (*Relay, error) {
	to, err := net.ResolveUDPAddr("udp4", server)
	if err != nil {
		return nil, err
	}
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	if err := front.SetReadBuffer(4 << 20); err != nil {
		return nil, errors.Join(err, front.Close())
	}
	return &Relay{front: front, server: to, wake: make(chan struct{}, 1)}, nil
}

// Port is where players send to.
func (r *Relay) Port() int { return int(netip.MustParseAddrPort(r.front.LocalAddr().String()).Port()) }

// Set changes the conditions from now on.
func (r *Relay) Set(c Conditions) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conditions = c
}

// Counts returns what has passed since the last call.
func (r *Relay) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.counts
	r.counts = Counts{}
	return c
}

// Run relays until ctx is done.
func (r *Relay) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	backs := make(map[netip.AddrPort]*net.UDPConn)
	defer func() {
		for _, back := range backs {
			_ = back.Close()
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = r.front.Close() })
	defer stop()
	all.Go(func() { r.land(ctx) })
	buf := make([]byte, 2048)
	for {
		n, player, err := r.front.ReadFromUDPAddrPort(buf)
		if ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		back := backs[player]
		if back == nil {
			if back, err = net.DialUDP("udp4", nil, r.server); err != nil {
				return err
			}
			if err := back.SetReadBuffer(4 << 20); err != nil {
				return err
			}
			backs[player] = back
			all.Go(func() { r.read(back, player) })
		}
		r.depart(buf[:n], func(b []byte) { _, _ = back.Write(b) }, false)
	}
}

// read takes what the server sends to one player, until its socket is closed.
func (r *Relay) read(back *net.UDPConn, player netip.AddrPort) {
	buf := make([]byte, 2048)
	for {
		n, err := back.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		} else if err != nil {
			continue // nobody listens there now
		}
		r.depart(buf[:n], func(b []byte) { _, _ = r.front.WriteToUDPAddrPort(b, player) }, true)
	}
}

// depart sends a packet on its way; towards the player it is shaped.
func (r *Relay) depart(b []byte, write func([]byte), shaped bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := time.Now(), true
	if shaped {
		at, ok = r.shape(len(b), at)
	}
	if !ok {
		return
	}
	r.number++
	heap.Push(&r.flying, flight{at: at.Add(r.conditions.Delay), number: r.number, bytes: bytes.Clone(b), write: write})
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// shape says when a packet has passed the link, and whether it does.
func (r *Relay) shape(size int, now time.Time) (at time.Time, ok bool) {
	c := r.conditions
	r.counts.Sent++
	at = now
	if c.Rate > 0 {
		if r.freeAt.Before(now) {
			r.freeAt = now
		}
		if c.Queue > 0 && r.freeAt.Sub(now).Seconds()*c.Rate/8 > float64(c.Queue) {
			r.counts.Overflowed++
			return at, false
		}
		r.freeAt = r.freeAt.Add(time.Duration(float64(size) * 8 / c.Rate * float64(time.Second)))
		at = r.freeAt
	}
	if rand.Float64() < c.Loss { //nolint:gosec // no secret
		r.counts.Lost++
		return at, false
	}
	if c.Jitter > 0 {
		at = at.Add(rand.N(c.Jitter)) //nolint:gosec // no secret
	}
	return at, true
}

// land delivers packets when it is time.
func (r *Relay) land(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		r.mu.Lock()
		for len(r.flying) > 0 && !r.flying[0].at.After(time.Now()) {
			f, ok := heap.Pop(&r.flying).(flight)
			if ok {
				f.write(f.bytes)
			}
		}
		next := time.Hour
		if len(r.flying) > 0 {
			next = time.Until(r.flying[0].at)
		}
		r.mu.Unlock()
		timer.Reset(next)
		select {
		case <-timer.C:
		case <-r.wake:
		case <-ctx.Done():
			return
		}
	}
}

// flight is a packet on its way.
type flight struct {
	at     time.Time
	number int // those of one time stay in order
	bytes  []byte
	write  func([]byte)
}

// flying are packets by their time of arrival.
type flying []flight

func (f flying) Len() int { return len(f) }
func (f flying) Less(i, j int) bool {
	return f[i].at.Before(f[j].at) || f[i].at.Equal(f[j].at) && f[i].number < f[j].number
}
func (f flying) Swap(i, j int) { f[i], f[j] = f[j], f[i] }

// Push implements heap.Interface.
func (f *flying) Push(x any) {
	if p, ok := x.(flight); ok {
		*f = append(*f, p)
	}
}

// Pop implements heap.Interface.
func (f *flying) Pop() any {
	last := (*f)[len(*f)-1]
	(*f)[len(*f)-1] = flight{}
	*f = (*f)[:len(*f)-1]
	return last
}
