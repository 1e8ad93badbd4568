package txs

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// accept gives a request its transaction: one that an earlier process left, or a new one.
func (m *Manager) accept(ctx context.Context, r *request) {
	if m.adopt(r) {
		return
	}
	offer, err := m.price(ctx)
	if err == nil {
		err = m.launch(ctx, r, offer)
	}
	if err != nil {
		m.metrics.transactions.WithLabelValues("failed").Inc()
		r.result <- result{err: fmt.Errorf("chain: not sent: %w", err)}
	}
}

// adopt lets a request continue what an earlier process began.
func (m *Manager) adopt(r *request) bool {
	for i, o := range m.ended {
		if r.call.Does(o.tx) {
			m.ended = slices.Delete(m.ended, i, i+1)
			r.result <- o.result
			return true
		}
	}
	for _, f := range m.flying {
		if f.orphan && r.call.Does(f.Tx) {
			f.orphan, f.waiting = false, r.result
			m.cfg.Log.Info("continuing a transaction of an earlier run", "tx", f.Tx.Hash(), "nonce", f.nonce())
			return true
		}
	}
	return false
}

// launch sends a request under the account's next nonce; if the node knows better which that is, under the node's.
func (m *Manager) launch(ctx context.Context, r *request, offer bid) error {
	const tries = 3
	var err error
	for range tries {
		if err = m.sync(ctx); err != nil {
			return err
		}
		f := &flight{waiting: r.result}
		if f.Tx, err = m.sign(ctx, r.call, m.next, offer); err != nil {
			return err
		}
		if err = m.keep(ctx, f); err != nil {
			return err
		}
		err = m.cfg.Node.SendTransaction(ctx, f.Tx)
		if err == nil || !refused(err) || m.has(ctx, f) {
			// Whether the node has it or not, from now on it is followed and repeated.
			m.next++
			f.sentAt = time.Now()
			m.flying = append(m.flying, f)
			if err != nil {
				m.cfg.Log.Warn("no answer to a transaction; it is sent again", "tx", f.Tx.Hash(), "nonce", f.nonce(), "error", err)
			}
			return nil
		}
		if dropErr := m.drop(ctx, f); dropErr != nil {
			return errors.Join(err, dropErr)
		}
		m.synced = false
		if !says(err, "nonce too low") && !says(err, "underpriced") {
			return err
		}
	}
	return err
}

// has tells whether a node has a transaction that it refuses, or may have it: a request that reaches the node twice is refused the
// second time, because it was taken, or mined, the first time.
func (m *Manager) has(ctx context.Context, f *flight) bool {
	_, _, err := m.cfg.Node.TransactionByHash(ctx, f.Tx.Hash())
	return !errors.Is(err, ethereum.NotFound)
}

// sync finds the next nonce, unless it is known because transactions of ours are in flight.
func (m *Manager) sync(ctx context.Context) error {
	if m.synced && len(m.flying) > 0 {
		return nil
	}
	pending, err := m.cfg.Node.PendingNonceAt(ctx, m.cfg.Account)
	if err != nil {
		return fmt.Errorf("nonce of %v: %w", m.cfg.Account, err)
	}
	m.next, m.synced = pending, true
	if n := len(m.flying); n > 0 {
		m.next = max(pending, m.flying[n-1].nonce()+1)
	}
	return nil
}

func (m *Manager) sign(ctx context.Context, what Call, nonce uint64, offer bid) (*types.Transaction, error) {
	signed, err := m.cfg.Sign(ctx, types.NewTx(&types.DynamicFeeTx{
		ChainID: new(big.Int).SetUint64(m.cfg.ChainID), Nonce: nonce, GasTipCap: offer.tip, GasFeeCap: offer.limit,
		Gas: what.Gas, To: what.To, Value: what.Value, Data: what.Data,
	}))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signed, nil
}

// keep stores a flight. Stored money does not depend on a node's patience.
func (m *Manager) keep(ctx context.Context, f *flight) error {
	if m.cfg.Store == nil {
		return nil
	}
	return m.cfg.Store.Keep(context.WithoutCancel(ctx), m.cfg.Account, f.Pending)
}

func (m *Manager) drop(ctx context.Context, f *flight) error {
	if m.cfg.Store == nil {
		return nil
	}
	return m.cfg.Store.Drop(context.WithoutCancel(ctx), m.cfg.Account, f.nonce())
}

// repeat gives the node the same bytes once more.
func (m *Manager) repeat(ctx context.Context, f *flight) {
	f.sentAt = time.Now()
	if err := m.cfg.Node.SendTransaction(ctx, f.Tx); err != nil {
		m.cfg.Log.Debug("a transaction was not taken again", "tx", f.Tx.Hash(), "nonce", f.nonce(), "error", err)
	}
}

// refused tells a node's definite no from the lack of an answer, after which it may have the transaction all the same.
func refused(err error) bool {
	var answer rpc.Error // an error object inside a JSON-RPC response
	return errors.As(err, &answer) && !says(err, "limit") && !says(err, "timeout") && !says(err, "timed out")
}

// says tells whether a node's error speaks of something; over JSON-RPC its text is all there is.
func says(err error, what string) bool { return strings.Contains(err.Error(), what) }
