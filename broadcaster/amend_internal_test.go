package broadcaster

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/free"
	"castnet/broadcaster/playback"
	"castnet/broadcaster/worklist"
	"castnet/internal/media"
	"castnet/transcoder"
)

// TestNothingMore: where nothing is made any more of a source that has grown, the last segment that something is made of ends.
func TestNothingMore(t *testing.T) {
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	hub, err := playback.New(playback.Config{Logger: slog.New(slog.DiscardHandler), Metrics: metrics})
	if err != nil {
		t.Fatal(err)
	}
	ladder := transcoder.Ladder{{Name: "90p", Codec: media.H264, Width: 160, Height: 90, Bitrate: 100_000, Divisor: 1}}
	s := &Stream{
		b:   &Broadcaster{cfg: Config{Now: time.Now, Ladder: func(int, int) transcoder.Ladder { return nil }}},
		hub: hub, work: worklist.New(), log: slog.New(slog.DiscardHandler), growth: growth{pixels: 160 * 90},
	}
	s.own = s.newOwn(new(free.Losses))
	if err := hub.SetLadder(ladder); err != nil {
		t.Fatal(err)
	}
	for seq, track := range []*media.Track{
		{Codec: media.H264, ClockRate: media.VideoClockRate, Width: 160, Height: 90},
		{Codec: media.H264, ClockRate: media.VideoClockRate, Width: 90, Height: 320},
		{Codec: media.H264, ClockRate: media.VideoClockRate, Width: 90, Height: 320},
	} {
		first := int64(seq) * 20 * media.VideoClockRate
		if err := s.startSegment(&media.Segment{Seq: uint64(seq), FirstPTS: first, DecodeFrom: first, Track: track}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(hub.Renditions()); n != 0 {
		t.Fatalf("there are %d renditions", n)
	}
	if notes := s.status.Notes; len(notes) != 1 || !strings.Contains(notes[0].Text, "no rendition fits") {
		t.Errorf("people are told %+v", notes)
	}
	last, ok := s.work.After(t.Context(), 1)
	if !ok || !s.work.Drains(last) {
		t.Error("the last segment with a rendition is open")
	}
	s.work.Finish(last, s.work.Rungs(last))
	first, _ := s.work.After(t.Context(), 0)
	s.work.Finish(first, s.work.Rungs(first))
	s.work.End()
	if err := s.work.Drained(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWhatWasFedWholeIsOwed: a lease that hands over leaves off what it has not fed whole. It finishes what it has, although
// more is to be made of it by now: an orchestrator that has a signed source is owed for it.
func TestWhatWasFedWholeIsOwed(t *testing.T) {
	work := worklist.New()
	l := &lease{
		s:     &Stream{b: &Broadcaster{}, work: work},
		rungs: []int{0}, attempts: make(map[uint64]*attempt), changed: make(chan struct{}),
	}
	for seq := range uint64(2) {
		work.Start(&media.Segment{Seq: seq, Track: &media.Track{Codec: media.H264}}, l.rungs)
		seg, ok := work.After(t.Context(), seq)
		if !ok {
			t.Fatal("there is no segment")
		}
		l.attempts[seq] = &attempt{seg: seg}
	}
	l.attempts[0].ended = time.Now()
	work.Amend(0, 1)

	left := l.abandoned()
	if len(left) != 1 || left[0].seg.Seq != 1 {
		t.Errorf("%d attempts are left off", len(left))
	}
	if len(l.attempts) != 1 || l.attempts[0] == nil {
		t.Errorf("the receipts of %d attempts are waited for", len(l.attempts))
	}
}
