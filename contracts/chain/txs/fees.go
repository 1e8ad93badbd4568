package txs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
)

// bid is what a transaction offers per gas (EIP-1559), in wei.
type bid struct {
	tip   *big.Int // to the block's maker
	limit *big.Int // in all
}

// GasPriceError says that gas costs more than the configuration allows to pay.
type GasPriceError struct {
	Price *big.Int // wei per gas that inclusion takes at present
	Max   *big.Int // Config.MaxGasPrice
}

// Error names the knob.
func (e *GasPriceError) Error() string {
	return fmt.Sprintf("gas costs %v wei, MaxGasPrice allows %v: raise it or wait", e.Price, e.Max)
}

// markBits are those of the wei per gas that a manager adds to its bids.
const markBits = 20

// newMark is some wei per gas at random. Two programs with one account that ask for the same at the same time would else sign the same
// bytes, and each would take the other's transaction for its own.
func newMark() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), markBits))
}

// price is what to bid at present: twice the base fee, so that it holds for some full blocks, and the node's idea of a tip.
func (m *Manager) price(ctx context.Context) (bid, error) {
	header, err := m.cfg.Node.HeaderByNumber(ctx, nil)
	if err != nil {
		return bid{}, fmt.Errorf("base fee: %w", err)
	}
	if header.BaseFee == nil {
		return bid{}, errors.New("the chain has no base fee: one with EIP-1559 is needed")
	}
	tip, err := m.cfg.Node.SuggestGasTipCap(ctx)
	if err != nil {
		return bid{}, fmt.Errorf("tip: %w", err)
	}
	needed := new(big.Int).Add(header.BaseFee, tip)
	if needed.Cmp(m.cfg.MaxGasPrice) > 0 {
		return bid{}, &GasPriceError{Price: needed, Max: m.cfg.MaxGasPrice}
	}
	limit := larger(needed.Add(needed, header.BaseFee), m.cfg.GasPriceFloor)
	limit = smaller(new(big.Int).Add(limit, m.mark), m.cfg.MaxGasPrice)
	return bid{tip: smaller(tip.Add(tip, m.mark), limit), limit: limit}, nil
}

// outbid is a bid that replaces old: at least a tenth above it, as nodes ask, better an eighth, and what the market wants. Where
// MaxGasPrice does not allow that it is a *GasPriceError.
func (m *Manager) outbid(ctx context.Context, old bid) (bid, error) {
	market, err := m.price(ctx)
	if err != nil {
		return bid{}, err
	}
	wanted := bid{tip: larger(market.tip, moreBy(old.tip, 8)), limit: larger(market.limit, moreBy(old.limit, 8))}
	offer := bid{tip: smaller(wanted.tip, m.cfg.MaxGasPrice), limit: smaller(wanted.limit, m.cfg.MaxGasPrice)}
	if offer.limit.Cmp(moreBy(old.limit, 10)) < 0 || offer.tip.Cmp(moreBy(old.tip, 10)) < 0 {
		return bid{}, &GasPriceError{Price: wanted.limit, Max: m.cfg.MaxGasPrice}
	}
	return offer, nil
}

// moreBy is v and an n-th of it, rounded up, and at least one more.
func moreBy(v *big.Int, n int64) *big.Int {
	more := new(big.Int).Div(v, big.NewInt(n))
	more.Add(more, big.NewInt(1))
	return more.Add(more, v)
}

func larger(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}

func smaller(a, b *big.Int) *big.Int {
	if a.Cmp(b) > 0 {
		return b
	}
	return a
}
