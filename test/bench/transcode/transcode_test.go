package transcode_test

import (
	"os"
	"testing"

	"castnet/test/bench/transcode"
	"castnet/test/clip"
)

// TestRun runs the bench on a short clip where the programs are at hand: CASTNET_BENCH_FFMPEG and CASTNET_BENCH_WORKER.
func TestRun(t *testing.T) {
	cfg := transcode.Config{
		FFmpeg: os.Getenv("CASTNET_BENCH_FFMPEG"), Worker: os.Getenv("CASTNET_BENCH_WORKER"), Pairs: 1,
		Clip: clip.Spec{Width: 1280, Height: 720, FPS: 30, Seconds: 10, BFrames: 2, GOP: 60, Bitrate: 4_000_000},
	}
	if cfg.FFmpeg == "" || cfg.Worker == "" {
		t.Skip("CASTNET_BENCH_FFMPEG and CASTNET_BENCH_WORKER name no programs")
	}
	if os.Getenv("CASTNET_BENCH_1080") != "" {
		cfg.Clip.Width, cfg.Clip.Height, cfg.Clip.Bitrate = 1920, 1080, 6_000_000
	}
	f, err := transcode.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", f)
	if f.CPURatio <= 0.1 || f.CPURatio > 3 || f.WorkerRSS <= 1 {
		t.Errorf("implausible: %+v", f)
	}
}
