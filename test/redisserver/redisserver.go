// Package redisserver runs real Redis servers for tests.
package redisserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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

	tb    testing.TB
	args  []string
	cmd   *exec.Cmd
	ended chan struct{} // closed when cmd has
}

// Start starts a server that keeps what it acknowledges (appendonly, every write synced). args are added to its command
// line. It ends with the test.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := prepare(tb, append([]string{"--port", "0"}, args...)...)
	s.Restart()
	return s
}

func prepare(tb testing.TB, args ...string) *Server {
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
		binary, "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}, args...)
	tb.Cleanup(func() {
		s.Kill()
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Restart starts the server again where it was killed, and returns when it answers.
func (s *Server) Restart() {
	s.tb.Helper()
	if !s.start() {
		s.tb.Fatal("redis-server ended by itself")
	}
}

// start is Restart; false: the server has ended by itself.
func (s *Server) start() bool {
	s.Kill()
	s.cmd = exec.Command(s.args[0], s.args[1:]...) //nolint:gosec,noctx // found in the path; Kill ends it
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func() {
		_ = s.cmd.Wait() // killed is how it ends
		close(s.ended)
	}()
	return s.until("redis-server does not answer", func(c *goredis.Client) error {
		return c.Ping(context.Background()).Err() // while it loads it answers with an error
	})
}

// until waits for something to be well. false: the server has ended by itself.
func (s *Server) until(otherwise string, well func(*goredis.Client) error) bool {
	c := s.Client()
	defer func() { _ = c.Close() }() // nothing of it matters
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := well(c)
		if err == nil {
			return true
		}
		select {
		case <-s.ended:
			return false
		case <-s.tb.Context().Done():
			s.tb.Fatal(otherwise, ": ", err)
		case <-tick.C:
		}
	}
}

// StartCluster starts a cluster of three masters on free loopback ports, and returns the URL to dial. It ends with the
// test.
func StartCluster(tb testing.TB) string {
	tb.Helper()
	var nodes [3]*Server
	var ports [3]int
	for i := range nodes {
		for nodes[i] == nil { // the ports may be taken in between
			port, bus := freePort(tb), freePort(tb)
			s := prepare(tb, "--port", strconv.Itoa(port), "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus))
			if s.start() {
				nodes[i], ports[i] = s, port
			}
		}
	}
	ctx := tb.Context()
	const slots = 16384
	for i, s := range nodes {
		c := s.Client()
		if err := c.ClusterAddSlotsRange(ctx, slots*i/3, slots*(i+1)/3-1).Err(); err != nil {
			tb.Fatal(err)
		}
		meet := []any{"cluster", "meet", "127.0.0.1", ports[0]}
		if bus := nodes[0].value("--cluster-port"); i > 0 {
			if err := c.Do(ctx, append(meet, bus)...).Err(); err != nil {
				tb.Fatal(err)
			}
		}
		_ = c.Close() // it was only for this
	}
	for _, s := range nodes {
		s.until("the cluster is not complete", func(c *goredis.Client) error {
			info, err := c.ClusterInfo(ctx).Result()
			if err == nil && (!strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3")) {
				err = errors.New(info)
			}
			return err
		})
	}
	return fmt.Sprintf("redis://127.0.0.1:%d?cluster=true", ports[0])
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it only asked for the number
	return l.Addr().(*net.TCPAddr).Port
}

// value is what follows a flag on the command line.
func (s *Server) value(flag string) string {
	return s.args[slices.Index(s.args, flag)+1]
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
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.ended
	s.cmd = nil
}
