package broadcaster_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"castnet/broadcaster"
	"castnet/broadcaster/playback"
	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
)

// sizes are 4 s of the same pictures, large and small, with key frames every second in both.
func sizes(t *testing.T) (large, small *clip.Video) {
	t.Helper()
	for v, spec := range map[**clip.Video]clip.Spec{&large: {Width: 320, Height: 240}, &small: {Width: 160, Height: 120}} {
		spec.FPS, spec.Seconds, spec.GOP = 30, 4, 30
		var err error
		if *v, err = clip.Make(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	return large, small
}

var rung = transcoder.Profile{Name: "120p", Codec: media.H264, Width: 160, Height: 120, Bitrate: 200_000, Divisor: 1}

// send publishes pictures of both sizes in real time, of the small one those that sent says; its come first.
func send(t *testing.T, p *publisher, large, small *clip.Video, sent func(i int) bool) {
	t.Helper()
	for i := range large.Units {
		for track, u := range map[int]*media.Unit{1: small.Units[i], 0: large.Units[i]} {
			if track == 1 && !sent(i) {
				continue
			}
			unit := *u
			unit.Capture = time.Now()
			if err := p.Write(track, &unit); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Second / 30)
	}
}

func status(t *testing.T, b *broadcaster.Broadcaster) broadcaster.Status {
	t.Helper()
	s, ok := b.Stream("demo")
	if !ok {
		t.Fatal("there is no stream")
	}
	return s.Status()
}

// TestOwnRendition: a publisher's second size is published as the rung that it fits, to the byte, and nobody is asked for it.
func TestOwnRendition(t *testing.T) {
	large, small := sizes(t)
	synctest.Test(t, func(t *testing.T) {
		b := run(t, transcoder.Ladder{rung})
		p, err := publish(t, b, large.Track, small.Track)
		if err != nil {
			t.Fatal(err)
		}
		hub, _ := b.Hub("demo")
		type frame struct {
			pts     int64
			payload []byte
		}
		got := make(chan []frame, 1)
		go func() {
			var frames []frame
			for r := hub.Rendition("120p").NewReader(playback.StartOldestKey); ; {
				item, err := r.Next(t.Context())
				if err != nil {
					got <- frames
					return
				}
				frames = append(frames, frame{item.Unit.PTS, item.Unit.Payload})
			}
		}()
		send(t, p, large, small, func(int) bool { return true })
		if st := status(t, b); !slices.Equal(st.Own, []string{"120p"}) || st.Problem != "" {
			t.Errorf("own: %v, problem: %q", st.Own, st.Problem)
		}
		p.Close(nil)
		frames := <-got
		if len(frames) != len(small.Units) {
			t.Fatalf("%d pictures of %d", len(frames), len(small.Units))
		}
		for i, f := range frames {
			if want := small.Units[i]; f.pts != large.Units[i].PTS || !bytes.Equal(f.payload, want.Payload) {
				t.Fatalf("picture %d is not the publisher's: PTS %d, %d bytes of %d", i, f.pts, len(f.payload), len(want.Payload))
			}
		}
	})
}

// TestOwnRenditionComesBack: a publisher that comes back goes on with what it made itself.
func TestOwnRenditionComesBack(t *testing.T) {
	large, small := sizes(t)
	synctest.Test(t, func(t *testing.T) {
		b := run(t, transcoder.Ladder{rung})
		var whole, own <-chan seen
		for visit := range 2 {
			p, err := publish(t, b, large.Track, small.Track)
			if err != nil {
				t.Fatal(err)
			}
			if visit == 0 {
				hub, _ := b.Hub("demo")
				whole, own = read(t, hub.Source()), read(t, hub.Rendition("120p"))
			}
			send(t, p, large, small, func(int) bool { return true })
			if st := status(t, b); !slices.Equal(st.Own, []string{"120p"}) || st.Problem != "" {
				t.Errorf("visit %d: own: %v, problem: %q", visit, st.Own, st.Problem)
			}
			if visit == 0 {
				p.Close(errGone)
				<-time.After(3 * time.Second)
			} else {
				p.Close(nil)
			}
		}
		source, rendition := <-whole, <-own
		if len(source.pts) != 2*len(large.Units) || !slices.Equal(source.pts, rendition.pts) {
			t.Errorf("the source has %d pictures, the rendition %d", len(source.pts), len(rendition.pts))
		}
	})
}

// TestOwnRenditionLost: once the second size no longer does, orchestrators are asked for it.
func TestOwnRenditionLost(t *testing.T) {
	large, small := sizes(t)
	for name, sent := range map[string]func(i int) bool{
		"never comes":             func(int) bool { return false },
		"stops":                   func(i int) bool { return i < 45 },
		"misses a picture":        func(i int) bool { return i != 45 },
		"is late with a segment":  func(i int) bool { return i != 60 },
		"misses all of a segment": func(i int) bool { return i < 60 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := run(t, transcoder.Ladder{rung})
				p, err := publish(t, b, large.Track, small.Track)
				if err != nil {
					t.Fatal(err)
				}
				send(t, p, large, small, sent)
				if st := status(t, b); len(st.Own) != 0 || st.Problem == "" {
					t.Errorf("own: %v, problem: %q", st.Own, st.Problem)
				}
				p.Close(nil)
			})
		})
	}
}

// TestOwnRenditionLostAgain: a publisher that comes back time and again with a second size that does not do, to the same stream
// or to another one of its key, is no longer heeded, also where it does, for an hour.
func TestOwnRenditionLostAgain(t *testing.T) {
	large, small := sizes(t)
	synctest.Test(t, func(t *testing.T) {
		b := run(t, transcoder.Ladder{rung})
		for visit := range 5 {
			p, err := publish(t, b, large.Track, small.Track)
			if err != nil {
				t.Fatal(err)
			}
			var taken bool
			send(t, p, large, small, func(i int) bool {
				taken = taken || len(status(t, b).Own) > 0
				return i != 45 || visit >= 3
			})
			if want := visit != 3; taken != want {
				t.Errorf("visit %d: taken: %v", visit, taken)
			}
			if visit < 2 {
				p.Close(errGone)
			} else {
				p.Close(nil)
			}
			<-time.After(3 * time.Second)
			if visit == 1 {
				<-time.After(time.Minute) // the stream ends
			}
			if visit == 3 {
				<-time.After(time.Hour)
			}
		}
	})
}

// TestOwnRenditionEndsEarly: a publisher whose second size is behind when it stops, time and again, is heeded as before.
func TestOwnRenditionEndsEarly(t *testing.T) {
	large, small := sizes(t)
	synctest.Test(t, func(t *testing.T) {
		b := run(t, transcoder.Ladder{rung})
		for visit := range 5 {
			p, err := publish(t, b, large.Track, small.Track)
			if err != nil {
				t.Fatal(err)
			}
			send(t, p, large, small, func(i int) bool { return i < len(large.Units)-15 }) // half a second
			if st := status(t, b); !slices.Equal(st.Own, []string{"120p"}) {
				t.Errorf("visit %d: own: %v, problem: %q", visit, st.Own, st.Problem)
			}
			p.Close(nil)
			<-time.After(3 * time.Second)
		}
	})
}

// TestNotOwn: what does not look like a rung is not taken for one.
func TestNotOwn(t *testing.T) {
	large, small := sizes(t)
	slower, reordered := *small.Track, *small.Track
	slower.FrameRate, reordered.Reorder = 15, 1
	half := rung
	half.Divisor = 2
	for name, c := range map[string]struct {
		track *media.Track
		rung  transcoder.Profile
	}{
		"size": {large.Track, rung}, "frame rate": {&slower, rung}, "B-frames": {&reordered, rung}, "divisor": {small.Track, half},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := run(t, transcoder.Ladder{c.rung})
				p, err := publish(t, b, large.Track, c.track)
				if err != nil {
					t.Fatal(err)
				}
				send(t, p, large, small, func(int) bool { return true })
				if st := status(t, b); len(st.Own) != 0 || st.Problem == "" {
					t.Errorf("own: %v, problem: %q", st.Own, st.Problem)
				}
				p.Close(nil)
			})
		})
	}
}

// TestOwnHalfRate: a rung of every second picture is the publisher's where it sends every second one.
func TestOwnHalfRate(t *testing.T) {
	large, small := sizes(t)
	track, half := *small.Track, rung
	track.FrameRate, half.Divisor = 15, 2
	synctest.Test(t, func(t *testing.T) {
		b := run(t, transcoder.Ladder{half})
		p, err := publish(t, b, large.Track, &track)
		if err != nil {
			t.Fatal(err)
		}
		send(t, p, large, small, func(i int) bool { return i%2 == 0 })
		if st := status(t, b); !slices.Equal(st.Own, []string{"120p"}) || st.Problem != "" {
			t.Errorf("own: %v, problem: %q", st.Own, st.Problem)
		}
		p.Close(nil)
	})
}
