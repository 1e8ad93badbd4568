// Package selection decides who gets a stream: first a public draw weighted by stake, which anyone can repeat from the
// chain alone, then a private choice among the drawn by what this broadcaster has measured of them.
//
// It is pure: time and randomness are arguments, and nothing local is imported.
package selection

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// K is how many candidates the public draw gives.
const K = 8

// MaxDraw bounds k of one draw. The cost of a draw grows with its square.
const MaxDraw = 64

// Capabilities is the set of jobs that an orchestrator has posted on the chain, one bit each. What a bit means is
// the registry's business; here one set either holds another or not.
type Capabilities uint64

// Has reports whether every capability in need is in c.
func (c Capabilities) Has(need Capabilities) bool { return c&need == need }

// Candidate is one orchestrator of the round's snapshot.
type Candidate struct {
	// ID is the orchestrator's owner address in Staking.
	ID common.Address
	// Stake is its weight in wei of CAST, delegations included. Without stake there is no chance.
	Stake uint256.Int
	// Capabilities is what it posted.
	Capabilities Capabilities
}

// Errors of NewSet and SetStake.
var (
	ErrDuplicate = errors.New("candidate appears twice")
	ErrTotal     = errors.New("sum of stakes does not fit in 256 bits")
	ErrUnknown   = errors.New("candidate is not in the set")
)

// Set is the candidates that fit one requirement, ready to be drawn from: a Fenwick tree over their stakes, in the
// order of their addresses, so that everyone who repeats a draw has the same order. Draws may run concurrently with
// each other, but not with SetStake.
type Set struct {
	members []Candidate
	// tree[i], counted from 1, holds the stakes of the members (i − lowbit(i), i].
	tree  []uint256.Int
	total uint256.Int
	// top is the highest power of two ≤ len(members): where a descent begins.
	top int
	// points keeps *pointHash between draws.
	points sync.Pool
}

// NewSet keeps those of the candidates that have every capability in need. The requirements in use are few: make one
// Set each, once a round.
func NewSet(candidates []Candidate, need Capabilities) (*Set, error) {
	s := &Set{members: make([]Candidate, 0, len(candidates))}
	for i := range candidates {
		if candidates[i].Capabilities.Has(need) {
			s.members = append(s.members, candidates[i])
		}
	}
	slices.SortFunc(s.members, func(a, b Candidate) int { return bytes.Compare(a.ID[:], b.ID[:]) })

	s.tree = make([]uint256.Int, len(s.members)+1)
	for i := range s.members {
		m := &s.members[i]
		if i > 0 && s.members[i-1].ID == m.ID {
			return nil, fmt.Errorf("%w: %v", ErrDuplicate, m.ID)
		}
		if _, overflow := s.total.AddOverflow(&s.total, &m.Stake); overflow {
			return nil, fmt.Errorf("%w at %v", ErrTotal, m.ID)
		}
		node := i + 1
		s.tree[node].Add(&s.tree[node], &m.Stake)
		if parent := node + node&-node; parent < len(s.tree) {
			s.tree[parent].Add(&s.tree[parent], &s.tree[node])
		}
	}
	if n := len(s.members); n > 0 {
		s.top = 1 << (bits.Len(uint(n)) - 1)
	}
	return s, nil
}

// Len is the number of candidates that fit.
func (s *Set) Len() int { return len(s.members) }

// Total is the sum of their stakes in wei.
func (s *Set) Total() uint256.Int { return s.total }

// Share is the part of the set's stake that id holds, 0 to 1: its chance to be drawn first.
func (s *Set) Share(id common.Address) float64 {
	i, ok := s.find(id)
	if !ok || s.total.IsZero() {
		return 0
	}
	return s.members[i].Stake.Float64() / s.total.Float64()
}

// SetStake changes the stake of one candidate, in O(log n).
func (s *Set) SetStake(id common.Address, stake uint256.Int) error {
	i, ok := s.find(id)
	if !ok {
		return fmt.Errorf("%w: %v", ErrUnknown, id)
	}
	m := &s.members[i]
	var rest, total uint256.Int
	rest.Sub(&s.total, &m.Stake)
	if _, overflow := total.AddOverflow(&rest, &stake); overflow {
		return fmt.Errorf("%w at %v", ErrTotal, id)
	}
	// Differences are taken modulo 2^256, so that a smaller stake needs no case of its own.
	var delta uint256.Int
	delta.Sub(&stake, &m.Stake)
	for node := i + 1; node < len(s.tree); node += node & -node {
		s.tree[node].Add(&s.tree[node], &delta)
	}
	s.total, m.Stake = total, stake
	return nil
}

func (s *Set) find(id common.Address) (int, bool) {
	return slices.BinarySearchFunc(s.members, id, func(c Candidate, id common.Address) int {
		return bytes.Compare(c.ID[:], id[:])
	})
}

// Seed is the public seed of one draw: keccak256(beacon ‖ broadcaster ‖ serial), with the serial as 8 bytes, high
// byte first. The beacon is the round's; the serial is strictly increasing for each broadcaster, which orchestrators
// check, so that nobody draws until they like the result.
func Seed(beacon common.Hash, broadcaster common.Address, serial uint64) common.Hash {
	var b [common.HashLength + common.AddressLength + 8]byte
	copy(b[:], beacon[:])
	copy(b[common.HashLength:], broadcaster[:])
	binary.BigEndian.PutUint64(b[common.HashLength+common.AddressLength:], serial)
	return crypto.Keccak256Hash(b[:])
}

// Draw appends k candidates to dst, drawn one after the other without replacement, each with a chance in proportion
// to its stake among those not yet drawn. Fewer come back where fewer have stake. Draw number i takes the point
// keccak256(seed ‖ i) modulo the stake that is left, and finds whose stake it falls into, in the order of addresses.
// With room in dst it allocates nothing.
func (s *Set) Draw(dst []Candidate, seed common.Hash, k int) []Candidate {
	var taken [MaxDraw]interval
	points, ok := s.points.Get().(*pointHash)
	if !ok {
		points = &pointHash{state: crypto.NewKeccakState()}
	}
	defer s.points.Put(points)
	left := s.total
	for i := range min(k, MaxDraw, len(s.members)) {
		if left.IsZero() {
			break
		}
		point := points.at(seed, uint64(i))
		point.Mod(&point, &left)

		// Step over the stakes of those who are drawn already, in order: the tree itself stays as it is, so that
		// draws can share it.
		at := 0
		for ; at < i; at++ {
			if point.Lt(&taken[at].from) {
				break
			}
			point.Add(&point, &s.members[taken[at].member].Stake)
		}
		copy(taken[at+1:i+1], taken[at:i])
		taken[at] = s.locate(point)

		m := &s.members[taken[at].member]
		left.Sub(&left, &m.Stake)
		dst = append(dst, *m)
	}
	return dst
}

// interval says where a member's stake begins on the line of all stakes.
type interval struct {
	from   uint256.Int
	member int
}

// locate finds the member whose stake covers point, which is less than the total.
func (s *Set) locate(point uint256.Int) interval {
	node := 0
	var before uint256.Int
	for step := s.top; step > 0; step >>= 1 {
		next := node + step
		if next >= len(s.tree) || point.Lt(&s.tree[next]) {
			continue
		}
		node = next
		point.Sub(&point, &s.tree[next])
		before.Add(&before, &s.tree[next])
	}
	return interval{from: before, member: node}
}

// pointHash computes keccak256(seed ‖ i). Its buffers go through an interface and would escape at each draw.
type pointHash struct {
	state crypto.KeccakState
	in    [common.HashLength + 8]byte
	out   common.Hash
}

func (p *pointHash) at(seed common.Hash, i uint64) uint256.Int {
	copy(p.in[:], seed[:])
	binary.BigEndian.PutUint64(p.in[common.HashLength:], i)
	p.state.Reset()
	_, _ = p.state.Write(p.in[:]) // a sponge takes everything
	_, _ = p.state.Read(p.out[:])
	var point uint256.Int
	point.SetBytes32(p.out[:])
	return point
}
