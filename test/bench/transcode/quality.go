package transcode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// quality compares what the worker and the command line make of the clip, with the source as each rung should show it:
// scaled from the source itself. It returns the least difference of a rung's mean SSIM.
func quality(ctx context.Context, cfg Config, video *clip.Video, pool *worker.Pool) (delta float64, err error) {
	dir, err := os.MkdirTemp("", "castnet-bench-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ours := make([]bytes.Buffer, len(cfg.Ladder))
	_, err = ladder(ctx, pool, cfg.Ladder, video, func(r transcoder.Rendered) { _, _ = ours[r.Rendition].Write(r.Unit.Payload) })
	if err != nil {
		return 0, err
	}
	theirFile := func(i int) string { return filepath.Join(dir, fmt.Sprintf("ffmpeg-%d.h264", i)) }
	if err := commandLine(ctx, cfg, video, func(i int) []string { return []string{theirFile(i)} }); err != nil {
		return 0, err
	}
	delta = math.Inf(1)
	for i, p := range cfg.Ladder {
		file := filepath.Join(dir, fmt.Sprintf("worker-%d.h264", i))
		if err := os.WriteFile(file, ours[i].Bytes(), 0o600); err != nil {
			return 0, err
		}
		our, err := SSIM(ctx, cfg.FFmpeg, file, video.File, p)
		if err != nil {
			return 0, err
		}
		their, err := SSIM(ctx, cfg.FFmpeg, theirFile(i), video.File, p)
		if err != nil {
			return 0, err
		}
		delta = min(delta, our-their)
	}
	return delta, nil
}

// SSIM is how alike a rendition and the scaled source are: the mean over all pictures and planes.
func SSIM(ctx context.Context, ffmpeg, rendition, source string, p transcoder.Profile) (float64, error) {
	graph := fmt.Sprintf("[0:v]setpts=N/30/TB[a];[1:v]select='not(mod(n\\,%d))',scale=%d:%d:flags=bicubic,setpts=N/30/TB[b];[a][b]ssim",
		p.Divisor, p.Width, p.Height)
	cmd := exec.CommandContext(ctx, ffmpeg, "-nostdin", "-hide_banner", "-i", rendition, "-i", source, "-lavfi", graph, "-f", "null", "-") //nolint:gosec // the bench's own
	out, err := cmd.CombinedOutput()
	found := regexp.MustCompile(`SSIM .* All:([0-9.]+)`).FindSubmatch(out)
	if err != nil || found == nil {
		return 0, fmt.Errorf("%v: %w: %s", cmd.Args, err, out)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}
