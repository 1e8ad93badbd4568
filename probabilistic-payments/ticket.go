package payments

import (
	"math/bits"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"castnet/internal/eip712"
	"castnet/internal/identity"
)

// TicketType is the EIP-712 type of a ticket; the TicketBroker contract has the same.
const TicketType = "Ticket(bytes32 receiptHash,address sender,address recipient,uint256 fee,uint256 faceValue," +
	"bytes32 randHash,uint64 lane,uint64 nonce,uint64 round,uint64 expiry)"

// ticketTypeHash is keccak256(TicketType), written out because every ticket needs it.
const ticketTypeHash = "\x0a\x1a\x22\x97\x86\x8b\xe4\x08\x00\x64\xd9\x7a\xee\xe2\x00\x82" +
	"\x43\x42\xdd\x24\x91\xe8\xa7\x82\x9b\x4f\x7f\x31\x83\xee\x30\x3d"

// Ticket is a promise to pay FaceValue with probability Fee/FaceValue: on average exactly the fee of the one receipt
// that it names.
type Ticket struct {
	ReceiptHash common.Hash
	// Sender's deposit and reserve pay; Recipient is paid.
	Sender, Recipient common.Address
	// Fee is what the receipt costs, FaceValue what a winner pays; wei. A fee of at least the face value is paid for
	// certain, as itself.
	Fee, FaceValue uint256.Int
	// RandHash commits the recipient to its half of the draw; the sender's half is its signature.
	RandHash common.Hash
	// Lane and Nonce make the ticket unique between its sender and its recipient.
	Lane, Nonce uint64
	// Round is the round whose reserve shares back the ticket; Expiry the last second (Unix) to redeem it.
	Round, Expiry uint64
}

// SignedTicket is a ticket with its sender's signature: r ‖ s ‖ v, low s, v 0 or 1.
type SignedTicket struct {
	Ticket
	Signature [identity.SignatureBytes]byte
}

// Hash is the EIP-712 struct hash.
func (t *Ticket) Hash() common.Hash {
	e := eip712.New(common.Hash([]byte(ticketTypeHash)))
	t.encode(&e)
	return e.Sum()
}

// digest is what is signed.
func (t *Ticket) digest(h *eip712.Hasher, domain eip712.Domain) common.Hash {
	t.encode(h.Begin(common.Hash([]byte(ticketTypeHash))))
	return h.Digest(domain)
}

func (t *Ticket) encode(e *eip712.Encoder) {
	e.Hash(t.ReceiptHash)
	e.Address(t.Sender)
	e.Address(t.Recipient)
	e.Uint256(&t.Fee)
	e.Uint256(&t.FaceValue)
	e.Hash(t.RandHash)
	e.Uint64(t.Lane)
	e.Uint64(t.Nonce)
	e.Uint64(t.Round)
	e.Uint64(t.Expiry)
}

// Certain reports whether the ticket pays its fee without a draw.
func (t *Ticket) Certain() bool { return !t.Fee.Lt(&t.FaceValue) }

// Payout is what the ticket pays if it wins: the face value, or the fee where it is certain.
func (t *Ticket) Payout() uint256.Int {
	if t.Certain() {
		return t.Fee
	}
	return t.FaceValue
}

// WinProb is ⌈fee · 2^256 / face⌉ for fee < face: a draw below it wins. It fits 256 bits because fee ≤ face − 1.
func WinProb(fee, face *uint256.Int) uint256.Int {
	// 2^256 = max + 1, so fee · 2^256 = fee · max + fee: divide the first term, then the two remainders.
	var most, quotient, rest, sum uint256.Int
	most.SetAllOne()
	quotient.MulDivOverflow(fee, &most, face)
	rest.MulMod(fee, &most, face)
	// rest + fee < 2 · face may exceed 256 bits; ⌈(rest + fee) / face⌉ is 0, 1 or 2.
	_, overflow := sum.AddOverflow(&rest, fee)
	switch {
	case overflow || sum.Gt(face):
		quotient.AddUint64(&quotient, 2)
	case !sum.IsZero():
		quotient.AddUint64(&quotient, 1)
	}
	return quotient
}

// Wins reports whether the ticket pays: always where it is certain, else iff keccak256(r ‖ s ‖ rand) < WinProb.
//
// With h < ⌈x⌉ ⇔ h < x for whole h, that is h · face < fee · 2^256, or: the upper 256 bits of h · face are below the
// fee. No division.
func (t *SignedTicket) Wins(rand common.Hash) bool { return t.wins(eip712.NewHasher(), rand) }

func (t *SignedTicket) wins(h *eip712.Hasher, rand common.Hash) bool {
	if t.Certain() {
		return true
	}
	hash := h.Join(t.Signature[:64], rand[:])
	var draw uint256.Int
	draw.SetBytes32(hash[:])
	upper := mulHigh(&draw, &t.FaceValue)
	return upper.Lt(&t.Fee)
}

// mulHigh is ⌊x · y / 2^256⌋, by schoolbook multiplication in 64-bit limbs.
func mulHigh(x, y *uint256.Int) uint256.Int {
	var p [8]uint64
	for i := range 4 {
		var carry uint64
		for j := range 4 {
			hi, lo := bits.Mul64(x[i], y[j])
			var c uint64
			lo, c = bits.Add64(lo, p[i+j], 0)
			hi += c
			lo, c = bits.Add64(lo, carry, 0)
			hi += c
			p[i+j], carry = lo, hi
		}
		p[i+4] = carry
	}
	return uint256.Int{p[4], p[5], p[6], p[7]}
}

// Signer is who has signed the ticket in a domain. Only the one valid form of a signature has one.
func (t *SignedTicket) Signer(domain eip712.Domain) (common.Address, error) {
	return identity.Recover(domain.Digest(t.Hash()), t.Signature[:])
}

// sign signs a ticket's digest.
func (t *SignedTicket) sign(signer identity.Signer, digest common.Hash) error {
	sig, err := signer.SignHash(digest)
	if err != nil {
		return err
	}
	if err := identity.CheckForm(sig); err != nil {
		return err
	}
	copy(t.Signature[:], sig)
	return nil
}

// hashers lends hashers, so that a ticket costs no allocation but for its signature.
type hashers struct{ pool sync.Pool }

func (p *hashers) get() *eip712.Hasher {
	if h, ok := p.pool.Get().(*eip712.Hasher); ok {
		return h
	}
	return eip712.NewHasher()
}

func (p *hashers) put(h *eip712.Hasher) { p.pool.Put(h) }

// randHash is what commits a recipient to rand.
func randHash(rand common.Hash) common.Hash { return crypto.Keccak256Hash(rand[:]) }
