package playback_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
	"castnet/transcoder"
)

var (
	// Parameter sets of a 352x288 High profile stream, and another PPS.
	parameterSets = []byte{
		0, 0, 0, 1, 0x67, 0x64, 0x00, 0x0c, 0xac, 0x3b, 0x50, 0xb0, 0x4b, 0x42, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00,
		0x00, 0x03, 0x00, 0x3d, 0x08, 0, 0, 0, 1, 0x68, 0xee, 0x3c, 0x80,
	}
	otherSets = append(slices.Clone(parameterSets[:len(parameterSets)-1]), 0xb0)

	ladder = transcoder.Ladder{
		{Name: "288p", Codec: media.H264, Width: 352, Height: 288, Bitrate: 500_000, Divisor: 1},
		{Name: "144p", Codec: media.H264, Width: 176, Height: 144, Bitrate: 200_000, Divisor: 1},
	}
	video = &media.Track{Codec: media.H264, ClockRate: media.VideoClockRate, Width: 352, Height: 288}
)

const frame = 3000 // ticks of a picture at 30 a second

func newHub(t *testing.T, change func(*playback.Config)) *playback.Hub {
	t.Helper()
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	cfg := playback.Config{ID: "demo", Logger: slog.New(slog.DiscardHandler), Metrics: metrics}
	if change != nil {
		change(&cfg)
	}
	h, err := playback.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func unit(pts int64, key bool) *media.Unit {
	u := &media.Unit{PTS: pts, DTS: pts, Key: key, Payload: []byte{0, 0, 0, 1, 0x41, 1, 2, 3}}
	if key {
		u.Payload = append(slices.Clone(parameterSets), 0, 0, 0, 1, 0x65, 1, 2, 3)
	}
	return u
}

// publish sends a segment of n source pictures, the first a key, captured at PTS seconds after the epoch.
func publish(t *testing.T, h *playback.Hub, seq uint64, n int) (first int64) {
	t.Helper()
	first = int64(seq) * int64(n) * frame
	must(t, h.StartSegment(&media.Segment{Seq: seq, FirstPTS: first, DecodeFrom: first, Track: video}))
	for i := range int64(n) {
		u := unit(first+i*frame, i == 0)
		u.Capture = captureOf(u.PTS)
		must(t, h.PublishSource(u))
	}
	return first
}

func captureOf(pts int64) time.Time { return time.Unix(1000, 0).Add(video.Duration(pts)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// drain reads what is there now, without waiting.
func drain(rd *playback.Reader) (items []playback.Item, err error) {
	for {
		item, wait, err := rd.Poll()
		if wait != nil || err != nil {
			return items, err
		}
		items = append(items, item)
	}
}

// TestSourceEnds: the source and all sound end while the ladder is still made of their last pictures.
func TestSourceEnds(t *testing.T) {
	h := newHub(t, nil)
	sound := h.AddAudio(0, &media.Track{Codec: media.Opus, ClockRate: 48000, Channels: 2})
	must(t, h.SetLadder(ladder))
	first := publish(t, h, 0, 2)
	must(t, h.PublishAudio(0, media.Opus, &media.Unit{Payload: []byte{1}}))
	h.EndSource()
	for r, n := range map[*playback.Rendition]int{h.Source(): 2, sound: 1} {
		if items, err := drain(r.NewReader(playback.StartOldestKey)); len(items) != n || !errors.Is(err, io.EOF) || !r.Over() {
			t.Errorf("%s: %d units, end %v, over: %v", r.Name(), len(items), err, r.Over())
		}
	}
	if n := len(h.Retained(first)); n != 2 {
		t.Errorf("%d pictures are kept for who transcodes them", n)
	}
	must(t, h.Admit(0).Publish(0, unit(first, true)))
	rung := h.Rendition("288p")
	if items, err := drain(rung.NewReader(playback.StartOldestKey)); len(items) != 1 || err != nil || rung.Over() {
		t.Errorf("%d pictures of the rung, end %v, over: %v", len(items), err, rung.Over())
	}
	h.Close(nil)
	if !rung.Over() {
		t.Error("the stream is over, its rung is not")
	}
}

func TestSourceReaders(t *testing.T) {
	h := newHub(t, nil)
	early := h.Source().NewReader(playback.StartNewestKey)
	publish(t, h, 0, 5)
	publish(t, h, 1, 5)
	late := h.Source().NewReader(playback.StartNewestKey)
	oldest := h.Source().NewReader(playback.StartOldestKey)
	h.Close(nil)

	for name, tc := range map[string]struct {
		reader *playback.Reader
		first  int64
		n      int
	}{"early": {early, 5 * frame, 5}, "late": {late, 5 * frame, 5}, "oldest": {oldest, 0, 10}} {
		items, err := drain(tc.reader)
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: ended with %v", name, err)
		}
		if len(items) != tc.n || items[0].Unit.PTS != tc.first || !items[0].SegmentStart || items[0].Skipped {
			t.Errorf("%s: %d items, the first %+v", name, len(items), items[0])
		}
		for i, item := range items {
			if item.SegmentStart != (item.Unit.PTS == item.Segment.FirstPTS) || item.Track != video {
				t.Errorf("%s: item %d is %+v", name, i, item)
			}
		}
	}
}

func TestGrantPublishes(t *testing.T) {
	h := newHub(t, nil)
	must(t, h.SetLadder(ladder))
	first := publish(t, h, 1, 4)
	g := h.Admit(1)
	if g.ResumeAfter() != nil {
		t.Errorf("nothing was published, yet resume after %v", g.ResumeAfter())
	}
	r := h.Rendition("144p")
	if r.Track() != nil {
		t.Error("a track before the first key unit")
	}
	rd := r.NewReader(playback.StartNewestKey)
	for i := range int64(4) {
		must(t, g.Publish(1, unit(first+i*frame, i == 0)))
	}
	items, _ := drain(rd)
	if len(items) != 4 || !items[0].SegmentStart || items[1].SegmentStart {
		t.Fatalf("got %+v", items)
	}
	for _, item := range items {
		if !item.Unit.Capture.Equal(captureOf(item.Unit.PTS)) || item.Segment.Seq != 1 {
			t.Errorf("PTS %d: captured %v, segment %d", item.Unit.PTS, item.Unit.Capture, item.Segment.Seq)
		}
	}
	if tr := r.Track(); tr.Width != 352 || tr.Height != 288 || len(tr.Config) != len(parameterSets) {
		t.Errorf("track read from the key unit: %+v", tr)
	}
	if got := h.Admit(1).ResumeAfter(); !slices.Equal(got, []int64{playback.NonePublished, first + 3*frame}) {
		t.Errorf("resume after %v", got)
	}
}

func TestGrantRefuses(t *testing.T) {
	h := newHub(t, nil)
	must(t, h.SetLadder(ladder))
	publish(t, h, 0, 4)
	publish(t, h, 1, 4)
	g := h.Admit(1)
	noSets := unit(4*frame, true)
	noSets.Payload = noSets.Payload[len(parameterSets):]
	for name, tc := range map[string]struct {
		rendition int
		unit      *media.Unit
	}{
		"no such rendition":      {2, unit(4*frame, true)},
		"negative rendition":     {-1, unit(4*frame, true)},
		"not a key":              {0, unit(4*frame, false)},
		"key without sets":       {0, noSets},
		"another segment's PTS":  {0, unit(0, true)},
		"a PTS the source lacks": {0, unit(4*frame+1, true)},
	} {
		if err := g.Publish(tc.rendition, tc.unit); !errors.Is(err, playback.ErrUnexpected) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, g.Publish(0, unit(5*frame, true)))
	for _, pts := range []int64{4 * frame, 5 * frame} {
		if err := g.Publish(0, unit(pts, true)); !errors.Is(err, playback.ErrUnexpected) {
			t.Errorf("PTS %d after %d: %v", pts, 5*frame, err)
		}
	}
	next := h.Admit(1)
	if err := g.Publish(0, unit(6*frame, false)); !errors.Is(err, playback.ErrFenced) {
		t.Errorf("superseded grant: %v", err)
	}
	if err := next.Publish(0, unit(6*frame, false)); !errors.Is(err, playback.ErrUnexpected) {
		t.Errorf("the next grant resumed without a key: %v", err)
	}
	must(t, next.Publish(0, unit(6*frame, true)))
	h.Close(nil)
	if err := next.Publish(0, unit(7*frame, false)); !errors.Is(err, playback.ErrClosed) {
		t.Errorf("closed hub: %v", err)
	}
}

// TestTrackChange: a replacement encoder's parameter sets are a new track, from exactly that unit on.
func TestTrackChange(t *testing.T) {
	h := newHub(t, nil)
	must(t, h.SetLadder(ladder))
	publish(t, h, 0, 4)
	rd := h.Renditions()[0].NewReader(playback.StartOldestKey)
	g := h.Admit(0)
	must(t, g.Publish(0, unit(0, true)))
	must(t, g.Publish(0, unit(1*frame, true)))
	changed := unit(2*frame, true)
	changed.Payload = append(slices.Clone(otherSets), 0, 0, 0, 1, 0x65, 1)
	must(t, h.Admit(0).Publish(0, changed))
	items, _ := drain(rd)
	if items[0].Track != items[1].Track || items[1].Track == items[2].Track {
		t.Errorf("tracks %p %p %p", items[0].Track, items[1].Track, items[2].Track)
	}
	if items[2].SegmentStart {
		t.Error("a resumed segment starts twice")
	}
}

// TestFenceProperty: attempts race to publish a segment, each superseding the one before. Whatever the interleaving,
// every picture comes once, in order, and none from a grant that was superseded when it was published.
func TestFenceProperty(t *testing.T) {
	const pictures, attempts = 300, 12
	h := newHub(t, nil)
	must(t, h.SetLadder(ladder))
	publish(t, h, 0, pictures)
	readers := []*playback.Reader{
		h.Renditions()[0].NewReader(playback.StartOldestKey), h.Renditions()[1].NewReader(playback.StartOldestKey),
	}
	var wg sync.WaitGroup
	for attempt := range attempts {
		g := h.Admit(0)
		stop := pictures
		if attempt < attempts-1 {
			stop = rand.IntN(pictures)
		}
		started := make(chan struct{})
		wg.Go(func() {
			for i := range stop {
				if i == stop/2 {
					close(started) // the next attempt is admitted while this one goes on
				}
				for rendition := range ladder {
					from := int64(playback.NonePublished)
					if resume := g.ResumeAfter(); resume != nil {
						from = resume[rendition]
					}
					pts := int64(i) * frame
					if pts <= from {
						continue
					}
					err := g.Publish(rendition, unit(pts, true))
					if err != nil && !errors.Is(err, playback.ErrFenced) {
						t.Errorf("attempt %d: %v", attempt, err)
					}
				}
			}
			if stop == 0 {
				close(started)
			}
		})
		<-started
	}
	wg.Wait()
	for i, rd := range readers {
		items, _ := drain(rd)
		if len(items) != pictures {
			t.Fatalf("rendition %d: %d pictures of %d", i, len(items), pictures)
		}
		for n, item := range items {
			if item.Unit.PTS != int64(n)*frame {
				t.Fatalf("rendition %d: picture %d has PTS %d", i, n, item.Unit.PTS)
			}
		}
	}
}

// TestSlowReader: a reader that stands still loses pictures and goes on at a key; the ring stays bounded and the
// others miss nothing.
func TestSlowReader(t *testing.T) {
	h := newHub(t, func(c *playback.Config) { c.MaxAge = 2 * time.Second })
	slow := h.Source().NewReader(playback.StartNewestKey)
	quick := h.Source().NewReader(playback.StartNewestKey)
	publish(t, h, 0, 30)
	if _, _, err := slow.Poll(); err != nil {
		t.Fatal(err)
	}
	got := 0
	for seq := range uint64(10) {
		if seq > 0 {
			publish(t, h, seq, 30)
		}
		items, _ := drain(quick)
		got += len(items)
	}
	if got != 300 {
		t.Errorf("the quick reader got %d pictures of 300", got)
	}
	items, _ := drain(slow)
	if !items[0].Skipped || !items[0].Unit.Key || items[0].Unit.PTS != 270*frame || items[1].Skipped {
		t.Errorf("the slow reader went on with %+v", items[0])
	}
	if kept := h.Retained(210 * frame); kept != nil {
		t.Errorf("kept %d units from 3 s ago, allowed are 2 s", len(kept))
	}
	if kept := h.Retained(240 * frame); len(kept) != 60 || kept[0].PTS != 240*frame {
		t.Errorf("kept %d units", len(kept))
	}
}

func TestGOPTooLong(t *testing.T) {
	for name, limit := range map[string]func(*playback.Config){
		"age":   func(c *playback.Config) { c.MaxAge = time.Second },
		"bytes": func(c *playback.Config) { c.MaxBytes = 300 },
	} {
		h := newHub(t, limit)
		must(t, h.StartSegment(&media.Segment{Track: video}))
		var err error
		n := int64(0)
		for ; err == nil && n < 100; n++ {
			err = h.PublishSource(unit(n*frame, n == 0))
		}
		if !errors.Is(err, playback.ErrGOPTooLong) || n < 30 || n > 35 {
			t.Errorf("%s: after %d pictures: %v", name, n, err)
		}
	}
}

func TestAudioFollowsSegments(t *testing.T) {
	h := newHub(t, nil)
	h.AddAudio(0, &media.Track{Codec: media.Opus, ClockRate: 48000, Channels: 2})
	must(t, h.SetLadder(nil))
	select {
	case <-h.Ready():
	default:
		t.Fatal("not ready though the ladder is known")
	}
	rd := h.Audio(0, media.Opus).NewReader(playback.StartOldestKey)
	if h.Audio(0, media.AAC) != nil || h.PublishAudio(0, media.AAC, unit(0, true)) == nil {
		t.Error("a track that was not announced")
	}
	publish(t, h, 0, 30)
	publish(t, h, 1, 30)
	for pts := int64(0); pts < 96000; pts += 960 {
		must(t, h.PublishAudio(0, media.Opus, &media.Unit{PTS: pts, DTS: pts, Payload: []byte{1}}))
	}
	items, _ := drain(rd)
	if len(items) != 100 {
		t.Fatalf("%d packets", len(items))
	}
	for _, item := range items {
		if want := uint64(item.Unit.PTS / 48000); item.Segment.Seq != want || item.SegmentStart != (item.Unit.PTS%48000 == 0) {
			t.Errorf("packet %d: segment %d, start %v", item.Unit.PTS, item.Segment.Seq, item.SegmentStart)
		}
	}
}

func TestKeyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []int
		h := newHub(t, func(c *playback.Config) { c.OnKeyRequest = func(i int) { asked = append(asked, i) } })
		must(t, h.SetLadder(ladder))
		for range 25 { // 2.5 s
			h.Source().RequestKey()
			h.Renditions()[1].RequestKey()
			<-time.After(100 * time.Millisecond)
		}
		if want := []int{playback.SourceIndex, 1, playback.SourceIndex, 1, playback.SourceIndex, 1}; !slices.Equal(asked, want) {
			t.Errorf("asked for %v, want %v", asked, want)
		}
	})
}

func TestReadersWake(t *testing.T) {
	const readers = 200
	h := newHub(t, nil)
	var wg sync.WaitGroup
	for range readers {
		rd := h.Source().NewReader(playback.StartNewestKey)
		wg.Go(func() {
			for n := 0; ; n++ {
				if _, err := rd.Next(t.Context()); err != nil {
					if n == 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("after %d units: %v", n, err)
					}
					return
				}
			}
		})
	}
	for seq := range uint64(5) {
		publish(t, h, seq, 30)
	}
	h.Close(io.ErrUnexpectedEOF)
	wg.Wait()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newHub(t, nil).Source().NewReader(playback.StartNewestKey).Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled reader: %v", err)
	}
}
