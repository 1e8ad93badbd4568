package allocation_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"castnet/probabilistic-payments/allocation"
)

func wei(v uint64) uint256.Int { return *uint256.NewInt(v) }

func address(n byte) common.Address { return common.Address{n} }

func TestPlan(t *testing.T) {
	wishes := []allocation.Wish{{address(1), wei(10)}, {address(2), wei(30)}, {address(3), uint256.Int{}}}
	amounts := func(free, least uint64, wishes []allocation.Wish) map[common.Address]uint64 {
		got := make(map[common.Address]uint64)
		sum := uint64(0)
		for _, s := range allocation.Plan(wei(free), wei(least), wishes) {
			got[s.Recipient] = s.Amount.Uint64()
			sum += s.Amount.Uint64()
		}
		if sum > free {
			t.Errorf("%d of %d wei are planned", sum, free)
		}
		return got
	}
	got := amounts(1000, 100, wishes)
	if got[address(1)] != 275 || got[address(2)] != 625 || got[address(3)] != 100 {
		t.Errorf("%v", got)
	}
	if got = amounts(250, 100, wishes); len(got) != 2 || got[address(2)] != 137 {
		t.Errorf("not enough for all: %v", got)
	}
	if got = amounts(99, 100, wishes); len(got) != 0 {
		t.Errorf("not enough for anybody: %v", got)
	}
	if got = amounts(90, 0, wishes[2:]); got[address(3)] != 90 {
		t.Errorf("no weights: %v", got)
	}
}
