package worker

import (
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"castnet/internal/media"
	"castnet/transcoder"
)

// A session whose process hangs in a driver stays on the books while its card is drained, comes back, and is drained again.
func TestDrainedTwice(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	card := transcoder.Place{Device: transcoder.Device{Backend: transcoder.Nvidia}, Encode: []media.Codec{media.H264}}
	p, err := New(Config{Binary: self, Places: []transcoder.Place{card}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	at := p.places[0]
	ladder := transcoder.Ladder{{Name: "a", Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1}}
	p.cfg.freeMemory = func() int64 { return 1 << 40 }
	hangs, err := p.occupy(at, transcoder.SessionConfig{ID: "hangs", Ladder: ladder})
	if err != nil {
		t.Fatal(err)
	}
	drain := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.drain(at, "a test")
	}
	drain()
	p.mu.Lock()
	at.state = inService // its self-test has passed
	p.mu.Unlock()
	later, err := p.occupy(at, transcoder.SessionConfig{ID: "later", Ladder: ladder})
	if err != nil {
		t.Fatal(err)
	}
	drain()
	for _, l := range []*load{hangs, later} {
		select {
		case <-l.move:
		default:
			t.Errorf("session %s was not told to leave", l.session)
		}
	}
}

// A session counts once, however often it ends; a customer counts once where the device is blamed.
func TestFaults(t *testing.T) {
	var h health
	now := time.Unix(1000, 0)
	for i, f := range []struct {
		session, customer   string
		after               time.Duration
		device              bool
		sessions, customers int
	}{
		{"1", "a", 0, true, 1, 1},
		{"1", "a", time.Second, false, 1, 1}, // the device's word stays
		{"2", "a", time.Second, false, 2, 1},
		{"3", "a", 0, true, 3, 1},
		{"1", "b", time.Second, false, 4, 1}, // another's, of the same name
		{"1", "b", time.Second, true, 4, 2},
		{"4", "c", 2 * time.Second, true, 5, 3},
		{"4", "c", faultWindow, false, 1, 0}, // the others' are too old
		{"5", "d", 2*faultWindow + time.Second, true, 1, 1},
	} {
		now = now.Add(f.after)
		sessions, blame := h.note(fault{session: f.session, customer: f.customer, at: now, device: f.device})
		if sessions != f.sessions || len(blame) != f.customers {
			t.Errorf("fault %d: %d sessions, customers %v; want %d, %d", i, sessions, blame, f.sessions, f.customers)
		}
	}
}

// Customers who drained a card get nothing on it for a while, though it has come back: others do.
func TestWhoDrainsIsBarred(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	card := transcoder.Place{Device: transcoder.Device{Backend: transcoder.Nvidia}, Encode: []media.Codec{media.H264}}
	p, err := New(Config{Binary: self, Places: []transcoder.Place{card, Processor()}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	at := p.places[0]
	ladder := transcoder.Ladder{{Name: "a", Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1}}
	first := func(customer string) transcoder.Backend {
		t.Helper()
		list, _ := p.choose(transcoder.SessionConfig{ID: "of " + customer, Customer: customer, Ladder: ladder})
		if len(list) == 0 {
			t.Fatal("no device")
		}
		return list[0].Device.Backend
	}
	blame := func(customers ...string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range customers {
			l := newLoad(at, transcoder.SessionConfig{ID: "of " + c, Customer: c, Ladder: ladder}, time.Now())
			p.failed(l, true, transcoder.ErrDevice)
		}
		if len(customers) >= faultLimit != (at.state == drained) {
			t.Errorf("after faults of %v the card's state is %v", customers, at.state)
		}
		at.state, at.avoid, at.faults = inService, time.Time{}, nil // its self-test has passed, a while later
	}
	blame("d") // that alone bars nobody
	blame("a", "b", "c")
	for customer, want := range map[string]transcoder.Backend{
		"a": transcoder.Software, "b": transcoder.Software, "c": transcoder.Software, "d": transcoder.Nvidia, "e": transcoder.Nvidia,
	} {
		if got := first(customer); got != want {
			t.Errorf("customer %s is given %v, want %v", customer, got, want)
		}
	}
	p.mu.Lock()
	at.bar(nil, time.Now().Add(barFor))
	left := len(at.barred)
	p.mu.Unlock()
	if left != 0 {
		t.Errorf("%d customers are barred for good", left)
	}
}

// A drained card whose self-test fails again says why, and when the next one is; and it was the card that failed its customers.
func TestFailsItsSelfTestAgain(t *testing.T) {
	card := transcoder.Place{Device: transcoder.Device{Backend: transcoder.Nvidia}, Encode: []media.Codec{media.H264}}
	const pause = time.Millisecond
	p, err := New(Config{Binary: "/bin/false", Places: []transcoder.Place{card}, Retest: pause, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	at := p.places[0]
	began := time.Now()
	p.mu.Lock()
	at.bar(map[string]bool{"a": true, "b": true, "c": true}, began)
	p.drain(at, "it failed sessions")
	p.mu.Unlock()
	for n := range 3 {
		if p.examine(t.Context(), at) {
			t.Fatal("/bin/false passes the self-test")
		}
		began = began.Add(pause << n) // the pause before it
		s := p.Devices()[0]
		if next := began.Add(pause << (n + 1)); s.Test.Before(next) {
			t.Errorf("after %d self-tests the next one is said to be at %v, and is at %v at the earliest", n+1, s.Test, next)
		}
		if !s.Drained || s.Why != "its self-test failed: "+s.Problem || s.Problem == "" || s.Barred != 0 {
			t.Errorf("after %d self-tests: %+v", n+1, s)
		}
	}
	p.running.Wait()
}

// What waits for a process that a driver holds does not keep the pool from ending, and the error names the process.
func TestStopsWithoutTheStuck(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stop := func(prepare func(*Pool, chan struct{})) string {
		p, err := New(Config{Binary: self, Logger: slog.New(slog.DiscardHandler), leave: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		released := make(chan struct{})
		prepare(p, released)
		err = p.stop()
		close(released)
		p.running.Wait()
		if err == nil {
			t.Fatal("no error")
		}
		return err.Error()
	}
	var pid string
	said := stop(func(p *Pool, released chan struct{}) { // its process has been killed, and cannot be reaped
		proc, err := startProcess("/bin/true")
		if err != nil {
			t.Fatal(err)
		}
		pid = strconv.Itoa(proc.cmd.Process.Pid)
		p.procs[proc] = struct{}{}
		p.running.Go(func() {
			<-released
			proc.wait()
			proc.discard()
		})
	})
	if !strings.Contains(said, "worker processes ["+pid+"]") {
		t.Errorf("process %s: %s", pid, said)
	}
	said = stop(func(p *Pool, released chan struct{}) { p.running.Go(func() { <-released }) })
	if !strings.Contains(said, "self-test") || strings.Contains(said, "worker processes") {
		t.Errorf("no session's process: %s", said)
	}
}
