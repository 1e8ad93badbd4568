// Package redisserver runs real Redis servers for tests.
package redisserver

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Server is one redis-server, listening on a socket of its own in a folder of its own.
type Server struct {
	// URL is what its clients dial.
	URL string
	// Dir keeps its files over restarts.
	Dir string

	tb   testing.TB
	args []string
	cmd  *exec.Cmd
}

// Start starts a server that keeps what it acknowledges (appendonly, every write synced). args are added to its command
// line. It ends with the test.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		tb.Skip("no redis-server here (make test-deps installs it)")
	}
	dir, err := os.MkdirTemp("", "redis") //nolint:usetesting // short: the name of a socket has 107 bytes at most
	if err != nil {
		tb.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	s := &Server{URL: "unix://" + socket, Dir: dir, tb: tb}
	s.args = append([]string{
		binary, "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}, args...)
	tb.Cleanup(func() {
		s.Kill()
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	s.Restart()
	return s
}

// Restart starts the server again where it was killed, and returns when it answers.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Kill()
	s.cmd = exec.Command(s.args[0], s.args[1:]...) //nolint:gosec,noctx // found in the path; Kill ends it
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	c := s.Client()
	defer func() { _ = c.Close() }() // nothing of it matters
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		err := c.Ping(context.Background()).Err() // it answers while it loads, too: with an error
		if err == nil {
			return
		}
		if s.tb.Context().Err() != nil {
			s.tb.Fatal("redis-server does not answer: ", err)
		}
	}
}

// Client is a plain client, for looking into the server and for breaking it.
func (s *Server) Client() *goredis.Client {
	o, err := goredis.ParseURL(s.URL)
	if err != nil {
		s.tb.Fatal(err)
	}
	o.MaxRetries = -1
	return goredis.NewClient(o)
}

// Kill ends the server at once. One that has ended is left.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	err := s.cmd.Process.Kill()
	_, waited := s.cmd.Process.Wait()
	if err = errors.Join(err, waited); err != nil {
		s.tb.Error("end redis-server: ", err)
	}
	s.cmd = nil
}
