// Package identity signs and recovers: the one place that holds private keys.
package identity

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// SignatureBytes is the length of every signature: r (32) ‖ s (32) ‖ v (1), v being 0 or 1.
const SignatureBytes = crypto.SignatureLength

// Signer signs digests with the key of one address. Implementations are safe for concurrent use and never sign with a
// high s.
type Signer interface {
	// Address is the account that Recover gives for this signer's signatures.
	Address() common.Address
	// SignHash signs a 32-byte digest. The result has SignatureBytes bytes: r ‖ s ‖ v, low s, v 0 or 1.
	SignHash(digest common.Hash) ([]byte, error)
}

// Key is a Signer that holds its private key in memory.
type Key struct {
	private *ecdsa.PrivateKey
	address common.Address
}

// NewKey wraps a secp256k1 private key.
func NewKey(private *ecdsa.PrivateKey) *Key {
	return &Key{private: private, address: crypto.PubkeyToAddress(private.PublicKey)}
}

// Generate makes a new random key.
func Generate() (*Key, error) {
	private, err := crypto.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	return NewKey(private), nil
}

// Address is the key's account.
func (k *Key) Address() common.Address { return k.address }

// SignHash signs a digest (RFC 6979: the same digest gives the same signature).
func (k *Key) SignHash(digest common.Hash) ([]byte, error) {
	sig, err := crypto.Sign(digest[:], k.private)
	if err != nil {
		return nil, fmt.Errorf("sign as %s: %w", k.address, err)
	}
	return sig, nil
}

// Private is the key itself, for a transaction signer.
func (k *Key) Private() *ecdsa.PrivateKey { return k.private }

// ErrSignature is wrapped by every refusal of a signature's form.
var ErrSignature = errors.New("signature refused")

// halfOrder is half the order of secp256k1's group, the largest s that is allowed: with (r, s) also (r, N − s) verifies,
// so one of the two must not count (EIP-2).
func halfOrder() uint256.Int {
	return uint256.Int{0xdfe92f46681b20a0, 0x5d576e7357a4501d, 0xffffffffffffffff, 0x7fffffffffffffff}
}

// CheckForm refuses a signature that is not 65 bytes long, has a high s (so that there is one signature and not two) or
// a v other than 0 or 1.
func CheckForm(sig []byte) error {
	if len(sig) != SignatureBytes {
		return fmt.Errorf("%w: it has %d bytes, it must have %d (r, s, v)", ErrSignature, len(sig), SignatureBytes)
	}
	if sig[64] > 1 {
		return fmt.Errorf("%w: v is %d, it must be 0 or 1", ErrSignature, sig[64])
	}
	var s uint256.Int
	s.SetBytes32(sig[32:64])
	half := halfOrder()
	if s.Gt(&half) {
		return fmt.Errorf("%w: s is in the upper half of the group order", ErrSignature)
	}
	return nil
}

// Recover returns the account whose key made sig over digest, after CheckForm.
func Recover(digest common.Hash, sig []byte) (common.Address, error) {
	if err := CheckForm(sig); err != nil {
		return common.Address{}, err
	}
	public, err := crypto.Ecrecover(digest[:], sig)
	if err != nil {
		return common.Address{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	// The account is the last 20 bytes of the hash of the key's coordinates, without the leading format byte.
	return common.BytesToAddress(crypto.Keccak256(public[1:])[12:]), nil
}

// ParseAddress reads an address. Where its letters are of both sizes they must be the checksum of EIP-55: a digit that was mistyped
// is found so.
func ParseAddress(text string) (common.Address, error) {
	if !common.IsHexAddress(text) {
		return common.Address{}, fmt.Errorf("%q is not an address (0x and 40 hexadecimal digits)", text)
	}
	address, digits := common.HexToAddress(text), text[len(text)-2*common.AddressLength:]
	if digits != strings.ToLower(digits) && digits != strings.ToUpper(digits) && digits != address.Hex()[2:] {
		return common.Address{}, fmt.Errorf("address %s: its capitals are not those of its checksum (EIP-55), so a digit may be wrong: copy it again, or write all letters small", text)
	}
	return address, nil
}
