package ports_test

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"castnet/internal/ports"
)

// TestRefusalIsRead: who has sent a request before it is refused reads the whole refusal all the same; the connections of a
// proxy are not counted by its address.
func TestRefusalIsRead(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Repeat("no ", 1000)
	limited := ports.Limit(ln, ports.Limits{
		All: 2, PerAddress: 1, Proxies: ports.Proxies{netip.MustParsePrefix("127.0.0.0/8")},
		Refusal: func(string) string { return words }, Log: slog.New(slog.DiscardHandler),
	})
	accepted := make(chan net.Conn, 2)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := limited.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	for range 2 {
		dial()
		defer func(c net.Conn) { _ = c.Close() }(<-accepted)
	}
	for i := range 20 {
		c := dial()
		_, err := c.Write(make([]byte, 20_000))
		if err != nil {
			t.Fatalf("%d: the request was not taken: %v", i, err)
		}
		if told, err := io.ReadAll(c); err != nil || string(told) != words {
			t.Fatalf("%d: read %d bytes of the refusal, %v", i, len(told), err)
		}
		_ = c.Close()
	}
	if err := limited.Close(); err != nil {
		t.Error(err)
	}
	<-ended
}

// TestLimit: the connection beyond a limit is told so and closed; one that ends makes room.
func TestLimit(t *testing.T) {
	for name, c := range map[string]struct {
		all, perAddress int
		says            string
	}{
		"in all":      {2, 10, "--max-connections"},
		"per address": {10, 2, "--max-connections-per-address"},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			limited := ports.Limit(ln, ports.Limits{
				All: c.all, PerAddress: c.perAddress, Refusal: func(text string) string { return "no: " + text },
				Log: slog.New(slog.DiscardHandler),
			})
			accepted := make(chan net.Conn)
			go func() {
				defer close(accepted)
				for {
					conn, err := limited.Accept()
					if err != nil {
						return
					}
					accepted <- conn
				}
			}()
			dial := func() net.Conn {
				conn, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.Close() })
				return conn
			}
			dial()
			first := <-accepted
			dial()
			second := <-accepted
			told, err := io.ReadAll(dial())
			if err != nil || !strings.HasPrefix(string(told), "no: ") || !strings.HasSuffix(string(told), "by "+c.says) {
				t.Errorf("the third connection was told %q, %v", told, err)
			}
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			_ = first.Close() // counts once
			client := dial()
			third := <-accepted
			if half, ok := third.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
				t.Error("our half of a connection cannot be closed")
			} else if rest, err := io.ReadAll(client); err != nil || len(rest) > 0 {
				t.Errorf("behind the end of our half came %q, %v", rest, err)
			}
			if told, err := io.ReadAll(dial()); err != nil || len(told) == 0 {
				t.Errorf("a fourth at once was told %q, %v", told, err)
			}
			_ = second.Close()
			_ = third.Close()
			_ = limited.Close()
			for range accepted { // until it has ended
			}
		})
	}
}

// late is a port that yields its only connection when it is allowed to, be it closed or not.
type late struct {
	conn net.Conn
	now  chan struct{}
}

func (l *late) Accept() (net.Conn, error) {
	if _, open := <-l.now; !open {
		return nil, net.ErrClosed
	}
	return l.conn, nil
}
func (l *late) Close() error   { return nil }
func (l *late) Addr() net.Addr { return &net.TCPAddr{} }

// TestRefusedAtTheEnd: who comes while the port closes is not seen off behind Close's back.
func TestRefusedAtTheEnd(t *testing.T) {
	client, server := net.Pipe()
	ln := &late{conn: server, now: make(chan struct{})}
	limited := ports.Limit(ln, ports.Limits{Refusal: func(text string) string { return "no: " + text }, Log: slog.New(slog.DiscardHandler)})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, err := limited.Accept(); err == nil {
			t.Error("a connection was accepted, and none is allowed")
		}
	}()
	if err := limited.Close(); err != nil {
		t.Fatal(err)
	}
	ln.now <- struct{}{}
	if told, err := io.ReadAll(client); err != nil || len(told) > 0 {
		t.Errorf("after the end it was told %q, %v", told, err)
	}
	close(ln.now)
	<-ended
}
