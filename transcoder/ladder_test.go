package transcoder_test

import (
	"strings"
	"testing"

	"castnet/internal/media"
	"castnet/transcoder"
)

// TestNames: a rung cannot be called what players know something else by.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, free := range map[string]bool{
		"": false, "source": false, "captions": false, "aac": false, "aac2": false, "opus": false, "opus12": false,
		"720p": true, "opus2-av1": true, "captioned": true,
	} {
		l := transcoder.Ladder{{Name: name, Codec: media.H264, Width: 640, Height: 360, Bitrate: 500_000, Divisor: 1}}
		if err := l.Validate(); (err == nil) != free || err != nil && !strings.Contains(err.Error(), "a name other than") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
