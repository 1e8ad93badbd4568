package redeeming

import (
	"math/big"
	"testing"

	"github.com/holiman/uint256"
)

// TestGasSharesAddUp: what a transaction cost is divided to the wei, whatever it paid.
func TestGasSharesAddUp(t *testing.T) {
	for _, c := range []struct {
		cost int64
		paid []uint
	}{{0, []uint{4}}, {7, []uint{4}}, {100, []uint{1, 5, 9}}, {101, []uint{1, 5, 9}}, {2, []uint{3, 4, 5}}} {
		var sum uint256.Int
		for _, share := range gasShares(big.NewInt(c.cost), c.paid) {
			sum.Add(&sum, &share)
		}
		if sum != *uint256.NewInt(uint64(c.cost)) {
			t.Errorf("%d wei among %d payments add up to %s", c.cost, len(c.paid), sum.Dec())
		}
	}
	if shares := gasShares(big.NewInt(5), nil); len(shares) != 0 {
		t.Errorf("%v", shares)
	}
}
