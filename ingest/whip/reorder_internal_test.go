package whip

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// TestReorder sends numbers that wrap around, shuffled within a window, some twice, some never, and expects them in
// order, once, without more than what never came.
func TestReorder(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		const count = 2000
		first := uint16(random.Uint32())
		var sent []uint16
		lost := make(map[uint16]bool)
		for i := range uint16(count) {
			if n := first + i; i > 0 && i < count-1 && random.IntN(50) == 0 {
				lost[n] = true
			} else {
				sent = append(sent, n)
			}
		}
		const window = 8
		for i := 1; i+window < len(sent); i += window { // the first comes first: it is where the count begins
			random.Shuffle(window, func(a, b int) { sent[i+a], sent[i+b] = sent[i+b], sent[i+a] })
		}
		var r reorder
		var got []uint16
		now := time.Unix(0, 0)
		for _, n := range sent {
			for range 1 + random.IntN(2) {
				for _, p := range r.push(&rtp.Packet{Header: rtp.Header{SequenceNumber: n}}, now) {
					got = append(got, p.SequenceNumber)
				}
			}
			now = now.Add(10 * time.Millisecond)
		}
		var want []uint16
		for i := range uint16(count) {
			if n := first + i; !lost[n] {
				want = append(want, n)
			}
		}
		const waiting = 100 // behind the last ones missing, for two times patience
		if len(got) < len(want)-waiting || !slices.Equal(got, want[:len(got)]) {
			t.Fatalf("seed %d: %d packets of %d in order", seed, len(got), len(want))
		}
	}
}

// TestReorderGivesUp waits for a missing packet for as long as patience, or as many others as may wait.
func TestReorderGivesUp(t *testing.T) {
	packet := func(n uint16) *rtp.Packet { return &rtp.Packet{Header: rtp.Header{SequenceNumber: n}} }
	var r reorder
	now := time.Unix(0, 0)
	r.push(packet(1), now)
	if got := r.push(packet(3), now); len(got) != 0 {
		t.Errorf("%d packets at once", len(got))
	}
	if got := r.push(packet(4), now.Add(patience-1)); len(got) != 0 {
		t.Errorf("%d packets too early", len(got))
	}
	if got := r.push(packet(5), now.Add(patience)); len(got) != 3 {
		t.Errorf("%d packets when the wait is over", len(got))
	}
	if got := r.push(packet(2), now.Add(patience)); len(got) != 0 {
		t.Errorf("%d packets that come too late", len(got))
	}
	released := 0
	for n := range uint16(maxWaiting + 1) {
		released += len(r.push(packet(7+n), now.Add(patience)))
	}
	if released < maxWaiting {
		t.Errorf("%d packets when very many wait", released)
	}
}
