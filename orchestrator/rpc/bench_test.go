package rpc_test

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"castnet/internal/identity"
	"castnet/internal/media"
	"castnet/orchestrator/rpc"
	"castnet/transcoder"
)

// BenchmarkUnit is the way of one coded picture up and back down, one at a time, over TLS on loopback: nothing may wait
// for a batch to fill.
func BenchmarkUnit(b *testing.B) {
	for name, size := range map[string]int{"size=10KB": 10 << 10, "size=100KB": 100 << 10} {
		b.Run(name, func(b *testing.B) {
			stream := echoStream(b)
			up := transcoder.WriteUnit{Unit: &media.Unit{Payload: make([]byte, size)}}
			b.SetBytes(int64(2 * size))
			b.ReportAllocs()
			for b.Loop() {
				if err := stream.Send(up); err != nil {
					b.Fatal(err)
				}
				if _, err := stream.Recv(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func echoStream(b *testing.B) *rpc.Stream {
	b.Helper()
	operator, err := identity.Generate()
	if err != nil {
		b.Fatal(err)
	}
	server, err := rpc.NewServer(rpc.ServerConfig{
		Handler: &handler{transcode: echo}, Operator: operator, ChainID: chainID, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, ln) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	client, err := rpc.Dial(rpc.DialConfig{Address: ln.Addr().String(), Operator: operator.Address(), ChainID: chainID})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })
	stream, err := client.Transcode(b.Context(), opening())
	if err != nil {
		b.Fatal(err)
	}
	return stream
}
