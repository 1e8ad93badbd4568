package av

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
)

// nvencRecipe is the card's own encoders, for a unit out at once after each picture.
func nvencRecipe(c media.Codec) (recipe, error) {
	r := recipe{options: nvencOptions, qmin: 14}
	switch c {
	case media.H264:
		r.encoder, r.orient = "h264_nvenc", "h264_metadata"
	case media.HEVC:
		r.encoder, r.orient = "hevc_nvenc", "hevc_metadata"
	case media.AV1:
		r.encoder = "av1_nvenc"
	default:
		return r, fmt.Errorf("%v cannot be encoded: choose H264, HEVC or AV1", c)
	}
	return r, nil
}

// nvencOptions: no look-ahead, no B-frames, no picture held back. The card finds the level.
func nvencOptions(p transcoder.Profile, _ format) [][2]string {
	profile := "main"
	if p.Codec == media.H264 {
		profile = "high"
	}
	options := [][2]string{
		{"preset", "p4"},
		{"tune", "ull"},
		{"rc", "cbr"},
		{"zerolatency", "1"},
		{"delay", "0"},
		{"rc-lookahead", "0"},
		{"no-scenecut", "1"},
		{"forced-idr", "1"},
	}
	if p.Codec == media.AV1 { // whose only profile here is main, and whose captions withCaptions writes
		return append(options, [2]string{"a53cc", "0"})
	}
	return append(options, [2]string{"profile", profile})
}

// noEncoder explains why a card's encoder cannot be opened, by the errors that libav makes of the driver's answers
// (nvenc.c in FFmpeg 7.1).
func noEncoder(c media.Codec, said string, err error) error {
	is := func(number syscall.Errno) bool { return errors.Is(err, astiav.Error(-int(number))) }
	why := "NVENC refuses"
	switch {
	case is(syscall.EPERM):
		why = "the driver's libnvidia-encode.so.1 is missing (in a container, NVIDIA_DRIVER_CAPABILITIES has to name video)"
	case is(syscall.ENOMEM):
		why = "the card takes no more encoding sessions, or has no memory for one"
	case is(syscall.ENOENT), strings.Contains(said, "unsupported device"):
		why = "no NVENC on this card"
	case strings.Contains(said, "API version"):
		why = "the driver is too old for this NVENC interface"
	case strings.Contains(said, "Codec not supported"):
		why = fmt.Sprintf("the NVENC of this card makes no %v", c)
	}
	return fmt.Errorf("%s: %w (%s)", why, err, said)
}
