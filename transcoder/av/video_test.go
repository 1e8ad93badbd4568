package av_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/av"
)

var ladder = transcoder.Ladder{
	{Name: "360p", Codec: media.H264, Width: 640, Height: 360, Bitrate: 900_000, Divisor: 1},
	{Name: "240p", Codec: media.H264, Width: 426, Height: 240, Bitrate: 500_000, Divisor: 1},
	{Name: "180p", Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 2},
}

func video(t *testing.T, bframes int) *clip.Video {
	t.Helper()
	v, err := clip.Make(t.Context(), clip.Spec{Width: 640, Height: 360, FPS: 30, Seconds: 4, BFrames: bframes, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// segment is a run of a clip's units as a broadcaster would send it.
type segment struct {
	start transcoder.StartSegment
	units []transcoder.WriteUnit
	drain bool
}

// cut makes segments of one GOP each.
func cut(v *clip.Video) []segment {
	var out []segment
	for _, u := range v.Units {
		if u.Key {
			out = append(out, segment{drain: true, start: transcoder.StartSegment{
				Seq: uint64(len(out)), Attempt: 1, FirstPTS: u.PTS, Track: v.Track, Fresh: len(out) == 0,
			}})
		}
		s := &out[len(out)-1]
		s.units = append(s.units, transcoder.WriteUnit{Unit: u})
	}
	return out
}

// result is what came out of a session.
type result struct {
	units [][]*media.Unit // by rendition
	done  map[uint64]transcoder.SegmentDone
	bad   map[uint64]transcoder.BadInput
	after []uint64 // segments of which a unit came after their end
}

// play sends segments and receives until each has ended.
func play(t *testing.T, s transcoder.Session, segments []segment) result {
	t.Helper()
	ctx := t.Context()
	sent := make(chan error, 1)
	go func() { sent <- send(ctx, s, segments) }()
	r := result{
		units: make([][]*media.Unit, transcoder.MaxRungs),
		done:  map[uint64]transcoder.SegmentDone{}, bad: map[uint64]transcoder.BadInput{},
	}
	for len(r.done)+len(r.bad) < len(segments) {
		out, err := s.Recv(ctx)
		if err != nil {
			t.Fatal(err)
		}
		switch o := out.(type) {
		case transcoder.Rendered:
			r.units[o.Rendition] = append(r.units[o.Rendition], o.Unit)
			if _, over := r.done[o.Seq]; over {
				r.after = append(r.after, o.Seq)
			}
		case transcoder.SegmentDone:
			r.done[o.Seq] = o
		case transcoder.BadInput:
			r.bad[o.Seq] = o
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if len(r.after) > 0 {
		t.Errorf("units after the end of segments %v", r.after)
	}
	return r
}

func send(ctx context.Context, s transcoder.Session, segments []segment) error {
	for _, seg := range segments {
		if err := s.Send(ctx, seg.start); err != nil {
			return err
		}
		for _, u := range seg.units {
			if err := s.Send(ctx, u); err != nil {
				return err
			}
		}
		end := transcoder.EndSegment{Seq: seg.start.Seq, Attempt: seg.start.Attempt, Drain: seg.drain}
		if err := s.Send(ctx, end); err != nil {
			return err
		}
	}
	return nil
}

func open(t *testing.T) *av.Session {
	t.Helper()
	s, err := av.Open(t.Context(), transcoder.SessionConfig{ID: t.Name(), Ladder: ladder})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// ptsOf is the PTS of units in display order, of every k-th from each key on.
func ptsOf(segments []segment, k int) []int64 {
	var out []int64
	for _, s := range segments {
		var pts []int64
		for _, u := range s.units {
			if !u.Prefix {
				pts = append(pts, u.Unit.PTS)
			}
		}
		slices.Sort(pts)
		for i := 0; i < len(pts); i += k {
			out = append(out, pts[i])
		}
	}
	return out
}

func coded(units []*media.Unit) []int64 {
	var out []int64
	for _, u := range units {
		out = append(out, u.PTS)
	}
	return out
}

// expect checks a rendition's timestamps and keys, and that its units are what media.Unit says.
func expect(t *testing.T, r int, units []*media.Unit, pts, keys []int64) {
	t.Helper()
	if got := coded(units); !slices.Equal(got, pts) {
		t.Errorf("rendition %d: %d pictures, want %d\n got %v\nwant %v", r, len(got), len(pts), got, pts)
	}
	var gotKeys []int64
	for _, u := range units {
		if u.Key {
			gotKeys = append(gotKeys, u.PTS)
			if !bytes.HasPrefix(u.Payload, []byte{0, 0, 0, 1, 0x67}) {
				t.Errorf("rendition %d: key %d does not begin with a sequence parameter set", r, u.PTS)
			}
		}
		if u.DTS != u.PTS {
			t.Errorf("rendition %d: PTS %d, DTS %d", r, u.PTS, u.DTS)
		}
		if bytes.Count(u.Payload, []byte{0, 0, 1}) != bytes.Count(u.Payload, []byte{0, 0, 0, 1}) {
			t.Errorf("rendition %d: short start code in %d", r, u.PTS)
		}
	}
	if !slices.Equal(gotKeys, keys) {
		t.Errorf("rendition %d: keys at %v, want %v", r, gotKeys, keys)
	}
}

func firsts(segments []segment) []int64 {
	var out []int64
	for _, s := range segments {
		out = append(out, s.start.FirstPTS)
	}
	return out
}

// Every picture comes out of every rendition once, with its own PTS, and each segment begins with an IDR, with and
// without draining the decoder between segments.
func TestEveryPictureOnce(t *testing.T) {
	for name, c := range map[string]struct {
		bframes int
		drain   bool
	}{
		"no B-frames":           {0, true},
		"B-frames":              {3, true},
		"B-frames, not drained": {3, false},
	} {
		t.Run(name, func(t *testing.T) {
			segments := cut(video(t, c.bframes))
			for i := range segments {
				segments[i].drain = c.drain || i == len(segments)-1
			}
			got := play(t, open(t), segments)
			for r, p := range ladder {
				expect(t, r, got.units[r], ptsOf(segments, p.Divisor), firsts(segments))
				size(t, got.units[r][0], p.Width, p.Height)
			}
			for _, s := range segments {
				want := transcoder.SegmentDone{Seq: s.start.Seq, Attempt: 1, Width: 640, Height: 360, Frames: len(s.units)}
				if got.done[s.start.Seq] != want {
					t.Errorf("segment %d: %+v", s.start.Seq, got.done[s.start.Seq])
				}
			}
		})
	}
}

// A long GOP is cut by PTS: pictures that the decoder still holds belong to the segment that they were sent in.
func TestLongGOP(t *testing.T) {
	v := video(t, 3)
	segments := []segment{{start: transcoder.StartSegment{Attempt: 1, Track: v.Track, Fresh: true}}}
	top := int64(-1) // highest PTS so far
	for _, u := range v.Units {
		if len(segments[len(segments)-1].units) >= 20 && u.PTS > top && !u.Key {
			segments = append(segments, segment{start: transcoder.StartSegment{
				Seq: uint64(len(segments)), Attempt: 1, Track: v.Track, FirstPTS: top + 1,
			}})
		}
		top = max(top, u.PTS)
		s := &segments[len(segments)-1]
		s.units = append(s.units, transcoder.WriteUnit{Unit: u})
	}
	segments[len(segments)-1].drain = true
	if len(segments) < 3 {
		t.Fatalf("%d segments", len(segments))
	}
	got := play(t, open(t), segments)
	for r, p := range ladder {
		pts := ptsOf(segments, p.Divisor)
		var keys []int64
		for _, s := range segments {
			i, _ := slices.BinarySearch(pts, s.start.FirstPTS)
			keys = append(keys, pts[i])
		}
		expect(t, r, got.units[r], pts, keys)
	}
}

// A replacement decodes from the key and encodes, for each rendition, exactly what is missing.
func TestResume(t *testing.T) {
	segments := cut(video(t, 3))[1:3]
	want := ptsOf(segments[:1], 1)
	first := &segments[0]
	first.start.Fresh = true
	// The segment's first third comes as a prefix, as after a cut of a long GOP; then each rendition resumes.
	top := int64(0) // highest PTS of the prefix
	prefixes := 0
	for ; prefixes < 10 || first.units[prefixes].Unit.PTS < top; prefixes++ {
		first.units[prefixes].Prefix = true
		top = max(top, first.units[prefixes].Unit.PTS)
	}
	first.start.FirstPTS = top + 1
	first.start.ResumeAfter = []int64{top, want[20], want[28]}
	got := play(t, open(t), segments)
	for r, p := range ladder {
		after := first.start.ResumeAfter[r]
		pts := slices.DeleteFunc(ptsOf(segments, p.Divisor), func(pts int64) bool { return pts <= after })
		keys := []int64{segments[1].start.FirstPTS}
		if pts[0] < keys[0] {
			keys = append([]int64{pts[0]}, keys...)
		}
		expect(t, r, got.units[r], pts, keys)
	}
	if d := got.done[first.start.Seq]; d.PrefixFrames != prefixes || d.Frames != len(first.units)-prefixes {
		t.Errorf("%+v", d)
	}
}

func TestRequestKey(t *testing.T) {
	segments := cut(video(t, 0))[:1]
	s := open(t)
	ctx := t.Context()
	for i, in := range []transcoder.Input{
		segments[0].start, segments[0].units[0], segments[0].units[1],
		transcoder.RequestKey{Rendition: 1},
		segments[0].units[2], segments[0].units[3],
	} {
		if err := s.Send(ctx, in); err != nil {
			t.Fatal(i, err)
		}
	}
	keys := make([][]int64, len(ladder))
	for n := 0; n < 4+4+2; {
		out, err := s.Recv(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if o, ok := out.(transcoder.Rendered); ok {
			n++
			if o.Unit.Key {
				keys[o.Rendition] = append(keys[o.Rendition], o.Unit.PTS)
			}
		}
	}
	first, third := segments[0].units[0].Unit.PTS, segments[0].units[2].Unit.PTS
	if !slices.Equal(keys[0], []int64{first}) || !slices.Equal(keys[1], []int64{first, third}) {
		t.Errorf("keys %v", keys)
	}
}

// Broken input costs its segment, names the unit, and the session goes on with the next key.
func TestBadInput(t *testing.T) {
	noise := bytes.Repeat([]byte{0, 0, 0, 1, 0x65, 0xde, 0xad, 0xbe, 0xef}, 50)
	for name, spoil := range map[string]func(s *segment) (pts int64){
		"garbage key": func(s *segment) int64 {
			return replace(s, 0, &media.Unit{PTS: s.start.FirstPTS, Key: true, Payload: noise})
		},
		"no key first": func(s *segment) int64 {
			s.start.Fresh = true
			s.units = s.units[1:]
			return s.units[0].Unit.PTS
		},
		"empty unit": func(s *segment) int64 {
			return replace(s, 5, &media.Unit{PTS: s.units[5].Unit.PTS})
		},
		"twice": func(s *segment) int64 {
			return replace(s, 5, s.units[4].Unit)
		},
		"before the segment": func(s *segment) int64 {
			u := *s.units[5].Unit
			u.PTS = s.start.FirstPTS - 1
			return replace(s, 5, &u)
		},
		"parameter sets only": func(s *segment) int64 {
			u := *s.units[7].Unit
			u.Payload = s.start.Track.Config
			return replace(s, 7, &u)
		},
	} {
		t.Run(name, func(t *testing.T) {
			segments := cut(video(t, 3))
			pts := spoil(&segments[1])
			got := play(t, open(t), segments)
			if len(got.bad) != 1 || got.bad[1].PTS != pts || got.bad[1].Reason == "" {
				t.Fatalf("want unit %d of segment 1 named, have %+v", pts, got.bad)
			}
			for r, p := range ladder {
				rest := []segment{segments[0], segments[2], segments[3]}
				units := slices.DeleteFunc(got.units[r], func(u *media.Unit) bool {
					return u.PTS >= segments[1].start.FirstPTS && u.PTS < segments[2].start.FirstPTS
				})
				expect(t, r, units, ptsOf(rest, p.Divisor), firsts(rest))
			}
		})
	}
}

// As many NAL units as a unit may have are decoded; one more is not tried.
func TestNALUnits(t *testing.T) {
	const most = 8192
	for _, count := range []int{most, most + 1} {
		segments := cut(video(t, 0))[:2]
		u := *segments[1].units[5].Unit
		more := count - bytes.Count(u.Payload, []byte{0, 0, 1})
		u.Payload = slices.Concat(u.Payload, bytes.Repeat([]byte{0, 0, 1, 12, 0x80}, more)) // filler data
		pts := replace(&segments[1], 5, &u)
		got := play(t, open(t), segments)
		if count > most {
			if bad := got.bad[1]; len(got.bad) != 1 || bad.PTS != pts || !strings.Contains(bad.Reason, "more than 8192 NAL units") {
				t.Errorf("%d: want unit %d refused, have %+v", count, pts, got.bad)
			}
			continue
		}
		if len(got.bad) != 0 {
			t.Errorf("%d: %+v", count, got.bad)
		}
		for r, p := range ladder {
			expect(t, r, got.units[r], ptsOf(segments, p.Divisor), firsts(segments))
		}
	}
}

func replace(s *segment, i int, u *media.Unit) int64 {
	s.units = slices.Clone(s.units)
	s.units[i].Unit = u
	return u.PTS
}

func TestCancel(t *testing.T) {
	segments := cut(video(t, 0))[:2]
	s := open(t)
	ctx := t.Context()
	for _, in := range []transcoder.Input{
		segments[0].start, segments[0].units[0], transcoder.CancelSegment{Seq: 0, Attempt: 1},
	} {
		if err := s.Send(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	got := play(t, s, segments[1:])
	expect(t, 0, got.units[0][len(got.units[0])-len(segments[1].units):], ptsOf(segments[1:], 1), firsts(segments[1:]))
	if len(got.done) != 1 {
		t.Errorf("%+v", got.done)
	}
}

// A source may change its size: renditions keep theirs.
func TestSizeChange(t *testing.T) {
	small, err := clip.Make(t.Context(), clip.Spec{Width: 322, Height: 182, FPS: 30, Seconds: 2, BFrames: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	segments := cut(video(t, 3))[:2]
	for _, s := range cut(small) { // on the same timeline, two seconds later
		s.start.Seq += 2
		s.start.FirstPTS += 2 * media.VideoClockRate
		for i, w := range s.units {
			u := *w.Unit
			u.PTS, u.DTS = u.PTS+2*media.VideoClockRate, u.DTS+2*media.VideoClockRate
			s.units[i].Unit = &u
		}
		segments = append(segments, s)
	}
	segments[2].start.Fresh = false // the new track alone says it
	got := play(t, open(t), segments)
	for r, p := range ladder {
		expect(t, r, got.units[r], ptsOf(segments, p.Divisor), firsts(segments))
		size(t, got.units[r][len(got.units[r])-30/p.Divisor], p.Width, p.Height)
	}
	if d := got.done[3]; d.Width != 322 || d.Height != 182 {
		t.Errorf("%+v", d)
	}
}

// Rate control goes by the pictures that come, also where the track says nothing or something wrong of their rate.
func TestUnknownFrameRate(t *testing.T) {
	v, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 180, FPS: 60, Seconds: 6, GOP: 60})
	if err != nil {
		t.Fatal(err)
	}
	const bitrate = 100_000 // far below what this clip needs: the encoder is at its limit
	for _, said := range []float64{0, 15} {
		track := *v.Track
		track.FrameRate = said
		segments := cut(&clip.Video{Track: &track, Units: v.Units})
		s, err := av.Open(t.Context(), transcoder.SessionConfig{Ladder: transcoder.Ladder{
			{Name: "180p", Codec: media.H264, Width: 320, Height: 180, Bitrate: bitrate, Divisor: 1},
		}})
		if err != nil {
			t.Fatal(err)
		}
		got := play(t, s, segments)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		sum := 0
		for _, u := range got.units[0] {
			if u.PTS >= segments[2].start.FirstPTS {
				sum += len(u.Payload)
			}
		}
		if rate := sum * 8 / (len(segments) - 2); rate > bitrate*13/10 {
			t.Errorf("track says %g pictures a second: %d b/s, asked for %d", said, rate, bitrate)
		}
	}
}

// A message against the rules ends the session and says which rule.
func TestRules(t *testing.T) {
	segments := cut(video(t, 0))
	for name, inputs := range map[string][]transcoder.Input{
		"unit outside a segment": {segments[0].units[0]},
		"two open segments":      {segments[0].start, segments[1].start},
		"end of another":         {segments[0].start, transcoder.EndSegment{Seq: 7}},
		"key of no rendition":    {transcoder.RequestKey{Rendition: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			for _, in := range inputs {
				if err := s.Send(t.Context(), in); err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.Recv(t.Context())
			if want := new(transcoder.InputError); !errors.As(err, &want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// size checks a rendition's picture size by decoding it.
func size(t *testing.T, key *media.Unit, width, height int) {
	t.Helper()
	track := &media.Track{Codec: media.H264, ClockRate: media.VideoClockRate}
	s := open(t)
	got := play(t, s, []segment{{
		start: transcoder.StartSegment{Track: track, Fresh: true, FirstPTS: key.PTS},
		units: []transcoder.WriteUnit{{Unit: key}}, drain: true,
	}})
	if d := got.done[0]; d.Width != width || d.Height != height || d.Frames != 1 {
		t.Errorf("%+v, want %dx%d", d, width, height)
	}
}
