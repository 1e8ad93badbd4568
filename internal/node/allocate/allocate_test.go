package allocate_test

import (
	"context"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/contracts/devchain"
	"castnet/internal/identity"
	"castnet/internal/node/allocate"
)

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(1e18)) }

func runUntilCleanup(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context()) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// newSender is a broadcaster with a reserve of 10 ether on a chain of its own.
func newSender(t *testing.T) *chain.Client {
	t.Helper()
	key, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	dev, err := devchain.New(devchain.Config{
		Listen: "127.0.0.1:0", BlockPeriod: 50 * time.Millisecond, MaxLead: time.Hour,
		Allocations: []devchain.Allocation{{Account: key.Address(), Wei: ether(1000)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, dev.Run)
	addresses, err := deploy.Contracts(t.Context(), deploy.Config{
		URL: dev.URL(), File: filepath.Join(t.TempDir(), "addresses.json"), Signer: key, RoundLength: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := chain.Dial(t.Context(), chain.Config{URL: dev.URL(), Addresses: addresses, Signer: key})
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, client.Run)
	if _, err := client.Broker().Fund(nil, ether(10)).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	return client
}

// TestAllocation: in a period's last round what is free of the reserve goes to the most used orchestrators, once, and each
// can count on its share.
func TestAllocation(t *testing.T) {
	client := newSender(t)
	used, idle, unused, small := common.Address{1}, common.Address{2}, common.Address{3}, common.Address{4}
	file := filepath.Join(t.TempDir(), "allocation.json")
	renew := func(candidates ...allocate.Candidate) *allocate.Allocator {
		a, err := allocate.New(allocate.Config{
			Chain: client, Most: 3, File: file, Log: slog.New(slog.DiscardHandler),
			Candidates: func(context.Context) ([]allocate.Candidate, error) { return candidates, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := renew(
		allocate.Candidate{ID: small, Stake: *uint256.NewInt(1)}, allocate.Candidate{ID: unused, Stake: *uint256.NewInt(2)},
		allocate.Candidate{ID: idle, Verified: 1}, allocate.Candidate{ID: used, Verified: 99},
	)
	rounds := client.Parameters().PeriodRounds
	share := func(recipient common.Address) *big.Int {
		t.Helper()
		s, err := client.Broker().Share(t.Context(), client.Self(), recipient, rounds)
		if err != nil {
			t.Fatal(err)
		}
		return s.Share
	}
	if err := a.Step(t.Context(), rounds-2); err != nil || share(used).Sign() != 0 {
		t.Fatalf("early: %v", err)
	}
	for range 2 {
		if err := a.Step(t.Context(), rounds-1); err != nil {
			t.Fatal(err)
		}
	}
	sum := new(big.Int)
	for _, o := range []common.Address{used, idle, unused, small} {
		sum.Add(sum, share(o))
	}
	if share(used).Cmp(share(idle)) <= 0 || share(idle).Cmp(share(unused)) <= 0 || share(unused).Sign() <= 0 || share(small).Sign() != 0 {
		t.Errorf("shares: %s, %s, %s, %s", share(used), share(idle), share(unused), share(small))
	}
	if off := new(big.Int).Sub(ether(5), sum); off.Sign() < 0 || off.Cmp(big.NewInt(10)) > 0 {
		t.Errorf("%s of 5 ether are promised", sum)
	}
	// Another process finds what was done, whatever it would do itself.
	if err := renew(allocate.Candidate{ID: small}).Step(t.Context(), rounds-1); err != nil || share(small).Sign() != 0 {
		t.Errorf("after a restart: %v", err)
	}
}

// TestCrashBetweenPromiseAndProofs: what was promised is counted by the next process.
func TestCrashBetweenPromiseAndProofs(t *testing.T) {
	client := newSender(t)
	o, rounds := common.Address{1}, client.Parameters().PeriodRounds
	tree, err := chain.NewPromises([]chain.Promise{{Recipient: o, Amount: ether(2)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Broker().Allocate(1, tree, nil).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "allocation.json")
	text := `{"period": 1, "shares": [{"Recipient": "` + o.Hex() + `", "Amount": "2000000000000000000"}]}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := allocate.New(allocate.Config{
		Chain: client, Most: 1, File: file, Log: slog.New(slog.DiscardHandler),
		Candidates: func(context.Context) ([]allocate.Candidate, error) { return nil, errors.New("not to be asked") },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Step(t.Context(), rounds-1); err != nil {
		t.Fatal(err)
	}
	if s, err := client.Broker().Share(t.Context(), client.Self(), o, rounds); err != nil || s.Share.Cmp(ether(2)) != 0 {
		t.Errorf("share %s, %v", s.Share, err)
	}
}
