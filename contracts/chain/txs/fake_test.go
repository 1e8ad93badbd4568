package txs_test

import (
	"context"
	"maps"
	"math/big"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"castnet/contracts/chain/txs"
)

// rpcError is an error object of a node's answer.
type rpcError string

func (e rpcError) Error() string  { return string(e) }
func (e rpcError) ErrorCode() int { return -32000 }

// fakeNode is a node of one account, whose blocks the test makes.
type fakeNode struct {
	mu      sync.Mutex
	first   uint64 // nonce at the beginning
	ahead   uint64 // nonces of foreign transactions
	baseFee int64
	pool    map[uint64]bool
	blocks  [][]*types.Transaction // from block 1 on
	sent    []*types.Transaction
	answer  error // what the next SendTransaction says
	mines   bool  // and does it all the same
	changed chan struct{}
}

func newFakeNode(nonce uint64) *fakeNode {
	return &fakeNode{first: nonce, baseFee: 10 * gwei, pool: make(map[uint64]bool), blocks: make([][]*types.Transaction, 10), changed: make(chan struct{})}
}

func (n *fakeNode) newHead() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

func (n *fakeNode) nonce() uint64 {
	used := n.first + n.ahead
	for _, b := range n.blocks {
		used += uint64(len(b))
	}
	return used
}

func (n *fakeNode) PendingNonceAt(context.Context, common.Address) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	next := n.nonce()
	for n.pool[next] {
		next++
	}
	return next, nil
}

func (n *fakeNode) NonceAt(context.Context, common.Address, *big.Int) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nonce(), nil
}

func (n *fakeNode) SuggestGasTipCap(context.Context) (*big.Int, error) { return big.NewInt(gwei), nil }

func (n *fakeNode) HeaderByNumber(context.Context, *big.Int) (*types.Header, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return &types.Header{Number: big.NewInt(int64(len(n.blocks))), BaseFee: big.NewInt(n.baseFee)}, nil
}

func (n *fakeNode) SendTransaction(_ context.Context, tx *types.Transaction) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.answer; err != nil {
		n.answer = nil
		if n.mines {
			n.mines = false
			n.sent = append(n.sent, tx)
			n.blocks = append(n.blocks, []*types.Transaction{tx})
		}
		return err
	}
	n.sent = append(n.sent, tx)
	n.pool[tx.Nonce()] = true
	return nil
}

func (n *fakeNode) TransactionByHash(_ context.Context, hash common.Hash) (*types.Transaction, bool, error) {
	for _, tx := range n.all() {
		if tx.Hash() == hash {
			return tx, true, nil
		}
	}
	return nil, false, ethereum.NotFound
}

func (n *fakeNode) TransactionReceipt(_ context.Context, hash common.Hash) (*types.Receipt, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, block := range n.blocks {
		for _, tx := range block {
			if tx.Hash() == hash {
				return &types.Receipt{TxHash: hash, Status: types.ReceiptStatusSuccessful, BlockNumber: big.NewInt(int64(i + 1))}, nil
			}
		}
	}
	return nil, ethereum.NotFound
}

// all lists what was sent, in order.
func (n *fakeNode) all() []*types.Transaction {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.sent)
}

// mine makes a block.
func (n *fakeNode) mine(list ...*types.Transaction) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ahead = 0
	n.blocks = append(n.blocks, list)
	close(n.changed)
	n.changed = make(chan struct{})
}

// reorg takes the latest blocks away.
func (n *fakeNode) reorg(depth int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocks = n.blocks[:len(n.blocks)-depth]
}

// forget empties the pool.
func (n *fakeNode) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.pool)
}

// refuse is what the next transaction meets.
func (n *fakeNode) refuse(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = err
}

// mineAndRefuse is what the next transaction meets on a connection that delivers twice.
func (n *fakeNode) mineAndRefuse(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer, n.mines = err, true
}

func (n *fakeNode) setBaseFee(wei int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.baseFee = wei
}

// setNonce pretends that foreign transactions came before it.
func (n *fakeNode) setNonce(nonce uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ahead = 0
	n.ahead = nonce - n.nonce()
}

// memory is a txs.Store that outlives the manager.
type memory struct {
	mu   sync.Mutex
	kept map[uint64]txs.Pending
}

func (s *memory) Pending(context.Context, common.Address) ([]txs.Pending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []txs.Pending
	for _, nonce := range slices.Sorted(maps.Keys(s.kept)) {
		list = append(list, s.kept[nonce])
	}
	return list, nil
}

func (s *memory) Keep(_ context.Context, _ common.Address, p txs.Pending) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[p.Tx.Nonce()] = p
	return nil
}

func (s *memory) Drop(_ context.Context, _ common.Address, nonce uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, nonce)
	return nil
}
