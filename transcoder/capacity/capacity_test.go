package capacity_test

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/capacity"
)

// machine is a transcoder that encodes a known number of pixels a second, over all its sessions in turn, as fast as they come.
type machine struct {
	pixelsPerSecond float64

	mu   sync.Mutex
	free time.Time // when it is done with what it has
	open atomic.Int32
	most atomic.Int32
}

func (m *machine) Capabilities() transcoder.Capabilities { return transcoder.Capabilities{} }

func (m *machine) Open(_ context.Context, cfg transcoder.SessionConfig) (transcoder.Session, error) {
	m.most.Store(max(m.most.Load(), m.open.Add(1)))
	return &job{machine: m, ladder: cfg.Ladder, units: make(chan *media.Unit, 16), gone: make(chan struct{})}, nil
}

type job struct {
	machine *machine
	ladder  transcoder.Ladder
	units   chan *media.Unit
	ready   []transcoder.Output
	gone    chan struct{}
}

func (j *job) Send(ctx context.Context, in transcoder.Input) error {
	w, ok := in.(transcoder.WriteUnit)
	if !ok {
		return nil
	}
	select {
	case j.units <- w.Unit:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (j *job) Recv(ctx context.Context) (transcoder.Output, error) {
	for len(j.ready) == 0 {
		select {
		case u := <-j.units:
			if err := j.encode(ctx, u); err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-j.gone:
			return nil, io.EOF
		}
	}
	out := j.ready[0]
	j.ready = j.ready[1:]
	return out, nil
}

// encode waits for its turn at the machine, and until that has done the work.
func (j *job) encode(ctx context.Context, u *media.Unit) error {
	var pixels int64
	for i, p := range j.ladder {
		pixels += p.Pixels()
		j.ready = append(j.ready, transcoder.Rendered{Rendition: i, Unit: u})
	}
	m := j.machine
	m.mu.Lock()
	begin := time.Now()
	if m.free.After(begin) {
		begin = m.free
	}
	m.free = begin.Add(time.Duration(float64(pixels) / m.pixelsPerSecond * float64(time.Second)))
	done := m.free
	m.mu.Unlock()
	select {
	case <-time.After(time.Until(done)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (j *job) Close() error {
	j.machine.open.Add(-1)
	close(j.gone)
	return nil
}

var (
	track  = &media.Track{Codec: media.H264, ClockRate: media.VideoClockRate, Width: 1280, Height: 720, FrameRate: 30}
	ladder = transcoder.Ladder{{Name: "a", Codec: media.H264, Width: 1000, Height: 1000, Bitrate: 1e6, Divisor: 1}}
)

func config(m *machine) capacity.Config {
	s := capacity.Source{Track: track}
	for i := range int64(60) {
		s.Units = append(s.Units, &media.Unit{Key: i == 0, PTS: i * 3000, DTS: i * 3000})
	}
	return capacity.Config{Transcoder: m, Source: s, Ladder: ladder, Parallel: 4}
}

// The known speed of a machine is found, and the number of ladders of 30 megapixels a second that it can make at once.
func TestMeasure(t *testing.T) {
	for speed, ladders := range map[float64]int{10e6: 0, 45e6: 1, 100e6: 3, 200e6: 6, 1e9: 33} {
		synctest.Test(t, func(t *testing.T) {
			m := &machine{pixelsPerSecond: speed}
			began := time.Now()
			cfg := config(m)
			cfg.Watts = func() float64 { return 70 }
			r, err := capacity.Measure(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if r.Watts != 70 {
				t.Errorf("%g watts", r.Watts)
			}
			if off := float64(r.Throughput)/speed - 1; off < -0.05 || off > 0.05 {
				t.Errorf("%g pixels/s: throughput measured as %d", speed, r.Throughput)
			}
			if r.Ladders > ladders || float64(r.Ladders) < 0.75*float64(ladders) || ladders > 0 && r.P95 > 300*time.Millisecond {
				t.Errorf("%g pixels/s: %+v, want up to %d ladders", speed, r, ladders)
			}
			if got := float64(r.PixelsPerSecond); got > 1.05*speed || got < 0.7*speed {
				t.Errorf("%g pixels/s: takes on %g", speed, got)
			}
			if took := time.Since(began); took > 33*time.Second || m.open.Load() != 0 {
				t.Errorf("took %v, and left %d sessions open", took, m.open.Load())
			}
		})
	}
}

// A burst works for its time, in one session.
func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{pixelsPerSecond: 50e6}
		cfg := config(m)
		cfg.Budget = 500 * time.Millisecond
		pixels, err := capacity.Burst(t.Context(), cfg)
		if err != nil || pixels < 23e6 || pixels > 26e6 || m.most.Load() != 1 {
			t.Errorf("%d pixels, %d sessions, %v", pixels, m.most.Load(), err)
		}
	})
}

func TestRefusesNonsense(t *testing.T) {
	for what, change := range map[string]func(*capacity.Config){
		"no transcoder": func(c *capacity.Config) { c.Transcoder = nil },
		"no pictures":   func(c *capacity.Config) { c.Source.Units = nil },
		"no sessions":   func(c *capacity.Config) { c.Parallel = 0 },
		"no rungs":      func(c *capacity.Config) { c.Ladder = transcoder.Ladder{} },
	} {
		cfg := config(&machine{pixelsPerSecond: 1e6})
		change(&cfg)
		if _, err := capacity.Measure(t.Context(), cfg); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}
