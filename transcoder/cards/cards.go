// Package cards reads the state of NVIDIA cards from their driver: what is busy, how much memory is free, how warm it is.
//
// The driver's library (NVML) is loaded when the watch begins; a machine without it has no cards that can be watched.
package cards

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"castnet/transcoder"
)

const (
	defaultLibrary = "libnvidia-ml.so.1"
	defaultEvery   = time.Second // NVML averages over up to a second
	// stale is after how many samples that did not come a card counts as silent.
	stale = 5
	// patience is how long New and Run wait for a driver that does not answer.
	patience = 2 * time.Second
)

// ErrUnknown is returned for cards that nobody can tell about: without the driver's library, or of another maker.
var ErrUnknown = errors.New("the state of the card is not known")

// Config is what a Watch needs.
type Config struct {
	// Library is NVML's file (default libnvidia-ml.so.1, wherever the system's loader finds it).
	Library string
	// Every is how often cards are looked at (default 1 s).
	Every time.Duration
	// Logger gets a line where there is no NVML, and one for each card that no longer answers.
	Logger *slog.Logger
}

func (c *Config) validate() error {
	if c.Logger == nil || c.Every < 0 {
		return errors.New("watch of the cards: a Logger, and a time between looks that is not negative, are needed")
	}
	if c.Library == "" {
		c.Library = defaultLibrary
	}
	if c.Every == 0 {
		c.Every = defaultEvery
	}
	return nil
}

// Watch knows the state of this machine's cards. It is safe for concurrent use.
type Watch struct {
	cfg Config
	lib nvml.Interface // nil where it could not be loaded

	mute bool // the driver did not tell how many cards there are; look's

	mu   sync.Mutex
	seen []sample // by the card's number, in the order of the PCI bus
}

// sample is what a card said last.
type sample struct {
	card transcoder.Card
	err  error
	at   time.Time
}

// New loads the driver's library and looks at each card once. That there is no library, or that the driver hangs, is told, and
// no error.
func New(cfg Config) (*Watch, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	begun := make(chan *Watch, 1)
	go func() { begun <- begin(cfg) }() // for ever, where the driver hangs
	select {
	case w := <-begun:
		return w, nil
	case <-time.After(patience):
		cfg.Logger.Warn("cards are not watched: the driver has not answered", "library", cfg.Library, "within", patience)
		return &Watch{cfg: cfg}, nil
	}
}

func begin(cfg Config) *Watch {
	w := &Watch{cfg: cfg}
	lib := nvml.New(nvml.WithLibraryPath(cfg.Library))
	switch ret := lib.Init(); ret {
	case nvml.SUCCESS:
		w.lib = lib
		w.look(time.Now())
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		cfg.Logger.Info("cards are not watched: there is no NVML here, which comes with the NVIDIA driver", "library", cfg.Library)
	default:
		cfg.Logger.Warn("cards are not watched: NVML does not start", "library", cfg.Library, "error", ret.Error())
	}
	return w
}

// Run looks at the cards until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	if w.lib == nil {
		<-ctx.Done()
		return nil
	}
	looking := make(chan struct{})
	go func() {
		defer close(looking)
		tick := time.NewTicker(w.cfg.Every)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				w.look(now)
			case <-ctx.Done():
				_ = w.lib.Shutdown() // the process ends soon
				return
			}
		}
	}()
	<-ctx.Done()
	select {
	case <-looking:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the driver of the cards has not answered for %v", patience)
	}
}

// Card is what the card said last: ErrUnknown where nobody can tell, transcoder.ErrDevice where it does not answer.
func (w *Watch) Card(index int) (transcoder.Card, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if index < 0 || index >= len(w.seen) {
		return transcoder.Card{}, fmt.Errorf("%w: card %d of %d", ErrUnknown, index, len(w.seen))
	}
	s := w.seen[index]
	if age := time.Since(s.at); age > stale*w.cfg.Every {
		return s.card, fmt.Errorf("%w: the driver has not told of card %d for %v", transcoder.ErrDevice, index, age.Round(time.Second))
	}
	return s.card, s.err
}

func (w *Watch) look(now time.Time) {
	n, ret := w.lib.DeviceGetCount()
	if ret != nvml.SUCCESS {
		if !w.mute { // once, not each second
			w.cfg.Logger.Warn("the driver does not tell how many cards there are", "error", ret.Error())
		}
		w.mute = true
		return // what is known becomes stale
	}
	w.mute = false
	seen := make([]sample, n)
	for i := range seen {
		seen[i].card, seen[i].err = w.read(i)
		seen[i].at = now
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, s := range seen {
		if s.err != nil && (i >= len(w.seen) || w.seen[i].err == nil) {
			w.cfg.Logger.Warn("card does not answer", "card", i, "error", s.err)
		}
	}
	w.seen = seen
}

// read asks a card. Only the memory is something that each card has to tell.
func (w *Watch) read(index int) (transcoder.Card, error) {
	c := transcoder.Card{
		Busy: math.NaN(), Encoder: math.NaN(), Decoder: math.NaN(), Temperature: math.NaN(), Slowdown: math.NaN(), Watts: math.NaN(),
	}
	device, ret := w.lib.DeviceGetHandleByIndex(index)
	if ret != nvml.SUCCESS {
		return c, fmt.Errorf("%w: card %d: %s", transcoder.ErrDevice, index, ret.Error())
	}
	memory, ret := device.GetMemoryInfo()
	if ret != nvml.SUCCESS { // a card that has fallen off the bus: GPU is lost
		return c, fmt.Errorf("%w: card %d: %s", transcoder.ErrDevice, index, ret.Error())
	}
	c.MemoryUsed, c.MemoryTotal = int64(memory.Used), int64(memory.Total)
	c.Name, _ = device.GetName()
	if rates, ret := device.GetUtilizationRates(); ret == nvml.SUCCESS {
		c.Busy = float64(rates.Gpu) / 100
	}
	if percent, _, ret := device.GetEncoderUtilization(); ret == nvml.SUCCESS {
		c.Encoder = float64(percent) / 100
	}
	if percent, _, ret := device.GetDecoderUtilization(); ret == nvml.SUCCESS {
		c.Decoder = float64(percent) / 100
	}
	if degrees, ret := device.GetTemperature(nvml.TEMPERATURE_GPU); ret == nvml.SUCCESS {
		c.Temperature = float64(degrees)
	}
	if degrees, ret := device.GetTemperatureThreshold(nvml.TEMPERATURE_THRESHOLD_SLOWDOWN); ret == nvml.SUCCESS {
		c.Slowdown = float64(degrees)
	}
	if sessions, _, _, ret := device.GetEncoderStats(); ret == nvml.SUCCESS {
		c.EncoderSessions = sessions
	}
	if milliwatts, ret := device.GetPowerUsage(); ret == nvml.SUCCESS {
		c.Watts = float64(milliwatts) / 1000
	}
	return c, nil
}
