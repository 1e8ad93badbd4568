package browser_test

import (
	"context"
	"crypto/ecdsa"
	"math/big"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"castnet/broadcaster/api"
	"castnet/contracts/bindings"
	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/contracts/devchain"
	"castnet/contracts/store"
	"castnet/internal/node/account"
	"castnet/internal/node/stakes"
)

const (
	roundLength = 10 * time.Minute
	// slashPart is the part of a pool that an offence costs, in ppm; slashCap what a holder loses of it at most.
	slashPart, slashCap = 50_000, 100_000
)

// key is a signer over a private key made from a name.
type key struct{ private *ecdsa.PrivateKey }

func keyOf(name string) key {
	return key{crypto.ToECDSAUnsafe(crypto.Keccak256([]byte("castnet browser test " + name)))}
}

func (k key) Address() common.Address { return crypto.PubkeyToAddress(k.private.PublicKey) }

func (k key) SignHash(hash common.Hash) ([]byte, error) { return crypto.Sign(hash[:], k.private) }

// cast is n whole units of CAST, or of ether.
func cast(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

// economy is a chain with the contracts, two orchestrators at work for some rounds, and Dora, who has 1,000 CAST and a wallet.
// It is the pages' api.Network.
type economy struct {
	dev    *devchain.Chain
	node   *rpc.Client
	stakes *stakes.Stakes

	dora       key
	rosa, amos *chain.Client
	treasury   *chain.Client // deposits what a redeemed ticket brings
	elsewhere  *chain.Client // Dora's account without her browser

	mu   sync.Mutex
	view api.NetworkView
}

func newEconomy(t *testing.T) *economy {
	t.Helper()
	e := &economy{dora: keyOf("dora")}
	cfg := devchain.Config{Listen: "127.0.0.1:0", BlockPeriod: 200 * time.Millisecond, MaxLead: time.Hour}
	for name, coins := range map[string]int64{"treasury": 1000, "rosa": 1000, "amos": 1000, "dora": 1} {
		cfg.Allocations = append(cfg.Allocations, devchain.Allocation{Account: keyOf(name).Address(), Wei: cast(coins)})
	}
	var err error
	e.dev, err = devchain.New(cfg)
	require.NoError(t, err)
	runUntilCleanup(t, e.dev.Run)
	e.node, err = rpc.DialContext(t.Context(), e.dev.URL())
	require.NoError(t, err)
	t.Cleanup(e.node.Close)

	contracts := deploy.Config{
		URL: e.dev.URL(), File: filepath.Join(t.TempDir(), "contracts.json"), Signer: keyOf("treasury"), RoundLength: roundLength,
		EmissionPPB: 1000, MaxSlashPpm: slashCap, SlashPpm: slashPart,
	}
	for name, tokens := range map[string]int64{"rosa": 10_000, "amos": 10_000, "treasury": 80_000, "dora": 1000} {
		contracts.Supply = append(contracts.Supply, deploy.Allocation{Account: keyOf(name).Address(), Amount: cast(tokens)})
	}
	addresses, err := deploy.Contracts(t.Context(), contracts)
	require.NoError(t, err)
	as := func(name string) *chain.Client {
		c, err := chain.Dial(t.Context(), chain.Config{URL: e.dev.URL(), Addresses: addresses, Signer: keyOf(name)})
		require.NoError(t, err)
		runUntilCleanup(t, c.Run)
		return c
	}
	e.treasury, e.rosa, e.amos, e.elsewhere = as("treasury"), as("rosa"), as("amos"), as("dora")
	e.work(t)
	e.follow(t)
	return e
}

// work lets the orchestrators register and earn for some rounds. Rosa then announces that she will keep more.
func (e *economy) work(t *testing.T) {
	t.Helper()
	sent := func(a chain.Action) {
		t.Helper()
		_, err := a.Send(t.Context())
		require.NoError(t, err)
	}
	for _, o := range []struct {
		client *chain.Client
		name   string
		stake  int64
	}{{e.rosa, "Rosa", 5000}, {e.amos, "Amos", 3000}} {
		sent(o.client.Staking().Register(chain.Registration{
			Operator: keyOf("operator of " + o.name).Address(), ServiceURI: "https://127.0.0.1:8935#" + o.name,
			RewardCut: 100_000, FeeShare: 500_000, Stake: cast(o.stake),
		}))
	}
	sent(e.treasury.Staking().Delegate(e.rosa.Self(), cast(60_000)))
	sent(e.treasury.Staking().Delegate(e.amos.Self(), cast(20_000)))
	for range 6 {
		require.NoError(t, e.dev.Advance(t.Context(), roundLength))
		sent(e.rosa.Staking().Reward(e.rosa.Self()))
		sent(e.rosa.Staking().Reward(e.amos.Self()))
		require.NoError(t, e.payFees(t.Context()))
	}
	sent(e.rosa.Staking().SetCuts(200_000, 500_000))
}

// payFees deposits 0.01 ether for Rosa, as the sweep of a redeemed ticket does.
func (e *economy) payFees(ctx context.Context) error {
	eth := ethclient.NewClient(e.node)
	to := e.treasury.Addresses().Staking
	treasury := &wallet{key: keyOf("treasury"), node: e.node}
	value := new(big.Int).Div(cast(1), big.NewInt(100))
	hash, err := treasury.transact(ctx, ethereum.CallMsg{
		From: treasury.key.Address(), To: &to, Value: value, Data: bindings.NewStaking().PackDepositFees(e.rosa.Self()),
	})
	if err != nil {
		return err
	}
	for {
		if _, err := eth.TransactionReceipt(ctx, hash); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// unbondElsewhere takes 10 CAST of Dora's out of Rosa's pool, while her browser shows what was.
func (e *economy) unbondElsewhere(ctx context.Context) error {
	_, err := e.elsewhere.Staking().Unbond(e.rosa.Self(), cast(10)).Send(ctx)
	return err
}

// follow keeps what the pages show in step with the chain, through the events of the contracts.
func (e *economy) follow(t *testing.T) {
	t.Helper()
	file, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "chain.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	books, err := file.Registry(e.treasury)
	require.NoError(t, err)
	follower, err := e.treasury.Follower(books)
	require.NoError(t, err)
	runUntilCleanup(t, follower.Run)
	e.stakes, err = stakes.New(stakes.Config{
		Chain: e.treasury, Positions: e.treasury.Staking(), Registry: books, SlashPart: slashPart / 1e6, Name: account.ParseServiceURI,
	})
	require.NoError(t, err)
	runUntilCleanup(t, e.refresh)
}

func (e *economy) tokensOf(t *testing.T, k key) *big.Int {
	t.Helper()
	b, err := e.treasury.Balance(t.Context(), k.Address())
	require.NoError(t, err)
	return b.Cast
}

// Network implements api.Network.
func (e *economy) Network() api.NetworkView {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.view
}

// refresh keeps the view fresh until the test ends.
func (e *economy) refresh(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		head := e.rosa.Head()
		round, err := e.rosa.Round(ctx)
		list, failed := e.stakes.Orchestrators(ctx)
		if err == nil && failed == nil { // else what was known stays
			e.mu.Lock()
			e.view = api.NetworkView{
				Orchestrators: list, Round: round.Number, RoundEndsAt: round.End,
				Chain: api.ChainView{ID: e.rosa.ChainID(), Head: head.Number, Time: head.Time, Coin: "ETH"},
			}
			e.mu.Unlock()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
