package chain_test

import (
	"errors"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"castnet/contracts/chain"
)

func TestPreview(t *testing.T) {
	n := newNetwork(t)
	n.register(t)
	delegator, poor := n.client(t, keyOf("delegator")), n.client(t, keyOf("penniless"))
	recipient := owners()[0].Address()

	delegate := delegator.Staking().Delegate(recipient, ether(50))
	expected, err := delegate.Preview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if expected.Transactions != 2 || expected.Gas < 80_000 || expected.Cost.Sign() <= 0 || expected.Value.Sign() != 0 {
		t.Errorf("delegate for the first time: %+v", expected)
	}
	before, err := delegator.Balance(t.Context(), delegator.Self())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := delegate.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := delegator.Balance(t.Context(), delegator.Self())
	if err != nil {
		t.Fatal(err)
	}
	spent := new(big.Int).Sub(before.Ether, after.Ether)
	if spent.Sign() <= 0 || spent.Cmp(new(big.Int).Mul(expected.Cost, big.NewInt(2))) > 0 {
		t.Errorf("spent %v wei, the preview said %v", spent, expected.Cost)
	}

	var revert *chain.RevertError
	for name, action := range map[string]chain.Action{
		"InsufficientStake":        delegator.Staking().Unbond(recipient, ether(51)),
		"ERC20InsufficientBalance": poor.Staking().Delegate(recipient, ether(1)),
	} {
		if _, err := action.Preview(t.Context()); !errors.As(err, &revert) || revert.Name != name {
			t.Errorf("want %s, got %v", name, err)
		}
	}
	if _, err := poor.TouchRound().Preview(t.Context()); err == nil || !strings.Contains(err.Error(), "send it some") {
		t.Errorf("an account without ether: %v", err)
	}
	if _, err := delegator.Staking().Delegate(recipient, big.NewInt(-1)).Preview(t.Context()); err == nil {
		t.Error("a negative amount was taken")
	}
}

// Two programs with one account get in each other's way, and no further: each change takes effect once or is told to have failed.
func TestTwoProgramsWithOneAccount(t *testing.T) {
	n := newNetwork(t)
	const each = 25
	programs := []*chain.Client{n.client(t, keyOf("sender")), n.client(t, keyOf("sender"))}
	var made, taken, failed atomic.Int64
	var group sync.WaitGroup
	for _, c := range programs {
		for range each {
			group.Go(func() {
				_, err := c.Broker().Fund(big.NewInt(1), nil).Send(t.Context())
				other := (*chain.TakenError)(nil)
				switch {
				case err == nil:
					made.Add(1)
				case errors.As(err, &other):
					taken.Add(1)
				default:
					failed.Add(1)
					t.Log(err)
				}
			})
		}
	}
	group.Wait()
	t.Logf("%d made, %d lost their nonce, %d were not sent", made.Load(), taken.Load(), failed.Load())
	account, err := programs[0].Broker().Sender(t.Context(), keyOf("sender").Address())
	if err != nil || account.Deposit.Int64() != made.Load() || made.Load() == 0 {
		t.Errorf("the deposit is %v wei, %v; %d changes are said to be made", account.Deposit, err, made.Load())
	}
}
