package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// withRedis runs f with the URL of a redis-server of its own on loopback, which syncs its log once a second.
func withRedis(ctx context.Context, f func(url string) error) (err error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("the tickets bench needs redis-server (make test-deps installs it): %w", err)
	}
	dir, err := os.MkdirTemp("", "castnet-redis")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	server := exec.CommandContext(ctx, binary, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, //nolint:gosec // found in the path
		"--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--loglevel", "warning")
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		ended <- server.Wait()
		close(ended)
	}()
	defer func() {
		_ = server.Process.Kill() // it has no state that matters
		for range ended {         // until it is gone
		}
	}()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if err := answers(ctx, address, ended); err != nil {
		return err
	}
	return f("redis://" + address)
}

// freePort is one that nobody listens on now.
func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil //nolint:forcetypeassert // a TCP listener's
}

// answers waits until somebody listens.
func answers(ctx context.Context, address string, ended <-chan error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var dialer net.Dialer
	for {
		if conn, err := dialer.DialContext(ctx, "tcp", address); err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case err := <-ended:
			return fmt.Errorf("redis-server ended by itself: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
