package chain

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

const gwei = 1_000_000_000

type testKey struct{ private *ecdsa.PrivateKey }

func (k testKey) Address() common.Address { return crypto.PubkeyToAddress(k.private.PublicKey) }

func (k testKey) SignHash(hash common.Hash) ([]byte, error) { return crypto.Sign(hash[:], k.private) }

// fakeNode is a node whose blocks the test makes.
type fakeNode struct {
	mu       sync.Mutex
	nonce    uint64 // of the latest block
	baseFee  int64
	sent     []*types.Transaction
	receipts map[common.Hash]*types.Receipt
	refuse   error // what the next SendTransaction answers
	stop     context.CancelFunc
}

func (n *fakeNode) PendingNonceAt(context.Context, common.Address) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nonce, nil
}

func (n *fakeNode) NonceAt(ctx context.Context, account common.Address, _ *big.Int) (uint64, error) {
	return n.PendingNonceAt(ctx, account)
}

func (n *fakeNode) SuggestGasTipCap(context.Context) (*big.Int, error) { return big.NewInt(gwei), nil }

func (n *fakeNode) HeaderByNumber(context.Context, *big.Int) (*types.Header, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return &types.Header{BaseFee: big.NewInt(n.baseFee)}, nil
}

func (n *fakeNode) SendTransaction(_ context.Context, tx *types.Transaction) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.refuse; err != nil {
		n.refuse = nil
		return err
	}
	n.sent = append(n.sent, tx)
	return nil
}

func (n *fakeNode) TransactionReceipt(_ context.Context, hash common.Hash) (*types.Receipt, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if receipt, ok := n.receipts[hash]; ok {
		return receipt, nil
	}
	return nil, ethereum.NotFound
}

func (n *fakeNode) all() []*types.Transaction {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*types.Transaction(nil), n.sent...)
}

// mine puts a transaction into a block.
func (n *fakeNode) mine(tx *types.Transaction) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nonce = tx.Nonce() + 1
	n.receipts[tx.Hash()] = &types.Receipt{TxHash: tx.Hash(), Status: types.ReceiptStatusSuccessful}
}

// inBubble runs a manager over a fake node in a bubble of fake time.
func inBubble(t *testing.T, maxPrice int64, test func(t *testing.T, m *manager, node *fakeNode)) {
	t.Helper()
	private := crypto.ToECDSAUnsafe(crypto.Keccak256([]byte("manager")))
	synctest.Test(t, func(t *testing.T) {
		node := &fakeNode{nonce: 7, baseFee: 10 * gwei, receipts: make(map[common.Hash]*types.Receipt)}
		recorded, err := newMetrics(nil)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		m := &manager{
			node: node, signer: testKey{private}, rules: types.LatestSignerForChainID(big.NewInt(1)), chainID: big.NewInt(1),
			cfg: Config{
				MaxGasPrice: big.NewInt(maxPrice), GasPriceFloor: big.NewInt(gwei), ResubmitAfter: 15 * time.Second,
				Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			},
			heads: newLatest[Head](), metrics: recorded, done: done, requests: make(chan *request),
		}
		ctx, cancel := context.WithCancel(t.Context())
		node.stop = cancel
		go func() {
			defer close(done)
			if err := m.run(ctx); err != nil {
				t.Error(err)
			}
		}()
		test(t, m, node)
		cancel()
		synctest.Wait()
	})
}

type answer struct {
	receipt *types.Receipt
	err     error
}

// begin sends a transaction in the background.
func begin(t *testing.T, m *manager) <-chan answer {
	t.Helper()
	answers := make(chan answer, 1)
	go func() {
		receipt, err := m.send(t.Context(), call{to: &common.Address{1}}, 21_000)
		answers <- answer{receipt, err}
	}()
	synctest.Wait()
	return answers
}

func TestNoncesFollowEachOther(t *testing.T) {
	inBubble(t, 500*gwei, func(t *testing.T, m *manager, node *fakeNode) {
		answers := []<-chan answer{begin(t, m), begin(t, m), begin(t, m)}
		for i, tx := range node.all() {
			if tx.Nonce() != uint64(7+i) {
				t.Errorf("transaction %d has nonce %d", i, tx.Nonce())
			}
			node.mine(tx)
		}
		m.heads.put(Head{Number: 1})
		for i, a := range answers {
			if got := <-a; got.err != nil || got.receipt.TxHash != node.all()[i].Hash() {
				t.Errorf("answer %d: %+v", i, got)
			}
		}
	})
}

func TestFeeRisesWhileWaiting(t *testing.T) {
	inBubble(t, 500*gwei, func(t *testing.T, m *manager, node *fakeNode) {
		waiting := begin(t, m)
		time.Sleep(40 * time.Second) //nolint:forbidigo // fake time
		versions := node.all()
		if len(versions) < 3 {
			t.Fatalf("%d versions after 40 s", len(versions))
		}
		for i := 1; i < len(versions); i++ {
			before, after := versions[i-1], versions[i]
			if after.Nonce() != before.Nonce() {
				t.Errorf("version %d has another nonce", i)
			}
			if !raisedByTenth(before.GasTipCap(), after.GasTipCap()) || !raisedByTenth(before.GasFeeCap(), after.GasFeeCap()) {
				t.Errorf("version %d raises too little", i)
			}
		}
		// Any version may win.
		node.mine(versions[1])
		m.heads.put(Head{Number: 1})
		if got := <-waiting; got.err != nil || got.receipt.TxHash != versions[1].Hash() {
			t.Errorf("%+v", got)
		}
	})
}

func raisedByTenth(before, after *big.Int) bool {
	return new(big.Int).Mul(after, big.NewInt(10)).Cmp(new(big.Int).Mul(before, big.NewInt(11))) >= 0
}

func TestFeeStaysBelowTheLimit(t *testing.T) {
	inBubble(t, 22*gwei, func(t *testing.T, m *manager, node *fakeNode) {
		waiting := begin(t, m)
		time.Sleep(5 * time.Minute) //nolint:forbidigo // fake time
		for _, tx := range node.all() {
			if tx.GasFeeCap().Int64() > 22*gwei {
				t.Errorf("bid %v", tx.GasFeeCap())
			}
		}
		node.mine(node.all()[0])
		m.heads.put(Head{Number: 1})
		if got := <-waiting; got.err != nil {
			t.Error(got.err)
		}
		node.mu.Lock()
		node.baseFee = 30 * gwei
		node.mu.Unlock()
		var dear *GasPriceError
		if got := <-begin(t, m); !errors.As(got.err, &dear) || dear.Price.Int64() != 31*gwei {
			t.Errorf("gas above the limit: %v", got.err)
		}
	})
}

func TestNonceTakenBySomebodyElse(t *testing.T) {
	inBubble(t, 500*gwei, func(t *testing.T, m *manager, node *fakeNode) {
		waiting := begin(t, m)
		node.mu.Lock()
		node.nonce = 9
		node.mu.Unlock()
		time.Sleep(20 * time.Second) //nolint:forbidigo // fake time
		sent := node.all()
		last := sent[len(sent)-1]
		if last.Nonce() != 9 {
			t.Fatalf("sent again with nonce %d", last.Nonce())
		}
		node.mine(last)
		m.heads.put(Head{Number: 1})
		if got := <-waiting; got.err != nil || got.receipt.TxHash != last.Hash() {
			t.Errorf("%+v", got)
		}
	})
}

func TestRefusalsOfTheNode(t *testing.T) {
	inBubble(t, 500*gwei, func(t *testing.T, m *manager, node *fakeNode) {
		node.refuse = errors.New("nonce too low: next nonce 8, tx nonce 7")
		waiting := begin(t, m)
		node.mine(node.all()[0])
		m.heads.put(Head{Number: 1})
		if got := <-waiting; got.err != nil {
			t.Errorf("after the node's correction: %v", got.err)
		}
		node.refuse = errors.New("insufficient funds for gas * price + value")
		if got := <-begin(t, m); got.err == nil {
			t.Error("insufficient funds went unnoticed")
		}
		waiting = begin(t, m)
		if nonce := node.all()[1].Nonce(); nonce != 8 {
			t.Errorf("a refused transaction left a gap: nonce %d", nonce)
		}
		node.mine(node.all()[1])
		m.heads.put(Head{Number: 2})
		<-waiting
	})
}

func TestStopAnswersEveryVerb(t *testing.T) {
	inBubble(t, 500*gwei, func(t *testing.T, m *manager, node *fakeNode) {
		waiting := begin(t, m)
		node.stop()
		if got := <-waiting; !errors.Is(got.err, ErrStopped) {
			t.Errorf("in flight: %v", got.err)
		}
		if got := <-begin(t, m); !errors.Is(got.err, ErrStopped) {
			t.Errorf("afterwards: %v", got.err)
		}
	})
}
