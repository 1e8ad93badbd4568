package worker

import (
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"castnet/transcoder"
)

// A session counts as its ladder until it has been seen at work, then as what it really makes.
func TestLoad(t *testing.T) {
	now := time.Unix(1000, 0)
	l := newLoad(nil, transcoder.SessionConfig{ID: "a", Ladder: transcoder.Ladder{{Width: 100, Height: 10, Divisor: 1}, {Width: 100, Height: 10, Divisor: 2}}}, now)
	if got := l.rate(now.Add(time.Second)); got != 45_000 {
		t.Errorf("expected of the ladder: %d", got)
	}
	for i := range 40 { // 10 pictures a second of one rung
		l.made(0, now.Add(time.Duration(i)*100*time.Millisecond))
	}
	if got := l.rate(now.Add(4 * time.Second)); got < 9_500 || got > 10_500 {
		t.Errorf("at work: %d, want about 10000", got)
	}
	if got := l.rate(now.Add(10 * time.Second)); got != 0 {
		t.Errorf("at rest: %d", got)
	}
	l.made(7, now.Add(11*time.Second)) // no rung of this ladder
}

// A machine short of memory starts no session, and says what it has.
func TestRoomByMemory(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Binary: self, Logger: slog.New(slog.DiscardHandler), freeMemory: func() int64 { return 100 << 20 }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Open(t.Context(), transcoder.SessionConfig{})
	if err == nil || !strings.Contains(err.Error(), "100 MiB") {
		t.Errorf("%v", err)
	}
	if n := freeMemory(); n <= 0 || n == math.MaxInt64 {
		t.Errorf("the kernel says %d", n)
	}
}
