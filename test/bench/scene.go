package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"castnet/test/clip"
	"castnet/test/publisher"
	"castnet/test/testnet"
	"castnet/test/viewer"
)

// moments says when each picture, by its PTS, passed one place.
type moments struct {
	mu sync.Mutex
	at map[int64]time.Time
}

func newMoments() *moments { return &moments{at: make(map[int64]time.Time)} }

func (m *moments) add(pts int64, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.at[pts]; !ok {
		m.at[pts] = at
	}
}

func (m *moments) get(pts int64) (time.Time, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.at[pts]
	return at, ok
}

// first is when the first picture passed.
func (m *moments) first() (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var first time.Time
	for _, at := range m.at {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if first.IsZero() {
		return first, errors.New("no picture has passed")
	}
	return first, nil
}

// between lists the pictures that passed in [from, to).
func (m *moments) between(from, to time.Time) []int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []int64
	for pts, at := range m.at {
		if !at.Before(from) && at.Before(to) {
			list = append(list, pts)
		}
	}
	return list
}

// scene is a running network with one stream pushed into it in real time, and one viewer of each rendition.
type scene struct {
	network *testnet.Network
	dir     string
	sent    *moments
	seen    map[string]*moments // by rendition
	viewers []*viewer.WHEP

	first  chan struct{} // closed with the first picture sent
	stop   context.CancelFunc
	pushed chan error
}

// raise starts a network. It ends with close.
func raise(ctx context.Context, args ...string) (*scene, error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	network, err := testnet.Start(ctx, testnet.Config{Dir: dir, Args: args})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &scene{network: network, dir: dir}, nil
}

// raiseWithKeys starts a network that takes streams with these keys, which are their ids too.
func raiseWithKeys(ctx context.Context, keys []string, args ...string) (*scene, error) {
	dir, err := os.MkdirTemp("", "bench-keys-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is read at the start
	var lines strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&lines, "%s %s\n", key, key)
	}
	file := filepath.Join(dir, "keys")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		return nil, err
	}
	return raise(ctx, append([]string{"--keys", file}, args...)...)
}

// close ends the stream, the viewers and the network.
func (s *scene) close() error {
	err := s.endPush()
	for _, v := range s.viewers {
		err = errors.Join(err, v.Close())
	}
	_, stopped := s.network.Stop()
	return errors.Join(err, stopped, os.RemoveAll(s.dir))
}

// push begins to publish the stream, of some length, and returns with the first picture.
func (s *scene) push(ctx context.Context, video *clip.Video, length time.Duration) error {
	return s.pushTo(ctx, stream, &material{video: video}, length)
}

// material is what a stream is made of: pictures, and sound where that is not nil.
type material struct {
	video *clip.Video
	sound *clip.Audio
}

// pushTo does the same with any material and another key.
func (s *scene) pushTo(ctx context.Context, key string, m *material, length time.Duration) error {
	var sound *publisher.Stream
	if m.sound != nil {
		sound = &publisher.Stream{Track: m.sound.Track, Units: m.sound.Units}
	}
	coded, err := publisher.New(publisher.Stream{Track: m.video.Track, Units: m.video.Units}, sound)
	if err != nil {
		return err
	}
	s.sent, s.first, s.pushed = newMoments(), make(chan struct{}), make(chan error, 1)
	ctx, s.stop = context.WithCancel(ctx)
	var once sync.Once
	go func() {
		s.pushed <- coded.Push(ctx, s.network.RTMP+key, publisher.Options{
			For: length, OnSent: func(pts int64, at time.Time) {
				s.sent.add(pts, at)
				once.Do(func() { close(s.first) })
			},
		})
	}()
	select {
	case <-s.first:
		return nil
	case err := <-s.pushed:
		s.pushed <- err
		return fmt.Errorf("publisher: %w", err)
	}
}

// endPush cuts the publisher off.
func (s *scene) endPush() error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	s.stop = nil
	if err := <-s.pushed; !errors.Is(err, context.Canceled) {
		return fmt.Errorf("publisher: %w", err)
	}
	return nil
}

// watch adds a viewer of each rendition, and returns when each has seen a picture.
func (s *scene) watch(ctx context.Context, renditions ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	s.seen = make(map[string]*moments)
	for _, name := range renditions {
		log, began := newMoments(), make(chan struct{})
		var once sync.Once
		v, err := viewer.NewWHEP(func(p viewer.Picture) {
			log.add(p.PTS, p.At)
			once.Do(func() { close(began) })
		})
		if err != nil {
			return err
		}
		s.seen[name] = log
		s.viewers = append(s.viewers, v)
		if err := s.join(ctx, v, name); err != nil {
			return err
		}
		select {
		case <-began:
		case <-ctx.Done():
			return fmt.Errorf("no picture of %s came by WHEP", name)
		}
	}
	return nil
}

// join tries until the rendition is there.
func (s *scene) join(ctx context.Context, v *viewer.WHEP, rendition string) error {
	for {
		err := v.Join(ctx, s.url(rendition))
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

func (s *scene) url(rendition string) string {
	return s.network.HTTP + "/whep/" + stream + "?rendition=" + rendition
}

// wait lets the scene play; the publisher must not end before.
func (s *scene) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case err := <-s.pushed:
		s.pushed <- err
		return fmt.Errorf("publisher: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	}
}
