package verify_test

import (
	"slices"
	"testing"

	"castnet/broadcaster/verify"
	"castnet/transcoder"
)

func TestAuditChance(t *testing.T) {
	for _, c := range []struct {
		n        int
		failures float64
		want     float64
	}{{0, 0, 1}, {0, 3, 1}, {1, 0, 0.1}, {4, 0, 0.1}, {5, 0, 0.02}, {1000, 0.4, 0.02}, {1000, 0.5, 0.2}, {1, 9, 0.2}} {
		if got := verify.AuditChance(c.n, c.failures); got != c.want {
			t.Errorf("segment %d after %v failures: %v, want %v", c.n, c.failures, got, c.want)
		}
	}
}

// scene is a light square that moves over a dark ground, as n pictures see it.
func scene(n int) []transcoder.Compared {
	seen := make([]transcoder.Compared, n)
	for i := range seen {
		thumb := make([]byte, transcoder.ThumbWidth*transcoder.ThumbHeight)
		for p := range thumb {
			thumb[p] = 40
			if x, y := p%transcoder.ThumbWidth, p/transcoder.ThumbWidth; x/20 == i*4%160/20 && y >= 30 && y < 60 {
				thumb[p] = 200
			}
		}
		seen[i] = transcoder.Compared{PTS: int64(i) * 3000, Source: thumb, Rendition: slices.Clone(thumb)}
	}
	return seen
}

// What each check finds, and that nothing else is found with it.
func TestAudit(t *testing.T) {
	every := func(change func(i int, c *transcoder.Compared)) func([]transcoder.Compared) []transcoder.Compared {
		return func(seen []transcoder.Compared) []transcoder.Compared {
			for i := range seen {
				change(i, &seen[i])
			}
			return seen
		}
	}
	for name, c := range map[string]struct {
		change func([]transcoder.Compared) []transcoder.Compared
		check  string
	}{
		"honest":        {every(func(int, *transcoder.Compared) {}), ""},
		"a bad picture": {func(s []transcoder.Compared) []transcoder.Compared { clear(s[3].Rendition); return s }, ""},
		"bad pictures": {func(s []transcoder.Compared) []transcoder.Compared {
			for i := range 4 {
				clear(s[i].Rendition)
			}
			return s
		}, verify.CheckLikeness},
		"nothing at all":   {func([]transcoder.Compared) []transcoder.Compared { return nil }, verify.CheckDecoded},
		"one is missing":   {func(s []transcoder.Compared) []transcoder.Compared { return slices.Delete(s, 7, 8) }, verify.CheckDecoded},
		"an overlay":       {every(func(_ int, c *transcoder.Compared) { fill(c.Rendition, 150, 80, 255) }), verify.CheckOverlay},
		"an overlay twice": {func(s []transcoder.Compared) []transcoder.Compared { fill(s[1].Rendition, 150, 80, 255); return s }, ""},
		"each picture twice": {func(s []transcoder.Compared) []transcoder.Compared {
			for i := 1; i < len(s); i += 2 {
				s[i].Rendition = s[i-1].Rendition
			}
			return s
		}, verify.CheckMotion},
	} {
		t.Run(name, func(t *testing.T) {
			seen := scene(60)
			want := make([]int64, len(seen))
			for i := range seen {
				want[i] = seen[i].PTS
			}
			failures := verify.Audit("160x90", want, c.change(seen))
			if c.check == "" && len(failures) > 0 || c.check != "" && (len(failures) != 1 || failures[0].Check != c.check) {
				t.Errorf("%v, want %q", failures, c.check)
			}
		})
	}
}

// fill paints a square of ten samples.
func fill(thumb []byte, x, y int, v byte) {
	for i := range 10 {
		for j := range 10 {
			thumb[(y+i)*transcoder.ThumbWidth+x+j] = v
		}
	}
}

// FuzzAudit: whatever a worker has seen, the judgement does not fail itself, and pictures that are the same pass.
func FuzzAudit(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint8(20))
	f.Add([]byte{}, uint8(0))
	f.Fuzz(func(t *testing.T, noise []byte, pictures uint8) {
		seen := make([]transcoder.Compared, pictures%64)
		want := make([]int64, len(seen))
		for i := range seen {
			thumb := make([]byte, transcoder.ThumbWidth*transcoder.ThumbHeight)
			for p := range thumb {
				if len(noise) > 0 {
					thumb[p] = noise[(p*(i+1))%len(noise)]
				}
			}
			seen[i] = transcoder.Compared{PTS: int64(i), Source: thumb, Rendition: thumb}
			want[i] = int64(i)
		}
		failures := verify.Audit("x", want, seen)
		if len(failures) > 0 {
			t.Errorf("the same pictures: %v", failures)
		}
	})
}
