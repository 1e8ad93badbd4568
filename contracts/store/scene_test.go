package store_test

import (
	"context"
	"crypto/ecdsa"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/contracts/chain/follow"
	"castnet/contracts/store"
	"castnet/test/ethnode"
)

// key is a chain.Signer over a private key made from a name.
type key struct{ private *ecdsa.PrivateKey }

func keyOf(name string) key {
	return key{crypto.ToECDSAUnsafe(crypto.Keccak256([]byte("castnet test " + name)))}
}

func (k key) Address() common.Address { return crypto.PubkeyToAddress(k.private.PublicKey) }

func (k key) SignHash(hash common.Hash) ([]byte, error) { return crypto.Sign(hash[:], k.private) }

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

// scene is the contracts on anvil, reached through a proxy.
type scene struct {
	*ethnode.Anvil
	proxy     *ethnode.Proxy
	addresses chain.Addresses
	clients   map[string]*chain.Client
}

func newScene(t *testing.T, holders ...string) *scene {
	t.Helper()
	s := &scene{Anvil: ethnode.Start(t), clients: make(map[string]*chain.Client)}
	s.proxy = ethnode.Intercept(t, s.URL)
	cfg := deploy.Config{
		URL: s.URL, File: filepath.Join(t.TempDir(), "contracts.json"), Signer: keyOf("deployer"),
		RoundLength: 10 * time.Minute, UnbondingPeriod: time.Hour, EmissionPPB: 100_000, Supply: []deploy.Allocation{},
	}
	for _, name := range append(holders, "deployer") {
		s.Call(t, nil, "anvil_setBalance", keyOf(name).Address(), (*hexutil.Big)(ether(1000)))
		cfg.Supply = append(cfg.Supply, deploy.Allocation{Account: keyOf(name).Address(), Amount: ether(1000)})
	}
	var err error
	if s.addresses, err = deploy.Contracts(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return s
}

// client is a running client of one account, straight to the node.
func (s *scene) client(t *testing.T, name string) *chain.Client {
	t.Helper()
	if c, ok := s.clients[name]; ok {
		return c
	}
	c, err := chain.Dial(t.Context(), chain.Config{
		URL: s.URL, Addresses: s.addresses, Signer: keyOf(name), PollInterval: 5 * time.Millisecond, ResubmitAfter: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, c.Run)
	s.clients[name] = c
	return c
}

// registry is a read model that is followed through the proxy until the test ends.
func (s *scene) registry(t *testing.T) *store.Registry {
	t.Helper()
	file, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "chain.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	reader, err := chain.Dial(t.Context(), chain.Config{URL: s.proxy.URL, Addresses: s.addresses})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	model, err := file.Registry(reader)
	if err != nil {
		t.Fatal(err)
	}
	node, err := dialRPC(t, s.proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	follower, err := follow.New(follow.Config{
		Node: node, Store: model, Addresses: []common.Address{s.addresses.Staking}, From: s.addresses.Block,
		Poll: 5 * time.Millisecond, Behind: 50 * time.Millisecond, Backoff: 20 * time.Millisecond, Patience: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, follower.Run)
	return model
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
