package price

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// WatchConfig is what a Watch needs.
type WatchConfig struct {
	Feed Feed
	// Every is how often the feed is read. Default 15 s.
	Every time.Duration
	// MaxAge is how old a rate may be; then prices in dollars are not quoted any more. Default 1 h.
	MaxAge time.Duration
	// MaxJump is how much a rate may differ from the last one that was believed, in parts of 1000; one that jumps further is
	// believed when the next readings confirm it. Default 50: 5 %.
	MaxJump uint64
	// Confirmations is how many readings in a row, within MaxJump of the first, make a jump credible. Default 3.
	Confirmations int

	Now func() time.Time
	Log *slog.Logger
}

func (c *WatchConfig) validate() error {
	if c.Feed == nil || c.Log == nil {
		return errors.New("price watch: no feed or no logger")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Every == 0 {
		c.Every = 15 * time.Second
	}
	if c.MaxAge == 0 {
		c.MaxAge = time.Hour
	}
	if c.MaxJump == 0 {
		c.MaxJump = 50
	}
	if c.Confirmations == 0 {
		c.Confirmations = 3
	}
	if c.MaxAge < c.Every {
		return fmt.Errorf("price watch: rates may be %v old and are read every %v", c.MaxAge, c.Every)
	}
	return nil
}

// Watch reads a feed and remembers the last rate that is credible. It is safe for concurrent use.
type Watch struct {
	cfg WatchConfig

	mu       sync.Mutex
	believed Rate
	doubted  Rate // the first reading of a jump; zero while there is none
	seen     int  // readings that agree with it
}

// NewWatch checks the configuration.
func NewWatch(cfg WatchConfig) (*Watch, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Watch{cfg: cfg}, nil
}

// Run reads the feed until ctx ends. It returns nil.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(w.cfg.Every)
	defer tick.Stop()
	for {
		if err := w.Read(ctx); err != nil && ctx.Err() == nil {
			w.cfg.Log.Warn("the price feed is not believed; the last rate holds until it is too old", "max_age", w.cfg.MaxAge, "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Read reads the feed once. An error says why what it said is not believed.
func (w *Watch) Read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Every)
	defer cancel()
	rate, err := w.cfg.Feed.Rate(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.cfg.Now()
	if rate.At.After(now) { // else it would never be too old
		rate.At = now
	}
	switch {
	case rate.Value == 0:
		return errors.New("the price feed says that a coin is worth nothing")
	case now.Sub(rate.At) > w.cfg.MaxAge:
		return fmt.Errorf("the price feed's rate is %v old, allowed are %v", now.Sub(rate.At).Truncate(time.Second), w.cfg.MaxAge)
	case w.believed.Value == 0 || w.near(w.believed, rate): // one that is too old still tells what is credible
		w.believed, w.doubted = rate, Rate{}
		return nil
	case w.doubted.Value == 0 || !w.near(w.doubted, rate):
		w.doubted, w.seen = rate, 1
	default:
		w.seen++
	}
	if w.seen >= w.cfg.Confirmations {
		w.cfg.Log.Warn("the coin's price has jumped", "from_usd", w.believed.USD(), "to_usd", rate.USD())
		w.believed, w.doubted = rate, Rate{}
		return nil
	}
	return fmt.Errorf("the rate jumped from %g to %g dollars; it is believed after %d readings that agree, this was number %d",
		w.believed.USD(), rate.USD(), w.cfg.Confirmations, w.seen)
}

// near reports whether b differs from a by no more than is credible at once.
func (w *Watch) near(a, b Rate) bool {
	high, low := max(a.Value, b.Value), min(a.Value, b.Value)
	return float64(high-low) <= float64(a.Value)*float64(w.cfg.MaxJump)/1000
}

// Rate is the last credible rate, or an error where there is none that is young enough.
func (w *Watch) Rate() (Rate, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.believed.Value == 0 {
		return Rate{}, errors.New("the price feed has told no rate yet")
	}
	if age := w.cfg.Now().Sub(w.believed.At); age > w.cfg.MaxAge {
		return Rate{}, fmt.Errorf("the last credible rate is %v old, allowed are %v (--price-max-age)", age.Truncate(time.Second), w.cfg.MaxAge)
	}
	return w.believed, nil
}
