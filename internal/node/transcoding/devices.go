package transcoding

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"castnet/internal/node/role"
	"castnet/transcoder"
	"castnet/transcoder/cards"
	"castnet/transcoder/worker"
)

// DevicePool makes a pool on the devices that were chosen and have passed their self-test. Both are to be run.
func (c *Capacity) DevicePool(ctx context.Context, r *role.Role, gpu string, sessions int) (*worker.Pool, *cards.Watch, error) {
	binary, err := worker.FindBinary()
	if err != nil {
		return nil, nil, err
	}
	watch, err := cards.New(cards.Config{Logger: r.Log})
	if err != nil {
		return nil, nil, err
	}
	places, err := worker.Probe(ctx, binary)
	if err != nil {
		return nil, nil, err
	}
	chosen, err := choosePlaces(places, gpu)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range places {
		r.Log.Info("self-test", "device", p.Device.String(), "can", p.Abilities(), "problem", p.Problem)
	}
	if err := c.Fill(ctx, binary, chosen, r.Log); err != nil {
		return nil, nil, err
	}
	pool, err := worker.New(worker.Config{
		Binary: binary, Places: chosen, MaxSessions: sessions, Cards: watch, Logger: r.Log, Registerer: r.Registerer(),
	})
	return pool, watch, err
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
