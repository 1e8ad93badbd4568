package node

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
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
		ended <- serveHTTP(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
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
