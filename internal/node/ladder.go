package node

import (
	"fmt"
	"runtime/debug"
	"strings"

	"castnet/internal/media"
	"castnet/transcoder"
)

// parseLadder reads "1280x720@2500000,854x480@1200000". Empty gives nil, the default ladder; "none" passes through.
func parseLadder(s string) (func(width, height int) transcoder.Ladder, error) {
	switch s {
	case "":
		return nil, nil
	case "none":
		return func(int, int) transcoder.Ladder { return nil }, nil
	}
	var ladder transcoder.Ladder
	for rung := range strings.SplitSeq(s, ",") {
		p := transcoder.Profile{Codec: media.H264, Divisor: 1}
		var rest string // "1200k" is not 1200
		if n, _ := fmt.Sscanf(strings.TrimSpace(rung), "%dx%d@%d%s", &p.Width, &p.Height, &p.Bitrate, &rest); n != 3 {
			return nil, fmt.Errorf("rung %q: want WIDTHxHEIGHT@BITRATE, for example 1280x720@2500000 (--ladder)", rung)
		}
		p.Name = fmt.Sprintf("%dp", p.Height)
		ladder = append(ladder, p)
	}
	if err := ladder.Validate(); err != nil {
		return nil, fmt.Errorf("%w (--ladder)", err)
	}
	// A rung is never larger than the source.
	return func(width, height int) transcoder.Ladder {
		var fit transcoder.Ladder
		for _, p := range ladder {
			if p.Width <= width && p.Height <= height {
				fit = append(fit, p)
			}
		}
		return fit
	}, nil
}

// version is what the build says of itself.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
