package txs

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// fillLimit bounds how many missing nonces are filled at one time.
const fillLimit = 16

// transferGas is what a transaction without a call needs.
const transferGas = 21_000

// TakenError says that a transaction of somebody else has the nonce, so that ours never takes effect.
type TakenError struct {
	Nonce uint64
	Tx    common.Hash // ours
}

// Error says what to do.
func (e *TakenError) Error() string {
	return fmt.Sprintf("chain: transaction %v did not take effect: another one has its nonce %d: does a second program use the account? "+
		"Look whether it is still needed, then try again", e.Tx, e.Nonce)
}

// settle ends the flights that are final.
func (m *Manager) settle(ctx context.Context) {
	if len(m.flying) == 0 {
		return
	}
	head, err := m.cfg.Node.HeaderByNumber(ctx, nil)
	if err != nil {
		m.cfg.Log.Debug("no answer about the head", "error", err)
		return
	}
	m.flying = slices.DeleteFunc(m.flying, func(f *flight) bool {
		receipt, err := m.receipt(ctx, f)
		if err != nil {
			m.cfg.Log.Debug("no answer about a transaction", "tx", f.Tx.Hash(), "error", err)
			return false
		}
		if receipt == nil || !m.final(receipt, head.Number) {
			return false
		}
		m.finish(ctx, f, result{receipt: receipt})
		return true
	})
}

// final tells whether a receipt has its confirmations.
func (m *Manager) final(receipt *types.Receipt, head *big.Int) bool {
	if receipt.BlockNumber == nil {
		return false
	}
	depth := new(big.Int).Sub(head, receipt.BlockNumber)
	return depth.Cmp(new(big.Int).SetUint64(m.cfg.Confirmations-1)) >= 0
}

// receipt is that of whichever version got into a block, nil while none has.
func (m *Manager) receipt(ctx context.Context, f *flight) (*types.Receipt, error) {
	hashes := append(slices.Clone(f.Older), f.Tx.Hash())
	for _, hash := range slices.Backward(hashes) {
		receipt, err := m.cfg.Node.TransactionReceipt(ctx, hash)
		if err == nil {
			return receipt, nil
		}
		if !errors.Is(err, ethereum.NotFound) {
			return nil, err
		}
	}
	return nil, nil
}

// finish forgets a flight and answers who waits for it.
func (m *Manager) finish(ctx context.Context, f *flight, r result) {
	outcome := "mined"
	switch {
	case r.err != nil:
		outcome = "failed"
	case r.receipt.Status != types.ReceiptStatusSuccessful:
		outcome = "reverted"
	}
	m.metrics.transactions.WithLabelValues(outcome).Inc()
	if err := m.drop(ctx, f); err != nil {
		m.cfg.Log.Error("a final transaction stays in the store", "tx", f.Tx.Hash(), "error", err)
	}
	if f.orphan {
		m.ended = append(m.ended, orphaned{tx: f.Tx, result: r})
	}
	f.answer(r)
}

// chase repeats what has waited for too long: with a higher fee what is next in the account's line, as it is what is behind. It also
// finds the flights that lost their nonce, and the nonces that are missing.
func (m *Manager) chase(ctx context.Context) {
	if !slices.ContainsFunc(m.flying, m.overdue) {
		return
	}
	used, err := m.cfg.Node.NonceAt(ctx, m.cfg.Account, nil)
	if err != nil {
		m.cfg.Log.Debug("no answer about the nonce", "error", err)
		return
	}
	m.flying = slices.DeleteFunc(m.flying, func(f *flight) bool {
		return m.overdue(f) && f.nonce() < used && m.lost(ctx, f)
	})
	for _, f := range m.flying {
		switch {
		case !m.overdue(f) || f.nonce() < used:
		case f.nonce() > used:
			m.repeat(ctx, f)
		default:
			if err := m.raise(ctx, f); err != nil {
				m.cfg.Log.Warn("a transaction waits", "tx", f.Tx.Hash(), "nonce", f.nonce(), "error", err)
			}
		}
	}
	if len(m.flying) > 0 && m.flying[0].nonce() > used {
		m.fill(ctx, m.flying[0].nonce())
	}
}

func (m *Manager) overdue(f *flight) bool { return time.Since(f.sentAt) >= m.cfg.ResubmitAfter }

// lost tells whether a flight's nonce went to somebody else's transaction, and ends it then. A node may know the nonce before the
// receipt; so it must say the same for a while, and about a block that is final.
func (m *Manager) lost(ctx context.Context, f *flight) bool {
	receipt, err := m.receipt(ctx, f)
	if err != nil || receipt != nil {
		f.lostAt = time.Time{}
		return false
	}
	if f.lostAt.IsZero() {
		f.lostAt = time.Now()
	}
	if time.Since(f.lostAt) < m.cfg.ResubmitAfter {
		return false
	}
	head, err := m.cfg.Node.HeaderByNumber(ctx, nil)
	if err != nil || head.Number.Cmp(new(big.Int).SetUint64(m.cfg.Confirmations)) < 0 {
		return false
	}
	finalBlock := new(big.Int).Sub(head.Number, new(big.Int).SetUint64(m.cfg.Confirmations-1))
	used, err := m.cfg.Node.NonceAt(ctx, m.cfg.Account, finalBlock)
	if err != nil || used <= f.nonce() {
		return false
	}
	m.cfg.Log.Warn("another transaction took the nonce: is the account used twice?", "tx", f.Tx.Hash(), "nonce", f.nonce())
	m.finish(ctx, f, result{err: &TakenError{Nonce: f.nonce(), Tx: f.Tx.Hash()}})
	return true
}

// raise sends a version with a higher fee; at the limit, the same version again.
func (m *Manager) raise(ctx context.Context, f *flight) error {
	f.sentAt = time.Now()
	old := bid{tip: f.Tx.GasTipCap(), limit: f.Tx.GasFeeCap()}
	offer, err := m.outbid(ctx, old)
	if dear := (*GasPriceError)(nil); errors.As(err, &dear) {
		if !f.warned {
			f.warned = true
			m.cfg.Log.Warn("a transaction waits", "tx", f.Tx.Hash(), "nonce", f.nonce(), "error", dear)
		}
		m.repeat(ctx, f)
		return nil
	}
	if err != nil {
		return err
	}
	call := Call{To: f.Tx.To(), Data: f.Tx.Data(), Value: f.Tx.Value(), Gas: f.Tx.Gas()}
	tx, err := m.sign(ctx, call, f.nonce(), offer)
	if err != nil {
		return err
	}
	before := f.Pending
	f.Pending = Pending{Tx: tx, Older: append(slices.Clone(before.Older), before.Tx.Hash())}
	if err := m.keep(ctx, f); err != nil {
		f.Pending = before
		return err
	}
	m.metrics.resubmitted.Inc()
	m.cfg.Log.Info("raised a waiting transaction's fee", "tx", tx.Hash(), "nonce", f.nonce(), "limit_wei", offer.limit)
	return m.cfg.Node.SendTransaction(ctx, tx)
}

// fill sends transfers of nothing under the nonces below `until` that no transaction has: a chain that came back without what it had
// confirmed would otherwise wait for them for ever.
func (m *Manager) fill(ctx context.Context, until uint64) {
	pending, err := m.cfg.Node.PendingNonceAt(ctx, m.cfg.Account)
	if err != nil || pending >= until {
		return
	}
	offer, err := m.price(ctx)
	if err != nil {
		m.cfg.Log.Warn("missing nonces are not filled", "error", err)
		return
	}
	m.cfg.Log.Warn("the chain has lost transactions of this account; filling their nonces", "from", pending, "until", until)
	for nonce := pending; nonce < min(until, pending+fillLimit); nonce++ {
		f := &flight{sentAt: time.Now()}
		if f.Tx, err = m.sign(ctx, Call{To: &m.cfg.Account, Gas: transferGas}, nonce, offer); err != nil {
			m.cfg.Log.Warn("missing nonces are not filled", "error", err)
			return
		}
		if err := m.keep(ctx, f); err != nil {
			m.cfg.Log.Warn("missing nonces are not filled", "error", err)
			return
		}
		m.flying = append(m.flying, f)
		m.repeat(ctx, f)
	}
	slices.SortFunc(m.flying, func(a, b *flight) int { return int(int64(a.nonce() - b.nonce())) })
}
