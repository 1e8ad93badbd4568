package worker

import (
	"errors"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"castnet/internal/media"
	"castnet/transcoder"
)

// told is a fake of what a card's driver tells.
type told struct {
	card transcoder.Card
	err  error
}

func (t *told) Card(int) (transcoder.Card, error) { return t.card, t.err }

// Room on a card by its own account. That of the driver's library is tested with a stub of it, in package cards.
func TestRoomOnCard(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	idle := transcoder.Card{
		Name: "h200", Busy: .1, Encoder: nan, Decoder: .1, MemoryUsed: 1 << 30, MemoryTotal: 8 << 30, Temperature: 50, Slowdown: 90, Watts: 300,
	}
	h264 := []media.Codec{media.H264}
	ladder := transcoder.Ladder{{Name: "a", Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1}}
	for name, c := range map[string]struct {
		change func(*told)
		says   string // "": there is room
	}{
		"idle":             {change: func(*told) {}},
		"unknown":          {change: func(d *told) { *d = told{err: errors.New("nobody knows")} }},
		"nothing told":     {change: func(d *told) { d.card = transcoder.Card{Busy: nan, Encoder: nan, Decoder: nan, MemoryTotal: 8 << 30} }},
		"memory":           {func(d *told) { d.card.MemoryUsed = 8<<30 - 100<<20 }, "free memory is 100 MiB"},
		"cores":            {func(d *told) { d.card.Busy = .97 }, "load is 97 %"},
		"decoders":         {func(d *told) { d.card.Decoder = .95 }, "decoders' load"},
		"encoders":         {func(d *told) { d.card.Encoder = 1 }, "encoders' load"},
		"warm":             {func(d *told) { d.card.Temperature = 88 }, "88 °C, for another session it may be 87"},
		"off the bus":      {func(d *told) { d.err = transcoder.ErrDevice }, "cannot go on"},
		"no slowdown told": {change: func(d *told) { d.card.Slowdown, d.card.Temperature = nan, 120 }},
	} {
		t.Run(name, func(t *testing.T) {
			driver := &told{card: idle}
			c.change(driver)
			metrics := prometheus.NewRegistry()
			p, err := New(Config{
				Binary: self, Logger: slog.New(slog.DiscardHandler), Cards: driver, Registerer: metrics,
				Places: []transcoder.Place{{Device: transcoder.Device{Backend: transcoder.Nvidia}, Decode: h264, Encode: h264}},
			})
			if err != nil {
				t.Fatal(err)
			}
			l, err := p.occupy(p.places[0], transcoder.SessionConfig{ID: "a", Ladder: ladder})
			if c.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				p.release(l, nil)
				return
			}
			if !errors.Is(err, transcoder.ErrBusy) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if (p.places[0].state == suspect) != errors.Is(driver.err, transcoder.ErrDevice) {
				t.Errorf("the card is %v", p.places[0].state)
			}
		})
	}
	driver := &told{card: idle}
	metrics := prometheus.NewRegistry()
	if _, err = New(Config{
		Binary: self, Logger: slog.New(slog.DiscardHandler), Cards: driver, Registerer: metrics,
		Places: []transcoder.Place{
			{Device: transcoder.Device{Backend: transcoder.Nvidia}, Decode: h264, Encode: h264},
			{Device: transcoder.Device{Backend: transcoder.NvidiaDecode}, Decode: h264, Encode: h264},
			Processor(),
		},
	}); err != nil {
		t.Fatal(err)
	}
	const want = `
# HELP castnet_worker_card_memory_used_bytes Memory that is taken on the card.
# TYPE castnet_worker_card_memory_used_bytes gauge
castnet_worker_card_memory_used_bytes{card="0"} 1.073741824e+09
# HELP castnet_worker_card_utilization_ratio Part of the time that the card's cores, encoders and decoders work.
# TYPE castnet_worker_card_utilization_ratio gauge
castnet_worker_card_utilization_ratio{card="0",part="cores"} 0.1
castnet_worker_card_utilization_ratio{card="0",part="decoders"} 0.1
# HELP castnet_worker_card_watts Power that the card takes.
# TYPE castnet_worker_card_watts gauge
castnet_worker_card_watts{card="0"} 300
`
	if err := testutil.GatherAndCompare(metrics, strings.NewReader(want), "castnet_worker_card_memory_used_bytes",
		"castnet_worker_card_utilization_ratio", "castnet_worker_card_watts"); err != nil {
		t.Error(err)
	}
}
