package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"time"

	"castnet/test/clap"
	"castnet/test/clip"
	"castnet/test/testnet"
)

const (
	// filmLength is how long the film of flashes and beeps is: as long as one can be.
	filmLength = 34
	// syncStretch is how long the browser watches it, once it is there.
	syncStretch = 18 * time.Second
)

// flashAndBeep measures in Chromium how much later than its flash a beep comes that began with it, in a rung, by WHEP and by
// hls.js: negative where the beep comes first. The sound goes in as AAC. What people notice is 45 ms.
func flashAndBeep(ctx context.Context, r *result, _ *clip.Video, _ time.Duration) (err error) {
	progress("a browser sees flashes and hears beeps")
	const rung = "240p"
	s, err := raise(ctx, "--ladder", "426x240@400000")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	file := filepath.Join(s.dir, "film.mkv")
	film := clap.Film{Width: 640, Height: 360, FPS: fps, Pictures: filmLength * fps}
	if err := film.Encode(ctx, file, "-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-c:a", "aac"); err != nil {
		return err
	}
	push := exec.CommandContext(ctx, "/usr/bin/ffmpeg", "-v", "error", "-re", "-i", file, "-c", "copy", "-f", "flv", s.network.RTMP+stream) //nolint:gosec // our own arguments
	if err := push.Start(); err != nil {
		return err
	}
	defer func() { _ = push.Wait() }() // it may be cut off
	defer cancel()
	var diagnostics bytes.Buffer
	watch := exec.CommandContext(ctx, "node", filepath.Join(testnet.Root(), "test", "browser", "sync.mjs"), //nolint:gosec // our own script
		s.network.HTTP, stream, rung, fmt.Sprint(syncStretch.Seconds()))
	watch.Stderr = &diagnostics
	out, err := watch.Output()
	offsets := make(map[string][]float64)
	if err == nil {
		err = json.Unmarshal(out, &offsets)
	}
	if err != nil {
		return fmt.Errorf("sync.mjs: %w\n%s%s", err, out, diagnostics.Bytes())
	}
	for _, way := range []string{"whep", "hls"} {
		late := percentile(offsets[way], 50)
		if math.IsNaN(late) {
			return fmt.Errorf("sync.mjs: no flash and beep by %s\n%s", way, diagnostics.Bytes())
		}
		r.Figures[way+"_beep_late_ms"], r.Figures[way+"_sync_ms"] = late, math.Abs(late)
		r.Samples[way+"_sync_ms"] = len(offsets[way])
	}
	return nil
}
