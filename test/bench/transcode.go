package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"time"

	"castnet/test/bench/transcode"
	"castnet/test/clip"
	"castnet/test/testnet"
)

// transcoding measures castnet-worker against the ffmpeg command line: 1080p30 of a camera with B-frames, the default
// ladder. Latencies are of the 720p30 that the other benches push.
func transcoding(ctx context.Context, measure time.Duration) (*result, error) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		return nil, err
	}
	f, err := transcode.Run(ctx, transcode.Config{
		FFmpeg: ffmpeg, Worker: filepath.Join(testnet.Root(), "bin", "castnet-worker"),
		Clip:   clip.Spec{Width: 1920, Height: 1080, FPS: fps, Seconds: 4, BFrames: 2, GOP: 2 * fps, Bitrate: 6_000_000},
		Live:   source,
		Budget: measure,
	})
	if err != nil {
		return nil, err
	}
	r := &result{
		Figures: figures{
			"cpu_ratio": f.CPURatio, "worker_cpu_s": percentile(f.WorkerCPU, 50), "ffmpeg_cpu_s": percentile(f.FFmpegCPU, 50),
			"ssim_delta_min": f.SSIMDelta, "worker_rss_mb": f.WorkerRSS,
			"resume_ms": milliseconds(f.Resume), "respawn_ms": milliseconds(f.Respawn),
		},
		Samples: map[string]int{"cpu_ratio": len(f.WorkerCPU)},
		Budget: figures{
			"cpu_ratio": 0.95, "ssim_delta_min": -0.002, "worker_rss_mb": 150,
			"unit_p50_ms": 20, "unit_p95_ms": 50, "resume_ms": 400, "respawn_ms": 250,
		},
		Goals:   figures{"cpu_ratio": 0.9},
		atLeast: map[string]bool{"ssim_delta_min": true},
	}
	for _, l := range f.Lags { // of all rungs the worst counts
		p50, p95 := milliseconds(l.P50), milliseconds(l.P95)
		r.Figures["unit_p50_ms_"+l.Rung], r.Figures["unit_p95_ms_"+l.Rung] = p50, p95
		r.Figures["unit_p50_ms"] = max(r.Figures["unit_p50_ms"], p50)
		r.Figures["unit_p95_ms"] = max(r.Figures["unit_p95_ms"], p95)
		r.Samples["unit_p95_ms_"+l.Rung] = l.Units
	}
	return r, nil
}
