package broadcasting

import (
	"strings"
	"testing"
)

// FuzzKeys reads any line of a file of stream keys: an error shows no secret, and what is taken can be published under.
func FuzzKeys(f *testing.F) {
	for _, line := range []string{
		"key id", "k i push=rtmp://h/live/x push:360p=srt://h:9?streamid=publish:a # why", "k i pull:tcp=rtsp://u:p@h/x", "one", "# k i", "k i push:=x",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		k := &streamKeys{ids: make(map[string]string)}
		err := k.add(line)
		fields := strings.Fields(line)
		switch {
		case err != nil && len(fields) > 1 && len(fields[0]) > 20 && strings.Contains(err.Error(), fields[0]):
			t.Fatalf("%q: the error shows the key: %v", line, err)
		case err == nil && len(k.ids) > 1:
			t.Fatalf("%q: %v", line, k.ids)
		}
		for _, id := range k.ids {
			if !validID(id) {
				t.Fatalf("%q gives id %q", line, id)
			}
		}
		if err := k.add(line); err == nil && len(k.ids) > 0 {
			t.Fatalf("%q was taken twice", line)
		}
	})
}

// FuzzLadder reads any ladder: what is taken is valid for a source of any size.
func FuzzLadder(f *testing.F) {
	for _, s := range []string{"", "none", "1280x720@2500000,854x480@1200000", "1x1@1", "640x360@1200k", " 2x2@9 , 4x4@8"} {
		f.Add(s, 1920, 1080)
	}
	f.Fuzz(func(t *testing.T, text string, width, height int) {
		fit, err := parseLadder(text)
		if err != nil || fit == nil {
			return
		}
		ladder := fit(width, height)
		if err := ladder.Validate(); len(ladder) > 0 && err != nil {
			t.Fatalf("%q: %v: %v", text, ladder, err)
		}
		for _, p := range ladder {
			if p.Width > width || p.Height > height {
				t.Fatalf("%q: %v for %dx%d", text, p, width, height)
			}
		}
	})
}
