package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/av"
)

// engineAlone measures the engine in this process, without the network, for an eighth of the time: from a unit in to
// the unit out of the worst rung.
func engineAlone(ctx context.Context, r *result, video *clip.Video, measure time.Duration) (err error) {
	progress("the engine alone")
	// As in a worker (transcoder/worker/process.go): else goroutines wait for those that are inside libav.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(16))
	ladder := transcoder.DefaultLadder(source.Width, source.Height)
	session, err := av.Open(ctx, transcoder.SessionConfig{ID: "reference", Ladder: ladder})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	sent := newMoments()
	fed := make(chan error, 1)
	feeding, stop := context.WithCancel(ctx)
	defer stop()
	pictures := int((measure/8 + settle).Seconds() * fps)
	go func() { fed <- feed(feeding, session, video, pictures, sent) }()
	ages := make([][]float64, len(ladder))
	for left := pictures * len(ladder); left > 0; {
		out, err := session.Recv(ctx)
		if err != nil {
			return fmt.Errorf("engine: %w", err)
		}
		switch o := out.(type) {
		case transcoder.Rendered:
			left--
			at, ok := sent.get(o.Unit.PTS)
			if !ok {
				return fmt.Errorf("engine: picture %d was never sent", o.Unit.PTS)
			}
			if o.Unit.PTS >= media.Rescale(int64(settle), int64(time.Second), media.VideoClockRate) {
				ages[o.Rendition] = append(ages[o.Rendition], milliseconds(time.Since(at)))
			}
		case transcoder.BadInput:
			return fmt.Errorf("engine: %+v", o)
		}
	}
	for _, list := range ages {
		if p95 := percentile(list, 95); p95 > r.Figures["reference_p95_ms"] {
			r.Figures["reference_p50_ms"], r.Figures["reference_p95_ms"] = percentile(list, 50), p95
		}
	}
	r.Samples["reference_p95_ms"] = len(ages[0])
	return <-fed
}

// feed hands in so many pictures of the clip, over and over, each at its time, a segment a GOP.
func feed(ctx context.Context, to transcoder.Session, video *clip.Video, pictures int, sent *moments) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	start := time.Now()
	length := int64(len(video.Units)) * media.VideoClockRate / fps
	var seq uint64
	for i := range pictures {
		u := *video.Units[i%len(video.Units)]
		u.PTS += int64(i/len(video.Units)) * length
		u.DTS += int64(i/len(video.Units)) * length
		timer.Reset(time.Until(start.Add(time.Duration(i) * time.Second / fps)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if u.Key {
			var err error
			if i > 0 {
				err = to.Send(ctx, transcoder.EndSegment{Seq: seq, Drain: true})
				seq++
			}
			err = errors.Join(err, to.Send(ctx, transcoder.StartSegment{Seq: seq, FirstPTS: u.PTS, Track: video.Track, Fresh: i == 0}))
			if err != nil {
				return err
			}
		}
		sent.add(u.PTS, time.Now())
		if err := to.Send(ctx, transcoder.WriteUnit{Unit: &u}); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}
