// Package storetest is the contract of the orchestrator's stores as tests, the same for every implementation.
package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/receipt"
	"castnet/orchestrator"
	"castnet/orchestrator/rpc"
)

// Store is all that an orchestrator keeps.
type Store interface {
	orchestrator.Store
	orchestrator.TokenStore
}

// Run runs the contract. open gives a store over the same data each time within one test: what was written survives.
func Run(t *testing.T, open func(t *testing.T, name string) Store) {
	t.Helper()
	t.Run("serials", func(t *testing.T) { serials(t, open) })
	t.Run("serials race", func(t *testing.T) { race(t, open(t, "a"), open(t, "a")) })
	t.Run("receipts", func(t *testing.T) { receipts(t, open) })
	t.Run("tokens", func(t *testing.T) { tokens(t, open) })
}

func serials(t *testing.T, open func(*testing.T, string) Store) {
	t.Helper()
	s, ctx := open(t, "a"), t.Context()
	alice, bob := common.Address{1}, common.Address{2}
	now := time.Unix(1_800_000_000, 0)
	steps := []struct {
		who    common.Address
		serial uint64
		want   error
	}{
		{alice, 5, nil},
		{alice, 5, orchestrator.ErrStale},
		{alice, 4, nil}, // was overtaken
		{alice, 4, orchestrator.ErrStale},
		{bob, 5, nil},
		{alice, 1 << 63, nil}, // above all signed integers
		{alice, 1 << 63, orchestrator.ErrStale},
		{alice, ^uint64(0), nil},
	}
	for _, step := range steps {
		if err := s.TakeSerial(ctx, step.who, step.serial, now); !errors.Is(err, step.want) {
			t.Fatalf("serial %d: %v, want %v", step.serial, err, step.want)
		}
	}
	s = open(t, "a")
	if err := s.TakeSerial(ctx, bob, 5, now); !errors.Is(err, orchestrator.ErrStale) {
		t.Fatalf("a reopened store forgot a serial: %v", err)
	}
	for after, want := range []error{orchestrator.ErrStale, nil} { // seconds after it ceased to matter
		if err := s.Prune(ctx, now.Add(time.Duration(after)*time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := s.TakeSerial(ctx, bob, 5, now); !errors.Is(err, want) {
			t.Fatalf("%d s after: %v, want %v", after, err, want)
		}
	}
}

// race: of many that want the same serial, at two processes, one gets it.
func race(t *testing.T, one, other Store) {
	t.Helper()
	var got atomic.Int32
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			switch err := []Store{one, other}[i%2].TakeSerial(t.Context(), common.Address{9}, 1, time.Unix(1_800_000_000, 0)); {
			case err == nil:
				got.Add(1)
			case !errors.Is(err, orchestrator.ErrStale):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Fatalf("%d got the serial", got.Load())
	}
}

func sample(lease byte, seq uint64, expiry time.Time) rpc.SignedReceipt {
	return rpc.SignedReceipt{
		Receipt: receipt.Receipt{
			Lease: common.Hash{lease}, Seq: seq, Attempt: 1, Renditions: []receipt.Rendition{{Frames: 60, Bytes: 1000}},
			Ticket: receipt.TicketTerms{Expiry: uint64(expiry.Unix())},
		},
		Signature: make([]byte, 65),
	}
}

func receipts(t *testing.T, open func(*testing.T, string) Store) {
	t.Helper()
	s, ctx, now := open(t, "a"), t.Context(), time.Now()
	var hashes []common.Hash
	for seq := range uint64(5) {
		r := sample(1, seq, now.Add(time.Hour))
		hashes = append(hashes, r.Receipt.Hash())
		if err := s.AddReceipt(ctx, &r); err != nil {
			t.Fatal(err)
		}
	}
	other, old := sample(2, 0, now.Add(time.Hour)), sample(1, 9, now.Add(-time.Hour))
	for _, r := range []rpc.SignedReceipt{other, old, other} { // storing twice is no error
		if err := s.AddReceipt(ctx, &r); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range []common.Hash{hashes[1], hashes[1], {0xee}} { // closed twice, and one never stored
		if err := s.CloseReceipt(ctx, h); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Prune(ctx, now); err != nil {
		t.Fatal(err)
	}
	s = open(t, "a")
	expect(t, s, 10, 0, 2, 3, 4)
	expect(t, s, 2, 0, 2)
}

func expect(t *testing.T, s Store, limit int, seqs ...uint64) {
	t.Helper()
	list, err := s.UnpaidReceipts(t.Context(), common.Hash{1}, limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(seqs) {
		t.Fatalf("%d receipts, want %v", len(list), seqs)
	}
	for i, seq := range seqs {
		want := sample(1, seq, time.Unix(int64(list[i].Receipt.Ticket.Expiry), 0))
		if list[i].Receipt.Hash() != want.Receipt.Hash() {
			t.Fatalf("receipt %d is of segment %d, want %d", i, list[i].Receipt.Seq, seq)
		}
	}
}

func tokens(t *testing.T, open func(*testing.T, string) Store) {
	t.Helper()
	s, ctx, now := open(t, "a"), t.Context(), time.Now()
	good, old := common.Hash{1}, common.Hash{2}
	for hash, expires := range map[common.Hash]time.Time{good: now.Add(time.Hour), old: now.Add(-time.Minute)} {
		if err := s.AddToken(ctx, hash, expires); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, "a")
	for _, step := range []struct {
		hash common.Hash
		want error
	}{{good, nil}, {good, orchestrator.ErrToken}, {old, orchestrator.ErrToken}, {common.Hash{3}, orchestrator.ErrToken}} {
		if err := s.UseToken(ctx, step.hash, now); !errors.Is(err, step.want) {
			t.Fatalf("token %x: %v, want %v", step.hash[0], err, step.want)
		}
	}
}
