package store_test

import (
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"castnet/contracts/chain"
	"castnet/contracts/store"
	"castnet/test/ethnode"
)

// Every deposit is made once, whatever the node does with the transaction and with its answers.
func TestSendingThroughAFaultyNode(t *testing.T) {
	s := newScene(t, "sender")
	file, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "chain.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	client, err := chain.Dial(t.Context(), chain.Config{
		URL: s.proxy.URL, Addresses: s.addresses, Signer: keyOf("sender"), Transactions: file,
		PollInterval: 10 * time.Millisecond, ResubmitAfter: 100 * time.Millisecond, Patience: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, client.Run)
	deposits := int64(0)
	for name, fault := range map[string]ethnode.Fault{
		"answers 429": ethnode.TooMany, "loses its answers": ethnode.Drop, "answers with garbage": ethnode.Garbage,
		"stalls": ethnode.Stall, "does it twice": ethnode.Twice,
	} {
		for _, method := range []string{"eth_sendRawTransaction", "eth_getTransactionReceipt"} {
			t.Run(name+" to "+method, func(t *testing.T) {
				s.proxy.Set(ethnode.Only(fault, method))
				sent := make(chan error, 1)
				go func() {
					_, err := client.Broker().Fund(ether(1), nil).Send(t.Context())
					sent <- err
				}()
				s.proxy.Wait(t, 1)
				s.proxy.Set(nil)
				if err := <-sent; err != nil {
					t.Error(err)
				}
			})
			deposits++
		}
	}
	wantDeposit(t, client, ether(deposits))
}

// A node that is restored from an older state has lost what was final; the account goes on.
func TestNodeRestoredFromAnOlderState(t *testing.T) {
	s := newScene(t, "sender")
	client := s.client(t, "sender")
	fund := func() {
		t.Helper()
		if _, err := client.Broker().Fund(ether(1), nil).Send(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	fund()
	var snapshot hexutil.Big
	s.Call(t, &snapshot, "evm_snapshot")
	fund()
	fund()
	s.Call(t, nil, "evm_revert", &snapshot)
	wantDeposit(t, client, ether(1))
	fund()
	s.Reorg(t, 1)
	fund()
	wantDeposit(t, client, ether(2))
}

func wantDeposit(t *testing.T, client *chain.Client, want *big.Int) {
	t.Helper()
	account, err := client.Broker().Sender(t.Context(), client.Self())
	if err != nil || account.Deposit.Cmp(want) != 0 {
		t.Errorf("deposit %v, want %v; %v", account.Deposit, want, err)
	}
}
