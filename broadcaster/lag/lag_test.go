package lag_test

import (
	"testing"
	"time"

	"castnet/broadcaster/lag"
)

const picture = 33 * time.Millisecond

// feed sends n pictures, one each picture's time, and returns the time after the last.
func feed(m *lag.Meter, n int, at time.Time) time.Time {
	for i := range int64(n) {
		m.Send(i*3000, at)
		at = at.Add(picture)
	}
	return at
}

func TestStalledRendition(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		name    string
		reorder int
		play    func(m *lag.Meter) time.Time // returns when it is judged
		late    bool
	}{
		{"nothing sent", 0, func(*lag.Meter) time.Time { return start.Add(time.Hour) }, false},
		{"first picture has its grace", 0, func(m *lag.Meter) time.Time {
			return feed(m, 30, start).Add(500 * time.Millisecond)
		}, false},
		{"no first picture at all", 0, func(m *lag.Meter) time.Time {
			return feed(m, 30, start).Add(2 * time.Second)
		}, true},
		{"keeps up", 0, func(m *lag.Meter) time.Time {
			at := feed(m, 30, start)
			for i := range int64(30) {
				m.Output(0, i*3000, start.Add(time.Duration(i)*picture+20*time.Millisecond))
				m.Output(1, i*3000, start.Add(time.Duration(i)*picture+25*time.Millisecond))
			}
			return at.Add(time.Hour)
		}, false},
		{"one of two renditions hangs", 0, func(m *lag.Meter) time.Time {
			at := feed(m, 30, start)
			for i := range int64(30) {
				m.Output(0, i*3000, start.Add(time.Duration(i)*picture+20*time.Millisecond))
			}
			m.Output(1, 0, start.Add(20*time.Millisecond))
			return at
		}, true},
		{"publisher pauses with pictures inside the decoder", 2, func(m *lag.Meter) time.Time {
			at := feed(m, 10, start)
			for i := range int64(7) { // the last three wait for pictures that do not come
				m.Output(0, i*3000, at)
				m.Output(1, i*3000, at)
			}
			return at.Add(time.Minute)
		}, false},
		{"the same at a drained end", 2, func(m *lag.Meter) time.Time {
			at := feed(m, 10, start)
			for i := range int64(7) {
				m.Output(0, i*3000, at)
				m.Output(1, i*3000, at)
			}
			m.Flush(at)
			return at.Add(time.Second)
		}, true},
		{"catching up is not standing still", 0, func(m *lag.Meter) time.Time {
			for i := range int64(60) {
				m.Send(i*3000, start) // two seconds at once
			}
			at := start
			for i := range int64(40) {
				at = at.Add(30 * time.Millisecond)
				m.Output(0, i*3000, at)
				m.Output(1, i*3000, at)
			}
			return at.Add(100 * time.Millisecond)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := lag.New(300*time.Millisecond, []int{1, 1}, c.reorder, nil)
			now := c.play(m)
			still, late := m.Stalled(now)
			if late != c.late {
				t.Errorf("late = %v after standing still for %v (deadline %v)", late, still, m.Deadline())
			}
		})
	}
}

func TestStalledAfterResume(t *testing.T) {
	start := time.Unix(1000, 0)
	m := lag.New(300*time.Millisecond, []int{1, 1}, 0, []int64{27000, 15000})
	at := feed(m, 12, start)
	// Rendition 0 has pictures 0 to 9 already, rendition 1 those up to 5: both go on with the next.
	m.Output(0, 30000, at)
	m.Output(1, 18000, at)
	if _, late := m.Stalled(at.Add(100 * time.Millisecond)); late {
		t.Error("late although both went on just now")
	}
	m.Output(0, 33000, at)
	if _, late := m.Stalled(at.Add(400 * time.Millisecond)); !late {
		t.Error("rendition 1 has stood still for 400 ms and is not late")
	}
}

// TestResumeInsideReordering: what was published before the resume is sent again, and is not what the decoder holds.
func TestResumeInsideReordering(t *testing.T) {
	at := time.Unix(1000, 0)
	m := lag.New(300*time.Millisecond, []int{1, 1}, 2, []int64{6000, 6000})
	for _, pts := range []int64{0, 12000, 6000, 3000, 9000} {
		m.Send(pts, at)
	}
	if still, late := m.Stalled(at.Add(time.Minute)); late {
		t.Errorf("late after %v, with no more than two pictures inside the decoder", still)
	}
	m.Send(24000, at)
	m.Send(18000, at)
	if _, late := m.Stalled(at.Add(time.Minute)); !late {
		t.Error("four pictures are too many for this decoder to hold, and it is not late")
	}
}

// TestRenditionAhead: one that is ahead of the slowest is judged by what it has not made itself.
func TestRenditionAhead(t *testing.T) {
	at := time.Unix(1000, 0)
	m := lag.New(300*time.Millisecond, []int{1, 1}, 2, nil)
	for _, pts := range []int64{0, 12000, 6000, 3000, 9000} {
		m.Send(pts, at)
	}
	for _, pts := range []int64{0, 3000, 6000} {
		m.Output(0, pts, at)
	}
	at = at.Add(time.Second)
	m.Output(1, 0, at) // 3000 is due from now on
	if still, late := m.Stalled(at.Add(200 * time.Millisecond)); late {
		t.Errorf("late after %v: 9000 and 12000 may be inside the decoder", still)
	}
	if _, late := m.Stalled(at.Add(400 * time.Millisecond)); !late {
		t.Error("rendition 1 has stood still for 400 ms and is not late")
	}
}

// TestFewerPictures: a rendition that keeps one picture of eight is late only where one that it keeps is due.
func TestFewerPictures(t *testing.T) {
	const picture = time.Second / 15
	at := time.Unix(1000, 0)
	m := lag.New(300*time.Millisecond, []int{1, 8}, 0, nil)
	for i := range int64(31) { // of the second rendition 0, 8, 16 and 24
		m.Send(i*6000, at)
		if i > 0 {
			m.Output(0, (i-1)*6000, at)
		}
		if i > 0 && (i-1)%8 == 0 {
			m.Output(1, (i-1)*6000, at)
		}
		at = at.Add(picture)
		if still, late := m.Stalled(at); late {
			t.Fatalf("late after picture %d, having stood still for %v", i, still)
		}
	}
	m.Output(0, 30*6000, at)
	m.Flush(at) // the publisher is gone
	if still, late := m.Stalled(at.Add(time.Minute)); late {
		t.Errorf("late after %v with every picture made that is kept", still)
	}
}

// TestFewerPicturesMissing: one that it keeps does not come, amid a stream and at its end.
func TestFewerPicturesMissing(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		sent int
		end  bool
		late bool
	}{
		{1, false, false}, {2, false, true}, // the first picture is kept, and comes out with the next unit
		{1, true, true},
	} {
		m := lag.New(300*time.Millisecond, []int{8}, 0, nil)
		at := feed(m, c.sent, start)
		if c.end {
			m.Flush(at)
		}
		if still, late := m.Stalled(at.Add(time.Minute)); late != c.late {
			t.Errorf("no picture of %d (end %v): late = %v after %v", c.sent, c.end, late, still)
		}
	}
	for _, c := range []struct {
		sent int
		end  bool
		late bool
	}{
		{9, false, false}, {10, false, true}, // 8 comes out with 9
		{8, true, false}, {9, true, true},
	} {
		m := lag.New(300*time.Millisecond, []int{8}, 0, nil)
		at := feed(m, c.sent, start)
		m.Output(0, 0, at)
		if c.end {
			m.Flush(at)
		}
		if still, late := m.Stalled(at.Add(time.Minute)); late != c.late {
			t.Errorf("one picture of %d (end %v): late = %v after %v", c.sent, c.end, late, still)
		}
	}
}

func TestDeadlineFollowsTheStands(t *testing.T) {
	at := time.Unix(1000, 0)
	m := lag.New(300*time.Millisecond, []int{1}, 0, nil)
	if got := m.Deadline(); got != 300*time.Millisecond {
		t.Errorf("deadline without samples = %v", got)
	}
	for i := range int64(100) { // pictures come in pairs, a quarter of a second apart
		m.Send(i*6000, at)
		m.Send(i*6000+3000, at)
		at = at.Add(250 * time.Millisecond)
		m.Output(0, i*6000, at)
	}
	if got := m.Deadline(); got != time.Second {
		t.Errorf("deadline at stands of 250 ms = %v, want four times as much", got)
	}
}
