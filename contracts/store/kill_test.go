package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"castnet/contracts/chain"
	"castnet/contracts/store"
)

// childEnv carries the deployment into the process that is killed.
const childEnv = "CASTNET_TEST_SENDER"

// TestMain lets this program be its own child. What fails in the child is on its standard error.
func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := sendAndWait(context.Background(), text); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
		}
		return
	}
	m.Run()
}

// order is what the child does.
type order struct {
	URL       string
	Store     string
	Addresses chain.Addresses
}

// sendAndWait funds a deposit with one ether, as a command would.
func sendAndWait(ctx context.Context, text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	file, err := store.Open(ctx, o.Store)
	if err != nil {
		return err
	}
	client, err := chain.Dial(ctx, chain.Config{
		URL: o.URL, Addresses: o.Addresses, Signer: keyOf("sender"), Transactions: file, PollInterval: 10 * time.Millisecond, ResubmitAfter: 300 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	_, err = client.Broker().Fund(ether(1), nil).Send(ctx)
	stop()
	return errors.Join(err, <-ended)
}

// A process that is killed with a transaction in flight goes on with it when it is started again, whatever became of the node's
// memory meanwhile: the deposit is made once.
func TestKillWithTransactionsInFlight(t *testing.T) {
	for name, forget := range map[string]bool{"the node remembers": false, "the node forgets": true} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "sender")
			s.Call(t, nil, "evm_setAutomine", false)
			path := filepath.Join(t.TempDir(), "chain.db")
			first, _ := s.child(t, path)
			hash := s.pendingOf(t, keyOf("sender").Address())
			if err := first.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = first.Wait()
			if forget {
				s.Call(t, nil, "anvil_dropAllTransactions")
			}
			second, said := s.child(t, path)
			again := s.pendingOf(t, keyOf("sender").Address())
			if again != hash {
				t.Errorf("%v was in flight, now it is %v", hash, again)
			}
			s.Call(t, nil, "evm_setAutomine", true)
			s.Mine(t, 1)
			if err := second.Wait(); err != nil || said.Len() != 0 {
				t.Fatalf("the second process: %v, %s", err, said)
			}
			account, err := s.client(t, "sender").Broker().Sender(t.Context(), keyOf("sender").Address())
			if err != nil || account.Deposit.Cmp(ether(1)) != 0 {
				t.Errorf("deposit %v, %v", account.Deposit, err)
			}
			var nonce hexutil.Uint64
			s.Call(t, &nonce, "eth_getTransactionCount", keyOf("sender").Address(), "latest")
			if nonce != 1 {
				t.Errorf("%d transactions", nonce)
			}
		})
	}
}

// child starts a process that sends; what it says is what failed.
func (s *scene) child(t *testing.T, path string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	text, err := json.Marshal(order{s.URL, path, s.addresses})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	said := new(bytes.Buffer)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, said
}

// pendingOf waits until an account has a transaction in the node's pool.
func (s *scene) pendingOf(t *testing.T, account common.Address) common.Hash {
	t.Helper()
	for t.Context().Err() == nil {
		var pool struct {
			Pending map[common.Address]map[string]struct {
				Hash common.Hash `json:"hash"`
			} `json:"pending"`
		}
		s.Call(t, &pool, "txpool_content")
		for _, tx := range pool.Pending[account] {
			return tx.Hash
		}
	}
	return common.Hash{}
}
