package orchestrator_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"castnet/internal/media"
	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
	"castnet/transcoder"
)

// TestLease follows three segments from their units to the acceptance of their tickets, and the lease to its end.
func TestLease(t *testing.T) {
	b := newNetwork(t, &fake{}).open(1)
	var prev common.Hash
	for seq := range uint64(3) {
		p := b.segment(seq)
		signed, got := until[rpc.SignedReceipt](b)
		b.verify(&signed, p, got, prev)
		for i, pts := range got.pts {
			if !slices.Equal(pts, p.pts) {
				t.Fatalf("rendition %d has pictures %v, want %v", i, pts, p.pts)
			}
		}
		prev = signed.Receipt.Hash()
		b.send(b.ticket(&signed.Receipt))
		result, _ := until[rpc.PaymentResult](b)
		if !result.Accepted || result.Receipt != prev || !result.Unpaid.IsZero() {
			t.Fatalf("payment: %+v", result)
		}
	}
	b.check(b.stream.CloseSend())
	if err := b.ended(); !errors.Is(err, io.EOF) {
		t.Fatalf("the lease ended with %v", err)
	}
	b.check(testutil.GatherAndCompare(b.metrics, strings.NewReader(`
# HELP castnet_orchestrator_payments_total Tickets received by result.
# TYPE castnet_orchestrator_payments_total counter
castnet_orchestrator_payments_total{result="accepted"} 3
# HELP castnet_orchestrator_segments_total Segment attempts by how they ended.
# TYPE castnet_orchestrator_segments_total counter
castnet_orchestrator_segments_total{result="receipt"} 3
# HELP castnet_orchestrator_units_total Coded pictures received (source) and sent (rendition).
# TYPE castnet_orchestrator_units_total counter
castnet_orchestrator_units_total{direction="rendition"} 36
castnet_orchestrator_units_total{direction="source"} 18
`), "castnet_orchestrator_payments_total", "castnet_orchestrator_segments_total", "castnet_orchestrator_units_total"))
	problems, err := testutil.GatherAndLint(b.metrics)
	b.check(err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestUnitsStream: a rendition's picture comes while its segment is still open.
func TestUnitsStream(t *testing.T) {
	b := newNetwork(t, &fake{}).open(1)
	b.send(transcoder.StartSegment{Seq: 0, Attempt: 1, Track: source(), Fresh: true})
	for _, u := range units(0) {
		b.send(transcoder.WriteUnit{Unit: u})
		for i, p := range ladder() {
			m, ok := b.recv().(transcoder.Rendered)
			if !ok || m.Rendition != i || m.Seq != 0 || m.Attempt != 1 {
				t.Fatalf("got %+v", m)
			}
			want := rendition(p.Name, u)
			if m.Unit.PTS != want.PTS || m.Unit.Key != want.Key || string(m.Unit.Payload) != string(want.Payload) {
				t.Fatalf("got unit %+v, want %+v", m.Unit, want)
			}
		}
		if m, ok := b.recv().(transcoder.Progress); !ok || m.DecodedPTS != u.PTS {
			t.Fatalf("no progress: %+v", m)
		}
	}
}

func TestQuoteRefusals(t *testing.T) {
	n := newNetwork(t, &fake{})
	client := n.dial()
	if _, err := client.Quote(t.Context(), n.ask(10)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		code   rpc.Code
		change func(*rpc.QuoteAsk)
	}{
		{"serial again", rpc.CodeStale, func(a *rpc.QuoteAsk) { a.Request.Serial = 10 }},
		{"old", rpc.CodeStale, func(a *rpc.QuoteAsk) { a.Request.IssuedAt -= 3600 }},
		{"of the future", rpc.CodeStale, func(a *rpc.QuoteAsk) { a.Request.IssuedAt += 3600 }},
		{"another orchestrator's", rpc.CodeInvalid, func(a *rpc.QuoteAsk) { a.Request.Orchestrator[0]++ }},
		{"another's signature", rpc.CodeSignature, func(a *rpc.QuoteAsk) { a.Request.Broadcaster[0]++ }},
		{"codec", rpc.CodeInvalid, func(a *rpc.QuoteAsk) { a.Source.Codec = media.VP8 }},
		{"rung codec", rpc.CodeInvalid, func(a *rpc.QuoteAsk) { a.Ladder[0].Codec = media.AV1 }},
		{"rung size", rpc.CodeInvalid, func(a *rpc.QuoteAsk) { a.Ladder[0].Width = 1280 }},
		{"no headroom", rpc.CodeBusy, func(a *rpc.QuoteAsk) { a.Source.FrameRate = 1000; a.Source.Width, a.Ladder[0].Width = 4096, 4096 }},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := client.Quote(t.Context(), n.ask(uint64(100+i), test.change))
			refused(t, err, test.code)
		})
	}
}

// TestQuotesOvertake: the streams of one broadcaster ask at once, and what was asked first may come last.
func TestQuotesOvertake(t *testing.T) {
	n := newNetwork(t, &fake{})
	client := n.dial()
	for _, serial := range []uint64{10, 9, 11, 1} {
		if _, err := client.Quote(t.Context(), n.ask(serial)); err != nil {
			t.Errorf("serial %d: %v", serial, err)
		}
	}
}

func TestQuoteNamesTheReserve(t *testing.T) {
	n := newNetwork(t, &fake{}, func(n *network) { n.chain.share = *uint256.NewInt(1) })
	_, err := n.dial().Quote(t.Context(), n.ask(1))
	if r := refusal(t, err, rpc.CodeReserve); r.Limit != "1 wei" {
		t.Fatalf("limit %q", r.Limit)
	}
}

func TestQuoteRate(t *testing.T) {
	n := newNetwork(t, &fake{}, func(n *network) { n.limits.QuotesPerMinute = 3 })
	client := n.dial()
	for serial := range uint64(3) {
		if _, err := client.Quote(t.Context(), n.ask(serial+1)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := client.Quote(t.Context(), n.ask(4))
	refused(t, err, rpc.CodeRate)
}

func TestOpenRefusals(t *testing.T) {
	n := newNetwork(t, &fake{})
	b := n.open(1)
	reopen := func(o rpc.Open) error {
		_, err := b.client.Transcode(t.Context(), o)
		return err
	}
	t.Run("replayed", func(t *testing.T) { refused(t, reopen(b.opening()), rpc.CodeUnknownLease) })

	var err error
	b.signed, err = b.client.Quote(t.Context(), n.ask(2))
	n.check(err)
	t.Run("not countersigned", func(t *testing.T) {
		o := b.opening()
		o.Countersignature = make([]byte, 65)
		refused(t, reopen(o), rpc.CodeSignature)
	})
	t.Run("countersigned by another", func(t *testing.T) {
		o := b.opening()
		o.Countersignature, err = receipt.Sign(generate(t), domain(), b.signed.Lease.Hash())
		n.check(err)
		refused(t, reopen(o), rpc.CodeSignature)
	})
	t.Run("another ladder", func(t *testing.T) {
		o := b.opening()
		o.Ladder = o.Ladder[:1]
		refused(t, reopen(o), rpc.CodeInvalid)
	})
	t.Run("better terms", func(t *testing.T) {
		o := b.opening()
		o.Lease.Lease.MaxUnpaid.SetAllOne()
		o.Countersignature = n.sign(o.Lease.Lease.Hash())
		refused(t, reopen(o), rpc.CodeUnknownLease)
	})
	t.Run("process restarted", func(t *testing.T) {
		n.stop()
		n.start()
		b.client = n.dial()
		refused(t, reopen(b.opening()), rpc.CodeUnknownLease)
	})
}

func TestOpenWithoutHeadroom(t *testing.T) {
	n := newNetwork(t, &fake{max: 1})
	n.open(1)
	b := &broadcaster{network: n, client: n.dial()}
	var err error
	b.signed, err = b.client.Quote(t.Context(), n.ask(2))
	n.check(err)
	_, err = b.client.Transcode(t.Context(), b.opening())
	refused(t, err, rpc.CodeBusy)
}

// TestSourceMustBeTrue: a Source that is not what was received ends the lease, and no receipt is signed.
func TestSourceMustBeTrue(t *testing.T) {
	tests := map[string]struct {
		code   rpc.Code
		change func(*receipt.Source)
	}{
		"root":     {rpc.CodeSource, func(s *receipt.Source) { s.Root[0]++ }},
		"PTS root": {rpc.CodeSource, func(s *receipt.Source) { s.PTSRoot[0]++ }},
		"frames":   {rpc.CodeSource, func(s *receipt.Source) { s.Frames-- }},
		"prefix":   {rpc.CodeSource, func(s *receipt.Source) { s.PrefixFrames++ }},
		"bytes":    {rpc.CodeSource, func(s *receipt.Source) { s.Bytes-- }},
		"size":     {rpc.CodeSource, func(s *receipt.Source) { s.Width /= 2 }},
		"resume":   {rpc.CodeSource, func(s *receipt.Source) { s.ResumeAfter = []int64{1, 1} }},
		"lease":    {rpc.CodeSource, func(s *receipt.Source) { s.Lease[0]++ }},
		"attempt":  {rpc.CodeSource, func(s *receipt.Source) { s.Attempt++ }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newNetwork(t, &fake{}).open(1)
			b.end(b.begin(transcoder.StartSegment{Seq: 0, Attempt: 1, Fresh: true}), test.change)
			refused(t, b.ended(), test.code)
		})
	}
	t.Run("signature", func(t *testing.T) {
		b := newNetwork(t, &fake{}).open(1)
		p := b.begin(transcoder.StartSegment{Seq: 0, Attempt: 1, Fresh: true})
		b.account = generate(t)
		b.end(p)
		refused(t, b.ended(), rpc.CodeSignature)
	})
	t.Run("decoded size", func(t *testing.T) {
		b := newNetwork(t, &fake{width: 1280}).open(1)
		b.segment(0)
		refused(t, b.ended(), rpc.CodeSource)
	})
}

// TestUnpaidLimit: who does not pay is refused before the limit is passed, in the middle of a segment if need be, and is
// served again once it has paid.
func TestUnpaidLimit(t *testing.T) {
	b := newNetwork(t, &fake{}).open(1)
	var owed uint256.Int
	var bills []rpc.SignedReceipt
	for seq := uint64(0); ; seq++ {
		if seq > 1000 {
			t.Fatal("work without end, unpaid")
		}
		b.send(transcoder.StartSegment{Seq: seq, Attempt: 1, Track: source(), Fresh: true})
		b.resend(seq)
		down := b.next()
		if r, ok := down.(rpc.Refusal); ok {
			refused(t, &r, rpc.CodeUnpaid)
			if r.Seq != seq || r.Attempt != 1 {
				t.Fatalf("refused %d/%d, want %d/1", r.Seq, r.Attempt, seq)
			}
			break
		}
		signed := down.(rpc.SignedReceipt)
		bills = append(bills, signed)
		owed.Add(&owed, &signed.Receipt.Fee)
	}
	limit := b.signed.Lease.MaxUnpaid
	if owed.Gt(&limit) || len(bills) < 2 {
		t.Fatalf("%d segments unpaid over %s, limit %s", len(bills), owed.Dec(), limit.Dec())
	}
	for _, bill := range bills {
		b.send(b.ticket(&bill.Receipt))
		if result, _ := until[rpc.PaymentResult](b); !result.Accepted {
			t.Fatalf("payment: %+v", result)
		}
	}
	p := b.begin(transcoder.StartSegment{Seq: 2000, Attempt: 1, Fresh: true})
	b.end(p)
	until[rpc.SignedReceipt](b)
}

// resend sends the pictures of a segment that has been started, and its end.
func (b *broadcaster) resend(seq uint64) {
	b.t.Helper()
	p := &part{tree: receipt.NewMerkle(receipt.SourceID()), source: receipt.Source{
		Lease: b.lease, Seq: seq, Attempt: 1, Width: 640, Height: 360,
	}}
	for _, u := range units(seq) {
		b.send(transcoder.WriteUnit{Unit: u})
		p.tree.Add(u)
		p.pts = append(p.pts, u.PTS)
		p.source.Frames++
		p.source.Bytes += uint64(len(u.Payload))
	}
	p.source.Root, p.source.PTSRoot = p.tree.Root(), receipt.PTSRoot(p.pts)
	b.end(p)
}

// next is the next message that is neither a picture nor progress.
func (b *broadcaster) next() rpc.Down {
	b.t.Helper()
	for {
		switch m := b.recv().(type) {
		case transcoder.Rendered, transcoder.Progress:
		default:
			return m
		}
	}
}

// TestWorkerDeath: every open attempt is refused, and the next attempt goes on, on the same lease, where the hub stopped.
func TestWorkerDeath(t *testing.T) {
	work := &fake{}
	b := newNetwork(t, work).open(1)
	b.segment(0)
	first, _ := until[rpc.SignedReceipt](b)

	b.send(transcoder.StartSegment{Seq: 1, Attempt: 1, Track: source()})
	list := units(1)
	for _, u := range list[:3] {
		b.send(transcoder.WriteUnit{Unit: u})
	}
	for range 3 * len(ladder()) { // all three pictures are published
		for {
			if _, ok := b.recv().(transcoder.Rendered); ok {
				break
			}
		}
	}
	work.latest().die()
	lost, _ := until[rpc.Refusal](b)
	if lost.Code != rpc.CodeWorkerDied || lost.Seq != 1 || lost.Attempt != 1 {
		t.Fatalf("refusal %+v", lost)
	}
	b.send(transcoder.WriteUnit{Unit: list[3]}) // was on its way: must do no harm

	resume := []int64{list[2].PTS, list[2].PTS}
	prefix := &media.Unit{PTS: -3000, DTS: -3000, Key: true, Payload: []byte("key")}
	p := b.begin(transcoder.StartSegment{Seq: 1, Attempt: 2, Fresh: true, ResumeAfter: resume}, prefix)
	b.end(p)
	signed, got := until[rpc.SignedReceipt](b)
	b.verify(&signed, p, got, first.Receipt.Hash())
	for i, pts := range got.pts {
		if !slices.Equal(pts, p.pts[3:]) {
			t.Fatalf("rendition %d resumed with %v, want %v", i, pts, p.pts[3:])
		}
	}
}

// TestStartAfterDeath: a segment that was on its way when the worker died goes on where it begins at a key, and is
// refused where it does not.
func TestStartAfterDeath(t *testing.T) {
	work := &fake{}
	b := newNetwork(t, work).open(1)
	b.segment(0)
	until[rpc.SignedReceipt](b)
	work.latest().die()

	p := b.begin(transcoder.StartSegment{Seq: 1, Attempt: 1}) // not fresh, as far as the broadcaster knows
	b.end(p)
	switch m := b.next().(type) {
	case rpc.SignedReceipt: // it began in the new session
	case rpc.Refusal: // it began in the dead one
		if m.Code != rpc.CodeWorkerDied {
			t.Fatalf("refusal %+v", m)
		}
	default:
		t.Fatalf("got %+v", m)
	}
	b.send(transcoder.CancelSegment{Seq: 1, Attempt: 1}) // no harm: it is over

	work.latest().die()
	b.send(transcoder.StartSegment{Seq: 2, Attempt: 1, Track: source()})
	for _, u := range units(2)[1:] { // inside a GOP
		b.send(transcoder.WriteUnit{Unit: u})
	}
	if m, ok := b.next().(rpc.Refusal); !ok || m.Code != rpc.CodeWorkerDied || m.Seq != 2 {
		t.Fatalf("got %+v", m)
	}
}

func TestWorkersKilledForEver(t *testing.T) {
	work := &fake{}
	b := newNetwork(t, work, func(n *network) { n.limits.WorkerDeaths = 2 }).open(1)
	for attempt := uint32(1); attempt <= 3; attempt++ {
		b.send(transcoder.StartSegment{Seq: 0, Attempt: attempt, Track: source(), Fresh: true})
		b.send(transcoder.WriteUnit{Unit: units(0)[0]})
		if _, ok := b.recv().(transcoder.Rendered); !ok {
			t.Fatal("no picture")
		}
		work.latest().die()
		if attempt <= 2 {
			until[rpc.Refusal](b)
		}
	}
	if r := refusal(t, b.ended(), rpc.CodeWorkerDied); r.Attempt != 0 {
		t.Fatalf("refusal %+v", r)
	}
}

// TestCancelled: a cancelled attempt has no receipt, and nothing is owed for it.
func TestCancelled(t *testing.T) {
	work := &fake{}
	b := newNetwork(t, work).open(1)
	b.begin(transcoder.StartSegment{Seq: 0, Attempt: 1, Fresh: true})
	b.send(transcoder.CancelSegment{Seq: 0, Attempt: 1})
	p := b.begin(transcoder.StartSegment{Seq: 0, Attempt: 2, Fresh: true})
	b.end(p)
	signed, _ := until[rpc.SignedReceipt](b)
	if signed.Receipt.Attempt != 2 || signed.Receipt.Prev != (common.Hash{}) {
		t.Fatalf("receipt %+v", signed.Receipt)
	}
	if !slices.ContainsFunc(work.latest().seen(), func(in transcoder.Input) bool {
		c, ok := in.(transcoder.CancelSegment)
		return ok && c.Attempt == 1
	}) {
		t.Fatal("the worker was not told")
	}
	reply, err := b.client.Settle(t.Context(), b.settle(nil))
	b.check(err)
	if len(reply.Unpaid) != 1 {
		t.Fatalf("%d receipts unpaid", len(reply.Unpaid))
	}
}

// TestAttemptsAreMadeOnce: an orchestrator that can be made to sign twice for one attempt could be slashed for it.
func TestAttemptsAreMadeOnce(t *testing.T) {
	for name, start := range map[string]transcoder.StartSegment{
		"again":   {Seq: 0, Attempt: 1, Track: source(), Fresh: true},
		"zero":    {Seq: 1, Attempt: 0, Track: source()},
		"resumes": {Seq: 1, Attempt: 1, Track: source(), ResumeAfter: []int64{1}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newNetwork(t, &fake{}).open(1)
			b.segment(0)
			until[rpc.SignedReceipt](b)
			b.send(start)
			refused(t, b.ended(), rpc.CodeInvalid)
		})
	}
}

func TestBadInput(t *testing.T) {
	bad := units(0)[3].PTS
	b := newNetwork(t, &fake{badPTS: &bad}).open(1)
	p := b.begin(transcoder.StartSegment{Seq: 0, Attempt: 1, Fresh: true})
	b.end(p)
	signed, _ := until[rpc.SignedBadInput](b)
	b.check(receipt.CheckSigner(domain(), signed.BadInput.Hash(), signed.Signature, b.operator.Address()))
	if x := signed.BadInput; x.Lease != b.lease || x.Seq != 0 || x.Attempt != 1 || x.Unit != bad || x.Reason == "" {
		t.Fatalf("bad input %+v", x)
	}
	b.segment(1) // the lease lives
	until[rpc.SignedReceipt](b)
}

// TestRenewal: segments go on under the renewed lease as soon as a Source names it.
func TestRenewal(t *testing.T) {
	b := newNetwork(t, &fake{}).open(1)
	b.segment(0)
	until[rpc.SignedReceipt](b)
	b.send(rpc.Renew{QuoteAsk: b.ask(2)})
	renewed, _ := until[rpc.Renewed](b)
	b.check(receipt.CheckSigner(domain(), renewed.Lease.Hash(), renewed.Signature, b.operator.Address()))

	b.segment(1) // still under the old one
	if signed, _ := until[rpc.SignedReceipt](b); signed.Receipt.Lease != b.lease {
		t.Fatal("the lease was changed by the orchestrator")
	}
	b.signed, b.lease = renewed.SignedLease, renewed.Lease.Hash()
	p := b.segment(2)
	signed, got := until[rpc.SignedReceipt](b)
	b.verify(&signed, p, got, common.Hash{})
	b.send(b.ticket(&signed.Receipt))
	if result, _ := until[rpc.PaymentResult](b); !result.Accepted {
		t.Fatalf("payment: %+v", result)
	}
	b.send(rpc.Renew{QuoteAsk: b.ask(3, func(a *rpc.QuoteAsk) { a.Ladder = a.Ladder[:1] })})
	if r, _ := until[rpc.Refusal](b); r.Code != rpc.CodeInvalid || r.Attempt != 0 {
		t.Fatalf("renewal for another ladder: %+v", r)
	}
	b.segment(3) // a refused renewal leaves the lease as it is
	until[rpc.SignedReceipt](b)
}

// TestRenewalOnTheLastOfTheShare: a reserve share of one face value carries one lease, and its renewals.
func TestRenewalOnTheLastOfTheShare(t *testing.T) {
	b := newNetwork(t, &fake{}, func(n *network) {
		n.policy.MaxFaceValue = *uint256.NewInt(1e9)
		n.chain.share = n.policy.MaxFaceValue
	}).open(1)
	_, err := b.client.Quote(t.Context(), b.ask(2))
	refused(t, err, rpc.CodeReserve)
	b.segment(0)
	until[rpc.SignedReceipt](b)
	b.send(rpc.Renew{QuoteAsk: b.ask(3)})
	until[rpc.Renewed](b)
}

// TestRenewalWithoutReceipt: a lease that was renewed before any of its segments had a receipt holds no part of the share.
func TestRenewalWithoutReceipt(t *testing.T) {
	b := newNetwork(t, &fake{endless: 1}, func(n *network) {
		n.policy.MaxFaceValue = *uint256.NewInt(1e9)
		n.chain.share = *uint256.NewInt(2e9)
	}).open(1)
	b.segment(0)
	until[rpc.SignedReceipt](b)
	for serial, seq := uint64(2), uint64(1); seq <= 2; serial, seq = serial+1, seq+1 {
		b.send(rpc.Renew{QuoteAsk: b.ask(serial)})
		renewed, _ := until[rpc.Renewed](b)
		b.signed, b.lease = renewed.SignedLease, renewed.Lease.Hash()
		b.end(b.begin(transcoder.StartSegment{Seq: seq, Attempt: 1, Fresh: true}))
		if seq == 1 {
			b.send(transcoder.CancelSegment{Seq: seq, Attempt: 1})
		}
	}
	until[rpc.SignedReceipt](b)
	_, err := b.client.Quote(t.Context(), b.ask(4)) // the second face value is free again
	b.check(err)
}

func TestExpiry(t *testing.T) {
	// Leases end at whole seconds: one of a second could be over before it is opened.
	b := newNetwork(t, &fake{}, func(n *network) { n.limits.LeaseTTL = 3 * time.Second }).open(1)
	for seq := uint64(0); ; seq++ {
		b.send(transcoder.StartSegment{Seq: seq, Attempt: 1, Track: source(), Fresh: true})
		b.resend(seq)
		switch m := b.next().(type) {
		case rpc.SignedReceipt:
			b.send(b.ticket(&m.Receipt))
			until[rpc.PaymentResult](b)
		case rpc.Refusal:
			refused(t, &m, rpc.CodeExpired)
			return
		}
	}
}

func TestIdle(t *testing.T) {
	b := newNetwork(t, &fake{}, func(n *network) { n.limits.IdleTimeout = 50 * time.Millisecond }).open(1)
	refused(t, b.ended(), rpc.CodeExpired)
}

// TestShutdown: leases end with a reason, and every goroutine of the server has ended when Run returns.
func TestShutdown(t *testing.T) {
	n := newNetwork(t, &fake{})
	b := n.open(1)
	b.segment(0)
	until[rpc.SignedReceipt](b)
	n.stop()
	refused(t, b.ended(), rpc.CodeDown)
}

// TestStrangersDoNotHurt: while one broadcaster floods its lease with everything that the protocol forbids or ignores,
// another is served.
func TestStrangersDoNotHurt(t *testing.T) {
	n := newNetwork(t, &fake{})
	good, bad := n.open(1), n.open(2)
	ctx, cancel := context.WithCancel(t.Context())
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		for ctx.Err() == nil {
			for _, up := range []rpc.Up{
				transcoder.WriteUnit{Unit: units(0)[0]}, transcoder.RequestKey{Rendition: 7}, transcoder.CancelSegment{Seq: 5, Attempt: 1},
			} {
				if bad.stream.Send(up) != nil {
					return
				}
			}
		}
	}()
	for seq := range uint64(20) {
		p := good.segment(seq)
		signed, got := until[rpc.SignedReceipt](good)
		if got.units[0].Frames() != segmentLength || signed.Receipt.Source != p.source.Hash() {
			t.Fatalf("segment %d: %+v", seq, signed)
		}
		good.send(good.ticket(&signed.Receipt))
		until[rpc.PaymentResult](good)
	}
	cancel()
	<-flooded
}

// TestRefusalsTravelAsErrors: a program can tell them by code, a person by text.
func TestRefusalsTravelAsErrors(t *testing.T) {
	n := newNetwork(t, &fake{})
	_, err := n.dial().Quote(t.Context(), n.ask(1, func(a *rpc.QuoteAsk) { a.Source.Width = 5000 }))
	if r := refusal(t, err, rpc.CodeInvalid); status.Code(r) != codes.Unknown {
		t.Fatalf("%v", r)
	}
}
