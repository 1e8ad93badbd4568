package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// stub is test/stubcard, a stub of a machine with a card, in front of the real worker.
var stub = sync.OnceValues(func() (string, error) {
	engine, err := binary()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(engine), "stubcard")
	if out, err := exec.Command("go", "build", "-o", path, "castnet/test/stubcard").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// machine is a pool on a card and the processor. The card is a stub's.
type machine struct {
	t        *testing.T
	pool     *worker.Pool
	metrics  *prometheus.Registry
	dir      string
	customer string // whose all streams are; empty: nobody's
}

var stubCard = transcoder.Device{Backend: transcoder.Nvidia}

func newMachine(t *testing.T, retest time.Duration) *machine {
	t.Helper()
	stub, err := stub()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, metrics: prometheus.NewRegistry(), dir: t.TempDir()}
	path := filepath.Join(m.dir, "castnet-worker")
	if err := errors.Join(os.Link(stub, path), os.Link(engine, path+".real")); err != nil {
		t.Fatal(err)
	}
	m.pool = startConfig(t, worker.Config{
		Binary: path, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Registerer: m.metrics, MaxSessions: 8,
		Stall: 3 * time.Second, Retest: retest, Spares: 2,
		Places: []transcoder.Place{
			{Device: stubCard, Decode: []media.Codec{media.H264}, Encode: []media.Codec{media.H264}}, worker.Processor(),
		},
	})
	return m
}

// fault makes the card fail, one fault a line; none: it is well.
func (m *machine) fault(faults ...string) {
	m.t.Helper()
	path := filepath.Join(m.dir, "nvidia-0")
	if err := os.WriteFile(path+".new", []byte(strings.Join(faults, "\n")), 0o600); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		m.t.Fatal(err)
	}
}

// value is a metric of the card; 0 where it has not been counted.
func (m *machine) value(name string) float64 {
	m.t.Helper()
	families, err := m.metrics.Gather()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, f := range families {
		for _, v := range f.GetMetric() {
			if labels := v.GetLabel(); f.GetName() == "castnet_worker_"+name && (len(labels) == 0 || labels[0].GetValue() == stubCard.String()) {
				return v.GetCounter().GetValue() + v.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func (m *machine) expect(name string, want float64) {
	m.t.Helper()
	if got := m.value(name); got != want {
		m.t.Errorf("%s is %g, want %g", name, got, want)
	}
}

// until waits for a metric.
func (m *machine) until(name string, want float64) {
	m.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for m.value(name) != want {
		select {
		case <-tick.C:
		case <-m.t.Context().Done():
			m.t.Fatalf("%s is %g, never %g", name, m.value(name), want)
		}
	}
}

// watch has streams play at once. In the middle of each one's second segment, when all have come there, strike is called.
// No stream may miss a picture or have one twice; how often each had to go on elsewhere is returned.
func (m *machine) watch(ids []string, strike func()) map[string]int {
	m.t.Helper()
	v := video(m.t)
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	var halfway, over sync.WaitGroup
	struck := make(chan struct{})
	errs := make([]error, len(ids))
	viewers := make([]*viewer, len(ids))
	halfway.Add(len(ids))
	for i, id := range ids {
		viewers[i] = &viewer{pool: m.pool, id: id, customer: m.customer, got: make([][]int64, len(ladder))}
		over.Go(func() { errs[i] = viewers[i].play(ctx, v, func() { halfway.Done(); <-struck }) })
	}
	halfway.Wait()
	strike()
	close(struck)
	over.Wait()
	moves := make(map[string]int)
	for i, w := range viewers {
		moves[w.id] = w.deaths
		if errs[i] != nil {
			m.t.Errorf("stream %s: %v", w.id, errs[i])
		}
		for r, got := range w.got {
			if want := timestamps(v); !slices.Equal(got, want) {
				m.t.Errorf("stream %s, rendition %d: %d pictures, want %d: %v", w.id, r, len(got), len(want), got)
			}
		}
	}
	return moves
}

// A card that fails three sessions is drained: the fourth, which it has not failed, moves too, and no picture is lost. It
// comes back when it passes its self-test.
func TestSickDevice(t *testing.T) {
	m := newMachine(t, 2*time.Second)
	if got := m.pool.Capabilities().Backend; got != transcoder.Nvidia {
		t.Fatalf("with a card: %v", got)
	}
	var began time.Time
	moves := m.watch([]string{"a", "b", "c", "d"}, func() {
		m.expect("device_sessions", 4)
		began = time.Now()
		m.fault("fail a", "fail b", "fail c")
		m.until("device_drains_total", 1)
		m.fault("test")
	})
	if moves["a"] != 1 || moves["b"] != 1 || moves["c"] != 1 || moves["d"] != 1 {
		t.Errorf("moves: %v, want one each", moves)
	}
	m.expect("device_faults_total", 3)
	m.expect("device_drains_total", 1)
	m.expect("sessions_moved_total", 1)
	m.expect("deaths_total", 0)
	m.expect("device_in_service", 0)
	m.expect("device_sessions", 0)
	t.Logf("all had left within %v of the first fault", time.Since(began).Round(time.Millisecond))
	if got := m.pool.Capabilities().Backend; got != transcoder.Software {
		t.Errorf("with the card drained: %v", got)
	}
	play(t, open(t, m.pool), video(t)) // on the processor
	m.expect("device_sessions", 0)

	m.fault()
	m.until("device_in_service", 1)
	play(t, open(t, m.pool), video(t))
	m.expect("device_sessions", 1)
	m.expect("device_drains_total", 1)
}

// One session's device fault is enough where the self-test, made at once, fails as well.
func TestSelfTestConvicts(t *testing.T) {
	m := newMachine(t, time.Hour)
	moves := m.watch([]string{"a", "b"}, func() { m.fault("fail a", "test"); m.until("device_drains_total", 1) })
	if moves["a"] > 1 || moves["b"] != 1 {
		t.Errorf("moves: %v", moves)
	}
	m.expect("device_drains_total", 1)
	play(t, open(t, m.pool), video(t))
	m.expect("device_sessions", 0)
}

// Workers die of their streams: over sessions of three streams the card is tested, and stays where it passes.
func TestDeathsAreNotTheDevices(t *testing.T) {
	m := newMachine(t, time.Hour)
	ids := []string{"a", "b", "c", "d"}
	moves := m.watch(ids, func() {
		m.fault("crash a", "crash b", "crash c")
		m.until("device_faults_total", 3)
		m.fault()
		m.until("device_in_service", 1)
	})
	if moves["a"] < 1 || moves["b"] < 1 || moves["c"] < 1 || moves["d"] != 0 {
		t.Errorf("moves: %v", moves)
	}
	m.expect("device_drains_total", 0)
	m.expect("deaths_total", float64(moves["a"]+moves["b"]+moves["c"]))

	moves = m.watch(ids, func() {
		m.fault("crash a", "crash b", "hang c", "test")
		m.until("device_drains_total", 1)
	})
	if moves["d"] != 1 {
		t.Errorf("moves from a card that fails its test: %v", moves)
	}
}

// On a machine with one big customer a card is tested as well when sessions end on it, and drained where it fails. What that
// customer cannot have, with however many sessions, is that it is drained although it passes.
func TestOneCustomersFaults(t *testing.T) {
	m := newMachine(t, time.Hour)
	m.customer = "big"
	ids := []string{"a", "b", "c", "d"}
	moves := m.watch(ids, func() {
		m.fault("fail a", "fail b", "fail c")
		m.until("device_faults_total", 3)
		m.fault()
		m.until("device_in_service", 1)
	})
	if moves["a"] != 1 || moves["b"] != 1 || moves["c"] != 1 || moves["d"] != 0 {
		t.Errorf("moves: %v", moves)
	}
	m.expect("device_drains_total", 0)
}

// The same, of workers that die.
func TestOneCustomersDeaths(t *testing.T) {
	m := newMachine(t, time.Hour)
	m.customer = "big"
	moves := m.watch([]string{"a", "b", "c", "d"}, func() {
		m.fault("crash a", "crash b", "hang c", "test")
		m.until("device_drains_total", 1)
	})
	if moves["a"] < 1 || moves["b"] < 1 || moves["c"] < 1 || moves["d"] != 1 {
		t.Errorf("moves: %v", moves)
	}
}

// A card that refuses a session beside others is full, not ill: those stay, and the next one goes elsewhere at once.
func TestFullDevice(t *testing.T) {
	m := newMachine(t, time.Hour)
	m.fault("first b", "begin c", "test") // the self-test would be refused as well
	a := open(t, m.pool)
	moves := m.watch([]string{"b"}, func() { m.expect("device_sessions", 1) })
	if moves["b"] != 1 {
		t.Errorf("moves: %v", moves)
	}
	m.expect("device_refusals_total", 1)
	m.watch([]string{"c"}, func() { m.expect("device_sessions", 1) })
	m.expect("device_refusals_total", 1)
	m.expect("device_in_service", 1)
	play(t, a, video(t))
	m.expect("device_drains_total", 0)
}

// A card that refuses a session with none on it is tested, and drained where it fails.
func TestRefusesTheFirst(t *testing.T) {
	m := newMachine(t, time.Hour)
	m.fault("begin", "test")
	if moves := m.watch([]string{"a"}, func() {}); moves["a"] != 0 {
		t.Errorf("moves: %v", moves)
	}
	m.until("device_drains_total", 1)
	m.expect("device_refusals_total", 1)
}
