package chain

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/contracts/bindings"
)

// maxAllocated bounds an allocation: sums are 96 bits wide on the chain.
const maxAllocated = 96

// Promise is what an allocation sets apart for one orchestrator.
type Promise struct {
	Recipient common.Address
	Amount    *big.Int // wei
}

// Promises is a Merkle-sum tree of promises, an allocation. Its root, posted by [Broker.Allocate], makes all of them at once; a promise counts
// when its leaf was shown by [Broker.Allot]. The broadcaster hands each recipient its proof.
type Promises struct {
	levels [][]sumNode // the leaves first, the root last
	index  map[common.Address]int
}

// sumNode is a node of the tree: keccak256(0 ‖ recipient ‖ amount) for a leaf, keccak256(1 ‖ left ‖ its sum ‖ right ‖ its sum) for
// the others, sums as 96 bits.
type sumNode struct {
	hash common.Hash
	sum  *big.Int
}

// PromiseProof leads from a promise to the root.
type PromiseProof struct {
	Promise
	Position uint64      // bit i: step i comes from the right
	Path     []ProofStep // from the leaf upwards
}

// ProofStep is the other child of a node on the way up.
type ProofStep struct {
	Hash common.Hash
	Sum  *big.Int // wei
}

// NewPromises builds the tree of some promises, at most one a recipient.
func NewPromises(promises []Promise) (*Promises, error) {
	if len(promises) == 0 {
		return nil, errors.New("chain: an allocation needs a promise")
	}
	a := &Promises{index: make(map[common.Address]int, len(promises))}
	leaves := make([]sumNode, len(promises))
	sum := new(big.Int)
	for i, p := range promises {
		if p.Amount == nil || p.Amount.Sign() <= 0 {
			return nil, fmt.Errorf("chain: allocation: the promise to %v must be positive", p.Recipient)
		}
		if _, twice := a.index[p.Recipient]; twice {
			return nil, fmt.Errorf("chain: allocation: two promises to %v", p.Recipient)
		}
		if sum.Add(sum, p.Amount).BitLen() > maxAllocated {
			return nil, errors.New("chain: allocation: the sum does not fit into 96 bits")
		}
		a.index[p.Recipient] = i
		leaves[i] = sumNode{crypto.Keccak256Hash([]byte{0}, p.Recipient[:], sum96(p.Amount)), p.Amount}
	}
	a.levels = [][]sumNode{leaves}
	for level := leaves; len(level) > 1; {
		var above []sumNode
		for ; len(level) > 1; level = level[2:] {
			above = append(above, join(level[0], level[1]))
		}
		above = append(above, level...) // an odd one goes up as it is
		a.levels = append(a.levels, above)
		level = above
	}
	return a, nil
}

func join(left, right sumNode) sumNode {
	return sumNode{
		hash: crypto.Keccak256Hash([]byte{1}, left.hash[:], sum96(left.sum), right.hash[:], sum96(right.sum)),
		sum:  new(big.Int).Add(left.sum, right.sum),
	}
}

func sum96(v *big.Int) []byte { return v.FillBytes(make([]byte, maxAllocated/8)) }

// Root is the hash to post, and the sum of all promises in wei.
func (a *Promises) Root() (common.Hash, *big.Int) {
	root := a.levels[len(a.levels)-1][0]
	return root.hash, root.sum
}

// Proof leads from a recipient's promise to the root; false if it has none.
func (a *Promises) Proof(recipient common.Address) (PromiseProof, bool) {
	i, ok := a.index[recipient]
	if !ok {
		return PromiseProof{}, false
	}
	proof := PromiseProof{Promise: Promise{recipient, a.levels[0][i].sum}}
	for _, level := range a.levels[:len(a.levels)-1] {
		sibling := i ^ 1
		if sibling < len(level) {
			if i&1 == 1 {
				proof.Position |= 1 << len(proof.Path)
			}
			proof.Path = append(proof.Path, ProofStep{level[sibling].hash, level[sibling].sum})
		}
		i /= 2
	}
	return proof, true
}

// Allocate sets a part of the account's reserve apart for a period, the present or the next, to the promises of an allocation. The
// first allocation of a period takes the place of its equal shares; later ones add. Wei of `add` go into the reserve first; nil for
// none.
func (b *Broker) Allocate(period uint64, a *Promises, add *big.Int) Action {
	root, sum := a.Root()
	action := b.action(b.abi.PackAllocate(period, root, sum))
	action.call.value = orZero(add)
	return action
}

// Allot has a promise counted, which the sender made by its root number `index` of the period. Anyone may call it, once a root.
func (b *Broker) Allot(sender common.Address, period, index uint64, proof PromiseProof) Action {
	path := make([]bindings.ReservesSibling, len(proof.Path))
	for i, step := range proof.Path {
		path[i] = bindings.ReservesSibling{Hash: step.Hash, Sum: step.Sum}
	}
	return b.action(b.abi.PackAllot(sender, period, new(big.Int).SetUint64(index), proof.Recipient, proof.Amount,
		new(big.Int).SetUint64(proof.Position), path))
}
