package eip712_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"castnet/internal/eip712"
)

// TestWordsMatchABI: for atomic members EIP-712's encodeData is the ABI encoding.
func TestWordsMatchABI(t *testing.T) {
	kinds := []string{"bytes32", "bytes32", "address", "uint64", "int64", "uint256"}
	var arguments abi.Arguments
	for _, kind := range kinds {
		typ, err := abi.NewType(kind, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, abi.Argument{Type: typ})
	}
	var most uint256.Int
	most.SetAllOne()
	for _, c := range []struct {
		u uint64
		i int64
		w uint256.Int
	}{{0, 0, uint256.Int{}}, {1, -1, *uint256.NewInt(7)}, {math.MaxUint64, math.MinInt64, most}, {1 << 63, math.MaxInt64, uint256.Int{1, 2, 3, 4}}} {
		packed, err := arguments.Pack(common.Hash{1}, common.Hash{2}, common.Address{3}, c.u, c.i, c.w.ToBig())
		if err != nil {
			t.Fatal(err)
		}
		e := eip712.New(common.Hash{1})
		e.Hash(common.Hash{2})
		e.Address(common.Address{3})
		e.Uint64(c.u)
		e.Int64(c.i)
		e.Uint256(&c.w)
		if got, want := e.Sum(), crypto.Keccak256Hash(packed); got != want {
			t.Errorf("%+v: %s, want %s", c, got, want)
		}
	}
}

func TestArrayHasNoTypeHash(t *testing.T) {
	e := eip712.NewArray(2)
	e.Uint64(1)
	e.Uint64(2)
	want := crypto.Keccak256Hash(common.BigToHash(big.NewInt(1)).Bytes(), common.BigToHash(big.NewInt(2)).Bytes())
	if got := e.Sum(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestDomainsDiffer(t *testing.T) {
	a := eip712.NewDomain(1, common.Address{1})
	for _, b := range []eip712.Domain{eip712.NewDomain(2, common.Address{1}), eip712.NewDomain(1, common.Address{2})} {
		if a == b || a.Digest(common.Hash{}) == b.Digest(common.Hash{}) {
			t.Error("two domains, one digest")
		}
	}
	if a.ChainID() != 1 || a.Contract() != (common.Address{1}) {
		t.Errorf("%+v", a)
	}
}

func BenchmarkDigest(b *testing.B) {
	d := eip712.NewDomain(1, common.Address{1})
	b.ReportAllocs()
	for range b.N {
		e := eip712.New(common.Hash{1})
		for range 10 {
			e.Uint64(1)
		}
		d.Digest(e.Sum())
	}
}
