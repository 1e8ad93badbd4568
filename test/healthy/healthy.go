// Package healthy is a stream that nothing is wrong with, beside which tests do their worst: it knows every picture that
// was sent, and whether a viewer got it.
package healthy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/test/publisher"
	"castnet/test/testnet"
	"castnet/test/viewer"
)

// warmUp is how many pictures are sent before the worst may begin.
const warmUp = 90

// Stream is published as "demo", by RTMP, and watched by LL-HLS: the source and its rendition.
type Stream struct {
	stop   context.CancelFunc
	pushed chan error
	hls    chan watched
	sent   []int64 // PTS
}

type watched struct {
	seen map[string]*viewer.Variant
	err  error
}

// Network starts a network for such a stream, on which others may publish with these keys, which are their streams' ids, too. It
// is stopped with the test.
func Network(t *testing.T, keys ...string) *testnet.Network {
	t.Helper()
	t.Setenv("CASTNET_RECONNECT_GRACE", "3s") // the healthy stream ends with its connection
	var lines strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&lines, "%s %s\n", k, k)
	}
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := testnet.Start(context.WithoutCancel(t.Context()), testnet.Config{
		Dir: t.TempDir(), RTMPS: true, Args: []string{"--keys", file, "--ladder", "160x90@60000", "--log-level", "error"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := n.Stop(); err != nil {
			t.Errorf("the network ended with an error: %v", err)
		}
		if t.Failed() {
			out := n.Output()
			t.Logf("the end of the network's output:\n%s", out[max(0, len(out)-20_000):])
		}
	})
	return n
}

// Begin publishes, and returns when some seconds have been sent.
func Begin(ctx context.Context, n *testnet.Network) (*Stream, error) {
	v, err := clip.Make(ctx, clip.Spec{Width: 320, Height: 180, FPS: 30, Seconds: 10, GOP: 60, Bitrate: 300_000})
	if err != nil {
		return nil, err
	}
	c, err := publisher.New(publisher.Stream{Track: v.Track, Units: v.Units}, nil)
	if err != nil {
		return nil, err
	}
	s := &Stream{pushed: make(chan error, 1), hls: make(chan watched, 1)}
	go func() {
		seen, err := viewer.HLS(ctx, n.HTTP+"/hls/demo/index.m3u8")
		s.hls <- watched{seen, err}
	}()
	pushing, stop := context.WithCancel(ctx)
	s.stop = stop
	begun := make(chan struct{})
	go func() {
		s.pushed <- c.Push(pushing, n.RTMP+"demo", publisher.Options{For: 24 * time.Hour, VideoOnly: true, OnSent: func(pts int64, _ time.Time) {
			if s.sent = append(s.sent, pts); len(s.sent) == warmUp {
				close(begun)
			}
		}})
	}()
	select {
	case <-begun:
		return s, nil
	case err := <-s.pushed:
		s.stop()
		return nil, fmt.Errorf("the healthy publisher: %w", err)
	}
}

// End cuts the publisher's connection, and returns how many pictures were sent. It is an error where one of them did not
// come to the viewer, came twice, or in another order; the last one may be cut off with the connection.
func (s *Stream) End() (pictures int, err error) {
	s.stop()
	if err := <-s.pushed; !errors.Is(err, context.Canceled) {
		return len(s.sent), fmt.Errorf("the publisher was disturbed: %w", err)
	}
	w := <-s.hls
	if w.err != nil {
		return len(s.sent), fmt.Errorf("the viewer was disturbed: %w", w.err)
	}
	const offset = 10 * media.VideoClockRate // of HLS
	for _, name := range []string{"source", "90p"} {
		got := w.seen[name]
		if got == nil {
			return len(s.sent), fmt.Errorf("nobody saw %s", name)
		}
		same := 0
		for same < len(got.PTS) && same < len(s.sent) && got.PTS[same] == s.sent[same]+offset {
			same++
		}
		if same < len(got.PTS) || same < len(s.sent)-1 {
			return len(s.sent), fmt.Errorf("%s: %d pictures came, %d were sent; they differ from number %d on", name, len(got.PTS), len(s.sent), same)
		}
	}
	return len(s.sent), nil
}
