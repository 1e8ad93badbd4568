package ledger_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/ledger"
)

func wei(v uint64) uint256.Int { return *uint256.NewInt(v) }

// play tells n random but consistent events of some leases.
func play(l *ledger.Ledger, seed uint64, n int) {
	r := rand.New(rand.NewPCG(seed, 1))
	for range n {
		e := payments.Event{Lease: common.Hash{byte(r.IntN(5))}, Fee: wei(r.Uint64N(1000))}
		tell := func(k payments.EventKind) { e.Kind = k; l.Observe(e) }
		tell(payments.EventSent)
		tell(payments.EventBilled)
		switch r.IntN(4) {
		case 0:
			tell(payments.EventWrittenOff)
		case 1:
			tell(payments.EventReceived)
		case 2:
			e.Won, e.Amount = true, wei(5000)
			tell(payments.EventReceived)
			tell([]payments.EventKind{payments.EventRedeemed, payments.EventLost, payments.EventReceived}[r.IntN(2)])
		}
	}
}

// TestLinesAddUp: leases add up to streams, streams to all, whenever a lease is described; and the books balance.
func TestLinesAddUp(t *testing.T) {
	for seed := range uint64(20) {
		l := ledger.New()
		l.Describe(common.Hash{0}, ledger.Description{Stream: "a"})
		play(l, seed, 100)
		for i := byte(1); i < 5; i++ {
			l.Describe(common.Hash{i}, ledger.Description{Stream: string(rune('a' + i%3))})
			play(l, seed+100, 20)
		}
		var leases, streams ledger.Totals
		for i := range byte(5) {
			totals := l.Lease(common.Hash{i})
			leases.Add(&totals)
		}
		for _, name := range []string{"a", "b", "c"} {
			totals := l.Stream(name)
			streams.Add(&totals)
		}
		all := l.All()
		if leases != all || streams != all {
			t.Fatalf("leases %+v\nstreams %+v\nall %+v", leases, streams, all)
		}
		sum := all.Received
		sum.Add(&sum, &all.WrittenOff)
		sum.Add(&sum, &all.Unpaid)
		if sum != all.Billed {
			t.Fatalf("the books do not balance: %+v", all)
		}
	}
}

// TestLedgerIsKept: what the money store does not know is in the file; what it has pruned too; what it knows better counts.
func TestLedgerIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	log := slog.New(slog.DiscardHandler)
	var events []payments.Event
	history := func(_ context.Context, o payments.Observer) error { //nolint:unparam // as a store's
		for _, e := range events {
			o.Observe(e)
		}
		return nil
	}
	open := func() (*ledger.Ledger, func()) {
		l, err := ledger.Open(t.Context(), path, history, log)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		return l, func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	l, stop := open()
	id := common.Hash{1}
	described := ledger.Description{Stream: "demo", Party: common.Address{7}, Prices: ledger.Prices{H264: wei(200)}, Opened: time.Unix(1000, 0).UTC()}
	l.Describe(id, described)
	l.Work(id, ledger.Work{Segments: 1, Pixels: 100, SourcePixels: 50, Bytes: 10})
	l.Observe(payments.Event{Kind: payments.EventBilled, Lease: id, Fee: wei(20)})
	stop()

	// The process was killed before it noted the payment, which the store knows.
	events = []payments.Event{
		{Kind: payments.EventBilled, Lease: id, Fee: wei(20)},
		{Kind: payments.EventReceived, Lease: id, Fee: wei(20), Won: true, Amount: wei(99)},
		{Kind: payments.EventBilled, Lease: common.Hash{2}, Fee: wei(5)},
	}
	l, stop = open()
	all := l.All()
	if all.Billed != wei(25) || all.Received != wei(20) || all.Unpaid != wei(5) || all.Pixels != 100 || all.Won != wei(99) {
		t.Errorf("after a crash %+v", all)
	}
	stop()

	events = nil // pruned
	l, stop = open()
	if l.All() != all || l.Stream("demo").Received != wei(20) {
		t.Errorf("after pruning %+v", l.All())
	}
	l.Observe(payments.Event{Kind: payments.EventRedeemed, Lease: id, Amount: wei(90), Short: wei(9), Gas: wei(3)})
	stop()
	lines, err := ledger.Read(t.Context(), path, history)
	if err != nil || len(lines) != 2 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	line := lines[1]
	if pending := line.Pending(); line.Description != described || line.Redeemed != wei(90) || line.Gas != wei(3) || !pending.IsZero() {
		t.Errorf("line %+v", line)
	}
}

func TestExports(t *testing.T) {
	lines := []ledger.Line{
		{Lease: common.Hash{1}, Description: ledger.Description{Stream: "a"}, Totals: ledger.Totals{Billed: wei(2_500_000_000), Work: ledger.Work{Pixels: 7}}},
		{Lease: common.Hash{2}, Description: ledger.Description{Stream: "a, \"b\""}, Totals: ledger.Totals{Sent: wei(1 << 63)}},
		{Lease: common.Hash{3}, Description: ledger.Description{Stream: "a"}, Totals: ledger.Totals{Billed: wei(1)}},
	}
	var out strings.Builder
	if err := ledger.WriteCSV(&out, lines); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil || len(records) != 4 || len(records[0]) != len(records[1]) || records[2][1] != "a, \"b\"" {
		t.Errorf("%v: %q", err, records)
	}
	at := func(name string) int { return slices.Index(records[0], name) }
	if records[1][at("billed_wei")] != "2500000000" || records[1][at("pixels")] != "7" || records[2][at("sent_wei")] != "9223372036854775808" {
		t.Errorf("%q", records)
	}
	out.Reset()
	if err := ledger.WriteJSON(&out, lines); err != nil {
		t.Fatal(err)
	}
	var back []ledger.Line
	if err := json.Unmarshal([]byte(out.String()), &back); err != nil || !reflect.DeepEqual(back, lines) {
		t.Errorf("%v: %s", err, out.String())
	}
	streams := ledger.ByStream(lines)
	if len(streams) != 2 || streams[0].Billed != wei(2_500_000_001) {
		t.Errorf("%+v", streams)
	}
	out.Reset()
	if err := ledger.WriteTable(&out, streams, "stream", func(l *ledger.Line) string { return l.Stream }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "2.500") || !strings.Contains(out.String(), "9223372036.855") {
		t.Error(out.String())
	}
}

func TestUnknownNamesAreZero(t *testing.T) {
	l := ledger.New()
	if l.Stream("x") != (ledger.Totals{}) || l.Lease(common.Hash{1}) != (ledger.Totals{}) {
		t.Error("totals of nothing")
	}
}
