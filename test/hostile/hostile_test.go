package hostile_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"castnet/test/healthy"
	"castnet/test/testnet"
)

const (
	// spare is how many stream keys the corpus has for itself.
	spare = 16
	// atOnce is how many attackers a port has.
	atOnce = 4
	// patience is how long a connection may stay open after all was said on it: more than any limit of time that is
	// known not to be one of a live publisher.
	patience = time.Minute
	// What may be more after the corpus than before: caches and pools fill up once, whatever comes.
	moreMemory     = 160 << 20
	moreGoroutines = 60
	moreFiles      = 60
)

// key is one of the corpus's own.
func key(i int) string { return fmt.Sprintf("spare%02d", i%spare) }

// port is one that a corpus is thrown at.
type port struct {
	name string
	// throw sends one input and tells what it was, and what became of it. What must not happen is an error.
	throw func(ctx context.Context, r *rand.Rand) (kind, outcome string, err error)
}

// table counts outcomes by port and kind.
type table struct {
	mu     sync.Mutex
	counts map[[3]string]int
}

func (t *table) add(port, kind, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[[3]string{port, kind, outcome}]++
}

func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	keys := slices.SortedFunc(maps.Keys(t.counts), func(x, y [3]string) int {
		return cmp.Or(strings.Compare(x[0], y[0]), strings.Compare(x[1], y[1]), strings.Compare(x[2], y[2]))
	})
	for _, k := range keys {
		fmt.Fprintf(&b, "%-14s %-36s %-40s %7d\n", k[0], k[1], k[2], t.counts[k])
	}
	return b.String()
}

// TestHostile throws spoiled sessions at every port of a network while somebody publishes and somebody watches: no
// picture of that stream is lost, no process ends, nothing grows without bound, and who can be told something is told.
// CASTNET_HOSTILE is how many inputs a port gets, CASTNET_HOSTILE_SEED what they are made from, CASTNET_HOSTILE_PORT which ports
// get them: those whose name has it.
func TestHostile(t *testing.T) {
	inputs, seed := 200, rand.Uint64()
	for name, set := range map[string]func(uint64){"CASTNET_HOSTILE": func(n uint64) { inputs = int(n) }, "CASTNET_HOSTILE_SEED": func(n uint64) { seed = n }} {
		if v := os.Getenv(name); v != "" {
			n, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			set(n)
		}
	}
	t.Logf("seed %d", seed)
	var keys []string
	for i := range spare {
		keys = append(keys, key(i))
	}
	for i := range atOnce {
		keys = append(keys, pushKey(i))
	}
	n := healthy.Network(t, keys...)
	ports := slices.DeleteFunc(record(t, n), func(p port) bool { return !strings.Contains(p.name, os.Getenv("CASTNET_HOSTILE_PORT")) })
	if len(ports) == 0 {
		t.Fatalf("CASTNET_HOSTILE_PORT=%s: no port's name has it", os.Getenv("CASTNET_HOSTILE_PORT"))
	}
	stream, err := healthy.Begin(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	before := usage(t, n, func(int, testnet.Usage) bool { return true })

	outcomes := table{counts: make(map[[3]string]int)}
	var all sync.WaitGroup
	for i, p := range ports {
		for attacker := range atOnce {
			all.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(i*atOnce+attacker)))
				for range (inputs + atOnce - 1) / atOnce {
					kind, outcome, err := p.throw(t.Context(), r)
					if err != nil {
						t.Errorf("%s, %s: %v", p.name, kind, err)
						outcome = "WRONG"
					}
					outcomes.add(p.name, kind, outcome)
				}
			})
		}
	}
	slow := slowloris(t, n)
	all.Wait()
	t.Logf("outcomes:\n%s", &outcomes)
	slow()
	pictures, err := stream.End()
	if err != nil {
		t.Errorf("the healthy stream: %v", err)
	}
	t.Logf("the healthy stream: %d pictures, each came", pictures)
	fine := func(role int, a testnet.Usage) bool {
		b := before[role]
		return a.RSS <= b.RSS+moreMemory && a.Goroutines <= b.Goroutines+moreGoroutines && a.Files <= b.Files+moreFiles
	}
	for role, a := range usage(t, n, fine) {
		t.Logf("role %d: before %+v, after %+v", role, before[role], a)
		if !fine(role, a) {
			t.Errorf("role %d grew: before %+v, after %+v", role, before[role], a)
		}
	}
	for _, bad := range []string{"panic", "fatal error", "DATA RACE", "goroutine "} {
		if strings.Contains(n.Output(), bad) {
			t.Errorf("the network printed %q", bad)
		}
	}
}

// usage is what the broadcaster and an orchestrator take, by role. It is asked for again, for three minutes at most,
// until fine says that it may be so: ended streams linger for 30 s.
func usage(t *testing.T, n *testnet.Network, fine func(role int, u testnet.Usage) bool) map[int]testnet.Usage {
	t.Helper()
	found := make(map[int]testnet.Usage)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for deadline := time.Now().Add(3 * time.Minute); ; <-tick.C {
		all := true
		for _, role := range []int{1, 2} {
			u, err := n.Usage(t.Context(), role)
			if err != nil {
				t.Fatal(err)
			}
			found[role] = u
			all = all && fine(role, u)
		}
		if all || time.Now().After(deadline) {
			return found
		}
	}
}
