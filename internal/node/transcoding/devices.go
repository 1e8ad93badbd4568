package transcoding

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"castnet/internal/node/role"
	"castnet/transcoder"
	"castnet/transcoder/cards"
	"castnet/transcoder/worker"
)

// Workers are a role's own, and who watches the cards that they work on.
type Workers struct {
	Pool   *worker.Pool
	cards  *cards.Watch       // nil where none was asked for
	unused []transcoder.Place // devices that were tested, and are none of the pool's
}

// Run works until ctx ends.
func (w *Workers) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.Pool.Run(ctx) })
	if w.cards != nil {
		group.Go(func() error { return w.cards.Run(ctx) })
	}
	return group.Wait()
}

// ProcessorWorkers makes a pool on the processor alone, and tests nothing.
func (c *Capacity) ProcessorWorkers(ctx context.Context, r *role.Role, sessions int) (*Workers, error) {
	binary, err := worker.FindBinary()
	if err != nil {
		return nil, err
	}
	pool, err := c.pool(ctx, r, worker.Config{Binary: binary, Places: []transcoder.Place{worker.Processor()}, MaxSessions: sessions})
	return &Workers{Pool: pool}, err
}

// TestedWorkers makes a pool on the processor and the cards that were chosen, as far as they have passed their self-test.
func (c *Capacity) TestedWorkers(ctx context.Context, r *role.Role, gpu string, sessions int) (*Workers, error) {
	binary, err := worker.FindBinary()
	if err != nil {
		return nil, err
	}
	watch, err := cards.New(cards.Config{Logger: r.Log})
	if err != nil {
		return nil, err
	}
	places, err := worker.Probe(ctx, binary)
	if err != nil {
		return nil, err
	}
	chosen, err := choosePlaces(places, gpu)
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		r.Log.Info("self-test", "device", p.Device.String(), "can", p.Abilities(), "problem", p.Problem)
	}
	pool, err := c.pool(ctx, r, worker.Config{Binary: binary, Places: chosen, MaxSessions: sessions, Cards: watch})
	unused := slices.DeleteFunc(places, func(p transcoder.Place) bool {
		return slices.ContainsFunc(chosen, func(c transcoder.Place) bool { return c.Device == p.Device })
	})
	return &Workers{pool, watch, unused}, err
}

// pool makes a pool of which is known what it can take on.
func (c *Capacity) pool(ctx context.Context, r *role.Role, cfg worker.Config) (*worker.Pool, error) {
	if err := c.fill(ctx, cfg.Binary, cfg.Places, r.Log); err != nil {
		return nil, err
	}
	cfg.Logger, cfg.Registerer = r.Log, r.Registerer()
	return worker.New(cfg)
}

// choosePlaces keeps the processor, and of the cards those that were asked for and can do something.
func choosePlaces(places []transcoder.Place, numbers string) ([]transcoder.Place, error) {
	wanted := map[int]bool{}
	if numbers != "all" && numbers != "none" {
		for number := range strings.SplitSeq(numbers, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(number))
			if err != nil || n < 0 {
				return nil, fmt.Errorf("--gpu %q: give all, none, or numbers of cards (0,1)", numbers)
			}
			wanted[n] = true
		}
	}
	var chosen []transcoder.Place
	found := map[int]bool{}
	for _, p := range places {
		card := p.Device.Backend != transcoder.Software
		if card && numbers != "all" && !wanted[p.Device.Index] || len(p.Decode) == 0 || len(p.Encode) == 0 {
			continue
		}
		if card {
			found[p.Device.Index] = true
		}
		chosen = append(chosen, p)
	}
	for n := range wanted {
		if !found[n] {
			return nil, fmt.Errorf("--gpu %s: card %d is not there or has failed its self-test: %s", numbers, n, places[0].Problem)
		}
	}
	return chosen, nil
}
