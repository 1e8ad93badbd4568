package ports_test

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"castnet/internal/ports"
)

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
