package transcode

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"castnet/internal/media"
	"castnet/test/children"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// RealTime plays the clip at its own speed and returns, for each rung, how long after the source's units went in its own came
// out, shortest first.
func RealTime(ctx context.Context, pool *worker.Pool, l transcoder.Ladder, video *clip.Video) ([][]time.Duration, error) {
	session, err := pool.Open(ctx, transcoder.SessionConfig{ID: "bench-latency", Ladder: l})
	if err != nil {
		return nil, err
	}
	defer func() { _ = session.Close() }()
	var mu sync.Mutex
	sentAt := make(map[int64]time.Time, len(video.Units))
	sent := make(chan error, 1)
	go func() {
		tick := time.NewTicker(time.Duration(float64(time.Second) / video.Track.FrameRate))
		defer tick.Stop()
		sent <- send(ctx, session, video, func(u *media.Unit) {
			<-tick.C
			mu.Lock()
			defer mu.Unlock()
			sentAt[u.PTS] = time.Now()
		})
	}()
	took := make([][]time.Duration, len(l))
	err = receive(ctx, session, len(video.Units)*len(l), func(r transcoder.Rendered) {
		mu.Lock()
		defer mu.Unlock()
		took[r.Rendition] = append(took[r.Rendition], time.Since(sentAt[r.Unit.PTS]))
	})
	if err != nil {
		return nil, err
	}
	for _, rung := range took {
		slices.Sort(rung)
	}
	return took, <-sent
}

// resume is the time from the decision to replace a worker at the very end of a segment to its first new unit.
func resume(ctx context.Context, pool *worker.Pool, l transcoder.Ladder, video *clip.Video) (time.Duration, error) {
	end := 1
	for end < len(video.Units) && !video.Units[end].Key {
		end++
	}
	var pts []int64
	for _, u := range video.Units[:end] {
		pts = append(pts, u.PTS)
	}
	slices.Sort(pts)
	after := make([]int64, len(l))
	for i := range after {
		after[i] = pts[len(pts)-2] // all but the last picture have been published
	}
	started := time.Now()
	session, err := pool.Open(ctx, transcoder.SessionConfig{ID: "bench-resume", Ladder: l})
	if err != nil {
		return 0, err
	}
	defer func() { _ = session.Close() }()
	sent := make(chan error, 1)
	go func() {
		err := session.Send(ctx, transcoder.StartSegment{FirstPTS: pts[0], Track: video.Track, Fresh: true, ResumeAfter: after})
		for _, u := range video.Units[:end] {
			err = errors.Join(err, session.Send(ctx, transcoder.WriteUnit{Unit: u}))
		}
		sent <- errors.Join(err, session.Send(ctx, transcoder.EndSegment{Drain: true}))
	}()
	var took time.Duration
	err = receive(ctx, session, 1, func(transcoder.Rendered) { took = time.Since(started) })
	return took, errors.Join(err, <-sent)
}

// respawn is the time from a worker's death by SIGKILL until another session is open in its place.
func respawn(ctx context.Context, pool *worker.Pool, l transcoder.Ladder) (time.Duration, error) {
	idle := children.List()
	session, err := pool.Open(ctx, transcoder.SessionConfig{ID: "bench-respawn", Ladder: l})
	if err != nil {
		return 0, err
	}
	defer func() { _ = session.Close() }()
	// The spare that waited longest has become the session's.
	if len(idle) == 0 {
		return 0, errors.New("no worker process to kill")
	}
	started := time.Now()
	if err := syscall.Kill(slices.Min(idle), syscall.SIGKILL); err != nil {
		return 0, err
	}
	if _, err := session.Recv(ctx); !errors.Is(err, transcoder.ErrWorkerDied) {
		return 0, fmt.Errorf("a killed worker's session ended by: %w", err)
	}
	next, err := pool.Open(ctx, transcoder.SessionConfig{ID: "bench-respawned", Ladder: l})
	if err != nil {
		return 0, err
	}
	return time.Since(started), next.Close()
}
