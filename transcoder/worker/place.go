package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"castnet/internal/media"
	"castnet/transcoder"
)

// place is a device of the pool. Its fields belong to the pool's mutex.
type place struct {
	transcoder.Place
	sessions int
	health
}

// card reports whether the device is one beside the processor: one that can be done without.
func (at *place) card() bool {
	return at.Device.Backend != transcoder.Software && at.Device.Backend != ""
}

// Probe runs the worker's self-test and returns what each device of this machine has really done, the best first.
func Probe(ctx context.Context, binary string) ([]transcoder.Place, error) {
	return probe(ctx, binary)
}

// probe runs the self-test of the devices that are named, of all where none is.
func probe(ctx context.Context, binary string, devices ...string) ([]transcoder.Place, error) {
	cmd := exec.CommandContext(ctx, binary, append([]string{"probe"}, devices...)...) //nolint:gosec // our own program
	cmd.Env = environment()
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("self-test of the worker: %w", err)
	}
	var places []transcoder.Place
	if err := json.Unmarshal(out, &places); err != nil {
		return nil, fmt.Errorf("self-test of the worker: %w", err)
	}
	return places, nil
}

// choose lists the devices in service that can make a session's renditions: those that nothing speaks against first, then
// by kind as they were given, then by load. out says which could, and may not.
func (p *Pool) choose(cfg transcoder.SessionConfig) (list []*place, out error) {
	if cfg.Ladder == nil { // sound and stills
		return []*place{p.processor}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, at := range p.places {
		barred := at.barred[cmp.Or(cfg.Customer, cfg.ID)]
		able := !slices.ContainsFunc(cfg.Ladder, func(r transcoder.Profile) bool { return !slices.Contains(at.Encode, r.Codec) })
		switch {
		case !able:
		case at.state != inService:
			out = errors.Join(out, fmt.Errorf("%w: %v is out of service: %s", transcoder.ErrBusy, at.Device, at.why))
		case now.Before(barred):
			out = errors.Join(out, fmt.Errorf("%w: %v has failed sessions of this customer and takes no more for %v",
				transcoder.ErrBusy, at.Device, barred.Sub(now).Round(time.Second)))
		default:
			list = append(list, at)
		}
	}
	ill := func(at *place) time.Duration { return max(at.avoid.Sub(now), 0) }
	kind := func(at *place) int {
		return slices.IndexFunc(p.places, func(q *place) bool { return q.Device.Backend == at.Device.Backend })
	}
	slices.SortStableFunc(list, func(a, b *place) int {
		return cmp.Or(
			cmp.Compare(ill(a), ill(b)), cmp.Compare(kind(a), kind(b)), cmp.Compare(a.sessions, b.sessions))
	})
	return list, out
}

// encoder names what a device's pictures are encoded by. Devices that share one share its capacity.
func (at *place) encoder() transcoder.Device {
	if at.Device.Backend == transcoder.Nvidia {
		return at.Device
	}
	return transcoder.Device{Backend: transcoder.Software}
}

// minMemory is what must be free for another session: twice what a worker takes for a ladder from 1080p.
const minMemory = 256 << 20

// occupy takes room on a device for a session, or says what there is none of. p.release gives it back.
func (p *Pool) occupy(at *place, cfg transcoder.SessionConfig) (*load, error) {
	if free := p.cfg.freeMemory(); free < minMemory {
		return nil, fmt.Errorf("%w: %d MiB of memory are free, a session must leave %d (lower --workers, or free memory)",
			transcoder.ErrBusy, free>>20, minMemory>>20)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if at.state != inService {
		return nil, fmt.Errorf("%w: %v is out of service: %s", transcoder.ErrBusy, at.Device, at.why)
	}
	if at.full(now) {
		return nil, fmt.Errorf("%w: %v has refused a session beside %d others before", transcoder.ErrBusy, at.Device, at.room)
	}
	if err := p.cardRoom(at); err != nil {
		return nil, err
	}
	asked := newLoad(at, cfg, now)
	capacity, used := p.capacity(at.encoder()), p.used(at.encoder(), now)
	if capacity > 0 && used+asked.estimate > capacity {
		return nil, fmt.Errorf(
			"%w: %v encodes %.1f of its %.1f million pixels a second, and the ladder asks for %.1f more (--megapixels, or measure again: castnet bench transcoder)",
			transcoder.ErrBusy, at.encoder(), million(used), million(capacity), million(asked.estimate))
	}
	p.loads[asked] = struct{}{}
	at.sessions++
	return asked, nil
}

func million(n int64) float64 { return float64(n) / 1e6 }

// capacity is what an encoder can do: the most that a device with it was measured at. 0: not measured.
func (p *Pool) capacity(encoder transcoder.Device) int64 {
	var most int64
	for _, at := range p.places {
		if at.encoder() == encoder {
			most = max(most, at.PixelsPerSecond)
		}
	}
	return most
}

func (p *Pool) used(encoder transcoder.Device, now time.Time) int64 {
	var sum int64
	for l := range p.loads {
		if l.at.encoder() == encoder {
			sum += l.rate(now)
		}
	}
	return sum
}

func union(a, b []media.Codec) []media.Codec {
	for _, c := range b {
		if !slices.Contains(a, c) {
			a = append(a, c)
		}
	}
	return a
}
