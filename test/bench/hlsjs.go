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
	"strconv"
	"time"

	"castnet/internal/media"
	"castnet/test/testnet"
)

// hlsSeen is what hls.js showed in Chromium: each picture by when it was shown, in milliseconds since 1970, and its time in
// the stream's files, in seconds.
type hlsSeen struct {
	Frames   [][2]float64 `json:"frames"`
	Reported []float64    `json:"reported"` // how far behind live hls.js believed to be, in seconds
	Errors   []string     `json:"errors"`
	Stalls   int          `json:"stalls"`
}

// watched is a stream that hls.js plays, what its figures' names begin with, and the file with hls.js's configuration; as it
// comes where there is none.
type watched struct{ id, figures, config string }

// browse lets hls.js play a stream with the whole ladder for a time, and measures how old each picture is when it is shown: by
// the publisher's clock, not by what the playlist says.
//
// Where there is sound, Chromium shows pictures by the clock of its sound output. On a busy machine that loses time, with all
// that it needs in its buffers, and hls.js as it comes does not catch up: the drift tells by how much later the last pictures
// were shown than the first.
func (s *scene) browse(ctx context.Context, r *result, w watched, stretch time.Duration) error {
	progress("hls.js in Chromium: %s", w.figures)
	ctx, cancel := context.WithTimeout(ctx, stretch+30*time.Second)
	defer cancel()
	script := filepath.Join(testnet.Root(), "test", "browser", "hls.mjs")
	cmd := exec.CommandContext(ctx, "node", script, s.network.HTTP, w.id, strconv.Itoa(int(stretch.Seconds())), w.config) //nolint:gosec // our own script
	var diagnostics bytes.Buffer
	cmd.Stderr = &diagnostics
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("hls.mjs: %w\n%s", err, diagnostics.String())
	}
	var seen hlsSeen
	if err := json.Unmarshal(out, &seen); err != nil {
		return fmt.Errorf("hls.mjs: %w: %s", err, out)
	}
	ages, err := s.agesShown(&seen)
	if err != nil {
		return err
	}
	for i := range seen.Reported {
		seen.Reported[i] *= 1000
	}
	r.Figures[w.figures+"_latency_ms"], r.Figures[w.figures+"_latency_p95_ms"] = percentile(ages, 50), percentile(ages, 95)
	tenth := max(len(ages)/10, 1)
	r.Figures[w.figures+"_drift_ms"] = percentile(ages[len(ages)-tenth:], 50) - percentile(ages[:tenth], 50)
	r.Figures[w.figures+"_reported_ms"] = percentile(seen.Reported, 50)
	r.Figures[w.figures+"_stalls"], r.Figures[w.figures+"_errors"] = float64(seen.Stalls), float64(len(seen.Errors))
	r.Samples[w.figures+"_latency_ms"] = len(ages)
	return nil
}

// agesShown is how old each picture was when it was shown, in milliseconds.
func (s *scene) agesShown(seen *hlsSeen) ([]float64, error) {
	var ages []float64
	for _, f := range seen.Frames {
		shown, pts := time.UnixMicro(int64(f[0]*1000)), int64(math.Round(f[1]*media.VideoClockRate))-hlsOffset
		sent, ok := s.sent.get(pts)
		if !ok {
			return nil, fmt.Errorf("hls.js showed picture %d, which was never sent", pts)
		}
		ages = append(ages, milliseconds(shown.Sub(sent)))
	}
	if len(ages) == 0 {
		return nil, errors.New("hls.js showed no picture: " + fmt.Sprint(seen.Errors))
	}
	return ages, nil
}
