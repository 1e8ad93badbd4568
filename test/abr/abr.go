// Package abr watches a stream in a real browser, by WHEP, behind a link that becomes narrow, good again, and lossy, and says
// what a person would have seen.
package abr

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"castnet/test/clip"
	"castnet/test/publisher"
	"castnet/test/relay"
	"castnet/test/testnet"
)

const (
	// Ladder is what the network is to make: one rung fits the narrow link, one doesn't.
	Ladder = "640x360@1500000,320x180@350000"
	// Wide is the width of the one that doesn't, and of the source.
	Wide = 640
)

// The link: quick, narrow as the acceptance says, and a bad radio. The queue is a home router's.
func quick() relay.Conditions {
	return relay.Conditions{Rate: 20e6, Queue: 256 << 10, Delay: 10 * time.Millisecond}
}

func narrow() relay.Conditions {
	return relay.Conditions{Rate: 700e3, Queue: 64 << 10, Delay: 10 * time.Millisecond}
}

func radio() relay.Conditions {
	return relay.Conditions{Rate: 20e6, Queue: 256 << 10, Delay: 10 * time.Millisecond, Jitter: 50 * time.Millisecond, Loss: 0.05}
}

// Times are how long each part lasts at most. It ends early where what it waits for has come, the radio aside.
type Times struct{ Start, Squeeze, Release, Radio time.Duration }

// Seen is what the browser saw. Times that never came are the part's whole length.
type Seen struct {
	// Top is from the first picture to the widest one, at the start.
	Top time.Duration
	// Down is from the squeeze to the first smaller picture, and Up from the release to the first wide one.
	Down, Up time.Duration
	// SqueezeGap, ReleaseGap and RadioGap are the longest times without a new picture in each part.
	SqueezeGap, ReleaseGap, RadioGap time.Duration
	// RadioPictures is how many were decoded a second on the lossy link. How many of them are shown depends on the machine.
	RadioPictures float64
	// Errors are the decoder's, and Lost the packets that never came.
	Errors, Lost int
	// Overflowed is how many packets found the narrow link's queue full.
	Overflowed int
	// Freezes is the browser's own count of them over all parts.
	Freezes int
}

// Push publishes what the ladder is made of, until ctx is done.
func Push(ctx context.Context, url string) error {
	video, err := clip.Make(ctx, clip.Spec{Width: Wide, Height: Wide * 9 / 16, FPS: 30, Seconds: 10, GOP: 60, Bitrate: 2_000_000})
	if err != nil {
		return err
	}
	material, err := publisher.New(publisher.Stream{Track: video.Track, Units: video.Units}, nil)
	if err != nil {
		return err
	}
	if err := material.Push(ctx, url, publisher.Options{VideoOnly: true, For: 24 * time.Hour}); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Watch plays the stream with that id, which must be live or begin soon.
func Watch(ctx context.Context, n *testnet.Network, id string, t Times) (seen Seen, err error) {
	link, err := relay.New(n.WebRTC())
	if err != nil {
		return seen, err
	}
	link.Set(quick())
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	var relaying error
	running.Go(func() { relaying = link.Run(ctx) })
	b, err := open(ctx, n.HTTP, id, link.Port())
	if err == nil {
		seen, err = parts(ctx, b, link, t)
		err = errors.Join(err, b.close())
	}
	cancel()
	running.Wait()
	return seen, errors.Join(err, relaying)
}

func parts(ctx context.Context, b *browser, link *relay.Relay, t Times) (seen Seen, err error) {
	first, err := b.await(ctx, func(f frame) bool { return f.width > 0 }, time.Now(), 30*time.Second)
	if err != nil {
		return seen, err
	}
	if first.IsZero() {
		return seen, fmt.Errorf("no picture was shown in 30 s: %s", b.diagnostics.String())
	}
	wide := func(f frame) bool { return f.width == Wide }
	if seen.Top, err = b.part(ctx, wide, first, t.Start); err != nil {
		return seen, err
	}
	if err := b.wait(ctx, 2*time.Second); err != nil {
		return seen, err
	}
	link.Counts()

	squeezed := time.Now()
	link.Set(narrow())
	if seen.Down, err = b.part(ctx, func(f frame) bool { return f.width > 0 && f.width < Wide }, squeezed, t.Squeeze); err != nil {
		return seen, err
	}
	if err := b.wait(ctx, time.Until(squeezed.Add(t.Squeeze))); err != nil {
		return seen, err
	}
	seen.Overflowed = link.Counts().Overflowed

	released := time.Now()
	link.Set(quick())
	if seen.Up, err = b.part(ctx, wide, released, t.Release); err != nil {
		return seen, err
	}
	if err := b.wait(ctx, time.Second); err != nil {
		return seen, err
	}

	lossy, decoded := time.Now(), b.decoded()
	link.Set(radio())
	if err := b.wait(ctx, t.Radio); err != nil {
		return seen, err
	}
	end := time.Now()
	seen.RadioPictures = float64(b.decoded()-decoded) / end.Sub(lossy).Seconds()
	link.Set(quick())
	if err := b.wait(ctx, time.Second); err != nil {
		return seen, err
	}
	seen.SqueezeGap, seen.ReleaseGap, seen.RadioGap = b.gap(squeezed, released), b.gap(released, lossy), b.gap(lossy, end)
	seen.Errors, seen.Lost, seen.Freezes = b.verdict()
	return seen, nil
}

// frame is one picture that was shown.
type frame struct {
	at    time.Time
	width int
}

// line is what the browser's script tells.
type line struct {
	Frames [][2]float64 `json:"frames"`
	Errors []string     `json:"errors"`
	Stats  struct {
		FramesDecoded  int `json:"framesDecoded"`
		FramesReceived int `json:"framesReceived"`
		FramesDropped  int `json:"framesDropped"`
		FreezeCount    int `json:"freezeCount"`
		PacketsLost    int `json:"packetsLost"`
		PLICount       int `json:"pliCount"`
	} `json:"stats"`
}

// browser is the player.
type browser struct {
	cmd         *exec.Cmd
	stop        func() error
	diagnostics bytes.Buffer
	reading     sync.WaitGroup

	mu     sync.Mutex
	frames []frame
	last   line
	more   chan struct{} // closed and made anew with each line
	ended  bool
}

func open(ctx context.Context, base, id string, port int) (*browser, error) {
	script := filepath.Join(testnet.Root(), "test", "browser", "abr.mjs")
	b := &browser{more: make(chan struct{})}
	b.cmd = exec.CommandContext(ctx, "node", script, base, id, fmt.Sprint(port)) //nolint:gosec // our own script
	b.cmd.Stderr = &b.diagnostics
	in, err := b.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	b.stop = in.Close
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	b.reading.Go(func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var l line
			if err := json.Unmarshal(lines.Bytes(), &l); err == nil {
				b.take(l)
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ended = true
		close(b.more)
	})
	return b, nil
}

func (b *browser) close() error {
	err := b.stop()
	b.reading.Wait()
	if waiting := b.cmd.Wait(); waiting != nil {
		err = errors.Join(err, fmt.Errorf("abr.mjs: %w\n%s", waiting, b.diagnostics.String()))
	}
	return err
}

func (b *browser) take(l line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range l.Frames {
		b.frames = append(b.frames, frame{time.UnixMicro(int64(f[0] * 1000)), int(f[1])})
	}
	b.last = l
	close(b.more)
	b.more = make(chan struct{})
}

// await returns when the first picture since from was shown that is as wanted; zero where none was within the limit.
func (b *browser) await(ctx context.Context, wanted func(frame) bool, from time.Time, limit time.Duration) (time.Time, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		b.mu.Lock()
		i := slices.IndexFunc(b.frames, func(f frame) bool { return f.at.After(from) && wanted(f) })
		more, ended := b.more, b.ended
		b.mu.Unlock()
		if i >= 0 {
			return b.frames[i].at, nil
		}
		if ended {
			return time.Time{}, errors.New("the browser has ended: " + b.diagnostics.String())
		}
		select {
		case <-more:
		case <-timer.C:
			return time.Time{}, nil
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// part is how long it took to such a picture, or the limit.
func (b *browser) part(ctx context.Context, wanted func(frame) bool, from time.Time, limit time.Duration) (time.Duration, error) {
	at, err := b.await(ctx, wanted, from, limit)
	if err != nil || at.IsZero() {
		return limit, err
	}
	return at.Sub(from), nil
}

func (b *browser) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gap is the longest time between two pictures in a stretch.
func (b *browser) gap(from, to time.Time) (longest time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := from
	for _, f := range b.frames {
		if f.at.After(from) && f.at.Before(to) {
			longest, last = max(longest, f.at.Sub(last)), f.at
		}
	}
	return max(longest, to.Sub(last))
}

// decoded is how many pictures have been decoded.
func (b *browser) decoded() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last.Stats.FramesDecoded
}

// verdict is the decoder's errors, lost packets, and freezes by the browser's own count. Pictures that were received whole
// and neither decoded nor dropped, but for the few in hand, are errors.
func (b *browser) verdict() (failed, lost, freezes int) {
	const inHand = 10
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.last.Stats
	if n := s.FramesReceived - s.FramesDecoded - s.FramesDropped; n > inHand {
		failed = n
	}
	return failed + len(b.last.Errors), s.PacketsLost, s.FreezeCount
}
