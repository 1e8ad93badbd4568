package health_test

import (
	"slices"
	"testing"
	"time"

	"castnet/broadcaster/health"
	"castnet/internal/media"
)

// encoder makes a publisher's pictures: by default 30 a second of 10 kB each, a key frame every 2 s, sent as they are made.
type encoder struct {
	seconds  int
	gop      int                       // pictures
	bFrames  bool                      // a pattern of P B P B
	slow     float64                   // how much longer than the pictures last their sending takes
	omit     func(i int) bool          // pictures that never come
	held     func(i int) time.Duration // what holds single pictures up on their way
	anew     int                       // the picture at which timestamps begin anew
	interval func(i int, usual int64) (ticks int64)
}

// read measures it; silence is how long after the last picture.
func (e encoder) read(silence time.Duration) health.Input {
	const usual = media.VideoClockRate / 30
	var m health.Meter
	start := time.Unix(1_800_000_000, 0)
	now := start
	var dts, made int64
	for i := range e.seconds * 30 {
		step := int64(usual)
		if e.interval != nil {
			step = e.interval(i, usual)
		}
		dts, made = dts+step, made+step
		if e.anew > 0 && i == e.anew {
			dts = 0
		}
		if e.omit != nil && e.omit(i) {
			continue
		}
		now = start.Add(time.Duration(float64(made) / media.VideoClockRate * (1 + e.slow) * float64(time.Second)))
		arrival := now
		if e.held != nil {
			arrival = now.Add(e.held(i))
		}
		gop := e.gop
		if gop == 0 {
			gop = 60
		}
		pts := dts
		if e.bFrames {
			pts += 2 * usual * int64(1-i%2) // each other picture is shown after the next
		}
		m.Add(&media.Unit{PTS: pts, DTS: dts, Key: i%gop == 0, Payload: make([]byte, 10_000)}, arrival)
	}
	return m.Read(now.Add(silence))
}

func TestHealth(t *testing.T) {
	for name, c := range map[string]struct {
		encoder
		silence time.Duration
		grade   health.Grade
		advice  []health.Kind
		check   func(in health.Input) bool
	}{
		"as it should be": {encoder{seconds: 60}, 0, health.Good, nil, func(in health.Input) bool {
			return in.KeyInterval == 2*time.Second && in.Bitrate > 2_390_000 && in.Bitrate < 2_410_000 && in.FPS > 29.99 && in.FPS < 30.01 &&
				in.Drift == 0 && in.Missing == 0 && !in.Irregular && in.Pictures >= 900
		}},
		"the first second": {encoder{seconds: 1}, 0, health.Good, nil, func(in health.Input) bool { return in.KeyInterval == 0 && in.FPS > 29 }},
		"no picture yet":   {encoder{}, 0, health.Good, nil, nil},
		"key frames every 5 s": {
			encoder{seconds: 60, gop: 150},
			0, health.Fair,
			[]health.Kind{health.LongInterval},
			func(in health.Input) bool { return in.KeyInterval == 5*time.Second },
		},
		"one key frame, 9 s ago": {
			encoder{seconds: 9, gop: 1000},
			0, health.Bad,
			[]health.Kind{health.LongInterval},
			func(in health.Input) bool { return in.KeyInterval > 8*time.Second },
		},
		"key frames only": {encoder{seconds: 10, gop: 1}, 0, health.Fair, []health.Kind{health.ShortGOP}, nil},
		"B-frames":        {encoder{seconds: 10, bFrames: true}, 0, health.Good, []health.Kind{health.BFrames}, func(in health.Input) bool { return in.BFrames }},
		"an encoder 2 % too slow": {
			encoder{seconds: 60, slow: 0.02},
			0, health.Fair,
			[]health.Kind{health.FallsBehind},
			func(in health.Input) bool { return in.Drift > 500*time.Millisecond && in.Drift < 620*time.Millisecond },
		},
		"an upload 10 % too slow":        {encoder{seconds: 60, slow: 0.1}, 0, health.Bad, []health.Kind{health.FallsBehind}, nil},
		"a quartz 100 ppm off":           {encoder{seconds: 60, slow: 0.0001}, 0, health.Good, nil, nil},
		"a file sent at twice its speed": {encoder{seconds: 60, slow: -0.5}, 0, health.Fair, []health.Kind{health.RunsAhead}, nil},
		"jitter of 200 ms": {
			encoder{seconds: 60, held: func(i int) time.Duration { return time.Duration(i*7%5) * 50 * time.Millisecond }},
			0, health.Good, nil,
			func(in health.Input) bool { return in.Drift == 0 },
		},
		"one picture in twelve left out": {
			encoder{seconds: 60, omit: func(i int) bool { return i%12 == 7 }},
			0, health.Bad,
			[]health.Kind{health.Missing},
			func(in health.Input) bool { return in.Missing >= 72 && in.Missing <= 78 },
		},
		"one in fifty left out": {encoder{seconds: 60, omit: func(i int) bool { return i%50 == 7 }}, 0, health.Fair, []health.Kind{health.Missing}, nil},
		"a shared screen, now fast, now slow": {
			encoder{seconds: 60, gop: 30, interval: func(i int, usual int64) int64 { return usual * int64(1+i%7) / 2 }},
			0, health.Good, nil,
			func(in health.Input) bool { return in.Irregular && in.Missing == 0 },
		},
		"timestamps that begin anew": {encoder{seconds: 60, anew: 1200}, 0, health.Good, nil, func(in health.Input) bool { return in.Drift == 0 && in.FPS > 29 }},
		"silence":                    {encoder{seconds: 10}, 5 * time.Second, health.Bad, []health.Kind{health.Stopped}, nil},
		"the most urgent first": {
			encoder{seconds: 60, gop: 150, slow: 0.1, bFrames: true},
			0, health.Bad,
			[]health.Kind{health.FallsBehind, health.LongInterval, health.BFrames},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := c.read(c.silence)
			grade, list := health.Advise(&in)
			var kinds []health.Kind
			for _, a := range list {
				kinds = append(kinds, a.Kind)
				if a.Text == "" {
					t.Errorf("no words for %s", a.Kind)
				}
			}
			if grade != c.grade || !slices.Equal(kinds, c.advice) {
				t.Errorf("grade %d with advice %v, wanted %d with %v, of %+v", grade, kinds, c.grade, c.advice, in)
			}
			if c.check != nil && !c.check(in) {
				t.Errorf("measured %+v", in)
			}
		})
	}
}
