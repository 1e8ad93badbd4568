package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"castnet/contracts/bindings"
	"castnet/contracts/chain"
	"castnet/contracts/chain/registry"
	"castnet/contracts/store"
	"castnet/test/ethnode"
)

func dialRPC(t *testing.T, url string) (*rpc.Client, error) {
	t.Helper()
	client, err := rpc.DialContext(t.Context(), url)
	if err == nil {
		t.Cleanup(client.Close)
	}
	return client, err
}

// What was folded from events is what the contract's own views say, to the wei, through random actions, slashes, time, reorganisations
// and a node that misbehaves. CASTNET_SEED repeats a run.
func TestRegistryIsTheContractsState(t *testing.T) {
	owners, delegators := []string{"owner 1", "owner 2", "owner 3"}, []string{"delegator 1", "delegator 2"}
	s := newScene(t, append(owners, delegators...)...)
	model := s.registry(t)
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CASTNET_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("CASTNET_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for i, name := range owners {
		s.try(t, s.client(t, name).Staking().Register(chain.Registration{
			Operator: keyOf("operator " + name).Address(), ServiceURI: "https://127.0.0.1:1", RewardCut: uint32(100_000 * i), FeeShare: 700_000, Stake: ether(20),
		}))
	}
	s.Mine(t, 4) // so that no reorganisation takes a registration back
	for range 60 {
		s.act(t, random, owners, append(delegators, owners...))
	}
	// Emission that a pool was not given yet is in no event: give it.
	for _, name := range owners {
		s.try(t, s.client(t, name).Staking().Checkpoint(keyOf(name).Address()))
	}
	s.compare(t, model, owners, append(delegators, owners...))
}

// act makes one random step.
func (s *scene) act(t *testing.T, random *rand.Rand, owners, accounts []string) {
	t.Helper()
	who := s.client(t, accounts[random.IntN(len(accounts))])
	pool, other := keyOf(owners[random.IntN(len(owners))]).Address(), keyOf(owners[random.IntN(len(owners))]).Address()
	amount := new(big.Int).Mul(big.NewInt(1+random.Int64N(5_000_000_000)), big.NewInt(1_000_000_007))
	stake := who.Staking()
	switch random.IntN(12) {
	case 0, 1, 2:
		s.try(t, stake.Delegate(pool, amount))
	case 3, 4:
		s.try(t, stake.Unbond(pool, amount))
	case 5:
		s.try(t, stake.Move(pool, other, amount))
	case 6:
		s.try(t, stake.ClaimFees(pool))
	case 7:
		open, err := stake.Unbondings(t.Context(), who.Self())
		if err != nil {
			t.Fatal(err)
		}
		if len(open) > 0 {
			s.try(t, stake.Rebond(open[random.IntN(len(open))].ID))
		}
	case 8:
		s.as(t, s.addresses.Broker, s.addresses.Staking, bindings.NewStaking().PackDepositFees(pool), amount)
	case 9:
		s.as(t, s.addresses.Disputes, s.addresses.Staking, bindings.NewStaking().PackSlash(pool, amount), new(big.Int))
	case 10:
		s.Call(t, nil, "evm_increaseTime", hexutil.Uint64(600+random.IntN(1800)))
		s.Mine(t, 1)
		s.try(t, stake.SetCuts(uint32(random.IntN(1_000_000)), uint32(random.IntN(1_000_000))))
	default:
		faults := []ethnode.Fault{ethnode.TooMany, ethnode.Drop, ethnode.Garbage, ethnode.Twice, nil}
		s.proxy.Set(faults[random.IntN(len(faults))])
		s.Reorg(t, 1+random.IntN(3))
	}
}

// try makes a change that the contract may refuse.
func (s *scene) try(t *testing.T, a chain.Action) {
	t.Helper()
	var revert *chain.RevertError
	var taken *chain.TakenError
	if _, err := a.Send(t.Context()); err != nil && !errors.As(err, &revert) && !errors.As(err, &taken) {
		t.Fatal(err)
	}
}

// as sends a transaction of a contract, in whose place the test speaks.
func (s *scene) as(t *testing.T, from, to common.Address, data []byte, value *big.Int) {
	t.Helper()
	s.Call(t, nil, "anvil_setBalance", from, (*hexutil.Big)(ether(100)))
	s.Call(t, nil, "anvil_impersonateAccount", from)
	var hash common.Hash
	s.Call(t, &hash, "eth_sendTransaction", map[string]any{
		"from": from, "to": to, "data": hexutil.Bytes(data), "value": (*hexutil.Big)(value), "gas": hexutil.Uint64(1_000_000),
	})
	for found := json.RawMessage(nil); found == nil || string(found) == "null"; {
		s.Call(t, &found, "eth_getTransactionReceipt", hash)
	}
}

// compare waits until the model is at the node's head, and compares it with the contract's views.
func (s *scene) compare(t *testing.T, model *store.Registry, owners, accounts []string) {
	t.Helper()
	s.proxy.Set(nil)
	var head struct {
		Hash common.Hash `json:"hash"`
	}
	s.Call(t, &head, "eth_getBlockByNumber", "latest", false)
	for {
		at, err := model.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if at.Hash == head.Hash {
			break
		}
		s.Call(t, new(hexutil.Uint64), "eth_blockNumber") // waits a little
	}
	views := s.client(t, owners[0]).Staking()
	list, err := model.Orchestrators(t.Context())
	if err != nil || len(list) != len(owners) {
		t.Fatalf("%d orchestrators, %v", len(list), err)
	}
	for _, o := range list {
		want, _, err := views.Orchestrator(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, o.ID, "stake", o.Stake, want.Stake)
		same(t, o.ID, "self-stake", o.SelfStake, want.SelfStake)
		same(t, o.ID, "commission", o.Commission, want.Commission)
		if o.Active != want.Active || o.Cuts != (registry.Cuts{RewardCut: want.RewardCut, FeeShare: want.FeeShare}) || (o.Announced == nil) != (want.Announced == nil) {
			t.Errorf("%v: %+v, the contract says %+v", o.ID, o, want)
		}
		pool, err := views.Pool(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, o.ID, "fees", o.FeesReceived, pool.FeesReceived)
		s.compareHistory(t, model, o)
	}
	for _, name := range accounts {
		s.compareDelegator(t, model, views, keyOf(name).Address(), list)
	}
}

func (s *scene) compareHistory(t *testing.T, model *store.Registry, o registry.Orchestrator) {
	t.Helper()
	earnings, err := model.Earnings(t.Context(), o.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	fees, rewards, slashed := new(big.Int), new(big.Int), new(big.Int)
	for _, r := range earnings {
		fees.Add(fees, r.Fees)
		rewards.Add(rewards, r.Rewards)
	}
	slashes, err := model.Slashes(t.Context(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range slashes {
		slashed.Add(slashed, one.Amount)
	}
	same(t, o.ID, "fees by round", fees, o.FeesReceived)
	same(t, o.ID, "rewards by round", rewards, o.Rewards)
	same(t, o.ID, "slashes", slashed, o.Slashed)
	cuts, err := model.Cuts(t.Context(), o.ID)
	if err != nil || len(cuts) == 0 || !cuts[0].Announced.Equal(o.Registered) {
		t.Errorf("%v: cuts %+v, %v", o.ID, cuts, err)
	}
}

func (s *scene) compareDelegator(t *testing.T, model *store.Registry, views *chain.Staking, account common.Address, pools []registry.Orchestrator) {
	t.Helper()
	got, err := model.Delegator(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	positions := make(map[common.Address]registry.Position)
	for _, p := range got.Positions {
		positions[p.Orchestrator] = p
	}
	for _, o := range pools {
		want, err := views.Position(t.Context(), o.ID, account)
		if err != nil {
			t.Fatal(err)
		}
		p, ok := positions[o.ID]
		if !ok {
			p = registry.Position{Stake: new(big.Int), Fees: new(big.Int)}
		}
		same(t, account, "position", p.Stake, want.Stake)
		same(t, account, "fees", p.Fees, want.Fees)
	}
	open, err := views.Unbondings(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	wanted := make(map[string]bool)
	for _, u := range open {
		wanted[fmt.Sprint(u)] = true
	}
	for _, u := range got.Unbondings {
		if u.Amount.Sign() != 0 && !wanted[fmt.Sprint(chain.Unbonding(u))] {
			t.Errorf("%v: unbonding %+v, the contract says %+v", account, u, open)
		}
		delete(wanted, fmt.Sprint(chain.Unbonding(u)))
	}
	if len(wanted) != 0 {
		t.Errorf("%v: unbondings %v are missing", account, wanted)
	}
}

func same(t *testing.T, who common.Address, what string, got, want *big.Int) {
	t.Helper()
	if got.Cmp(want) != 0 {
		t.Errorf("%v: %s %v, the contract says %v", who, what, got, want)
	}
}
