package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/bluenviron/gortmplib"

	"castnet/test/clip"
	"castnet/test/publisher"
)

const (
	// publishers push at once, within what the broadcaster takes from one address.
	publishers = 50
	// dialers shake hands at once.
	dialers = 4
)

// idle is a stream of next to nothing: what it costs in memory is the network's, not the stream's.
var idle = clip.Spec{ //nolint:gochecknoglobals // a constant
	Width: 320, Height: 180, FPS: fps, Seconds: 10, GOP: 2 * fps, Bitrate: 60_000,
}

// ingest measures what publishers by RTMP cost the broadcaster, without a ladder and without viewers: the CPU of a
// handshake up to the server's consent to publish, the memory of a stream beyond the pictures that are kept of it, and
// the CPU of a stream of 720p.
func ingest(ctx context.Context, measure time.Duration) (r *result, err error) {
	var clips [2]*clip.Video
	for i, spec := range []clip.Spec{idle, source} {
		if clips[i], err = clip.Make(ctx, spec); err != nil {
			return nil, err
		}
	}
	var keys []string
	for i := range publishers {
		keys = append(keys, fmt.Sprintf("stream%d", i))
	}
	s, err := raiseWithKeys(ctx, keys, "--ladder", "none")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	pid, err := s.broadcaster()
	if err != nil {
		return nil, err
	}
	r = &result{
		Figures: figures{"streams": publishers}, Samples: map[string]int{},
		Budget: figures{"cpu_ms_per_handshake": 0.14, "mib_per_stream": 0.33, "core_percent_per_stream": 0.28},
	}
	// Memory first: what handshakes leave for the collector would hide what streams take.
	progress("%d idle streams", publishers)
	before, err := s.stretch(ctx, pid, settle)
	if err != nil {
		return nil, err
	}
	running, kept, err := s.publish(ctx, pid, keys, clips[0], measure/4)
	if err != nil {
		return nil, err
	}
	r.Figures["mib_per_stream"] = (running.mib-before.mib)/publishers - kept
	r.Figures["core_percent_per_idle_stream"] = 100 * (running.cores - before.cores) / publishers

	progress("%d streams of 720p", publishers)
	if running, _, err = s.publish(ctx, pid, keys, clips[1], measure/4); err != nil {
		return nil, err
	}
	r.Figures["core_percent_per_stream"] = 100 * (running.cores - before.cores) / publishers

	progress("handshakes")
	count, cpu, err := s.handshakes(ctx, pid, keys, measure/4)
	if err != nil {
		return nil, err
	}
	r.Figures["cpu_ms_per_handshake"] = 1000 * (cpu - before.cores*(measure/4).Seconds()) / float64(count)
	r.Samples["cpu_ms_per_handshake"] = count
	return r, nil
}

// publish pushes the clip with every key, measures the broadcaster for a time once they run, and returns the MiB of a
// stream that were sent by the end.
func (s *scene) publish(ctx context.Context, pid int, keys []string, video *clip.Video, d time.Duration) (m stretch, mib float64, err error) {
	material, err := publisher.New(publisher.Stream{Track: video.Track, Units: video.Units}, nil)
	if err != nil {
		return m, 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var pushing sync.WaitGroup
	errs := make([]error, len(keys))
	for i, key := range keys {
		pushing.Go(func() {
			errs[i] = material.Push(ctx, s.network.RTMP+key, publisher.Options{VideoOnly: true, For: time.Hour})
			if ctx.Err() == nil {
				cancel() // the others' figures would be of fewer streams
			} else if errors.Is(errs[i], context.Canceled) {
				errs[i] = nil
			}
		})
	}
	if err = s.wait(ctx, settle); err == nil {
		m, err = s.stretch(ctx, pid, d)
	}
	cancel()
	pushing.Wait()
	var bytes int
	for _, u := range video.Units {
		bytes += len(u.Payload)
	}
	perSecond := float64(bytes) / (1 << 20) / float64(len(video.Units)) * fps
	return m, perSecond * (settle + d).Seconds(), errors.Join(err, errors.Join(errs...))
}

// handshakes lets publishers come, be let in, and leave before they have sent anything, and returns how many and the CPU seconds
// of the broadcaster.
func (s *scene) handshakes(ctx context.Context, pid int, keys []string, d time.Duration) (count int, cpu float64, err error) {
	before, _, err := spent(pid)
	if err != nil {
		return 0, 0, err
	}
	until := time.Now().Add(d)
	var dialing sync.WaitGroup
	counts, errs := make([]int, dialers), make([]error, dialers)
	for i := range dialers {
		own := keys[i*len(keys)/dialers : (i+1)*len(keys)/dialers]
		dialing.Go(func() {
			for time.Now().Before(until) && errs[i] == nil {
				if errs[i] = s.handshake(ctx, own[counts[i]%len(own)]); errs[i] == nil {
					counts[i]++
				}
			}
		})
	}
	dialing.Wait()
	after, _, err := spent(pid)
	for _, n := range counts {
		count += n
	}
	return count, after - before, errors.Join(err, errors.Join(errs...))
}

// handshake ends with the server's consent to publish.
func (s *scene) handshake(ctx context.Context, key string) error {
	address, err := url.Parse(s.network.RTMP + key)
	if err != nil {
		return err
	}
	client := &gortmplib.Client{URL: address, Publish: true}
	if err := client.Initialize(ctx); err != nil {
		return err
	}
	client.Close()
	return nil
}
