package free_test

import (
	"strings"
	"testing"

	"castnet/broadcaster/free"
	"castnet/internal/media"
)

const frame = 3000

func unit(i int) *media.Unit {
	return &media.Unit{PTS: int64(i) * frame, Key: i%30 == 0, Payload: []byte{1}}
}

// follow hands a follower the source's pictures, in decoding order, and the track's, each as soon as the other has as many, and
// counts those that come out.
func follow(f *free.Follower, source, track []int) (out int, err error) {
	f.Begin(1, &media.Segment{})
	for i := range max(len(source), len(track)) {
		if i < len(source) {
			if source[i] > 0 && source[i]%30 == 0 {
				f.Segment(uint64(source[i] / 30))
			}
			if err := f.Source(int64(source[i]) * frame); err != nil {
				return out, err
			}
		}
		if i < len(track) {
			if err := f.Add(unit(track[i])); err != nil {
				return out, err
			}
		}
		for {
			u, segment, err := f.Next()
			if err != nil {
				return out, err
			}
			if u == nil {
				break
			}
			if segment != uint64(u.PTS/frame/30) {
				return out, nil
			}
			out++
		}
	}
	return out, nil
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// reordered is what a source with B-frames sends: each second and third picture after the fourth.
func reordered(n int) (all []int) {
	for i := 0; i < n; i += 30 {
		all = append(all, i)
		for at := i + 1; at < i+28; at += 3 {
			all = append(all, at+2, at, at+1)
		}
		all = append(all, i+28, i+29)
	}
	return all
}

// TestFollower: pictures come out in their order, whatever order the source has.
func TestFollower(t *testing.T) {
	for name, source := range map[string][]int{"in order": upTo(90), "with B-frames": reordered(90)} {
		out, err := follow(new(free.Follower), source, upTo(90))
		if out != 90 || err != nil {
			t.Errorf("%s: %d pictures, %v", name, out, err)
		}
	}
}

// TestFollowerRefuses: a track that is not the source's pictures is found out, and why is said.
func TestFollowerRefuses(t *testing.T) {
	without := func(n int) []int { return append(upTo(n), upTo(90)[n+1:]...) }
	shifted := upTo(90)
	for i := range shifted {
		shifted[i]++
	}
	for name, c := range map[string]struct {
		source, track []int
		why           string
	}{
		"a picture less":          {upTo(90), without(40), "missing"},
		"a key picture less":      {upTo(90), without(30), "missing"},
		"with B-frames, one less": {reordered(90), without(41), "missing"},
		"nothing any more":        {upTo(90), upTo(20), "stopped"},
		"begins late":             {upTo(90), shifted, "missing"},
	} {
		out, err := follow(new(free.Follower), c.source, c.track)
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %d pictures, %v", name, out, err)
		}
	}
	f := new(free.Follower)
	f.Begin(1, &media.Segment{})
	for i := range 25 { // the source's segments begin where the track has no key frame
		if i == 20 {
			f.Segment(1)
		}
		_ = f.Source(int64(i) * frame)
		_ = f.Add(unit(i))
	}
	var err error
	out := 0
	for u := unit(0); u != nil && err == nil; out++ {
		u, _, err = f.Next()
	}
	if out != 21 || err == nil || !strings.Contains(err.Error(), "no key frame") || f.Lacks() != 1 {
		t.Errorf("%d pictures, %v, lacks from segment %d", out, err, f.Lacks())
	}
}

// TestFollowerBeforeItBegins: what is kept before is bounded, and begins with a key frame.
func TestFollowerBeforeItBegins(t *testing.T) {
	f := new(free.Follower)
	for i := range 95 {
		if err := f.Add(unit(i)); err != nil {
			t.Fatal(err)
		}
	}
	f.Begin(1, &media.Segment{Seq: 3, FirstPTS: 90 * frame})
	for i := range 5 {
		_ = f.Source(int64(90+i) * frame)
		if u, seq, err := f.Next(); u == nil || u.PTS != int64(90+i)*frame || seq != 3 || err != nil {
			t.Fatalf("picture %d: %v, %d, %v", i, u, seq, err)
		}
	}
	late := new(free.Follower)
	for i := 1; i < 5000; i++ {
		u := unit(i)
		u.Key = false
		_ = late.Add(u)
	}
	late.Begin(1, &media.Segment{})
	_ = late.Source(frame)
	if u, _, _ := late.Next(); u != nil {
		t.Error("it begins with a picture that is no key frame")
	}
}

// TestFollowerWaits: nothing is late that is there and has not been asked for, however far on the source is.
func TestFollowerWaits(t *testing.T) {
	f := new(free.Follower)
	f.Begin(1, &media.Segment{})
	for i := range 90 {
		_ = f.Source(int64(i) * frame)
		if err := f.Add(unit(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 90 {
		if u, _, err := f.Next(); u == nil || u.PTS != int64(i)*frame || err != nil {
			t.Fatalf("picture %d: %v, %v", i, u, err)
		}
	}
}
