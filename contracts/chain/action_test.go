package chain_test

import (
	"errors"
	"math/big"
	"strings"
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
