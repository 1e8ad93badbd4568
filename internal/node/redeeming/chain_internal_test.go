package redeeming

import (
	"encoding/json"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"

	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/internal/eip712"
	"castnet/internal/identity"
	"castnet/internal/node/role"
	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/sqlite"
	"castnet/test/ethnode"
)

// deepEnough is how many blocks must be on top of a redemption in these tests.
const deepEnough = 3

// payDay is winners that wait for their redemption on a real node, which is reached through a proxy that may misbehave.
type payDay struct {
	*ethnode.Anvil
	proxy     *ethnode.Proxy
	client    *chain.Client
	addresses chain.Addresses
	recipient common.Address
	relayer   common.Address
	redeemer  *payments.Redeemer
	store     *sqlite.Store
	tickets   []payments.Ticket
	funded    common.Hash // a transaction that has nothing to do with them
	seen      []payments.Event
}

// Observe implements payments.Observer.
func (p *payDay) Observe(e payments.Event) { p.seen = append(p.seen, e) }

func coins(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

func newPayDay(t *testing.T, winners int) *payDay {
	t.Helper()
	p := &payDay{Anvil: ethnode.Start(t), recipient: common.Address{7}}
	p.proxy = ethnode.Intercept(t, p.URL)
	sender, relayer := p.account(t), p.account(t)
	p.relayer = relayer.Address()
	addresses, err := deploy.Contracts(t.Context(), deploy.Config{
		URL: p.URL, File: filepath.Join(t.TempDir(), "contracts.json"), Signer: sender, RoundLength: time.Hour,
		Supply: []deploy.Allocation{{Account: sender.Address(), Amount: coins(1)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	funded, err := p.dial(t, p.URL, addresses, sender).Broker().Fund(coins(10), coins(1)).Send(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.funded = funded.TxHash
	p.addresses = addresses
	p.client = p.dial(t, p.proxy.URL, addresses, relayer)
	if p.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "money.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.store.Close() })
	p.win(t, sender, eip712.NewDomain(addresses.ChainID, addresses.Broker), winners)
	r, err := role.New("redeemer", role.Common{LogLevel: "info"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if p.redeemer, err = New(r, p.client, &Terms{Confirmations: deepEnough, Hurry: time.Hour}, p.store, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *payDay) account(t *testing.T) *identity.Key {
	t.Helper()
	key, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	p.Call(t, nil, "anvil_setBalance", key.Address(), (*hexutil.Big)(coins(1000)))
	return key
}

func (p *payDay) dial(t *testing.T, url string, addresses chain.Addresses, signer *identity.Key) *chain.Client {
	t.Helper()
	client, err := chain.Dial(t.Context(), chain.Config{
		URL: url, Addresses: addresses, Signer: signer, PollInterval: 5 * time.Millisecond, ResubmitAfter: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- client.Run(t.Context()) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return client
}

// win puts tickets that pay for certain into the queue.
func (p *payDay) win(t *testing.T, sender *identity.Key, domain eip712.Domain, winners int) {
	t.Helper()
	now, err := p.client.Round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rand, lease := common.Hash{9}, common.Hash{8}
	for i := range uint64(winners) {
		c := payments.Charge{
			PaymentKey: payments.PaymentKey{Lease: lease, Seq: i, Attempt: 1}, Receipt: common.Hash{6, byte(i)}, Sender: sender.Address(),
			Lane: 1, Round: now.Number, Fee: *uint256.NewInt(1000 + i),
			Terms: payments.Terms{RandHash: crypto.Keccak256Hash(rand[:]), FaceValue: *uint256.NewInt(1), Expiry: uint64(now.End.Unix())},
		}
		ticket := payments.SignedTicket{Ticket: payments.Ticket{
			ReceiptHash: c.Receipt, Sender: c.Sender, Recipient: p.recipient, Fee: c.Fee, FaceValue: c.Terms.FaceValue,
			RandHash: c.Terms.RandHash, Lane: c.Lane, Nonce: i, Round: c.Round, Expiry: c.Terms.Expiry,
		}}
		p.tickets = append(p.tickets, ticket.Ticket)
		sig, err := sender.SignHash(domain.Digest(ticket.Hash()))
		if err != nil {
			t.Fatal(err)
		}
		ticket.Signature = [65]byte(sig)
		if err := p.store.AddCharge(t.Context(), &c); err != nil {
			t.Fatal(err)
		}
		if err := p.store.Accept(t.Context(), &ticket, &payments.Winner{SignedTicket: ticket, Rand: rand, Lease: lease, Seq: i}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.store.CloseEpoch(t.Context(), payments.EpochID{Lease: lease}); err != nil {
		t.Fatal(err)
	}
}

// step lets the redeemer do something.
func (p *payDay) step(t *testing.T) int {
	t.Helper()
	resolved, err := p.redeemer.Step(t.Context())
	if err != nil {
		t.Logf("nothing came of it: %v", err)
	}
	return resolved
}

// bury puts blocks on top, and waits until the client knows of them.
func (p *payDay) bury(t *testing.T, blocks int) {
	t.Helper()
	p.Mine(t, blocks)
	var head hexutil.Uint64
	p.Call(t, &head, "eth_blockNumber")
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for p.client.Head().Number < uint64(head) {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the client does not follow")
		}
	}
}

// wantOnce checks that the chain has paid each winner once, and that the books say the same.
func (p *payDay) wantOnce(t *testing.T, winners int) {
	t.Helper()
	paid, err := p.client.Broker().Redemptions(t.Context(), chain.RedemptionQuery{})
	if err != nil {
		t.Fatal(err)
	}
	onChain, inBooks := new(big.Int), new(uint256.Int)
	for _, r := range paid {
		onChain.Add(onChain, r.Paid)
	}
	told := 0
	for _, e := range p.seen {
		if e.Kind == payments.EventRedeemed {
			told++
			inBooks.Add(inBooks, &e.Amount)
		}
		if e.Kind == payments.EventLost {
			t.Errorf("given up: %s", e.Reason)
		}
	}
	if len(paid) != winners || told != winners || inBooks.ToBig().Cmp(onChain) != 0 {
		t.Errorf("of %d winners the chain has paid %d, %s wei; the books say %d, %s wei", winners, len(paid), onChain, told, inBooks.Dec())
	}
}

// invented is the log of a payment that a transaction did not make.
func (p *payDay) invented(t *payments.Ticket, tx common.Hash) types.Log {
	var data []byte
	for _, v := range []uint256.Int{
		t.FaceValue, t.Fee, {}, {}, *uint256.NewInt(t.Lane), *uint256.NewInt(t.Nonce), *uint256.NewInt(t.Round),
	} {
		word := v.Bytes32()
		data = append(data, word[:]...)
	}
	event := crypto.Keccak256Hash([]byte("WinningTicketRedeemed(address,address,bytes32,uint256,uint256,uint256,uint256,uint64,uint64,uint64)"))
	return types.Log{
		Address: p.addresses.Broker, Topics: []common.Hash{event, common.BytesToHash(t.Sender[:]), common.BytesToHash(t.Recipient[:]), t.ReceiptHash},
		Data: data, BlockNumber: 1, TxHash: tx, BlockHash: common.Hash{4},
	}
}

// sent is how many transactions the redeemer's account has made.
func (p *payDay) sent(t *testing.T) int {
	t.Helper()
	var n hexutil.Uint64
	p.Call(t, &n, "eth_getTransactionCount", p.relayer, "latest")
	return int(n)
}

// TestThreatReorgUndoesARedemptionOnANode: what was paid in a block that is gone is paid again, once.
func TestThreatReorgUndoesARedemptionOnANode(t *testing.T) {
	const winners = 3
	p := newPayDay(t, winners)
	if n := p.step(t); n != 0 {
		t.Fatalf("%d winners count as paid before their block is deep enough", n)
	}
	p.bury(t, 1)
	p.Reorg(t, 2)
	p.bury(t, 1)
	if paid, err := p.client.Broker().Redemptions(t.Context(), chain.RedemptionQuery{}); err != nil || len(paid) != 0 {
		t.Fatalf("%d redemptions are left after the reorg (%v)", len(paid), err)
	}
	p.settle(t, winners)
	p.wantOnce(t, winners)
}

// settle steps and makes blocks until so many winners are resolved.
func (p *payDay) settle(t *testing.T, winners int) {
	t.Helper()
	for resolved := 0; resolved < winners; {
		resolved += p.step(t)
		p.bury(t, 1)
		if t.Context().Err() != nil {
			t.Fatalf("%d of %d winners resolved", resolved, winners)
		}
	}
}

// TestThreatLyingNodeOnANode: a node that hides what was paid, and one that tells of a payment that never was, make the
// redeemer neither pay gas again and again, nor give a winner up, nor count one that was not paid.
func TestThreatLyingNodeOnANode(t *testing.T) {
	const winners = 2
	p := newPayDay(t, winners)
	for _, tx := range []common.Hash{{5}, p.funded} { // one that there is not, and one that paid nothing
		p.proxy.Set(ethnode.Edit("eth_getLogs", func(_ []json.RawMessage, logs *[]types.Log) bool {
			for i := range p.tickets {
				*logs = append(*logs, p.invented(&p.tickets[i], tx))
			}
			return true
		}))
		if n := p.step(t); n != 0 {
			t.Fatalf("%d winners were taken for paid that transaction %v did not pay", n, tx)
		}
	}
	p.proxy.Set(nil)
	p.step(t)
	p.bury(t, deepEnough)
	sent := p.sent(t)
	p.proxy.Set(ethnode.Edit("eth_getLogs", func(_ []json.RawMessage, logs *[]types.Log) bool {
		*logs = []types.Log{}
		return true
	}))
	for range 5 {
		if n := p.step(t); n != 0 {
			t.Errorf("%d winners resolved while the log is hidden", n)
		}
	}
	if again := p.sent(t); again != sent {
		t.Errorf("%d more transactions were sent for winners that are paid", again-sent)
	}
	p.proxy.Set(nil)
	p.settle(t, winners)
	p.wantOnce(t, winners)
}
