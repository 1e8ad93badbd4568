package chain_test

import (
	"errors"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
)

// The tree's hashes are the contract's: every promise of trees of every shape can be counted, and nothing else.
func TestAllocation(t *testing.T) {
	n := newNetwork(t)
	n.register(t)
	sender, relayer := n.client(t, keyOf("sender")), n.client(t, keyOf("relayer"))
	if _, err := sender.Broker().Fund(nil, ether(10)).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	const next = 1 // the present period is shared equally already
	recipient := owners()[1].Address()
	promised := new(big.Int)
	for size := 1; size <= 5; size++ {
		var promises []chain.Promise
		for i := range size {
			promises = append(promises, chain.Promise{Recipient: common.BigToAddress(big.NewInt(int64(i + 1))), Amount: big.NewInt(int64(1000 + i))})
		}
		promises[size/2].Recipient = recipient
		allocation, err := chain.NewPromises(promises)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sender.Broker().Allocate(next, allocation, ether(1)).Send(t.Context()); err != nil {
			t.Fatalf("%d promises: %v", size, err)
		}
		for _, p := range promises {
			proof, ok := allocation.Proof(p.Recipient)
			if !ok || proof.Amount.Cmp(p.Amount) != 0 {
				t.Fatalf("no proof for %v", p.Recipient)
			}
			index := uint64(size - 1)
			more := proof
			more.Amount = new(big.Int).Add(p.Amount, big.NewInt(1))
			var revert *chain.RevertError
			if _, err := relayer.Broker().Allot(sender.Self(), next, index, more).Preview(t.Context()); !errors.As(err, &revert) || revert.Name != "InvalidProof" {
				t.Errorf("a larger promise: %v", err)
			}
			if _, err := relayer.Broker().Allot(sender.Self(), next, index, proof).Send(t.Context()); err != nil {
				t.Fatalf("promise to %v among %d: %v", p.Recipient, size, err)
			}
		}
		promised.Add(promised, promises[size/2].Amount)
	}
	share, err := relayer.Broker().Share(t.Context(), sender.Self(), recipient, next*n.periodRounds(t))
	if err != nil {
		t.Fatal(err)
	}
	wantWei(t, "promised", share.Share, promised)
	budget, err := relayer.Broker().Budget(t.Context(), sender.Self(), next)
	if err != nil || budget.Allocations != 5 || budget.Total.Cmp(promised) < 0 {
		t.Errorf("budget: %+v, %v", budget, err)
	}
}

func TestAllocationIsChecked(t *testing.T) {
	one := chain.Promise{Recipient: common.Address{1}, Amount: big.NewInt(1)}
	for name, promises := range map[string][]chain.Promise{
		"none":      nil,
		"twice":     {one, one},
		"nothing":   {{Recipient: common.Address{1}, Amount: new(big.Int)}},
		"no amount": {{Recipient: common.Address{1}}},
		"too much":  {one, {Recipient: common.Address{2}, Amount: new(big.Int).Lsh(big.NewInt(1), 96)}},
	} {
		if _, err := chain.NewPromises(promises); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func (n *network) periodRounds(t *testing.T) uint64 {
	t.Helper()
	return n.client(t, keyOf("relayer")).Parameters().PeriodRounds
}
