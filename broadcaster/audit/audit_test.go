package audit_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"testing"

	"castnet/broadcaster/audit"
	"castnet/broadcaster/verify"
	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/test/program"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// binary is the real worker, built once for all tests.
var binary = program.Worker()

func TestMain(m *testing.M) {
	os.Exit(program.Run(m, binary)) //nolint:forbidigo // a TestMain is a main
}

func workers(t *testing.T) *worker.Pool {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := worker.New(worker.Config{Binary: path, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- pool.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return pool
}

// natural is the first two seconds of the clip, through a filter.
func natural(t *testing.T, filter string, c media.Codec, args ...string) *clip.Video {
	t.Helper()
	v, err := clip.MakeCoded(t.Context(), clip.Coded{Codec: c, Seconds: 2, Filter: filter, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func x264(more ...string) []string {
	return append([]string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "60", "-sc_threshold", "0"}, more...)
}

func segmentOf(v *clip.Video) *audit.Segment {
	first := v.Units[0].PTS
	for _, u := range v.Units {
		first = min(first, u.PTS)
	}
	return &audit.Segment{ID: "audit", Track: v.Track, Source: v.Units, FirstPTS: first}
}

// made has a real worker make the renditions of a video.
func made(t *testing.T, pool *worker.Pool, v *clip.Video, l transcoder.Ladder) []*audit.Rendition {
	t.Helper()
	session, err := pool.Open(t.Context(), transcoder.SessionConfig{ID: "made", Ladder: l})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	s := segmentOf(v)
	sent := make(chan error, 1)
	go func() {
		err := session.Send(t.Context(), transcoder.StartSegment{Track: s.Track, FirstPTS: s.FirstPTS, Fresh: true})
		for _, u := range s.Source {
			err = errors.Join(err, session.Send(t.Context(), transcoder.WriteUnit{Unit: u}))
		}
		sent <- errors.Join(err, session.Send(t.Context(), transcoder.EndSegment{Drain: true}))
	}()
	out := make([]*audit.Rendition, len(l))
	for i, p := range l {
		out[i] = &audit.Rendition{Codec: p.Codec, Width: p.Width, Height: p.Height}
	}
	for {
		o, err := session.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		switch o := o.(type) {
		case transcoder.Rendered:
			out[o.Rendition].Units = append(out[o.Rendition].Units, o.Unit)
		case transcoder.BadInput:
			t.Fatalf("%+v", o)
		case transcoder.SegmentDone:
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
}

const (
	plain = "fps=30,scale=640:360,setsar=1,format=yuv420p"
	pan   = "fps=30,scale=1280:720,crop=640:360:'320+300*sin(n/9)':'180+150*cos(n/7)',setsar=1,format=yuv420p"
)

// What honest work looks like: any codec, few bits, noise, motion, other shapes.
func TestHonest(t *testing.T) {
	pool := workers(t)
	small := transcoder.Ladder{
		{Name: "a", Codec: media.H264, Width: 640, Height: 360, Bitrate: 900_000, Divisor: 1},
		{Name: "b", Codec: media.H264, Width: 426, Height: 240, Bitrate: 250_000, Divisor: 2},
		{Name: "c", Codec: media.HEVC, Width: 320, Height: 180, Bitrate: 200_000, Divisor: 1},
		{Name: "d", Codec: media.H264, Width: 160, Height: 90, Bitrate: 60_000, Divisor: 1},
	}
	for name, v := range map[string]*clip.Video{
		"h264":       natural(t, plain, media.H264, x264()...),
		"few bits":   natural(t, plain, media.H264, x264("-b:v", "200k", "-maxrate", "200k", "-bufsize", "200k")...),
		"noise":      natural(t, "fps=30,scale=640:360,noise=alls=14:allf=t,setsar=1,format=yuv420p", media.H264, x264()...),
		"motion":     natural(t, pan, media.H264, x264()...),
		"dark":       natural(t, "fps=30,scale=640:360,eq=brightness=-0.35:contrast=0.5,setsar=1,format=yuv420p", media.H264, x264()...),
		"still":      natural(t, "fps=30,scale=640:360,trim=end_frame=1,loop=59:1,setpts=N/30/TB,setsar=1,format=yuv420p", media.H264, x264()...),
		"full range": natural(t, "fps=30,scale=640:360:out_range=full,setsar=1,format=yuvj420p", media.H264, x264("-color_range", "pc")...),
		"interlaced": natural(t, "fps=60,scale=640:360,tinterlace=interleave_top,setsar=1,format=yuv420p", media.H264, x264("-flags", "+ildct+ilme")...),
		"hevc 10":    natural(t, "fps=30,scale=640:360,setsar=1,format=yuv420p10le", media.HEVC, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"),
		"hlg": natural(t, "fps=30,scale=640:360,setsar=1,format=yuv420p10le", media.HEVC, "-c:v", "libx265", "-preset", "ultrafast",
			"-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc",
			"-x265-params", "log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"),
		"vp9": natural(t, plain, media.VP9, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"),
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range made(t, pool, v, small) {
				failures, err := audit.Compare(t.Context(), pool, segmentOf(v), r)
				if err != nil {
					t.Fatal(err)
				}
				if len(failures) > 0 {
					t.Errorf("%dx%d: %v", r.Width, r.Height, failures)
				}
			}
		})
	}
}

// Rungs that are smaller than a thumbnail show less than one can, which is no lie.
func TestHonestSmall(t *testing.T) {
	pool := workers(t)
	v := natural(t, "fps=30,scale=240:136,drawgrid=w=4:h=4:t=1:c=white,setsar=1,format=yuv420p", media.H264, x264()...)
	for _, r := range made(t, pool, v, transcoder.DefaultLadder(240, 136)) {
		failures, err := audit.Compare(t.Context(), pool, segmentOf(v), r)
		if err != nil {
			t.Fatal(err)
		}
		if len(failures) > 0 {
			t.Errorf("%dx%d: %v", r.Width, r.Height, failures)
		}
	}
}

// Each lie is a rendition with the right pictures' timestamps, size and codec, made by a real worker of something else.
func TestLies(t *testing.T) {
	pool := workers(t)
	rung := transcoder.Ladder{{Name: "a", Codec: media.H264, Width: 426, Height: 240, Bitrate: 500_000, Divisor: 1}}
	honest, moving := natural(t, plain, media.H264, x264()...), natural(t, pan, media.H264, x264()...)
	for name, lie := range map[string]struct{ filter, check string }{
		"black":             {"fps=30,scale=640:360,drawbox=c=black:t=fill,setsar=1,format=yuv420p", verify.CheckLikeness},
		"grey":              {"fps=30,scale=640:360,drawbox=c=gray:t=fill,setsar=1,format=yuv420p", verify.CheckOverlay},
		"other pictures":    {"fps=30,scale=640:360,hflip,vflip,setsar=1,format=yuv420p", verify.CheckLikeness},
		"a banner":          {"fps=30,scale=640:360,drawbox=x=20:y=300:w=200:h=40:c=white:t=fill,setsar=1,format=yuv420p", verify.CheckOverlay},
		"a logo":            {"fps=30,scale=640:360,drawbox=x=560:y=10:w=64:h=64:c=red:t=fill,setsar=1,format=yuv420p", verify.CheckOverlay},
		"one part of it":    {"fps=30,scale=640:360,crop=480:270,scale=640:360,setsar=1,format=yuv420p", verify.CheckOverlay},
		"bars beside it":    {"fps=30,scale=480:360,pad=640:360:80:0,setsar=1,format=yuv420p", verify.CheckOverlay},
		"one picture":       {pan + ",trim=end_frame=1,loop=59:1,setpts=N/30/TB", verify.CheckMotion},
		"half the pictures": {pan + ",select='not(mod(n\\,2))',setpts=N/15/TB,fps=30", verify.CheckMotion},
	} {
		t.Run(name, func(t *testing.T) {
			r := made(t, pool, natural(t, lie.filter, media.H264, x264()...), rung)[0]
			source := honest
			if lie.check == verify.CheckMotion {
				source = moving
			}
			failures, err := audit.Compare(t.Context(), pool, segmentOf(source), r)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(failures, func(f verify.Failure) bool { return f.Check == lie.check }) {
				t.Errorf("%v does not name %q", failures, lie.check)
			}
		})
	}
}
