package payments_test

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// random is a seeded source of everything.
type random struct{ *rand.Rand }

func seeded(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 42))} }

func (r random) hash() (h common.Hash) {
	for i := range h {
		h[i] = byte(r.Uint32())
	}
	return h
}

func (r random) addr() common.Address { return common.BytesToAddress(r.hash().Bytes()) }

// wei is of any size, the extremes included.
func (r random) wei() (v uint256.Int) {
	switch r.IntN(10) {
	case 0:
		return v
	case 1:
		v.SetAllOne()
		return v
	case 2:
		v.Lsh(uint256.NewInt(1), 255)
		return v
	}
	v.SetBytes(r.hash().Bytes()[:r.IntN(33)])
	return v
}

func (r random) ticket() payments.SignedTicket {
	t := payments.SignedTicket{Ticket: payments.Ticket{
		ReceiptHash: r.hash(), Sender: r.addr(), Recipient: r.addr(), Fee: r.wei(), FaceValue: r.wei(),
		RandHash: r.hash(), Lane: r.Uint64(), Nonce: r.Uint64(), Round: r.Uint64(), Expiry: r.Uint64(),
	}}
	for i := range t.Signature {
		t.Signature[i] = byte(r.Uint32())
	}
	return t
}

func TestTicketHashMatchesOracle(t *testing.T) {
	name, fields, _ := strings.Cut(strings.TrimSuffix(payments.TicketType, ")"), "(")
	var types []apitypes.Type
	for field := range strings.SplitSeq(fields, ",") {
		kind, member, _ := strings.Cut(field, " ")
		types = append(types, apitypes.Type{Name: member, Type: kind})
	}
	num := func(v uint64) *math.HexOrDecimal256 { return (*math.HexOrDecimal256)(new(big.Int).SetUint64(v)) }
	for seed := range uint64(100) {
		ticket := seeded(seed).ticket()
		data := apitypes.TypedData{Types: apitypes.Types{name: types}, PrimaryType: name, Domain: apitypes.TypedDataDomain{Name: "any"}}
		want, err := data.HashStruct(name, apitypes.TypedDataMessage{
			"receiptHash": ticket.ReceiptHash.Hex(), "sender": ticket.Sender.Hex(), "recipient": ticket.Recipient.Hex(),
			"fee": (*math.HexOrDecimal256)(ticket.Fee.ToBig()), "faceValue": (*math.HexOrDecimal256)(ticket.FaceValue.ToBig()),
			"randHash": ticket.RandHash.Hex(), "lane": num(ticket.Lane), "nonce": num(ticket.Nonce), "round": num(ticket.Round), "expiry": num(ticket.Expiry),
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := ticket.Hash(); got != common.Hash(want) {
			t.Fatalf("seed %d: %s, the oracle's %x", seed, got, want)
		}
	}
}

// TestWinsIffDrawBelowWinProb ties the three definitions together: ⌈fee·2^256/face⌉ in arbitrary precision, WinProb, and
// the comparison without a division.
func TestWinsIffDrawBelowWinProb(t *testing.T) {
	two256 := new(big.Int).Lsh(big.NewInt(1), 256)
	wins := 0
	for seed := range uint64(20_000) {
		r := seeded(seed)
		ticket, secret := r.ticket(), r.hash()
		if r.IntN(2) == 0 { // near the edge: fee just below the face value
			ticket.Fee.SubUint64(&ticket.FaceValue, uint64(r.IntN(3)))
		}
		if ticket.Certain() {
			if pays := ticket.Payout(); !ticket.Wins(secret) || pays != ticket.Fee {
				t.Fatalf("seed %d: a fee of at least the face value is paid for certain, as itself", seed)
			}
			continue
		}
		want := new(big.Int).Mul(ticket.Fee.ToBig(), two256)
		want.Add(want, ticket.FaceValue.ToBig())
		want.Sub(want, big.NewInt(1)).Div(want, ticket.FaceValue.ToBig())
		got := payments.WinProb(&ticket.Fee, &ticket.FaceValue)
		if got.ToBig().Cmp(want) != 0 {
			t.Fatalf("seed %d: win probability %s, want %s", seed, got.Hex(), want.Text(16))
		}
		draw := crypto.Keccak256Hash(ticket.Signature[:64], secret[:])
		if ticket.Wins(secret) != (draw.Big().Cmp(want) < 0) {
			t.Fatalf("seed %d: wins %t, but the draw is %s of %s", seed, ticket.Wins(secret), draw, want.Text(16))
		}
		if ticket.Wins(secret) {
			wins++
		}
	}
	if wins < 1000 {
		t.Errorf("only %d winners: the test does not test", wins)
	}
}

func TestThreatWinProbExtremes(t *testing.T) {
	var most uint256.Int
	most.SetAllOne()
	below := *uint256.NewInt(0)
	below.SubUint64(&most, 1)
	zero, one, two := *uint256.NewInt(0), *uint256.NewInt(1), *uint256.NewInt(2)
	var half, top uint256.Int
	half.Lsh(&one, 255)
	top = most
	for _, c := range []struct{ fee, face, want uint256.Int }{
		{zero, one, zero}, {zero, most, zero}, {one, two, half}, {one, most, two}, {below, most, top}, {one, half, two},
	} {
		if got := payments.WinProb(&c.fee, &c.face); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.fee.Hex(), c.face.Hex(), got.Hex(), c.want.Hex())
		}
	}
}

func FuzzWins(f *testing.F) {
	f.Add([]byte{1}, []byte{2}, []byte("rand"))
	f.Fuzz(func(t *testing.T, fee, face, secret []byte) {
		var ticket payments.SignedTicket
		ticket.Fee.SetBytes(fee)
		ticket.FaceValue.SetBytes(face)
		draw := crypto.Keccak256Hash(ticket.Signature[:64], common.BytesToHash(secret).Bytes())
		want := ticket.Certain()
		if !want {
			p := payments.WinProb(&ticket.Fee, &ticket.FaceValue)
			want = draw.Big().Cmp(p.ToBig()) < 0
		}
		if ticket.Wins(common.BytesToHash(secret)) != want {
			t.Errorf("fee %x face %x", fee, face)
		}
	})
}

func TestFormatWei(t *testing.T) {
	for v, want := range map[string]string{
		"0": "0 wei", "999999999": "999999999 wei", "1000000000": "0.000000001 ETH (1 gwei)",
		"1200000000000000": "0.0012 ETH (1200000 gwei)", "1500000000000000001": "1.500000000000000001 ETH (1500000000.000000001 gwei)",
		"3000000000000000000": "3 ETH (3000000000 gwei)",
	} {
		if got := payments.FormatWei(uint256.MustFromDecimal(v)); got != want {
			t.Errorf("%s wei is written %q, want %q", v, got, want)
		}
	}
}
