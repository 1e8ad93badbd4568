package orchestrator_test

import (
	"testing"

	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
	"castnet/transcoder"
)

// TestFreeRiding: who finishes no segment is not served for long, neither on one lease nor on ever new ones.
func TestFreeRiding(t *testing.T) {
	const limit = 50 // of these segments cost more than the two largest that a stranger may owe
	served := func(b *broadcaster, attempt uint32) *part {
		p := b.begin(transcoder.StartSegment{Seq: 0, Attempt: attempt, Fresh: true})
		for n := 0; n < segmentLength*len(ladder()); {
			switch m := b.recv().(type) {
			case transcoder.Rendered:
				n++
			case rpc.Refusal:
				refused(b.t, &m, rpc.CodeUnpaid)
				return nil
			}
		}
		return p
	}
	t.Run("cancels", func(t *testing.T) {
		b := newNetwork(t, &fake{}).open(1)
		for n := uint32(1); served(b, n) != nil; n++ {
			if n > limit {
				t.Fatalf("served %d segments for nothing", n)
			}
			b.send(transcoder.CancelSegment{Seq: 0, Attempt: n})
		}
		_, err := b.client.Quote(t.Context(), b.ask(2))
		refused(t, err, rpc.CodeUnpaid)
	})
	for name, leave := range map[string]func(*broadcaster, *part){
		"lies":   func(b *broadcaster, p *part) { b.end(p, func(s *receipt.Source) { s.Bytes++ }) },
		"leaves": func(b *broadcaster, _ *part) { b.stream.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, &fake{})
			for serial := uint64(1); ; serial++ {
				if serial > limit {
					t.Fatalf("served %d segments for nothing", serial)
				}
				// What the lease before has cost may be counted while this one is opened, or served.
				b, err := n.tryOpen(serial)
				if err != nil {
					refused(t, err, rpc.CodeUnpaid)
					return
				}
				p := served(b, 1)
				if p == nil {
					return
				}
				leave(b, p)
				if err := b.ended(); err == nil {
					t.Fatal("the lease goes on")
				}
			}
		})
	}
}
