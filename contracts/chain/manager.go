package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// backend is what the manager asks of a node.
type backend interface {
	PendingNonceAt(ctx context.Context, account common.Address) (uint64, error)
	NonceAt(ctx context.Context, account common.Address, block *big.Int) (uint64, error)
	SuggestGasTipCap(ctx context.Context) (*big.Int, error)
	HeaderByNumber(ctx context.Context, number *big.Int) (*types.Header, error)
	SendTransaction(ctx context.Context, tx *types.Transaction) error
	TransactionReceipt(ctx context.Context, hash common.Hash) (*types.Receipt, error)
}

// manager sends one account's transactions. A single goroutine owns the nonce and everything in flight; each transaction is
// followed until one of its versions is in a block, its fee rising while it waits.
type manager struct {
	node     backend
	signer   Signer
	rules    types.Signer // how the chain hashes transactions
	chainID  *big.Int
	cfg      Config
	heads    *latest[Head]
	metrics  *metrics
	done     <-chan struct{}
	requests chan *request

	next   uint64     // nonce, while synced
	synced bool       // next is known; else the node is asked
	flying []*request // what has no receipt yet
}

// request is one transaction from the verb's call to its receipt.
type request struct {
	call   call
	gas    uint64
	result chan result // buffered: the verb may have gone

	nonce    uint64
	bid      bid
	versions []common.Hash // every transaction that was sent under this nonce
	sentAt   time.Time
}

type result struct {
	receipt *types.Receipt
	err     error
}

func newManager(c *Client) *manager {
	id := new(big.Int).SetUint64(c.cfg.Addresses.ChainID)
	return &manager{
		node: c.eth, signer: c.cfg.Signer, rules: types.LatestSignerForChainID(id), chainID: id, cfg: c.cfg,
		heads: c.heads, metrics: c.metrics, done: c.done, requests: make(chan *request),
	}
}

// send hands a transaction over and waits until it is in a block. When ctx ends first the transaction may still get there.
func (m *manager) send(ctx context.Context, what call, gas uint64) (*types.Receipt, error) {
	r := &request{call: what, gas: gas, result: make(chan result, 1)}
	select {
	case m.requests <- r:
	case <-ctx.Done():
		return nil, fmt.Errorf("chain: not sent: %w", ctx.Err())
	case <-m.done:
		return nil, ErrStopped
	}
	select {
	case got := <-r.result:
		return got.receipt, got.err
	case <-ctx.Done():
		return nil, fmt.Errorf("chain: sent, but not yet in a block: %w", ctx.Err())
	}
}

// run is the goroutine that owns the manager.
func (m *manager) run(ctx context.Context) error {
	defer m.abandon()
	overdue := time.NewTicker(max(m.cfg.ResubmitAfter/4, time.Millisecond))
	defer overdue.Stop()
	_, _, changed := m.heads.get()
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-m.requests:
			m.accept(ctx, r)
		case <-changed:
			_, _, changed = m.heads.get()
			m.settle(ctx)
		case <-overdue.C:
			m.settle(ctx)
			m.chase(ctx)
		}
		m.metrics.pending.Set(float64(len(m.flying)))
	}
}

// abandon tells every waiting verb that nobody follows its transaction any more.
func (m *manager) abandon() {
	for _, r := range m.flying {
		r.result <- result{err: fmt.Errorf("%w: transaction %v may still get into a block", ErrStopped, r.versions)}
	}
	m.flying = nil
}

// accept gives a request its nonce and sends it.
func (m *manager) accept(ctx context.Context, r *request) {
	m.synced = m.synced && len(m.flying) > 0
	offer, err := m.price(ctx)
	if err == nil {
		r.bid = offer
		err = m.launch(ctx, r)
	}
	if err != nil {
		m.finish(r, nil, fmt.Errorf("chain: not sent: %w", err))
		return
	}
	m.flying = append(m.flying, r)
}

// launch sends r under the account's next nonce; if the node knows better which that is, under the node's.
func (m *manager) launch(ctx context.Context, r *request) error {
	const tries = 3
	var err error
	for range tries {
		if !m.synced {
			if m.next, err = m.node.PendingNonceAt(ctx, m.signer.Address()); err != nil {
				return err
			}
			m.synced = true
		}
		r.nonce, r.versions = m.next, nil
		if err = m.dispatch(ctx, r); err == nil {
			m.next++
			return nil
		}
		if !says(err, "nonce too low") && !says(err, "underpriced") {
			return err
		}
		m.synced = false
	}
	return err
}

// dispatch signs r with its nonce and bid and gives it to the node.
func (m *manager) dispatch(ctx context.Context, r *request) error {
	unsigned := types.NewTx(&types.DynamicFeeTx{
		ChainID: m.chainID, Nonce: r.nonce, GasTipCap: r.bid.tip, GasFeeCap: r.bid.limit,
		Gas: r.gas, To: r.call.to, Value: r.call.value, Data: r.call.data,
	})
	tx, err := m.sign(ctx, unsigned)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if err := m.node.SendTransaction(ctx, tx); err != nil && !says(err, "already known") {
		return err
	}
	r.versions = append(r.versions, tx.Hash())
	r.sentAt = time.Now()
	return nil
}

// sign signs a transaction, by its hash alone unless the signer wants to see all of it.
func (m *manager) sign(ctx context.Context, unsigned *types.Transaction) (*types.Transaction, error) {
	if whole, ok := m.signer.(TransactionSigner); ok {
		return whole.SignTransaction(ctx, unsigned, m.chainID)
	}
	signature, err := m.signer.SignHash(m.rules.Hash(unsigned))
	if err != nil {
		return nil, err
	}
	return unsigned.WithSignature(m.rules, signature)
}

// settle looks for the receipts of everything in flight.
func (m *manager) settle(ctx context.Context) {
	m.flying = slices.DeleteFunc(m.flying, func(r *request) bool {
		receipt, err := m.receipt(ctx, r)
		if err != nil {
			m.cfg.Log.Debug("no answer about a transaction", "nonce", r.nonce, "error", err)
			return false
		}
		if receipt == nil {
			return false
		}
		m.finish(r, receipt, nil)
		return true
	})
}

// receipt is that of whichever version got into a block, nil while none has.
func (m *manager) receipt(ctx context.Context, r *request) (*types.Receipt, error) {
	for _, hash := range slices.Backward(r.versions) {
		receipt, err := m.node.TransactionReceipt(ctx, hash)
		if err == nil {
			return receipt, nil
		}
		if !errors.Is(err, ethereum.NotFound) && !says(err, "indexing is in progress") {
			return nil, err
		}
	}
	return nil, nil
}

// chase raises the fee of what has waited for too long, and moves what lost its nonce to somebody else's transaction.
func (m *manager) chase(ctx context.Context) {
	for _, r := range m.flying {
		if time.Since(r.sentAt) < m.cfg.ResubmitAfter {
			continue
		}
		if err := m.revive(ctx, r); err != nil {
			m.cfg.Log.Warn("a transaction waits", "nonce", r.nonce, "since", r.sentAt, "error", err)
			r.sentAt = time.Now()
		}
	}
}

func (m *manager) revive(ctx context.Context, r *request) error {
	used, err := m.node.NonceAt(ctx, m.signer.Address(), nil)
	if err != nil {
		return err
	}
	if used > r.nonce {
		// Whatever used the nonce is in a block: ours, then its receipt is there, or a foreign one, then ours never will be.
		if receipt, err := m.receipt(ctx, r); receipt != nil || err != nil {
			return err
		}
		m.cfg.Log.Warn("another transaction took the nonce: is the account used twice?", "nonce", r.nonce)
		m.synced = false
		return m.launch(ctx, r)
	}
	offer, err := m.raise(ctx, r.bid)
	if err != nil {
		return err
	}
	previous := r.bid
	r.bid = offer
	if err := m.dispatch(ctx, r); err != nil {
		r.bid = previous
		return err
	}
	m.metrics.resubmitted.Inc()
	m.cfg.Log.Info("raised a waiting transaction's fee", "nonce", r.nonce, "limit_wei", r.bid.limit, slog.Int("attempt", len(r.versions)))
	return nil
}

// finish answers the verb.
func (m *manager) finish(r *request, receipt *types.Receipt, err error) {
	outcome := "mined"
	switch {
	case err != nil:
		outcome = "failed"
	case receipt.Status != types.ReceiptStatusSuccessful:
		outcome = "reverted"
	}
	m.metrics.transactions.WithLabelValues(outcome).Inc()
	r.result <- result{receipt: receipt, err: err}
}

// says tells whether a node's error speaks of something; over JSON-RPC its text is all there is.
func says(err error, what string) bool { return strings.Contains(err.Error(), what) }
