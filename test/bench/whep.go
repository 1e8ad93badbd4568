package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"golang.org/x/sys/unix"

	"castnet/test/clip"
)

const (
	// viewers watch one stream.
	viewers = 200
	// joinInterval is the distance of their joins: a hundred a second.
	joinInterval = 10 * time.Millisecond
)

// whep measures what viewers by WHEP cost the broadcaster, beyond what the stream costs it without any: CPU and memory
// of its process. In the same run the packets of one viewer, of the same sizes at the same pace, are sent to as many
// sockets by bare sendto: what of the CPU is the kernel's.
func whep(ctx context.Context, measure time.Duration) (r *result, err error) {
	video, err := clip.Make(ctx, source)
	if err != nil {
		return nil, err
	}
	s, err := raise(ctx, "--ladder", "none")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	pid, err := s.broadcaster()
	if err != nil {
		return nil, err
	}
	if err := s.push(ctx, video, time.Hour); err != nil {
		return nil, err
	}
	if err := s.wait(ctx, settle); err != nil {
		return nil, err
	}
	progress("the stream without viewers")
	alone, err := s.stretch(ctx, pid, measure/4)
	if err != nil {
		return nil, err
	}
	progress("%d viewers join, one every %v", viewers, joinInterval)
	all, err := s.crowd(ctx, viewers)
	defer func() { _, leaving := all.leave(); err = errors.Join(err, leaving) }()
	if err != nil {
		return nil, err
	}
	if err := s.wait(ctx, settle); err != nil {
		return nil, err
	}
	progress("%d viewers watch", viewers)
	before := all.packets()
	all.record(true)
	watched, err := s.stretch(ctx, pid, measure/2)
	if err != nil {
		return nil, err
	}
	all.record(false)
	packets := float64(all.packets() - before)
	if err := s.endPush(); err != nil {
		return nil, err
	}
	progress("bare sendto")
	perSend, err := bareSends(ctx, all.recorded, measure/4)
	if err != nil {
		return nil, err
	}
	lost, err := all.leave()
	if err != nil {
		return nil, err
	}
	added := (watched.cores - alone.cores) * watched.seconds
	return &result{
		Figures: figures{
			"viewers": viewers, "lost_packets": float64(lost),
			"core_percent_per_viewer": 100 * added / watched.seconds / viewers,
			"mib_per_viewer":          (watched.mib - alone.mib) / viewers,
			"us_per_packet":           1e6 * added / packets, "us_per_sendto": 1e6 * perSend,
			"vs_sendto": added / packets / perSend, "core_percent_without_viewers": 100 * alone.cores,
			"join_p50_ms": percentile(all.joins, 50), "join_p90_ms": percentile(all.joins, 90),
		},
		Samples: map[string]int{"core_percent_per_viewer": int(packets), "join_p90_ms": len(all.joins)},
		Budget:  figures{"lost_packets": 0, "core_percent_per_viewer": 0.22, "mib_per_viewer": 0.8},
		Goals:   figures{"core_percent_per_viewer": 0.12, "mib_per_viewer": 0.25, "join_p90_ms": 150},
	}, nil
}

// stretch is what a process uses over a time, and what it holds at the end.
type stretch struct{ seconds, cores, mib float64 }

func (s *scene) stretch(ctx context.Context, pid int, d time.Duration) (stretch, error) {
	var m stretch
	before, _, err := spent(pid)
	if err != nil {
		return m, err
	}
	began := time.Now()
	if err := s.wait(ctx, d); err != nil {
		return m, err
	}
	after, _, err := spent(pid)
	if err != nil {
		return m, err
	}
	m.seconds = time.Since(began).Seconds()
	m.cores = (after - before) / m.seconds
	m.mib, err = resident(pid)
	return m, err
}

// broadcaster is the process of the network's broadcaster.
func (s *scene) broadcaster() (int, error) {
	pids := s.network.Pids("broadcaster", "--demo-key")
	if len(pids) != 1 {
		return 0, fmt.Errorf("the network has %d broadcasters", len(pids))
	}
	return pids[0], nil
}

// crowd is the viewers of one stream.
type crowd struct {
	watchers []*watcher
	joins    []float64 // how long each took, from the offer to the first packet, in milliseconds

	mu        sync.Mutex
	recording bool
	recorded  []sending // what the first viewer was sent while recording
}

// sending is one packet: when it came, from the recording's beginning, and its size.
type sending struct {
	at   time.Time
	size int
}

// crowd lets n viewers join, one after the other, whether those before have come to their end or not. The crowd must leave
// even after an error.
func (s *scene) crowd(ctx context.Context, n int) (*crowd, error) {
	c := &crowd{}
	certificate, err := selfsign.GenerateSelfSigned()
	if err != nil {
		return c, err
	}
	for i := range n {
		var onPacket func(int)
		if i == 0 {
			onPacket = c.onPacket
		}
		w, err := newWatcher(certificate, onPacket)
		if err != nil {
			return c, err
		}
		c.watchers = append(c.watchers, w)
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	var joining sync.WaitGroup
	errs := make([]error, n)
	c.joins = make([]float64, n)
	pace := time.NewTicker(joinInterval)
	defer pace.Stop()
	for i, w := range c.watchers {
		joining.Go(func() {
			began := time.Now()
			errs[i] = w.join(ctx, s.url("source"))
			c.joins[i] = milliseconds(time.Since(began))
		})
		<-pace.C
	}
	joining.Wait()
	return c, errors.Join(errs...)
}

func (c *crowd) onPacket(size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.recording {
		c.recorded = append(c.recorded, sending{time.Now(), size})
	}
}

func (c *crowd) record(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recording = on
}

func (c *crowd) packets() (n uint64) {
	for _, w := range c.watchers {
		n += w.packets.Load()
	}
	return n
}

// leave lets all leave, and says how many packets they lack.
func (c *crowd) leave() (lost int, err error) {
	for _, w := range c.watchers {
		n, leaving := w.leave()
		lost, err = lost+n, errors.Join(err, leaving)
	}
	c.watchers = nil
	return lost, err
}

// bareSends sends what one viewer was sent to as many sockets, as many packets to one after another as came at once, and
// returns the CPU seconds that one packet took.
func bareSends(ctx context.Context, packets []sending, limit time.Duration) (float64, error) {
	const together = 5 * time.Millisecond // packets of one picture
	if len(packets) == 0 {
		return 0, errors.New("the first viewer was sent nothing")
	}
	first := packets[0].at
	sinks, err := newSinks(viewers)
	if err != nil {
		return 0, errors.Join(err, sinks.close())
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, errors.Join(err, sinks.close())
	}
	runtime.LockOSThread() // the kernel's account is by thread
	defer runtime.UnlockOSThread()
	before, err := threadSeconds()
	sent, began := 0, time.Now()
	for len(packets) > 0 && err == nil {
		n := 1
		for n < len(packets) && packets[n].at.Sub(packets[n-1].at) < together {
			n++
		}
		at := began.Add(packets[0].at.Sub(first))
		if at.Sub(began) > limit {
			break
		}
		select {
		case <-time.After(time.Until(at)):
			err = sinks.send(fd, packets[:n])
		case <-ctx.Done():
			err = ctx.Err()
		}
		sent += n * viewers
		packets = packets[n:]
	}
	after, failed := threadSeconds()
	return (after - before) / float64(sent), errors.Join(err, failed, unix.Close(fd), sinks.close())
}

// send sends packets of the same sizes to every sink.
func (s *sinks) send(fd int, packets []sending) (err error) {
	var payload [2048]byte
	for _, to := range s.addresses {
		for _, p := range packets {
			if failed := unix.Sendto(fd, payload[:p.size], 0, to); failed != nil {
				err = failed
			}
		}
	}
	return err
}

// threadSeconds is the CPU seconds of the calling thread.
func threadSeconds() (float64, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds(), nil
}

// sinks are sockets whose packets are read and dropped.
type sinks struct {
	conns     []*net.UDPConn
	addresses []unix.Sockaddr
	reading   sync.WaitGroup
}

func newSinks(n int) (*sinks, error) {
	s := &sinks{}
	for range n {
		w, err := newWatcher(tls.Certificate{}, nil)
		if err != nil {
			return s, err
		}
		s.conns = append(s.conns, w.conn)
		s.addresses = append(s.addresses, &unix.SockaddrInet4{Port: int(w.address().Port()), Addr: [4]byte{127, 0, 0, 1}})
		s.reading.Go(func() {
			var buf [2048]byte
			for {
				if _, _, err := w.conn.ReadFromUDPAddrPort(buf[:]); err != nil {
					return
				}
			}
		})
	}
	return s, nil
}

func (s *sinks) close() (err error) {
	for _, c := range s.conns {
		err = errors.Join(err, c.Close())
	}
	s.reading.Wait()
	return err
}
