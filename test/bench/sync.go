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
	// filmLength is how long the film of flashes and beeps is, in seconds: as long as one can be. It is played twice.
	filmLength = 34
	// syncStretch is how long the browser watches it, once it is there.
	syncStretch = 40 * time.Second
	// syncSettled is when Chromium has brought WebRTC's sound and pictures together: it begins with more of the sound in its
	// buffer, and delays the pictures in steps, by the sender reports.
	syncSettled = 20 * time.Second
)

// flashAndBeep measures in Chromium how much later than its flash a beep comes that began with it, in a rung, by WHEP and by
// hls.js: negative where the beep comes first, at first and once it has settled. The sound goes in as AAC. What people notice is 45 ms.
// Beside it, in the same run: the same by WebRTC from Chromium to itself, with nothing of ours between ("own").
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
	push := exec.CommandContext(ctx, "/usr/bin/ffmpeg", "-v", "error", "-re", "-stream_loop", "1", "-i", file, "-c", "copy", "-f", "flv", s.network.RTMP+stream) //nolint:gosec // our own arguments
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
	var seen map[string][][2]float64 // after how many seconds, how many ms late
	if err == nil {
		err = json.Unmarshal(out, &seen)
	}
	if err != nil {
		return fmt.Errorf("sync.mjs: %w\n%s%s", err, out, diagnostics.Bytes())
	}
	for _, way := range []string{"whep", "hls", "own"} {
		var first, settled []float64
		for _, s := range seen[way] {
			if s[0] < syncSettled.Seconds() {
				first = append(first, s[1])
			} else {
				settled = append(settled, s[1])
			}
		}
		late := percentile(settled, 50)
		if math.IsNaN(late) {
			return fmt.Errorf("sync.mjs: no flash and beep by %s\n%s", way, diagnostics.Bytes())
		}
		if len(first) > 0 {
			r.Figures[way+"_beep_late_first_ms"] = percentile(first, 50)
		}
		r.Figures[way+"_beep_late_ms"] = late
		r.Samples[way+"_beep_late_ms"] = len(settled)
		if way != "own" {
			r.Figures[way+"_sync_ms"] = math.Abs(late)
		}
	}
	return nil
}
