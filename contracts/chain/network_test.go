package chain_test

import (
	"context"
	"crypto/ecdsa"
	"math/big"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/contracts/devchain"
)

// key is a chain.Signer over a private key made from a name.
type key struct{ private *ecdsa.PrivateKey }

func keyOf(name string) key {
	return key{crypto.ToECDSAUnsafe(crypto.Keccak256([]byte("castnet test " + name)))}
}

func (k key) Address() common.Address { return crypto.PubkeyToAddress(k.private.PublicKey) }

func (k key) SignHash(hash common.Hash) ([]byte, error) { return crypto.Sign(hash[:], k.private) }

// ether is n whole units of ether or CAST.
func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

func owners() []key { return []key{keyOf("owner 1"), keyOf("owner 2"), keyOf("owner 3")} }

func operators() []key { return []key{keyOf("operator 1"), keyOf("operator 2"), keyOf("operator 3")} }

// node is a development chain that runs until the test ends.
func node(t *testing.T) *devchain.Chain {
	t.Helper()
	accounts := append(owners(), operators()...)
	accounts = append(accounts, keyOf("deployer"), keyOf("sender"), keyOf("delegator"), keyOf("relayer"))
	cfg := devchain.Config{Listen: "127.0.0.1:0", BlockPeriod: 50 * time.Millisecond, MaxLead: time.Hour}
	for _, a := range accounts {
		cfg.Allocations = append(cfg.Allocations, devchain.Allocation{Account: a.Address(), Wei: ether(1000)})
	}
	dev, err := devchain.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, dev.Run)
	return dev
}

func runUntilCleanup(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context()) }()
	t.Cleanup(func() { // the test's context has ended by then
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// network is a chain with the contracts on it.
type network struct {
	dev       *devchain.Chain
	addresses chain.Addresses
}

func deployConfig(t *testing.T, dev *devchain.Chain) deploy.Config {
	t.Helper()
	cfg := deploy.Config{
		URL: dev.URL(), File: filepath.Join(t.TempDir(), "chain", "addresses.json"), Signer: keyOf("deployer"),
		RoundLength: 10 * time.Minute, EmissionPPB: 100_000,
	}
	for _, holder := range append(owners(), keyOf("delegator")) {
		cfg.Supply = append(cfg.Supply, deploy.Allocation{Account: holder.Address(), Amount: ether(1000)})
	}
	return cfg
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	dev := node(t)
	addresses, err := deploy.Contracts(t.Context(), deployConfig(t, dev))
	if err != nil {
		t.Fatal(err)
	}
	return &network{dev: dev, addresses: addresses}
}

// client is a running client of one account.
func (n *network) client(t *testing.T, signer chain.Signer) *chain.Client {
	t.Helper()
	c, err := chain.Dial(t.Context(), chain.Config{URL: n.dev.URL(), Addresses: n.addresses, Signer: signer})
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, c.Run)
	return c
}

// register enters three orchestrators with stakes 50, 30 and 20, all at once.
func (n *network) register(t *testing.T) {
	t.Helper()
	stakes := []int64{50, 30, 20}
	var group sync.WaitGroup
	for i, owner := range owners() {
		c := n.client(t, owner)
		group.Go(func() {
			_, err := c.Staking().Register(chain.Registration{
				Operator: operators()[i].Address(), ServiceURI: "https://127.0.0.1:8935",
				RewardCut: 100_000, FeeShare: 500_000, Stake: ether(stakes[i]),
			}).Send(t.Context())
			if err != nil {
				t.Errorf("register %d: %v", i, err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// winner is a ticket that is paid for certain, signed here by hand from the specification of the type.
func winner(t *testing.T, c *chain.Client, recipient common.Address, wei *big.Int, nonce uint64) chain.Winner {
	t.Helper()
	round, err := c.Round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rand := crypto.Keccak256Hash([]byte("rand"), common.BigToHash(new(big.Int).SetUint64(nonce)).Bytes())
	ticket := chain.Ticket{
		ReceiptHash: crypto.Keccak256Hash([]byte("receipt"), recipient[:], rand[:]),
		Sender:      keyOf("sender").Address(), Recipient: recipient, Fee: wei, FaceValue: wei,
		RandHash: crypto.Keccak256Hash(rand[:]),
		Lane:     3, Nonce: nonce, Round: round.Number, Expiry: uint64(round.End.Unix()) + 3600,
	}
	signature, err := keyOf("sender").SignHash(ticketHash(c.Addresses(), ticket))
	if err != nil {
		t.Fatal(err)
	}
	return chain.Winner{Ticket: ticket, Signature: signature, RecipientRand: rand}
}

func ticketHash(a chain.Addresses, t chain.Ticket) common.Hash {
	word := func(v uint64) []byte { return common.BigToHash(new(big.Int).SetUint64(v)).Bytes() }
	domain := crypto.Keccak256(
		crypto.Keccak256([]byte("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")),
		crypto.Keccak256([]byte("Castnet")), crypto.Keccak256([]byte("1")), word(a.ChainID), common.LeftPadBytes(a.Broker[:], 32),
	)
	ticket := crypto.Keccak256(
		crypto.Keccak256([]byte("Ticket(bytes32 receiptHash,address sender,address recipient,uint256 fee,uint256 faceValue,"+
			"bytes32 randHash,uint64 lane,uint64 nonce,uint64 round,uint64 expiry)")),
		t.ReceiptHash[:], common.LeftPadBytes(t.Sender[:], 32), common.LeftPadBytes(t.Recipient[:], 32),
		common.BigToHash(t.Fee).Bytes(), common.BigToHash(t.FaceValue).Bytes(), t.RandHash[:],
		word(t.Lane), word(t.Nonce), word(t.Round), word(t.Expiry),
	)
	return crypto.Keccak256Hash([]byte{0x19, 0x01}, domain, ticket)
}

func wantWei(t *testing.T, what string, got, want *big.Int) {
	t.Helper()
	if got.Cmp(want) != 0 {
		t.Errorf("%s: %v wei, want %v", what, got, want)
	}
}
