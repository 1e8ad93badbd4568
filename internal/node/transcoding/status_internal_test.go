package transcoding

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"castnet/internal/media"
	"castnet/internal/node/console"
	"castnet/internal/node/role"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// oneCard is a driver that tells of one card, and not of its power.
type oneCard struct{}

func (oneCard) Card(int) (transcoder.Card, error) {
	return transcoder.Card{Name: "L4", Busy: 0.25, MemoryUsed: 3 << 30, MemoryTotal: 24 << 30, Temperature: 61, Encoder: math.NaN(), Decoder: math.NaN(), Watts: math.NaN()}, nil
}

// TestStatus: what a running role tells is shown, by a folder whose name no socket could have; and where nothing runs, that is
// said.
func TestStatus(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	ask := func(jsonToo bool) (string, error) {
		var out bytes.Buffer
		command := Status{DataDir: dir, Output: console.Output{JSON: jsonToo}}
		err := command.Run(t.Context(), &console.Console{Out: &out})
		return out.String(), err
	}
	if _, err := ask(false); err == nil || !strings.Contains(err.Error(), "no transcoder works in "+dir) {
		t.Errorf("without the folder: %v", err)
	}
	if err := role.MakeDir(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(false); err == nil || !strings.Contains(err.Error(), "no transcoder works in "+dir) {
		t.Errorf("in an empty folder: %v", err)
	}
	if found, err := os.ReadDir(dir); err != nil || len(found) != 0 {
		t.Errorf("asking has left %v in the folder: %v", found, err)
	}
	unlock, err := role.LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := ask(false); err == nil || !strings.Contains(err.Error(), "has no workers") {
		t.Errorf("of a role without workers: %v", err)
	}
	killed(t, dir)
	if _, err := ask(false); err == nil || !strings.Contains(err.Error(), "has no workers") {
		t.Errorf("of a role that has not begun, after one that was killed: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	card := transcoder.Place{
		Device: transcoder.Device{Backend: transcoder.Nvidia}, Decode: []media.Codec{media.H264, media.AV1}, Encode: []media.Codec{media.H264},
		Problem: "encode AV1: no capable devices found", PixelsPerSecond: 800e6,
	}
	pool, err := worker.New(worker.Config{
		Binary: self, Places: []transcoder.Place{card, worker.Processor()}, MaxSessions: 7, Cards: oneCard{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	broken := transcoder.Place{Device: transcoder.Device{Backend: transcoder.Nvidia, Index: 1}, Problem: "no answer within 5s"}
	desk := &Desk{DataDir: dir, Workers: &Workers{Pool: pool, unused: []transcoder.Place{broken}}, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- desk.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	text, err := ask(false)
	for err != nil { // it has not begun yet
		select {
		case <-tick.C:
		case err := <-ran:
			ran <- err
			t.Fatalf("it has ended: %v", err)
		}
		text, err = ask(false)
	}
	for _, want := range []string{
		"0 sessions of at most 7", "0.0 of 800.0", "800.0", "L4, 3.0 of 24.0 GiB, busy 25 %, 61 °C", "H264 AV1", "in service",
		"not measured", "nvidia:1", "unused", "no answer within 5s", "no capable devices found",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said:\n%s", want, text)
		}
	}
	text, err = ask(true)
	var r report
	if err == nil {
		err = json.Unmarshal([]byte(text), &r)
	}
	if err != nil || r.PID != os.Getpid() || len(r.Devices) != 3 || r.Devices[0].Card == nil || r.Devices[0].Card.Watts != nil || r.Devices[2].State != unused {
		t.Errorf("%v: %s", err, text)
	}
}

// killed leaves in a folder the socket of a role that was killed.
func killed(t *testing.T, folder string) {
	t.Helper()
	dir, err := os.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socketPath(dir), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestStatusWithoutADesk: where no socket can be, the role goes on without.
func TestStatusWithoutADesk(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, socketFile, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	desk := &Desk{DataDir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))}
	if err := desk.Run(t.Context()); err != nil || !strings.Contains(log.String(), socketFile) {
		t.Errorf("%v, log: %s", err, log.String())
	}
}

// TestStatusOfADrainedDevice: why, and when it is tested.
func TestStatusOfADrainedDevice(t *testing.T) {
	now := time.Now()
	d := deviceOf(&worker.DeviceStatus{Drained: true, Why: "its self-test failed", Test: now.Add(20 * time.Second), Barred: 3, Room: 2}, now)
	if d.State != drained || d.TestIn == nil || *d.TestIn != 20 {
		t.Errorf("%+v", d)
	}
	var out bytes.Buffer
	(&report{Draining: true, Devices: []deviceReport{d}}).say(&out)
	for _, want := range []string{"drained: its self-test failed; self-test in 20s", "3 customers", "0 of 2 that fit", "it takes no more"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said:\n%s", want, out.String())
		}
	}
}
