package payments_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// vector is one ticket with all that Go and Solidity must agree on. Signer and domain are those of the tests: private key
// 0x…01, chain 31337, contract 0x…b0.
type vector struct {
	ReceiptHash common.Hash    `json:"receiptHash"`
	Sender      common.Address `json:"sender"`
	Recipient   common.Address `json:"recipient"`
	Fee         string         `json:"fee"`
	FaceValue   string         `json:"faceValue"`
	Rand        common.Hash    `json:"recipientRand"`
	RandHash    common.Hash    `json:"randHash"`
	Lane        uint64         `json:"lane"`
	Nonce       uint64         `json:"nonce"`
	Round       uint64         `json:"round"`
	Expiry      uint64         `json:"expiry"`

	StructHash common.Hash   `json:"structHash"`
	Digest     common.Hash   `json:"digest"`
	Signature  hexutil.Bytes `json:"signature"`
	WinProb    string        `json:"winProb"` // "certain" where there is no draw
	Wins       bool          `json:"wins"`
	Pays       string        `json:"pays"`
}

// TestVectors keeps contracts/test/vectors/tickets.json, which TicketVectors.t.sol holds against the contract, equal to what
// the code gives.
// CASTNET_UPDATE_VECTORS=1 rewrites it.
func TestVectors(t *testing.T) {
	path := filepath.Join("..", "contracts", "test", "vectors", "tickets.json")
	got := vectors(t)
	if os.Getenv("CASTNET_UPDATE_VECTORS") != "" {
		b, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []vector
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the code gives %+v\nthe vectors say %+v", got, want)
	}
}

func vectors(t *testing.T) []vector {
	t.Helper()
	m := newMarket(t, nil)
	var most, high uint256.Int
	most.SetAllOne()
	high.Lsh(uint256.NewInt(1), 255)
	amounts := []struct{ fee, face uint256.Int }{
		{gwei(1), gwei(1)},
		{gwei(2), gwei(1)},
		{uint256.Int{}, gwei(5)},
		{uint256.Int{}, uint256.Int{}},
		{*uint256.NewInt(1), most},
		{*new(uint256.Int).SubUint64(&most, 1), most},
		{high, most},
		{*uint256.NewInt(3), high},
		{most, most},
	}
	for range 16 {
		amounts = append(amounts, struct{ fee, face uint256.Int }{gwei(3), gwei(10)})
	}
	r := seeded(2718)
	var out []vector
	for i, a := range amounts {
		secret := r.hash()
		ticket := m.sign(payments.Ticket{
			ReceiptHash: r.hash(), Sender: m.key.Address(), Recipient: recipient, Fee: a.fee, FaceValue: a.face,
			RandHash: crypto.Keccak256Hash(secret[:]), Lane: 1, Nonce: uint64(i), Round: 3, Expiry: 4_000_000_000,
		}, domain)
		v := vector{
			ReceiptHash: ticket.ReceiptHash, Sender: ticket.Sender, Recipient: ticket.Recipient, Fee: a.fee.Dec(), FaceValue: a.face.Dec(),
			Rand: secret, RandHash: ticket.RandHash, Lane: ticket.Lane, Nonce: ticket.Nonce, Round: ticket.Round, Expiry: ticket.Expiry,
			StructHash: ticket.Hash(), Digest: domain.Digest(ticket.Hash()), Signature: ticket.Signature[:], WinProb: "certain", Wins: ticket.Wins(secret), Pays: "0",
		}
		if !ticket.Certain() {
			p := payments.WinProb(&a.fee, &a.face)
			v.WinProb = p.Hex()
		}
		if v.Wins {
			pays := ticket.Payout()
			v.Pays = pays.Dec()
		}
		out = append(out, v)
	}
	return out
}
