package rtmp_test

import (
	"io"
	"log/slog"
	"net"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/rtmp"
)

// start runs a server until the test ends, and returns its address.
func start(tb testing.TB, g ingest.Gate, change func(*rtmp.Config)) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	cfg := rtmp.Config{
		Listener: listener, Gate: g, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Registerer: prometheus.NewRegistry(),
	}
	if change != nil {
		change(&cfg)
	}
	server, err := rtmp.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	ingesttest.Run(tb, server.Run)
	return listener.Addr().String()
}
