// Package verdict_test holds Go's judgement of tickets against the contract's.
package verdict_test

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/holiman/uint256"

	"castnet/contracts/bindings"
	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/contracts/devchain"
	"castnet/internal/eip712"
	"castnet/internal/identity"
	payments "castnet/probabilistic-payments"
)

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(1e18)) }

// keyOf gives the same key in every run.
func keyOf(t *testing.T, n byte) *identity.Key {
	t.Helper()
	private, err := crypto.ToECDSA(common.LeftPadBytes([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return identity.NewKey(private)
}

func runUntilCleanup(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context()) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// court is a chain with the contracts on it, and a sender with a deposit.
type court struct {
	chain   *chain.Client
	node    *ethclient.Client
	broker  *bindings.TicketBroker
	domain  eip712.Domain
	sender  *identity.Key
	deposit uint256.Int
	genesis uint64 // of the rounds
	round   uint64
	now     uint64
}

func newCourt(t *testing.T) *court {
	t.Helper()
	deployer, sender := keyOf(t, 1), keyOf(t, 2)
	dev, err := devchain.New(devchain.Config{
		Listen: "127.0.0.1:0", BlockPeriod: 50 * time.Millisecond, MaxLead: time.Hour,
		Allocations: []devchain.Allocation{{Account: deployer.Address(), Wei: ether(1000)}, {Account: sender.Address(), Wei: ether(1000)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, dev.Run)
	addresses, err := deploy.Contracts(t.Context(), deploy.Config{
		URL: dev.URL(), File: filepath.Join(t.TempDir(), "addresses.json"), Signer: deployer, RoundLength: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &court{broker: bindings.NewTicketBroker(), domain: eip712.NewDomain(addresses.ChainID, addresses.Broker), sender: sender}
	if c.chain, err = chain.Dial(t.Context(), chain.Config{URL: dev.URL(), Addresses: addresses, Signer: sender}); err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, c.chain.Run)
	c.deposit = *uint256.MustFromBig(ether(100))
	if _, err := c.chain.Broker().Fund(ether(100), ether(1)).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.node, err = ethclient.Dial(dev.URL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.node.Close)
	round, err := c.chain.Round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.round, c.genesis = round.Number, uint64(round.Start.Unix())-round.Number*3600
	head, err := c.node.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.now = head.Time
	return c
}

// item is a ticket with what redeeming it takes.
type item struct {
	payments.SignedTicket
	rand common.Hash
	how  string
}

// expected is what Go says of it, in the order in which the contract looks.
func (c *court) expected(i *item) chain.SkipReason {
	validity := uint64(c.chain.Parameters().TicketValidity / time.Second)
	signer, err := i.Signer(c.domain)
	pays := i.Payout()
	switch {
	case i.Expiry < c.now:
		return chain.SkipExpired
	case i.Round > c.round, i.Expiry > c.genesis+(i.Round+1)*3600+validity:
		return chain.SkipRound
	case crypto.Keccak256Hash(i.rand[:]) != i.RandHash:
		return chain.SkipRand
	case err != nil || signer != i.Sender:
		return chain.SkipSignature
	case pays.IsZero() || !i.Wins(i.rand):
		return chain.SkipNotWinning
	case pays.Gt(&c.deposit): // nobody is enrolled for the reserve
		return chain.SkipInsufficient
	default:
		return chain.NotSkipped
	}
}

// verdicts asks the contract about many at once, without changing anything.
func (c *court) verdicts(t *testing.T, items []item) []chain.SkipReason {
	t.Helper()
	batch := make([]bindings.TicketBrokerRedemption, len(items))
	for i := range items {
		t := &items[i].Ticket
		s := &items[i].Signature
		batch[i] = bindings.TicketBrokerRedemption{
			Ticket: bindings.TicketBrokerTicket{
				ReceiptHash: t.ReceiptHash, Sender: t.Sender, Recipient: t.Recipient, Fee: t.Fee.ToBig(), FaceValue: t.FaceValue.ToBig(),
				RandHash: t.RandHash, Lane: t.Lane, Nonce: t.Nonce, Round: t.Round, Expiry: t.Expiry,
			},
			V: s[64] + 27, R: [32]byte(s[:32]), S: [32]byte(s[32:64]), RecipientRand: items[i].rand,
		}
	}
	to := c.domain.Contract()
	raw, err := c.node.CallContract(t.Context(), ethereum.CallMsg{To: &to, Data: c.broker.PackBatchRedeem(batch)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := c.broker.UnpackBatchRedeem(raw)
	if err != nil {
		t.Fatal(err)
	}
	reasons := make([]chain.SkipReason, len(outcomes))
	for i := range outcomes {
		reasons[i] = chain.SkipReason(outcomes[i].Reason)
	}
	return reasons
}

// generator makes tickets, valid ones first, and then breaks some of them.
type generator struct {
	*rand.Rand
	court *court
	nonce uint64
}

func (g *generator) hash() (h common.Hash) {
	for i := range h {
		h[i] = byte(g.Uint32())
	}
	return h
}

// amount is of any size: a few bits, a few coins, or all of 256 bits.
func (g *generator) amount() (v uint256.Int) {
	switch g.IntN(8) {
	case 0:
		h := g.hash()
		v.SetBytes32(h[:])
		return *v.Rsh(&v, uint(g.IntN(256)))
	case 1:
		return *v.SetUint64(uint64(g.IntN(3)))
	default:
		return *v.SetUint64(g.Uint64N(1e15))
	}
}

func (g *generator) item(t *testing.T) item {
	t.Helper()
	g.nonce++
	i := item{rand: g.hash(), how: "whole"}
	i.Ticket = payments.Ticket{
		ReceiptHash: g.hash(), Sender: g.court.sender.Address(), Recipient: common.Address{7}, Fee: g.amount(), FaceValue: g.amount(),
		RandHash: crypto.Keccak256Hash(i.rand[:]), Lane: g.Uint64N(3), Nonce: g.nonce, Round: g.court.round,
		Expiry: g.court.now + 600 + g.Uint64N(3000),
	}
	if g.IntN(2) == 0 { // small beer: an even chance
		i.FaceValue.Lsh(&i.Fee, 1)
	}
	before := g.IntN(5) == 0
	if before {
		g.breakTicket(&i)
	}
	sig, err := g.court.sender.SignHash(g.court.domain.Digest(i.Hash()))
	if err != nil {
		t.Fatal(err)
	}
	i.Signature = [65]byte(sig)
	switch {
	case before:
	case g.IntN(4) == 0:
		g.breakTicket(&i) // after it was signed
		i.how += " after signing"
	case g.IntN(4) == 0:
		g.breakSignature(&i)
	}
	return i
}

// breakTicket changes one field.
func (g *generator) breakTicket(i *item) {
	fields := []struct {
		name   string
		change func()
	}{
		{"receipt", func() { i.ReceiptHash[g.IntN(32)] ^= 1 << g.IntN(8) }},
		{"sender", func() { i.Sender[g.IntN(20)] ^= 1 << g.IntN(8) }},
		{"recipient", func() { i.Recipient[g.IntN(20)] ^= 1 << g.IntN(8) }},
		{"fee", func() { i.Fee = g.amount() }},
		{"face value", func() { i.FaceValue = g.amount() }},
		{"rand hash", func() { i.RandHash[g.IntN(32)] ^= 1 << g.IntN(8) }},
		{"rand", func() { i.rand[g.IntN(32)] ^= 1 << g.IntN(8) }},
		{"lane", func() { i.Lane = g.Uint64() }},
		{"nonce", func() { i.Nonce = g.Uint64() }},
		{"round", func() { i.Round = g.court.round + g.Uint64N(3) }},
		{"far round", func() { i.Round = g.Uint64() | 1<<60 }},
		{"expiry", func() { i.Expiry = g.Uint64() >> g.IntN(64) }},
		{"just expired", func() { i.Expiry = g.court.now - 1 }},
		{"largest", func() { i.Fee.SetAllOne(); i.FaceValue.SetAllOne() }},
		{"free", func() { i.Fee.Clear() }},
		{"nothing", func() { i.Fee.Clear(); i.FaceValue.Clear() }},
		{"half of all", func() { i.FaceValue.Lsh(uint256.NewInt(1), 255) }},
	}
	f := fields[g.IntN(len(fields))]
	f.change()
	i.how = f.name
}

// breakSignature makes another one of it: forged, malleable, or of no form at all.
func (g *generator) breakSignature(i *item) {
	i.how = "signature"
	switch g.IntN(5) {
	case 0:
		i.Signature[g.IntN(64)] ^= 1 << g.IntN(8)
	case 1: // the same point's other face
		var s uint256.Int
		order := uint256.MustFromBig(crypto.S256().Params().N)
		s.SetBytes32(i.Signature[32:64])
		s.Sub(order, &s)
		b := s.Bytes32()
		copy(i.Signature[32:], b[:])
		i.Signature[64] ^= 1
	case 2:
		i.Signature[64] = byte(g.Uint32())
	case 3:
		copy(i.Signature[:32], bytes.Repeat([]byte{0}, 32))
	case 4:
		copy(i.Signature[32:64], bytes.Repeat([]byte{0xff}, 32))
	}
}

// TestGoAgreesWithTheContract over 10^4 tickets, whole and broken in every way: the same are paid, and the others are
// refused for the same reason.
func TestGoAgreesWithTheContract(t *testing.T) {
	const calls, each = 100, 100
	c := newCourt(t)
	g := &generator{Rand: rand.New(rand.NewPCG(5, 7)), court: c}
	seen := make(map[chain.SkipReason]int)
	for range calls {
		items := make([]item, each)
		for i := range items {
			items[i] = g.item(t)
		}
		got := c.verdicts(t, items)
		for i := range items {
			want := c.expected(&items[i])
			seen[want]++
			if got[i] != want {
				t.Fatalf("%s: Go says %v, the contract %v: %s", items[i].how, want, got[i], fmt.Sprintf("%+v", items[i]))
			}
		}
	}
	for _, reason := range []chain.SkipReason{
		chain.NotSkipped, chain.SkipExpired, chain.SkipRound, chain.SkipRand, chain.SkipSignature, chain.SkipNotWinning, chain.SkipInsufficient,
	} {
		if seen[reason] < 100 {
			t.Errorf("%v was tried %d times only", reason, seen[reason])
		}
	}
	t.Logf("%v", seen)
}
