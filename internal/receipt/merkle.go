package receipt

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/internal/media"
)

// The first byte of everything that is hashed in a tree (RFC 6962, section 2.1), so that no leaf can be passed off as a
// node, and no tree as another.
const (
	leafTag = 0
	nodeTag = 1
	rootTag = 2
)

// SourceID is the id in the root over a source's units. A rendition's is the hash of its Rung.
func SourceID() common.Hash { return common.Hash{} }

// Merkle builds the root over the coded units of one segment while they stream through.
//
//	payload = sha256(payload bytes)                               CPUs have instructions for it, contracts a precompile
//	leaf    = keccak256(0 ‖ index u32 ‖ pts i64 ‖ length u32 ‖ key u8 ‖ payload)
//	node    = keccak256(1 ‖ left ‖ right)                         shaped as in RFC 6962
//	root    = keccak256(2 ‖ id ‖ count u32 ‖ top node)            top node zero where there are no units
//
// Integers are big-endian. Units are added in the order in which they are sent, prefix units left out.
type Merkle struct {
	id    common.Hash
	tree  tree
	bytes uint64
}

// NewMerkle begins the tree of one segment of the rendition with this id.
func NewMerkle(id common.Hash) *Merkle { return &Merkle{id: id} }

// Add appends a unit, and returns its payload's hash.
func (m *Merkle) Add(u *media.Unit) common.Hash {
	payload := common.Hash(sha256.Sum256(u.Payload))
	m.bytes += uint64(len(u.Payload))
	m.tree.push(leafHash(m.tree.count, u, payload))
	return payload
}

// Frames is the number of units added; Bytes is the sum of their payloads.
func (m *Merkle) Frames() uint32 { return m.tree.count }

// Bytes is the sum of the payloads added.
func (m *Merkle) Bytes() uint64 { return m.bytes }

// Root is the root over what was added so far.
func (m *Merkle) Root() common.Hash { return m.tree.root(m.id) }

func leafHash(index uint32, u *media.Unit, payload common.Hash) common.Hash {
	b := make([]byte, 0, 1+4+8+4+1+common.HashLength)
	b = append(b, leafTag)
	b = binary.BigEndian.AppendUint32(b, index)
	b = binary.BigEndian.AppendUint64(b, uint64(u.PTS))
	b = binary.BigEndian.AppendUint32(b, uint32(len(u.Payload)))
	key := byte(0)
	if u.Key {
		key = 1
	}
	b = append(b, key)
	b = append(b, payload[:]...)
	return crypto.Keccak256Hash(b)
}

// PTSRoot is the root over timestamps in ascending order, whatever order they are given in:
// leaf = keccak256(0 ‖ pts i64), nodes and root as in Merkle with a zero id.
func PTSRoot(pts []int64) common.Hash {
	sorted := slices.Sorted(slices.Values(pts))
	var t tree
	for _, v := range sorted {
		var b [9]byte
		b[0] = leafTag
		binary.BigEndian.PutUint64(b[1:], uint64(v))
		t.push(crypto.Keccak256Hash(b[:]))
	}
	return t.root(common.Hash{})
}

// tree holds the roots of the complete subtrees of a growing Merkle tree, largest first: one for each bit of count.
type tree struct {
	peaks []common.Hash
	count uint32
}

func (t *tree) push(leaf common.Hash) {
	for range bits.TrailingZeros32(^t.count) { // as many merges as the counter has carries
		last := len(t.peaks) - 1
		leaf = node(t.peaks[last], leaf)
		t.peaks = t.peaks[:last]
	}
	t.peaks = append(t.peaks, leaf)
	t.count++
}

func (t *tree) root(id common.Hash) common.Hash {
	var top common.Hash
	for i, peak := range slices.Backward(t.peaks) {
		if i == len(t.peaks)-1 {
			top = peak
		} else {
			top = node(peak, top)
		}
	}
	var b [1 + 32 + 4 + 32]byte
	b[0] = rootTag
	copy(b[1:], id[:])
	binary.BigEndian.PutUint32(b[33:], t.count)
	copy(b[37:], top[:])
	return crypto.Keccak256Hash(b[:])
}

func node(left, right common.Hash) common.Hash {
	var b [1 + 2*common.HashLength]byte
	b[0] = nodeTag
	copy(b[1:], left[:])
	copy(b[1+common.HashLength:], right[:])
	return crypto.Keccak256Hash(b[:])
}
