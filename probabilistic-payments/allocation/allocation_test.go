package allocation_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"castnet/probabilistic-payments/allocation"
)

func wei(v uint64) uint256.Int { return *uint256.NewInt(v) }

func address(n uint64) (a common.Address) {
	binary.BigEndian.PutUint64(a[4:], n*0x9e3779b97f4a7c15)
	return a
}

func shares(n int) []allocation.Share {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	list := make([]allocation.Share, n)
	for i := range list {
		list[i] = allocation.Share{Recipient: address(uint64(i) + 1), Amount: wei(r.Uint64())}
	}
	return list
}

// TestProofs: in trees of every size up to 70, each share's proof leads to the root and its sum, and no changed one does.
func TestProofs(t *testing.T) {
	for n := 1; n <= 70; n++ {
		list := shares(n)
		tree, err := allocation.New(list)
		if err != nil {
			t.Fatal(err)
		}
		root, sum := tree.Root()
		var want uint256.Int
		for _, s := range list {
			want.Add(&want, &s.Amount)
			p, ok := tree.Prove(s.Recipient)
			if !ok || p.Share != s {
				t.Fatalf("no proof for %v of %d", s.Recipient, n)
			}
			if got, total, err := p.Verify(); err != nil || got != root || total != sum {
				t.Fatalf("%d leaves: the proof leads to %v, %v", n, got, err)
			}
			more := p
			more.Amount.AddUint64(&more.Amount, 1)
			if got, _, err := more.Verify(); err == nil && got == root {
				t.Fatal("a larger share is under the root")
			}
		}
		if sum != want {
			t.Fatalf("sum %s, want %s", sum.Dec(), want.Dec())
		}
		if _, ok := tree.Prove(common.Address{0xff}); ok {
			t.Fatal("a proof for somebody else")
		}
	}
}

// TestTwoLeaves holds the hashes to what the contract's comments say, spelled out.
func TestTwoLeaves(t *testing.T) {
	low, high := common.Address{1}, common.Address{2}
	tree, err := allocation.New([]allocation.Share{{high, wei(5)}, {low, wei(3)}})
	if err != nil {
		t.Fatal(err)
	}
	u96 := func(v byte) []byte { return append(make([]byte, 11), v) }
	leaf := func(a common.Address, v byte) []byte { return crypto.Keccak256([]byte{0}, a[:], u96(v)) }
	want := crypto.Keccak256Hash([]byte{1}, leaf(low, 3), u96(3), leaf(high, 5), u96(5))
	if root, sum := tree.Root(); root != want || sum != wei(8) {
		t.Errorf("root %v over %s", root, sum.Dec())
	}
}

func TestWhatCannotBeAllocated(t *testing.T) {
	var most uint256.Int
	most.Lsh(uint256.NewInt(1), 96)
	for name, list := range map[string][]allocation.Share{
		"nobody": nil, "twice": {{common.Address{1}, wei(1)}, {common.Address{1}, wei(2)}}, "too much": {{common.Address{1}, most}},
		"too much together": {{common.Address{1}, *new(uint256.Int).SubUint64(&most, 1)}, {common.Address{2}, wei(1)}},
	} {
		if _, err := allocation.New(list); err == nil {
			t.Errorf("%s: allocated", name)
		}
	}
}

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

func FuzzVerify(f *testing.F) {
	f.Add([]byte{1}, uint64(3), uint64(1))
	f.Fuzz(func(_ *testing.T, path []byte, amount, position uint64) {
		p := allocation.Proof{Share: allocation.Share{Amount: wei(amount)}, Position: position}
		for len(path) >= 8 {
			var s allocation.Sibling
			s.Sum.SetBytes(path[:8])
			s.Sum.Lsh(&s.Sum, uint(path[0]))
			p.Path = append(p.Path, s)
			path = path[8:]
		}
		_, _, _ = p.Verify()
	})
}
