package orchestrator_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/identity"
	"castnet/internal/receipt"
	"castnet/orchestrator"
	"castnet/orchestrator/rpc"
)

// TestSettle: what is owed can be seen and paid after a disconnect, and of a process that has died.
func TestSettle(t *testing.T) {
	n := newNetwork(t, &fake{})
	b := n.open(1)
	for seq := range uint64(2) {
		b.segment(seq)
		until[rpc.SignedReceipt](b)
	}
	b.stream.Close()
	reply, err := b.client.Settle(t.Context(), b.settle(nil))
	n.check(err)
	if len(reply.Unpaid) != 2 || reply.Result != nil || reply.Unpaid[0].Receipt.Seq != 0 {
		t.Fatalf("settle: %+v", reply)
	}
	first, second := b.ticket(&reply.Unpaid[0].Receipt), b.ticket(&reply.Unpaid[1].Receipt)
	for range 2 { // idempotent
		reply, err = b.client.Settle(t.Context(), b.settle(&first))
		n.check(err)
		if !reply.Result.Accepted || len(reply.Unpaid) != 1 {
			t.Fatalf("settle: %+v", reply)
		}
	}
	n.stop()
	n.start()
	reply, err = n.dial().Settle(t.Context(), b.settle(&second))
	n.check(err)
	if !reply.Result.Accepted || len(reply.Unpaid) != 0 {
		t.Fatalf("settle with a dead process' lease: %+v", reply)
	}
	unknown := second
	unknown.ReceiptHash[0]++
	reply, err = n.dial().Settle(t.Context(), b.settle(&unknown))
	n.check(err)
	if reply.Result.Accepted || reply.Result.Reason == "" {
		t.Fatalf("paid an unknown receipt: %+v", reply.Result)
	}
}

// settle is a request to be shown what is owed, signed by the broadcaster.
func (b *broadcaster) settle(payment *rpc.Payment) rpc.SettleAsk {
	b.t.Helper()
	ask := rpc.SettleAsk{Settle: receipt.Settle{Lease: b.lease, IssuedAt: uint64(time.Now().Unix())}, Payment: payment}
	var err error
	ask.Signature, err = receipt.Sign(b.account, domain(), ask.Hash())
	b.check(err)
	return ask
}

// TestReceiptsAreShownToTheirBroadcasterAlone: whoever knows the name of a lease learns nothing by it.
func TestReceiptsAreShownToTheirBroadcasterAlone(t *testing.T) {
	b := newNetwork(t, &fake{}).open(1)
	b.segment(0)
	until[rpc.SignedReceipt](b)
	stranger, old := b.settle(nil), b.settle(nil)
	var err error
	stranger.Signature, err = receipt.Sign(generate(t), domain(), stranger.Hash())
	b.check(err)
	old.IssuedAt -= 3600
	old.Signature, err = receipt.Sign(b.account, domain(), old.Hash())
	b.check(err)
	for name, c := range map[string]struct {
		ask  rpc.SettleAsk
		code rpc.Code
	}{
		"stranger":  {stranger, rpc.CodeSignature},
		"too old":   {old, rpc.CodeStale},
		"no name":   {rpc.SettleAsk{Settle: receipt.Settle{Lease: b.lease}}, ""},
		"no such":   {rpc.SettleAsk{Settle: receipt.Settle{Lease: common.Hash{9}}, Signature: stranger.Signature}, ""},
		"unsettled": {b.settle(nil), "shown"},
	} {
		reply, err := b.client.Settle(t.Context(), c.ask)
		var refusal *rpc.Refusal
		switch {
		case c.code == "shown":
			if len(reply.Unpaid) != 1 || err != nil {
				t.Errorf("%s: %d receipts, %v", name, len(reply.Unpaid), err)
			}
		case len(reply.Unpaid) != 0:
			t.Errorf("%s: was shown %d receipts", name, len(reply.Unpaid))
		case c.code != "" && (!errors.As(err, &refusal) || refusal.Code != c.code):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHotSigner: a broadcaster signs everything with a key that its account has authorised, and nobody else may.
func TestHotSigner(t *testing.T) {
	account, stranger := common.Address{0xac}, common.Address{0xdc}
	n := newNetwork(t, &fake{}, func(n *network) { n.signers = hotKeys{n.account.Address(): account} })
	as := func(who common.Address) func(*rpc.QuoteAsk) {
		return func(a *rpc.QuoteAsk) { a.Request.Broadcaster = who }
	}
	if _, err := n.dial().Quote(t.Context(), n.ask(1, as(account))); err != nil {
		t.Errorf("signed by a hot key: %v", err)
	}
	var refusal *rpc.Refusal
	if _, err := n.dial().Quote(t.Context(), n.ask(2, as(stranger))); !errors.As(err, &refusal) || refusal.Code != rpc.CodeSignature {
		t.Errorf("signed by somebody else's hot key: %v", err)
	}
}

// TestThreatEndlessQuotes: a broadcaster that asks for ever and opens nothing pushes out its own quotes, nobody else's.
func TestThreatEndlessQuotes(t *testing.T) {
	n := newNetwork(t, &fake{}, func(n *network) { n.limits = orchestrator.Limits{OpenQuotes: 2, QuotesPerMinute: 1000} })
	mine, err := n.dial().Quote(t.Context(), n.ask(1))
	n.check(err)
	other := n.account
	n.account = generate(t)
	client := n.dial()
	var last rpc.SignedLease
	for serial := range uint64(20) {
		last, err = client.Quote(t.Context(), n.ask(100+serial))
		n.check(err)
	}
	countersign := func(l rpc.SignedLease, by *identity.Key) error {
		signature, err := receipt.Sign(by, domain(), l.Lease.Hash())
		n.check(err)
		stream, err := client.Transcode(t.Context(), rpc.Open{Lease: l, Countersignature: signature, Ladder: ladder(), Source: source()})
		if err == nil {
			stream.Close()
		}
		return err
	}
	if err := countersign(last, n.account); err != nil {
		t.Errorf("the newest quote cannot be opened: %v", err)
	}
	if err := countersign(mine, other); err != nil {
		t.Errorf("another's quote was pushed out: %v", err)
	}
}

func TestWrongTicket(t *testing.T) {
	b := newNetwork(t, &fake{}).open(1)
	b.segment(0)
	signed, _ := until[rpc.SignedReceipt](b)
	good := b.ticket(&signed.Receipt)
	bad := good
	bad.Fee.SubUint64(&bad.Fee, 1)
	b.send(bad)
	if result, _ := until[rpc.PaymentResult](b); result.Accepted || result.Reason == "" {
		t.Fatalf("payment: %+v", result)
	}
	b.send(good)
	if result, _ := until[rpc.PaymentResult](b); !result.Accepted {
		t.Fatalf("payment: %+v", result)
	}
}
