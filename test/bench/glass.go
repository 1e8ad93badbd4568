package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"castnet/test/clip"
	"castnet/test/testnet"
	"castnet/transcoder"
)

// glassSettle is how long a browser publishes before its pictures count: it begins with few bits.
const glassSettle = 8 * time.Second

// glassJoins is how many viewers come late.
const glassJoins = 20

// glassToGlass measures in Chromium, each for an eighth of the time, how old a picture is when it is seen that was drawn in the
// same browser and went out by WHIP, through the network, and back by WHEP: a small picture by a small rung, which has a
// budget, and 720p by a rung of the same size. Afterwards viewers come late, one by one.
func glassToGlass(ctx context.Context, r *result, _ *clip.Video, measure time.Duration) error {
	for _, one := range []struct {
		name   string
		canvas int // its width; it is 16:9
		rung   transcoder.Profile
	}{
		{"glass", 640, transcoder.Profile{Name: "240p", Width: 426, Height: 240, Bitrate: 400_000}},
		{"glass_720p", 1280, transcoder.Profile{Name: "720p", Width: 1280, Height: 720, Bitrate: 2_500_000}},
	} {
		seen, err := throughBrowser(ctx, one.canvas, one.rung, measure/8)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		r.Figures[one.name+"_p50_ms"], r.Figures[one.name+"_p95_ms"] = percentile(seen.Ages, 50), percentile(seen.Ages, 95)
		r.Figures[one.name+"_fps"] = float64(len(seen.Ages)) / (measure / 8).Seconds()
		r.Figures[one.name+"_unread"] = float64(seen.Unread)
		r.Figures[one.name+"_join_p50_ms"], r.Figures[one.name+"_join_p90_ms"] = percentile(seen.Joins, 50), percentile(seen.Joins, 90)
		r.Samples[one.name+"_p95_ms"] = len(seen.Ages)
	}
	return nil
}

// glass is what glass.mjs tells.
type glass struct {
	Ages   []float64 `json:"ages"`  // milliseconds
	Joins  []float64 `json:"joins"` // the same
	Unread int       `json:"unread"`
	Width  int       `json:"width"`
}

func throughBrowser(ctx context.Context, canvas int, rung transcoder.Profile, stretch time.Duration) (seen glass, err error) {
	progress("a browser draws %d pixels wide, and sees %s", canvas, rung.Name)
	s, err := raise(ctx, "--ladder", fmt.Sprintf("%dx%d@%d", rung.Width, rung.Height, rung.Bitrate))
	if err != nil {
		return seen, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	ctx, cancel := context.WithTimeout(ctx, stretch+glassSettle+time.Minute)
	defer cancel()
	var diagnostics bytes.Buffer
	script := filepath.Join(testnet.Root(), "test", "browser", "glass.mjs")
	cmd := exec.CommandContext(ctx, "node", script, s.network.HTTP, stream, rung.Name, //nolint:gosec // our own script
		fmt.Sprint(canvas), fmt.Sprint(glassSettle.Seconds()), fmt.Sprint(stretch.Seconds()), fmt.Sprint(glassJoins))
	cmd.Stderr = &diagnostics
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &seen)
	}
	switch {
	case err != nil:
		return seen, fmt.Errorf("glass.mjs: %w\n%s%s", err, out, diagnostics.Bytes())
	case len(seen.Ages) == 0:
		return seen, fmt.Errorf("no picture told the time, %d could not be read\n%s", seen.Unread, diagnostics.Bytes())
	case seen.Width != rung.Width:
		return seen, fmt.Errorf("pictures of %d pixels were seen, not of %d", seen.Width, rung.Width)
	}
	return seen, nil
}
