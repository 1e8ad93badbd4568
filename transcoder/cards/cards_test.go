package cards_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"castnet/transcoder"
	"castnet/transcoder/cards"
)

// library is testdata/stubnvml.c, a stub of NVML, as TestMain has built it by the system's C compiler. All tests share it: the
// system's loader binds what a process calls to the first library that has it, and leaves it at that.
var library string

func TestMain(m *testing.M) {
	os.Exit(run(m)) //nolint:forbidigo // a TestMain is a main
}

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "cards-")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	library = filepath.Join(dir, "libnvidia-ml.so.1")
	out, err := exec.CommandContext(context.Background(), "cc", "-shared", "-fPIC", "-w", "-o", library, "testdata/stubnvml.c").CombinedOutput()
	if err != nil {
		return fail(fmt.Errorf("%w: %s", err, out))
	}
	return m.Run()
}

func fail(err error) (code int) {
	_, _ = fmt.Fprintln(os.Stderr, err)
	return 1
}

// say is what the cards say from now on.
func say(t *testing.T, lines string) {
	t.Helper()
	path := filepath.Join(filepath.Dir(library), "cards")
	if err := errors.Join(os.WriteFile(path+".new", []byte(lines), 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// Our calls into NVML, against a stub of it: a card with encoders, and one without, that then falls off the bus.
func TestWatch(t *testing.T) {
	say(t, "0 45 30 20 2048 24576 61 98 3 215500\n0 10 -1 5 1024 143771 40 92 0 310000\n")
	w, err := cards.New(cards.Config{Library: library, Every: time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Card(0)
	want := transcoder.Card{
		Name: "stub card 0", Busy: .45, Encoder: .30, Decoder: .20, MemoryUsed: 2 << 30, MemoryTotal: 24 << 30, Temperature: 61,
		Slowdown: 98, EncoderSessions: 3, Watts: 215.5,
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if got, err := w.Card(1); err != nil || !math.IsNaN(got.Encoder) || got.Decoder != .05 || got.MemoryTotal != 143771<<20 {
		t.Errorf("a card without encoders: %+v, %v", got, err)
	}
	if _, err := w.Card(2); !errors.Is(err, cards.ErrUnknown) {
		t.Errorf("a third of two cards: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- w.Run(ctx) }()
	say(t, "0 99 30 20 2048 24576 61 98 3 215500\n15 0 0 0 0 0 0 0 0 0\n")
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		busy, err := w.Card(0)
		_, lost := w.Card(1)
		if busy.Busy == .99 && errors.Is(lost, transcoder.ErrDevice) && strings.Contains(lost.Error(), "GPU is lost") {
			break
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%+v, %v, and of the lost one: %v", busy, err, lost)
		}
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

// Without samples a card counts as silent.
func TestSilent(t *testing.T) {
	say(t, "0 45 30 20 2048 24576 61 98 3 215500\n0 10 -1 5 1024 143771 40 92 0 310000\n")
	w, err := cards.New(cards.Config{Library: library, Every: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(20 * time.Millisecond) // nobody runs it
	if _, err := w.Card(0); !errors.Is(err, transcoder.ErrDevice) || !strings.Contains(err.Error(), "has not told") {
		t.Errorf("%v", err)
	}
}

// A machine without NVML says so once, and goes on.
func TestWithoutLibrary(t *testing.T) {
	var log bytes.Buffer
	w, err := cards.New(cards.Config{Library: "libnvidia-ml.so.none", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "there is no NVML here") {
		t.Errorf("%s", log.String())
	}
	if _, err := w.Card(0); !errors.Is(err, cards.ErrUnknown) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Error(err)
	}
}
