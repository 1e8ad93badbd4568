package ingest_test

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"castnet/ingest"
	"castnet/internal/media"
)

func track() *media.Track {
	return &media.Track{Codec: media.H264, ClockRate: media.VideoClockRate, Width: 1280, Height: 720}
}

// gop makes one closed GOP of n pictures in decoding order: an IDR, then mini-GOPs of b B-frames (as a pyramid where
// pyramid is set), PTS step ticks apart from start.
func gop(start, step int64, n, b int, pyramid bool) []*media.Unit {
	order := []int{0}
	for at := 1; at < n; at += b + 1 {
		anchor := min(at+b, n-1)
		order = append(order, anchor)
		if !pyramid {
			for i := at; i < anchor; i++ {
				order = append(order, i)
			}
			continue
		}
		var split func(lo, hi int)
		split = func(lo, hi int) {
			if lo > hi {
				return
			}
			mid := (lo + hi) / 2
			order = append(order, mid)
			split(lo, mid-1)
			split(mid+1, hi)
		}
		split(at, anchor-1)
	}
	units := make([]*media.Unit, n)
	for i, p := range order {
		units[i] = &media.Unit{PTS: start + int64(p)*step, DTS: start + int64(i-b)*step, Key: i == 0, Payload: []byte{byte(p)}}
	}
	return units
}

type cut struct {
	seg   *media.Segment
	units []*media.Unit
}

// segment pushes units and collects what comes out.
func segment(tb testing.TB, s *ingest.Segmenter, units []*media.Unit) (cuts []cut, dropped []*media.Unit) {
	tb.Helper()
	for i, u := range units {
		d, err := s.Push(u)
		if err != nil {
			tb.Fatalf("unit %d (PTS %d): %v", i, u.PTS, err)
		}
		if d.Start != nil {
			cuts = append(cuts, cut{seg: d.Start})
		}
		if d.Drop {
			dropped = append(dropped, u)
			continue
		}
		c := &cuts[len(cuts)-1]
		c.units = append(c.units, u)
	}
	return cuts, dropped
}

// checkCuts holds what must be true of any stream.
func checkCuts(tb testing.TB, cuts []cut) {
	tb.Helper()
	keys := map[int64]bool{}
	for i, c := range cuts {
		if c.seg.Seq != uint64(i) {
			tb.Fatalf("segment %d has number %d", i, c.seg.Seq)
		}
		if len(c.units) == 0 {
			tb.Fatalf("segment %d is empty", i)
		}
		if c.seg.StartsAtKey() != (c.units[0].Key && c.units[0].PTS == c.seg.FirstPTS) {
			tb.Fatalf("segment %d: StartsAtKey is %v, first unit %+v", i, c.seg.StartsAtKey(), c.units[0])
		}
		seen := map[int64]bool{}
		for _, u := range c.units {
			if u.Key {
				keys[u.PTS] = true
			}
			if u.PTS < c.seg.FirstPTS {
				tb.Fatalf("segment %d from %d holds PTS %d", i, c.seg.FirstPTS, u.PTS)
			}
			if i+1 < len(cuts) && u.PTS >= cuts[i+1].seg.FirstPTS {
				tb.Fatalf("segment %d holds PTS %d, the next one begins at %d", i, u.PTS, cuts[i+1].seg.FirstPTS)
			}
			if seen[u.PTS] {
				tb.Fatalf("segment %d holds PTS %d twice", i, u.PTS)
			}
			seen[u.PTS] = true
		}
		if !keys[c.seg.DecodeFrom] || c.seg.DecodeFrom > c.seg.FirstPTS {
			tb.Fatalf("segment %d from %d decodes from %d, which is no key before it", i, c.seg.FirstPTS, c.seg.DecodeFrom)
		}
	}
}

func TestSegmenterCutsAt(t *testing.T) {
	const s = media.VideoClockRate
	for _, tc := range []struct {
		name    string
		gop     int // pictures, at 30 fps
		b       int
		seconds int
		first   []int64 // FirstPTS
		from    []int64 // DecodeFrom
	}{
		{"gop 2 s", 60, 0, 6, []int64{0, 2 * s, 4 * s}, []int64{0, 2 * s, 4 * s}},
		{"gop 1 s: every second key", 30, 2, 6, []int64{0, 2 * s, 4 * s}, []int64{0, 2 * s, 4 * s}},
		{"gop 0.5 s: every third key", 15, 0, 5, []int64{0, 1.5 * s, 3 * s, 4.5 * s}, []int64{0, 1.5 * s, 3 * s, 4.5 * s}},
		{"gop 10 s: cut inside", 300, 0, 10, []int64{0, 3*s - 2999, 6*s - 5998 + 3000 - 1, 9*s - 5998 + 3000 - 1}, []int64{0, 0, 0, 0}},
		{"gop 4 s: inside, then at the key", 120, 0, 9, []int64{0, 3*s - 2999, 6*s - 2999 + 1, 8 * s}, []int64{0, 0, 4 * s, 8 * s}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var units []*media.Unit
			for at := 0; at < tc.seconds*30; at += tc.gop {
				units = append(units, gop(int64(at)*3000, 3000, tc.gop, tc.b, false)...)
			}
			cuts, dropped := segment(t, ingest.NewSegmenter(track()), units)
			checkCuts(t, cuts)
			if len(dropped) != 0 {
				t.Errorf("dropped %d units", len(dropped))
			}
			var from []int64
			for i, c := range cuts {
				from = append(from, c.seg.DecodeFrom)
				// A cut inside a GOP may fall anywhere above the picture before it: compare to the picture.
				if i < len(tc.first) && (c.seg.FirstPTS+2999)/3000 != (tc.first[i]+2999)/3000 {
					t.Errorf("segment %d begins at %d, want %d", i, c.seg.FirstPTS, tc.first[i])
				}
			}
			if !slices.Equal(from[:len(tc.from)], tc.from) {
				t.Errorf("decode from %v, want %v", from, tc.from)
			}
		})
	}
}

// TestSegmenterKeepsAll is the property: whatever the GOPs, no unit is lost, none doubled, order kept, borders true.
func TestSegmenterKeepsAll(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		step := int64([]int{750, 1500, 3000, 3600, 3750, 9000}[rng.IntN(6)])
		b, pyramid := rng.IntN(8), rng.IntN(2) == 0
		var units []*media.Unit
		start := rng.Int64N(1 << 40)
		before := rng.IntN(3) // pictures before the first key
		for i := range before {
			units = append(units, &media.Unit{PTS: start - int64(before-i)*step})
		}
		for range 1 + rng.IntN(12) {
			n := 1 + rng.IntN(int(11*media.VideoClockRate/step))
			units = append(units, gop(start, step, n, b, pyramid)...)
			start += int64(n) * step
		}
		cuts, dropped := segment(t, ingest.NewSegmenter(track()), units)
		checkCuts(t, cuts)
		if len(dropped) != before {
			t.Fatalf("seed %d: dropped %d units, want the %d before the first key", seed, len(dropped), before)
		}
		var out []*media.Unit
		for i, c := range cuts {
			out = append(out, c.units...)
			if length := c.units[len(c.units)-1].PTS - c.seg.FirstPTS; length > 3*media.VideoClockRate+int64(b+2)*step {
				t.Fatalf("seed %d: segment %d is %d ticks long", seed, i, length)
			}
			if i+1 < len(cuts) && cuts[i+1].seg.FirstPTS-c.seg.FirstPTS < 1.5*media.VideoClockRate {
				t.Fatalf("seed %d: segment %d is shorter than 1.5 s", seed, i)
			}
		}
		if !slices.Equal(out, units[before:]) {
			t.Fatalf("seed %d: %d units in, %d out, or another order", seed, len(units)-before, len(out))
		}
	}
}

func TestSegmenterChangedTrackCutsAtNextKey(t *testing.T) {
	s := ingest.NewSegmenter(track())
	units := append(gop(0, 3000, 15, 0, false), gop(45000, 3000, 15, 0, false)...)
	first, _ := segment(t, s, units[:10])
	other := track()
	other.Width = 1920
	s.SetTrack(other)
	rest, err := s.Push(units[10])
	if err != nil || rest.Start != nil {
		t.Fatalf("a changed track cut before a key: %+v, %v", rest, err)
	}
	for _, u := range units[11:15] {
		if _, err := s.Push(u); err != nil {
			t.Fatal(err)
		}
	}
	d, err := s.Push(units[15])
	if err != nil || d.Start == nil || d.Start.Track != other || d.Start.FirstPTS != 45000 {
		t.Fatalf("no cut at the next key: %+v, %v", d, err)
	}
	if first[0].seg.Track == other {
		t.Fatal("the first segment has the later track")
	}
}

func TestSegmenterDiscontinuityCutsAtKey(t *testing.T) {
	s := ingest.NewSegmenter(track())
	units := append(gop(0, 3000, 10, 0, false), gop(60000, 3000, 10, 0, false)...)
	units[10].Discontinuity = true
	cuts, _ := segment(t, s, units)
	if len(cuts) != 2 || cuts[1].seg.FirstPTS != 60000 {
		t.Fatalf("%d segments", len(cuts))
	}
}

func TestSegmenterBreak(t *testing.T) {
	s := ingest.NewSegmenter(track())
	cuts, _ := segment(t, s, gop(0, 3000, 20, 2, false))
	const later = 500_000 // more than the limit of pictures without a key frame lies between
	s.Break()
	for pts := int64(later); pts < later+3_000_000; pts += 3000 { // what comes before the next key frame does not count
		d, err := s.Push(&media.Unit{PTS: pts})
		if err == nil && (!d.Drop || d.Why != ingest.DropBeforeKey) {
			t.Fatalf("a picture without its key frame: %+v", d)
		}
		if err != nil {
			if pts-later < 12*media.VideoClockRate {
				t.Fatalf("after %d ticks: %v", pts-later, err)
			}
			break
		}
	}
	s.Break() // the publisher was refused, and comes again
	more, dropped := segment(t, s, gop(4_000_000, 3000, 20, 2, false))
	if len(dropped) != 0 || len(more) != 1 || !more[0].seg.Discontinuity || more[0].seg.Seq != 1 || more[0].seg.FirstPTS != 4_000_000 {
		t.Fatalf("after the break: %+v, %d dropped", more, len(dropped))
	}
	if cuts[0].seg.Discontinuity {
		t.Error("the first segment is said to follow a hole")
	}
	checkCuts(t, append(cuts, more...))
}

// TestSegmenterBreakBeforeKey: a publisher that went without a key frame, and comes back, has the whole time for its first.
func TestSegmenterBreakBeforeKey(t *testing.T) {
	s := ingest.NewSegmenter(track())
	for _, pts := range []int64{0, 20 * media.VideoClockRate} {
		if d, err := s.Push(&media.Unit{PTS: pts}); err != nil || !d.Drop {
			t.Fatalf("at %d: %+v, %v", pts, d, err)
		}
		s.Break()
	}
	cuts, _ := segment(t, s, gop(21*media.VideoClockRate, 3000, 20, 2, false))
	if len(cuts) != 1 || cuts[0].seg.Discontinuity {
		t.Fatalf("%+v", cuts)
	}
}

func TestSegmenterDrops(t *testing.T) {
	s := ingest.NewSegmenter(track())
	for i, tc := range []struct {
		u    media.Unit
		drop ingest.DropReason
	}{
		{media.Unit{PTS: 0}, ingest.DropBeforeKey},
		{media.Unit{PTS: 3000, Key: true}, ""},
		{media.Unit{PTS: 6000}, ""},
		{media.Unit{PTS: 6000}, ingest.DropDuplicate},
		{media.Unit{PTS: 183000, Key: true}, ""},
		{media.Unit{PTS: 180000}, ingest.DropLate},
	} {
		d, err := s.Push(&tc.u)
		if err != nil || d.Drop != (tc.drop != "") || d.Why != tc.drop {
			t.Errorf("unit %d: %+v, %v, want drop %q", i, d, err, tc.drop)
		}
	}
}

func TestSegmenterRefuses(t *testing.T) {
	many := func(n, step, size int) []*media.Unit {
		units := make([]*media.Unit, n)
		payload := make([]byte, size)
		for i := range units {
			units[i] = &media.Unit{PTS: int64(i * step), Key: i == 0, Payload: payload}
		}
		return units
	}
	noKey := many(400, 3000, 1)
	noKey[0].Key = false
	for _, tc := range []struct {
		name  string
		units []*media.Unit
		code  ingest.Code
		says  string
	}{
		{"12 s without a key", many(400, 3000, 1), ingest.CodeNoKeyFrame, "set the key frame interval to 2 s"},
		{"no key at all", noKey, ingest.CodeNoKeyFrame, "no key frame for 12 s"},
		{"24 MiB without a key", many(30, 3000, 1<<20), ingest.CodeNoKeyFrame, "24 MiB"},
		{"too many pictures", many(5000, 10, 1), ingest.CodeNoKeyFrame, "too many pictures"},
		{"huge unit", many(2, 3000, media.MaxUnitBytes+1), ingest.CodeLimit, "8 MiB"},
		{"key backwards", []*media.Unit{{PTS: 90000, Key: true}, {PTS: 0, Key: true}}, ingest.CodeBadData, "backwards"},
		{"out of range", []*media.Unit{{PTS: 1 << 62, Key: true}}, ingest.CodeBadData, "range"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := ingest.NewSegmenter(track())
			var err error
			for _, u := range tc.units {
				if _, err = s.Push(u); err != nil {
					break
				}
			}
			if err == nil || ingest.CodeOf(err) != tc.code || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %q (%s), want %s with %q", err, ingest.CodeOf(err), tc.code, tc.says)
			}
			if _, again := s.Push(&media.Unit{PTS: 1 << 40, Key: true}); !errors.Is(again, err) {
				t.Fatalf("went on after a refusal: %v", again)
			}
		})
	}
}

// FuzzSegmenter feeds any timestamps: 3 bytes a unit, a signed step of PTS and flags.
func FuzzSegmenter(f *testing.F) {
	f.Add([]byte{0, 0, 1, 10, 0, 0, 20, 0, 0, 200, 3, 1, 255, 255, 0})
	f.Add([]byte{0, 0, 0, 1, 0, 1, 255, 127, 1, 255, 127, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzSegmenter(t, track, data)
		fuzzSegmenter(t, soundTrack, data)
	})
}

func fuzzSegmenter(t *testing.T, track func() *media.Track, data []byte) {
	t.Helper()
	s := ingest.NewSegmenter(track())
	sound := track().Codec.IsAudio()
	var cuts []cut
	pts := int64(0)
	for ; len(data) >= 3; data = data[3:] {
		pts += int64(int16(binary.LittleEndian.Uint16(data))) * 30
		u := &media.Unit{PTS: pts, Key: sound || data[2]&1 != 0, Discontinuity: data[2]&2 != 0}
		if data[2]&4 != 0 {
			s.SetTrack(track())
		}
		if data[2]&8 != 0 {
			s.Break()
		}
		d, err := s.Push(u)
		if err != nil {
			var r *ingest.Refusal
			if !errors.As(err, &r) || r.Message == "" {
				t.Fatalf("an error without advice: %v", err)
			}
			break
		}
		if d.Drop && (d.Start != nil || d.Why == "") {
			t.Fatalf("dropped, but %+v", d)
		}
		if d.Start != nil {
			cuts = append(cuts, cut{seg: d.Start})
		}
		if !d.Drop {
			cuts[len(cuts)-1].units = append(cuts[len(cuts)-1].units, u)
		}
	}
	checkCuts(t, cuts)
	for i, c := range cuts {
		if sound && (!c.seg.StartsAtKey() || !slices.IsSortedFunc(c.units, func(a, b *media.Unit) int { return cmp.Compare(a.PTS, b.PTS) })) {
			t.Fatalf("segment %d of sound: %+v", i, c)
		}
	}
}

func soundTrack() *media.Track { return &media.Track{Codec: media.AAC, ClockRate: 48_000, Channels: 2} }

// TestSegmenterCutsSound: sound alone is cut every 2 s, at the packet that is there.
func TestSegmenterCutsSound(t *testing.T) {
	s := ingest.NewSegmenter(soundTrack())
	units := make([]*media.Unit, 300)
	for i := range units {
		units[i] = &media.Unit{PTS: 500 + int64(i)*1024, Key: true, Payload: []byte{1}}
	}
	late := &media.Unit{PTS: units[99].PTS - 10, Key: true}
	cuts, dropped := segment(t, s, slices.Insert(slices.Clone(units), 100, late))
	checkCuts(t, cuts)
	if len(dropped) != 1 || dropped[0] != late {
		t.Errorf("dropped %v", dropped)
	}
	const packets = 94 // the first that reach 2 s
	for i, c := range cuts {
		if want := units[i*packets].PTS; c.seg.FirstPTS != want || c.seg.Discontinuity {
			t.Errorf("segment %d from %d, want %d", i, c.seg.FirstPTS, want)
		}
	}
	if len(cuts) != 4 {
		t.Errorf("%d segments", len(cuts))
	}
	if _, err := s.Push(&media.Unit{PTS: 500, Key: true}); ingest.CodeOf(err) != ingest.CodeBadData {
		t.Errorf("6 s backwards: %v", err)
	}
}
