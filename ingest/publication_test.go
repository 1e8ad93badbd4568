package ingest_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/internal/media"
)

// tape is a sink that keeps what it is told.
type tape struct {
	starts [][]*media.Track
	writes []int // tracks, in order
}

func (s *tape) Start(tracks []*media.Track) error {
	s.starts = append(s.starts, tracks)
	return nil
}

func (s *tape) Write(track int, _ *media.Unit) error {
	s.writes = append(s.writes, track)
	return nil
}

func (s *tape) Close(error) {}

func publication(t *testing.T) (*ingest.Publication, *tape) {
	t.Helper()
	metrics, err := ingest.NewMetrics(prometheus.NewRegistry(), "test")
	if err != nil {
		t.Fatal(err)
	}
	sink := &tape{}
	return ingest.NewPublication(sink, metrics), sink
}

// TestPublicationOfSeveralSounds: tracks are named in the publisher's order, whichever is known first; one that comes
// late has its place at the end.
func TestPublicationOfSeveralSounds(t *testing.T) {
	p, sink := publication(t)
	german, english, late, picture := soundTrack(), soundTrack(), soundTrack(), track()
	german.Language, english.Language = "de", "en"
	now := time.Unix(1_800_000_000, 0)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p.Expect(true, 2)
	must(p.SetSound(1, english))
	must(p.Sound(1, &media.Unit{}, now))
	must(p.SetPictures(picture))
	if len(sink.starts) != 0 {
		t.Fatal("the tracks were named before the first sound was known")
	}
	must(p.SetSound(0, german))
	must(p.Sound(0, &media.Unit{}, now))
	must(p.Picture(&media.Unit{}, now))
	must(p.SetSound(3, late))
	must(p.Sound(3, &media.Unit{}, now))
	must(p.Sound(1, &media.Unit{}, now))
	want := [][]*media.Track{{picture, german, english}, {picture, german, english, late}}
	if !slices.EqualFunc(sink.starts, want, slices.Equal) {
		t.Errorf("named %v", sink.starts)
	}
	if want := []int{2, 1, 0, 3, 2}; !slices.Equal(sink.writes, want) {
		t.Errorf("wrote to tracks %v, want %v", sink.writes, want)
	}
	if p.SetSound(ingest.MaxSounds, late) == nil {
		t.Error("a fifth track was taken")
	}
}

// TestPublicationWaits: how long what is missing is waited for.
func TestPublicationWaits(t *testing.T) {
	for name, tc := range map[string]struct {
		expect func(*ingest.Publication)
		sound  bool // or pictures come
		waits  time.Duration
	}{
		"pictures that nobody announced":         {func(*ingest.Publication) {}, true, 2 * time.Second},
		"pictures that were announced":           {func(p *ingest.Publication) { p.Expect(true, 1) }, true, 5 * time.Second},
		"nothing, as sound alone was announced":  {func(p *ingest.Publication) { p.Expect(false, 1) }, true, 0},
		"sound that nobody announced":            {func(*ingest.Publication) {}, false, time.Second},
		"the second sound, which was announced":  {func(p *ingest.Publication) { p.Expect(false, 2) }, true, time.Second},
		"nothing, as pictures alone are to come": {func(p *ingest.Publication) { p.Expect(true, 0) }, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, sink := publication(t)
			tc.expect(p)
			begin := time.Unix(1_800_000_000, 0)
			write := p.Picture
			var err error
			if tc.sound {
				write = func(u *media.Unit, now time.Time) error { return p.Sound(0, u, now) }
				err = p.SetSound(0, soundTrack())
			} else {
				err = p.SetPictures(track())
			}
			if err != nil {
				t.Fatal(err)
			}
			for i := range 700 { // 7 s
				at := time.Duration(i) * 10 * time.Millisecond
				if err := write(&media.Unit{PTS: int64(i), DTS: int64(i)}, begin.Add(at)); err != nil {
					t.Fatal(err)
				}
				if started := len(sink.starts) > 0; started != (at >= tc.waits) {
					t.Fatalf("after %v the tracks were named: %v", at, started)
				}
			}
			if len(sink.writes) != 700 {
				t.Errorf("%d units of 700 came out", len(sink.writes))
			}
			if len(sink.starts) != 1 {
				t.Errorf("named %d times", len(sink.starts))
			}
		})
	}
}

// TestLargePacketOfSound: what no encoder makes is refused, as queues of sound are bounded in packets.
func TestLargePacketOfSound(t *testing.T) {
	p, sink := publication(t)
	p.Expect(false, 1)
	if err := p.SetSound(0, soundTrack()); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	const longestOpus = 48*1275 + 100
	if err := p.Sound(0, &media.Unit{Payload: make([]byte, longestOpus)}, now); err != nil {
		t.Errorf("%d bytes: %v", longestOpus, err)
	}
	var refusal *ingest.Refusal
	if err := p.Sound(0, &media.Unit{Payload: make([]byte, 64<<10+1)}, now); !errors.As(err, &refusal) ||
		refusal.Code != ingest.CodeLimit || refusal.Asked == "" || refusal.Limit == "" {
		t.Errorf("more than 64 KiB: %v", err)
	}
	if len(sink.writes) != 1 {
		t.Errorf("%d packets were taken", len(sink.writes))
	}
}

// TestPublicationOfFurtherTracks: another size is named with the pictures or behind them, never before them; its pictures have
// the same times, and what comes before the pictures are known is left out.
func TestPublicationOfFurtherTracks(t *testing.T) {
	p, sink := publication(t)
	sound, picture, half, quarter := soundTrack(), track(), track(), track()
	now := time.Unix(1_800_000_000, 0)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p.Expect(false, 1)
	must(p.SetSound(0, sound))
	must(p.SetFurther(0, half))
	must(p.Further(0, &media.Unit{}, now))
	must(p.SetPictures(picture))
	must(p.SetFurther(1, quarter))
	for range 2 { // twice the same moment
		first, second := &media.Unit{PTS: 3000}, &media.Unit{PTS: 3000}
		must(p.Picture(first, now))
		must(p.Further(1, second, now))
		if first.PTS != second.PTS || first.DTS != second.DTS {
			t.Errorf("the picture has PTS %d and DTS %d, in another size %d and %d", first.PTS, first.DTS, second.PTS, second.DTS)
		}
	}
	want := [][]*media.Track{{sound}, {sound, picture, half}, {sound, picture, half, quarter}}
	if !slices.EqualFunc(sink.starts, want, slices.Equal) {
		t.Errorf("named %v", sink.starts)
	}
	if want := []int{1, 3, 1, 3}; !slices.Equal(sink.writes, want) {
		t.Errorf("wrote to tracks %v, want %v", sink.writes, want)
	}
}
