// Package allocation prepares the Merkle-sum roots by which a sender promises parts of its reserve to recipients of its
// choice, instead of the equal share for everybody: what to promise to whom, the root, and each recipient's proof.
package allocation

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// The first byte of what is hashed.
const (
	leafTag = 0
	nodeTag = 1
)

// sumBytes is the width of sums in the contract: uint96.
const sumBytes = 12

// Share is what is promised to one recipient, in wei.
type Share struct {
	Recipient common.Address
	Amount    uint256.Int
}

// Sibling is one step of the way from a leaf to the root: the other child.
type Sibling struct {
	Hash common.Hash
	Sum  uint256.Int
}

// Proof shows that a share is under a root; the TicketBroker's allot takes it.
type Proof struct {
	Share
	// Position has bit i set where step i of the way up comes from the right.
	Position uint64
	Path     []Sibling
}

// Tree is an allocation: leaves by recipient, sums all the way up. Levels are from the leaves to the root; an odd node at
// the end of a level goes up as it is.
type Tree struct {
	shares []Share
	levels [][]Sibling
}

// New builds the tree over shares, which are sorted by recipient. A recipient may appear once; all amounts together must
// fit into 96 bits.
func New(shares []Share) (*Tree, error) {
	if len(shares) == 0 {
		return nil, errors.New("an allocation to nobody")
	}
	sorted := slices.Clone(shares)
	slices.SortFunc(sorted, func(a, b Share) int { return a.Recipient.Cmp(b.Recipient) })
	var total uint256.Int
	level := make([]Sibling, len(sorted))
	for i := range sorted {
		s := &sorted[i]
		if i > 0 && s.Recipient == sorted[i-1].Recipient {
			return nil, fmt.Errorf("%s is in the allocation twice", s.Recipient)
		}
		if _, overflow := total.AddOverflow(&total, &s.Amount); overflow || total.BitLen() > 8*sumBytes {
			return nil, errors.New("the allocation's sum does not fit into 96 bits of wei")
		}
		level[i] = Sibling{leaf(s), s.Amount}
	}
	t := &Tree{shares: sorted, levels: [][]Sibling{level}}
	for len(level) > 1 {
		level = parents(level)
		t.levels = append(t.levels, level)
	}
	return t, nil
}

// leaf is keccak256(0 ‖ recipient ‖ amount u96).
func leaf(s *Share) common.Hash {
	b := make([]byte, 0, 1+common.AddressLength+sumBytes)
	b = append(b, leafTag)
	b = append(b, s.Recipient[:]...)
	return crypto.Keccak256Hash(appendSum(b, &s.Amount))
}

// node is keccak256(1 ‖ left ‖ left sum u96 ‖ right ‖ right sum u96), its sum that of both.
func node(left, right *Sibling) Sibling {
	b := make([]byte, 0, 1+2*(common.HashLength+sumBytes))
	b = append(b, nodeTag)
	b = append(b, left.Hash[:]...)
	b = appendSum(b, &left.Sum)
	b = append(b, right.Hash[:]...)
	b = appendSum(b, &right.Sum)
	n := Sibling{Hash: crypto.Keccak256Hash(b)}
	n.Sum.Add(&left.Sum, &right.Sum)
	return n
}

func appendSum(b []byte, v *uint256.Int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(v[1]))
	return binary.BigEndian.AppendUint64(b, v[0])
}

func parents(level []Sibling) []Sibling {
	up := make([]Sibling, 0, (len(level)+1)/2)
	for i := 0; i+1 < len(level); i += 2 {
		up = append(up, node(&level[i], &level[i+1]))
	}
	if len(level)%2 == 1 {
		up = append(up, level[len(level)-1])
	}
	return up
}

// Root is the root's hash and sum: what allocate takes.
func (t *Tree) Root() (common.Hash, uint256.Int) {
	top := &t.levels[len(t.levels)-1][0]
	return top.Hash, top.Sum
}

// Prove returns the proof of a recipient's share; false where it has none.
func (t *Tree) Prove(recipient common.Address) (Proof, bool) {
	at, ok := slices.BinarySearchFunc(t.shares, recipient, func(s Share, a common.Address) int { return s.Recipient.Cmp(a) })
	if !ok {
		return Proof{}, false
	}
	p := Proof{Share: t.shares[at]}
	for _, level := range t.levels[:len(t.levels)-1] {
		other := at ^ 1
		if other < len(level) {
			p.Position |= uint64(at&1) << len(p.Path)
			p.Path = append(p.Path, level[other])
		}
		at /= 2
	}
	return p, true
}

// maxPath bounds a proof: more recipients than 2^32 there are not.
const maxPath = 32

// Verify returns the root that a proof leads to, as the contract computes it.
func (p *Proof) Verify() (root common.Hash, sum uint256.Int, err error) {
	if len(p.Path) > maxPath || bits.Len64(p.Position) > len(p.Path) || p.Amount.BitLen() > 8*sumBytes {
		return root, sum, errors.New("malformed proof of an allocation")
	}
	at := Sibling{leaf(&p.Share), p.Amount}
	for i := range p.Path {
		if p.Path[i].Sum.BitLen() > 8*sumBytes {
			return root, sum, errors.New("malformed proof of an allocation")
		}
		if p.Position>>i&1 == 0 {
			at = node(&at, &p.Path[i])
		} else {
			at = node(&p.Path[i], &at)
		}
		if at.Sum.BitLen() > 8*sumBytes {
			return root, sum, errors.New("the sums of a proof exceed 96 bits")
		}
	}
	return at.Hash, at.Sum, nil
}

// Wish is a recipient that a sender wants to be able to use, and how much it expects to.
type Wish struct {
	Recipient common.Address
	// Weight is its part of what is left once everybody has the least; the fees paid to it of late are a good one.
	Weight uint256.Int
}

// Plan divides free wei among recipients: each gets at least least, the rest goes by weight, equally where nobody has any.
// Where there is not enough for all, the heaviest are served first; ties go by address.
func Plan(free, least uint256.Int, wishes []Wish) []Share {
	order := slices.Clone(wishes)
	slices.SortFunc(order, func(a, b Wish) int {
		if c := b.Weight.Cmp(&a.Weight); c != 0 {
			return c
		}
		return a.Recipient.Cmp(b.Recipient)
	})
	if !least.IsZero() {
		var places uint256.Int
		if places.Div(&free, &least); places.LtUint64(uint64(len(order))) {
			order = order[:places.Uint64()]
		}
	}
	if len(order) == 0 {
		return nil
	}
	var given, weights uint256.Int
	given.Mul(&least, uint256.NewInt(uint64(len(order))))
	rest := free
	rest.Sub(&rest, &given)
	for i := range order {
		if _, overflow := weights.AddOverflow(&weights, &order[i].Weight); overflow {
			weights.Clear()
			break
		}
	}
	shares := make([]Share, len(order))
	for i := range order {
		part := new(uint256.Int)
		if weights.IsZero() {
			part.Div(&rest, uint256.NewInt(uint64(len(order))))
		} else {
			part.MulDivOverflow(&rest, &order[i].Weight, &weights)
		}
		shares[i] = Share{Recipient: order[i].Recipient, Amount: *part.Add(part, &least)}
	}
	return shares
}
