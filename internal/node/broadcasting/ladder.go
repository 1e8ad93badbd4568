package broadcasting

import (
	"fmt"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"

	"castnet/internal/media"
	"castnet/transcoder"
)

// rungForm is how a rung is written.
const rungForm = "WIDTHxHEIGHT@BITRATE[:CODEC][/N]"

// parseLadder reads "1280x720@2500000,1280x720@1500000:hevc,640x360@500000/2". Empty gives nil, the default ladder; "none"
// passes through.
func parseLadder(s string) (func(width, height int) transcoder.Ladder, error) {
	switch s {
	case "":
		return nil, nil
	case "none":
		return func(int, int) transcoder.Ladder { return nil }, nil
	}
	var ladder transcoder.Ladder
	for rung := range strings.SplitSeq(s, ",") {
		p, err := parseRung(strings.TrimSpace(rung))
		if err != nil {
			return nil, err
		}
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

// parseRung reads "640x360@500000:hevc/2": the codec is H264 and every picture is kept where nothing else is said. What is
// not plain 480p has a name that says so.
func parseRung(s string) (transcoder.Profile, error) {
	refused := fmt.Errorf("rung %q: want %s, for example 1280x720@2500000 or 1280x720@1500000:hevc, "+
		"with CODEC one of h264, hevc, av1, and N to keep every Nth picture (--ladder)", s, rungForm)
	parts := regexp.MustCompile(`^(\d+)x(\d+)@(\d+)(?::(h264|hevc|av1))?(?:/(\d+))?$`).FindStringSubmatch(s)
	if parts == nil {
		return transcoder.Profile{}, refused
	}
	p := transcoder.Profile{Codec: media.H264, Divisor: 1}
	for i, number := range map[int]*int{1: &p.Width, 2: &p.Height, 3: &p.Bitrate, 5: &p.Divisor} {
		if parts[i] == "" {
			continue
		}
		var err error
		if *number, err = strconv.Atoi(parts[i]); err != nil { // more than any int
			return p, refused
		}
	}
	p.Name = fmt.Sprintf("%dp", p.Height)
	switch parts[4] {
	case "hevc":
		p.Codec = media.HEVC
		p.Name += "-hevc"
	case "av1":
		p.Codec = media.AV1
		p.Name += "-av1"
	}
	if p.Divisor != 1 {
		p.Name += fmt.Sprintf("-1of%d", p.Divisor)
	}
	return p, nil
}

// version is what the build says of itself.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
