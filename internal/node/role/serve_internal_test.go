package role

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
)

// The pages are served by HTTP/1.1, and by HTTP/2 without TLS to who asks for it.
func TestServesBothVersionsOfHTTP(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- ServeHTTP(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	}()
	for want, second := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		var p http.Protocols
		p.SetHTTP1(!second)
		p.SetUnencryptedHTTP2(second)
		transport := &http.Transport{Protocols: &p}
		resp, err := (&http.Client{Transport: transport}).Get("http://" + listener.Addr().String())
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != want {
			t.Errorf("%s: the server saw %q, %v", want, body, err)
		}
		_ = resp.Body.Close()
		transport.CloseIdleConnections()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// pipes is a listener of connections in memory, whose deadlines are the test's.
type pipes struct {
	net.Listener // for Addr, which nobody asks for
	conns        chan net.Conn
	closed       chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { close(p.closed); return nil }

// A request whose body never comes is answered all the same, by a handler that does not want it.
func TestAnswersWithoutTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- ServeHTTP(ctx, listener, http.NotFoundHandler()) }()
		client, server := net.Pipe()
		listener.conns <- server
		if _, err := io.WriteString(client, "DELETE /whep/demo/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || resp.StatusCode != http.StatusNotFound {
			t.Fatalf("%v, %v", resp, err)
		}
		_ = resp.Body.Close()
		_ = client.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
