package rtmp_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"castnet/ingest"
	"castnet/ingest/rtmp"
)

func TestTimeline(t *testing.T) {
	type step struct {
		track  int
		stamp  uint32 // ms
		passed int    // ms by the wall clock
		want   int64
		jumped bool
	}
	for name, steps := range map[string][]step{
		"as it came":        {{0, 500, 0, 500, false}, {1, 490, 10, 490, false}, {0, 533, 33, 533, false}},
		"wraps after 49 d":  {{0, 0xfffffff0, 0, 0xfffffff0, false}, {0, 17, 33, 0x100000011, false}},
		"starts anew":       {{0, 60000, 0, 60000, false}, {1, 60010, 10, 60010, false}, {0, 0, 33, 60043, true}, {1, 10, 10, 60053, false}, {0, 33, 23, 60076, false}},
		"leaps ahead":       {{0, 0, 0, 0, false}, {0, 3_600_000, 33, 33, true}, {0, 3_600_033, 33, 66, false}},
		"really paused":     {{0, 0, 0, 0, false}, {0, 60_000, 60_000, 60_000, true}},
		"jitters back":      {{1, 100, 0, 100, false}, {1, 95, 10, 95, false}},
		"sound much later":  {{0, 0, 0, 0, false}, {0, 3000, 3000, 3000, false}, {1, 3000, 0, 3000, false}},
		"no time may stand": {{0, 5000, 0, 5000, false}, {0, 0, 0, 5001, true}},
	} {
		t.Run(name, func(t *testing.T) {
			var line rtmp.Timeline
			now := time.Unix(0, 0)
			for i, s := range steps {
				now = now.Add(time.Duration(s.passed) * time.Millisecond)
				got, jumped := line.At(s.track, time.Duration(s.stamp)*time.Millisecond, now)
				if got != s.want || jumped != s.jumped {
					t.Errorf("step %d: %d ms, jumped %v, want %d, %v", i, got, jumped, s.want, s.jumped)
				}
			}
		})
	}
}

func prefixed(size int, nalus ...[]byte) []byte {
	var out []byte
	for _, n := range nalus {
		for i := size - 1; i >= 0; i-- {
			out = append(out, byte(len(n)>>(8*i)))
		}
		out = append(out, n...)
	}
	return out
}

func TestSplit(t *testing.T) {
	nalus := [][]byte{{0x65, 1, 2, 3}, {}, {0x41, 4}}
	for _, size := range []int{1, 2, 4} {
		got, err := rtmp.Split(prefixed(size, nalus...), size)
		if err != nil || !slices.EqualFunc(got, nalus, bytes.Equal) {
			t.Errorf("lengths of %d bytes: % x, %v", size, got, err)
		}
	}
	for name, au := range map[string][]byte{
		"length cut": {0, 0, 1}, "too long": {0, 0, 0, 9, 1}, "very long": {0xff, 0xff, 0xff, 0xff, 1},
		"many": bytes.Repeat([]byte{0, 0, 0, 1, 1}, 2000),
	} {
		if _, err := rtmp.Split(au, 4); ingest.CodeOf(err) != ingest.CodeBadData {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyOf(t *testing.T) {
	for _, c := range []struct {
		app, name, key string
		code           ingest.Code
	}{
		{"live", "KEY", "KEY", ""},
		{"live/", "KEY", "KEY", ""},
		{"live?user=a", "KEY?password=b", "KEY", ""},
		{"live/of", "many/parts", "of/many/parts", ""},
		{"", "live/KEY", "KEY", ""},
		{"live", "a%20b", "a%20b", ""},
		{"live", "", "", ingest.CodeWrongKey},
		{"live", "?KEY", "", ingest.CodeWrongKey},
		{"other", "KEY", "", ingest.CodeWrongKey},
		{"live", strings.Repeat("k", 256), strings.Repeat("k", 256), ""},
		{"live", strings.Repeat("k", 257), "", ingest.CodeWrongKey},
	} {
		key, err := rtmp.KeyOf(c.app, c.name)
		if key != c.key || (err == nil) != (c.code == "") || err != nil && ingest.CodeOf(err) != c.code {
			t.Errorf("app %q, stream %q: key %q, %v", c.app, c.name, key, err)
		}
	}
}

// FuzzSplit checks that whatever comes is refused or split into what it holds.
func FuzzSplit(f *testing.F) {
	f.Add(uint8(3), prefixed(4, []byte{0x65, 1, 2}))
	f.Add(uint8(1), prefixed(2, []byte{9, 16}, []byte{7, 1, 2}))
	f.Fuzz(func(t *testing.T, size uint8, au []byte) {
		length := int(size%4) + 1
		if nalus, err := rtmp.Split(au, length); err == nil && !bytes.Equal(prefixed(length, nalus...), au) {
			t.Fatalf("% x became % x", au, nalus)
		}
	})
}
