package chain

import (
	"context"
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

// price is what to bid at present: twice the base fee, so that it holds for some full blocks, and the node's idea of a tip.
func (m *manager) price(ctx context.Context) (bid, error) {
	header, err := m.node.HeaderByNumber(ctx, nil)
	if err != nil {
		return bid{}, fmt.Errorf("base fee: %w", err)
	}
	tip, err := m.node.SuggestGasTipCap(ctx)
	if err != nil {
		return bid{}, fmt.Errorf("tip: %w", err)
	}
	needed := new(big.Int).Add(header.BaseFee, tip)
	if needed.Cmp(m.cfg.MaxGasPrice) > 0 {
		return bid{}, &GasPriceError{Price: needed, Max: m.cfg.MaxGasPrice}
	}
	limit := needed.Add(needed, header.BaseFee)
	limit = smaller(larger(limit, m.cfg.GasPriceFloor), m.cfg.MaxGasPrice)
	return bid{tip: smaller(tip, limit), limit: limit}, nil
}

// raise is a bid that replaces old: at least 12.5 % above it (nodes ask for 10 %), and what the market wants.
func (m *manager) raise(ctx context.Context, old bid) (bid, error) {
	market, err := m.price(ctx)
	if err != nil {
		return bid{}, err
	}
	raised := bid{tip: larger(market.tip, eighthMore(old.tip)), limit: larger(market.limit, eighthMore(old.limit))}
	if raised.limit.Cmp(m.cfg.MaxGasPrice) > 0 {
		return bid{}, &GasPriceError{Price: raised.limit, Max: m.cfg.MaxGasPrice}
	}
	return raised, nil
}

// eighthMore is v · 9/8, rounded up, and at least one more.
func eighthMore(v *big.Int) *big.Int {
	more := new(big.Int).Rsh(v, 3)
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
