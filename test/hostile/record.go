package hostile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

// RecordTCP forwards one connection to a server and returns what its client said, once it is over. dial makes the client
// connect to the address that it is given, and returns when it is done.
func RecordTCP(ctx context.Context, server string, dial func(address string) error) ([]byte, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	var said bytes.Buffer
	over := make(chan error, 1)
	go func() {
		client, err := ln.Accept()
		if err != nil {
			over <- err
			return
		}
		defer client.Close()
		up, err := new(net.Dialer).DialContext(ctx, "tcp", server)
		if err != nil {
			over <- err
			return
		}
		var both sync.WaitGroup
		both.Go(func() {
			_, _ = io.Copy(client, up) // until either side has had enough
			_ = client.Close()
		})
		_, _ = io.Copy(up, io.TeeReader(client, &said))
		_ = up.Close()
		both.Wait()
		over <- nil
	}()
	if err := dial(ln.Addr().String()); err != nil {
		_ = ln.Close()
		return nil, errors.Join(err, <-over)
	}
	return said.Bytes(), <-over
}

// maxDatagrams bounds what is kept of one session.
const maxDatagrams = 2000

// RecordUDP does the same for datagrams.
func RecordUDP(ctx context.Context, server string, dial func(address string) error) ([][]byte, error) {
	front, err := new(net.ListenConfig).ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	back, err := new(net.Dialer).DialContext(ctx, "udp", server)
	if err != nil {
		return nil, errors.Join(err, front.Close())
	}
	var said [][]byte
	var mu sync.Mutex
	var client net.Addr
	var both sync.WaitGroup
	both.Go(func() {
		for b := make([]byte, 64<<10); ; {
			n, from, err := front.ReadFrom(b)
			if err != nil {
				return
			}
			mu.Lock()
			client = from
			if len(said) < maxDatagrams {
				said = append(said, bytes.Clone(b[:n]))
			}
			mu.Unlock()
			_, _ = back.Write(b[:n]) // as lossy as any network
		}
	})
	both.Go(func() {
		for b := make([]byte, 64<<10); ; {
			n, err := back.Read(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			mu.Lock()
			to := client
			mu.Unlock()
			if err == nil && to != nil {
				_, _ = front.WriteTo(b[:n], to)
			}
		}
	})
	err = dial(front.LocalAddr().String())
	err = errors.Join(err, front.Close(), back.Close())
	both.Wait()
	return said, err
}
