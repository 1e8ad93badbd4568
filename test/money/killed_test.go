package money_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"castnet/contracts/chain"
)

// A command that was killed after its transaction had left is gone on with: the change is made once, and the next command says so.
func TestKilledCommand(t *testing.T) {
	s := newScene(t)
	s.ok(t, "chain", "deploy")
	addresses, err := chain.ReadAddresses(s.contracts)
	if err != nil {
		t.Fatal(err)
	}
	client, err := chain.Dial(t.Context(), chain.Config{URL: s.dev.URL(), Addresses: addresses})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	deposit := func(want int64) {
		t.Helper()
		account, err := client.Broker().Sender(t.Context(), s.account)
		if err != nil || account.Deposit.Cmp(ether(want)) != 0 {
			t.Fatalf("deposit %v, %v; want %d ETH", account.Deposit, err, want)
		}
	}
	fund := []string{"deposit", "fund", "2 ETH", "--json"}
	s.killed(t, 1, fund...)
	before := s.nonce(t)
	again := s.ok(t, fund...)
	deposit(2)
	if nonce := s.nonce(t); nonce > before+1 {
		t.Errorf("the nonce went from %d to %d: the change was made twice", before, nonce)
	}
	if !strings.Contains(again.err, "An earlier command was interrupted") || !strings.Contains(again.err, "took effect in block") {
		t.Error("the second command does not say what became of the first")
	}
	var outcome struct{ Transactions []struct{ CostWei string } }
	if err := json.Unmarshal([]byte(again.out), &outcome); err != nil || len(outcome.Transactions) != 1 {
		t.Fatalf("%s: %v", again.out, err)
	}
	if cost, ok := new(big.Int).SetString(outcome.Transactions[0].CostWei, 10); !ok || cost.Sign() <= 0 {
		t.Errorf("cost %v", outcome.Transactions[0].CostWei)
	}
	// Whoever wants it once more says so once more.
	s.ok(t, fund...)
	deposit(4)
	// Another change comes after the one that was interrupted.
	s.killed(t, 1, fund...)
	s.ok(t, "deposit", "reserve", "1 ETH")
	deposit(6)
}
