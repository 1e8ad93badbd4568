package clap_test

import (
	"path/filepath"
	"testing"
	"time"

	"castnet/test/clap"
)

// A film that has gone nowhere is complete and in step; one whose sound was moved is not.
func TestFilmReadsBack(t *testing.T) {
	t.Parallel()
	film := clap.Film{Width: 320, Height: 240, FPS: 30, Pictures: 90}
	for name, c := range map[string]struct {
		args   []string
		offset time.Duration
	}{
		"h264 and aac in mkv": {[]string{"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-c:a", "aac"}, 0},
		"hevc and opus":       {[]string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-c:a", "libopus"}, 0},
		"late sound":          {[]string{"-c:v", "libx264", "-preset", "ultrafast", "-af", "adelay=200:all=1", "-c:a", "pcm_s16le"}, 200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "film.mkv")
			if err := film.Encode(t.Context(), file, c.args...); err != nil {
				t.Fatal(err)
			}
			seen, err := clap.Read(t.Context(), file, 0)
			if err != nil {
				t.Fatal(err)
			}
			missing, disorder := seen.Gaps(film.Numbers())
			if len(seen.Numbers) != film.Pictures || len(missing) > 0 || disorder > 0 {
				t.Errorf("%d pictures, missing %v, %d out of order", len(seen.Numbers), missing, disorder)
			}
			offsets := seen.Offsets()
			if len(offsets) != 3 {
				t.Errorf("flashes at %v, beeps at %v", seen.Flashes, seen.Beeps)
			}
			for _, d := range offsets {
				if d < c.offset-15*time.Millisecond || d > c.offset+15*time.Millisecond {
					t.Errorf("beeps come %v after their flashes, expected %v", offsets, c.offset)
					break
				}
			}
			t.Logf("offsets %v, sound ends %.3f s after the last picture began", offsets, seen.End-seen.Last)
		})
	}
}
