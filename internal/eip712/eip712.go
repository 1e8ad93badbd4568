// Package eip712 hashes typed data (EIP-712) by hand-written encoders: a microsecond a struct, one allocation, and no
// reflection. What is signed off-chain is thereby what a contract can check.
package eip712

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// DomainName and DomainVersion are in every domain of Castnet, on the chain and off it.
const (
	DomainName    = "Castnet"
	DomainVersion = "1"
)

const domainType = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"

// Domain binds signatures to one chain and one contract. It is an immutable value, made by NewDomain; the zero value
// belongs to no chain.
type Domain struct {
	chainID   uint64
	contract  common.Address
	separator common.Hash
}

// NewDomain returns the domain of the TicketBroker at contract on a chain. Chain ids fit 64 bits (EIP-2294).
func NewDomain(chainID uint64, contract common.Address) Domain {
	e := New(HashString(domainType))
	e.Hash(HashString(DomainName))
	e.Hash(HashString(DomainVersion))
	e.Uint64(chainID)
	e.Address(contract)
	return Domain{chainID: chainID, contract: contract, separator: e.Sum()}
}

// ChainID is the chain that signatures of this domain are good on.
func (d Domain) ChainID() uint64 { return d.chainID }

// Contract is the contract that signatures of this domain are good for.
func (d Domain) Contract() common.Address { return d.contract }

// Separator is the domain's struct hash.
func (d Domain) Separator() common.Hash { return d.separator }

// Digest is what is signed for a struct: keccak256(0x19 ‖ 0x01 ‖ separator ‖ structHash).
func (d Domain) Digest(structHash common.Hash) common.Hash {
	var b [2 + 2*common.HashLength]byte
	b[0], b[1] = 0x19, 0x01
	copy(b[2:], d.separator[:])
	copy(b[2+common.HashLength:], structHash[:])
	return crypto.Keccak256Hash(b[:])
}

// HashString is how EIP-712 encodes a string: by its keccak256.
func HashString(s string) common.Hash { return crypto.Keccak256Hash([]byte(s)) }

// wordsHint is the words of the largest struct in use, so that one allocation is enough.
const wordsHint = 13

// Encoder collects the 32-byte words of a struct or an array.
type Encoder struct{ buf []byte }

// New begins a struct with its type hash.
func New(typeHash common.Hash) Encoder {
	e := Encoder{buf: make([]byte, 0, wordsHint*32)}
	e.Hash(typeHash)
	return e
}

// NewArray begins an array: its elements follow, and there is no type hash.
func NewArray(elements int) Encoder { return Encoder{buf: make([]byte, 0, elements*32)} }

// Hash appends a bytes32, or the hash of a dynamic member or an inner struct.
func (e *Encoder) Hash(h common.Hash) { e.buf = append(e.buf, h[:]...) }

// Address appends an address.
func (e *Encoder) Address(a common.Address) {
	e.buf = append(e.buf, make([]byte, 12)...)
	e.buf = append(e.buf, a[:]...)
}

// Uint64 appends an unsigned integer of any width up to 64 bits.
func (e *Encoder) Uint64(v uint64) {
	e.buf = append(e.buf, make([]byte, 24)...)
	e.buf = binary.BigEndian.AppendUint64(e.buf, v)
}

// Int64 appends a signed integer of any width up to 64 bits, its sign extended.
func (e *Encoder) Int64(v int64) {
	extension := uint64(v >> 63)
	for range 3 {
		e.buf = binary.BigEndian.AppendUint64(e.buf, extension)
	}
	e.buf = binary.BigEndian.AppendUint64(e.buf, uint64(v))
}

// Uint256 appends a 256-bit integer.
func (e *Encoder) Uint256(v *uint256.Int) {
	b := v.Bytes32()
	e.buf = append(e.buf, b[:]...)
}

// Sum is the struct's or the array's hash.
func (e *Encoder) Sum() common.Hash { return crypto.Keccak256Hash(e.buf) }

// Hasher hashes without allocating, one thing at a time, for whoever hashes all day. It is not safe for concurrent use.
type Hasher struct {
	state crypto.KeccakState
	sum   common.Hash
	enc   Encoder
}

// NewHasher makes a Hasher.
func NewHasher() *Hasher {
	return &Hasher{state: crypto.NewKeccakState(), enc: Encoder{buf: make([]byte, 0, wordsHint*32)}}
}

// Begin begins a struct with its type hash, in place of the last one.
func (h *Hasher) Begin(typeHash common.Hash) *Encoder {
	h.enc.buf = h.enc.buf[:0]
	h.enc.Hash(typeHash)
	return &h.enc
}

// Digest is Domain.Digest of the struct that was begun last, which it ends.
func (h *Hasher) Digest(d Domain) common.Hash {
	inner := h.keccak(h.enc.buf)
	b := append(h.enc.buf[:0], 0x19, 0x01)
	b = append(b, d.separator[:]...)
	h.enc.buf = append(b, inner[:]...)
	return h.keccak(h.enc.buf)
}

// Join is keccak256(a ‖ b).
func (h *Hasher) Join(a, b []byte) common.Hash {
	h.enc.buf = append(append(h.enc.buf[:0], a...), b...)
	return h.keccak(h.enc.buf)
}

func (h *Hasher) keccak(b []byte) common.Hash {
	h.state.Reset()
	_, _ = h.state.Write(b) // a hash never fails
	_, _ = h.state.Read(h.sum[:])
	return h.sum
}
