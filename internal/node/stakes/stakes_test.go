package stakes_test

import (
	"context"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"castnet/broadcaster/api"
	"castnet/contracts/chain"
	"castnet/contracts/chain/registry"
	"castnet/internal/node/stakes"
)

var _ api.Stakes = (*stakes.Stakes)(nil)

const day = 24 * time.Hour

var (
	rosa = common.HexToAddress("0x11")
	amos = common.HexToAddress("0x22")
	dora = common.HexToAddress("0x99")
)

// books are a chain and a registry of fixed facts. Rounds are a day long, and it is noon of round 100.
type books struct {
	registry.Reader
	list     []registry.Orchestrator
	cuts     []registry.CutChange
	earnings []registry.RoundEarnings
	slashes  []registry.Slash
	staked   registry.Delegator
	worth    map[common.Address]chain.Position
	broken   error
}

func midnight(round int64) time.Time { return time.Unix(0, 0).UTC().Add(time.Duration(round) * day) }

func (b *books) Parameters() chain.Parameters {
	return chain.Parameters{RoundLength: day, UnbondingPeriod: 7 * day, MinSelfStake: cast(1000), MaxSlashPpm: 100_000}
}

func (b *books) Addresses() chain.Addresses { return chain.Addresses{ChainID: 1337} }

func (b *books) Round(context.Context) (chain.Round, error) {
	return chain.Round{Number: 100, Start: midnight(100), End: midnight(101)}, b.broken
}

func (b *books) Head(context.Context) (registry.Block, error) {
	return registry.Block{Number: 4711}, b.broken
}

func (b *books) Orchestrators(context.Context) ([]registry.Orchestrator, error) {
	return b.list, b.broken
}

func (b *books) Orchestrator(_ context.Context, id common.Address) (registry.Orchestrator, bool, error) {
	for _, o := range b.list {
		if o.ID == id {
			return o, true, b.broken
		}
	}
	return registry.Orchestrator{}, false, b.broken
}

func (b *books) Cuts(context.Context, common.Address) ([]registry.CutChange, error) {
	return b.cuts, b.broken
}

func (b *books) Earnings(_ context.Context, _ common.Address, from uint64) ([]registry.RoundEarnings, error) {
	var list []registry.RoundEarnings
	for _, e := range b.earnings {
		if e.Round >= from {
			list = append(list, e)
		}
	}
	return list, b.broken
}

func (b *books) Slashes(context.Context, common.Address) ([]registry.Slash, error) {
	return b.slashes, b.broken
}

func (b *books) Delegator(context.Context, common.Address) (registry.Delegator, error) {
	return b.staked, b.broken
}

func (b *books) Position(_ context.Context, orchestrator, _ common.Address) (chain.Position, error) {
	return b.worth[orchestrator], b.broken
}

func cast(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(1e18)) }

func wei(n int64) api.Wei { return api.Wei(cast(n).String()) }

func newStakes(t *testing.T, b *books) *stakes.Stakes {
	t.Helper()
	s, err := stakes.New(stakes.Config{
		Chain: b, Positions: b, Registry: b,
		Name: func(_ common.Address, uri string) (name, address string, err error) { return uri, "host:8935", nil },
	})
	require.NoError(t, err)
	return s
}

// orchestrator is Rosa, registered before the given round.
func orchestrator(round int64) registry.Orchestrator {
	return registry.Orchestrator{
		ID: rosa, ServiceURI: "Rosa", Registered: midnight(round).Add(-time.Hour), Stake: cast(36_500), SelfStake: cast(500), Active: true,
		Cuts: registry.Cuts{RewardCut: 50_000, FeeShare: 900_000}, FeesReceived: cast(3),
	}
}

// earned is emission for n rounds at once: 11 CAST a round, of which the owner keeps 1.
func earned(round uint64, n int64) registry.RoundEarnings {
	return registry.RoundEarnings{
		Round: round, Rewards: cast(11 * n), RewardsKept: cast(n), Fees: cast(3), FeesShared: cast(2), Stake: cast(36_500),
	}
}

func TestEmissionCountsForTheRoundsThatItIsFor(t *testing.T) {
	for name, c := range map[string]struct {
		registered int64
		earnings   []registry.RoundEarnings
		rounds     int
		first      uint64
		emission   float64
	}{
		"every round":              {95, []registry.RoundEarnings{earned(95, 1), earned(96, 1), earned(97, 1), earned(98, 1), earned(99, 1)}, 5, 95, 0.1},
		"missed rounds, caught up": {95, []registry.RoundEarnings{earned(96, 2), earned(99, 3)}, 5, 95, 0.1},
		"the last not collected":   {90, []registry.RoundEarnings{earned(94, 5)}, 5, 90, 0.1},
		"the round is not over":    {98, []registry.RoundEarnings{earned(98, 1), earned(99, 1), earned(100, 1)}, 2, 98, 0.1},
		"older than the history":   {10, []registry.RoundEarnings{earned(75, 40), earned(85, 10), earned(95, 10)}, 20, 76, 0.1},
		"nothing yet":              {99, nil, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := &books{list: []registry.Orchestrator{orchestrator(c.registered)}, earnings: c.earnings}
			s := newStakes(t, b)
			list, err := s.Orchestrators(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.rounds, list[0].Yield.Rounds)
			require.InDelta(t, c.emission, list[0].Yield.Emission, 1e-9)
			record, found, err := s.Orchestrator(t.Context(), rosa)
			require.NoError(t, err)
			require.True(t, found)
			require.Len(t, record.Rounds, c.rounds)
			if c.rounds > 0 {
				require.Equal(t, c.first, record.Rounds[0].Round)
				require.Equal(t, midnight(int64(c.first)), record.Rounds[0].StartedAt)
			}
		})
	}
}

func TestLosses(t *testing.T) {
	b := &books{list: []registry.Orchestrator{orchestrator(95)}, earnings: []registry.RoundEarnings{earned(95, 1), earned(99, 4)}}
	b.slashes = []registry.Slash{{Block: registry.Block{Number: 17, Time: midnight(97).Add(time.Hour)}, Amount: cast(420), Self: cast(55)}}
	s := newStakes(t, b)
	record, _, err := s.Orchestrator(t.Context(), rosa)
	require.NoError(t, err)
	require.Equal(t, wei(365), record.Rounds[2].SlashedWei, "what delegators lost, in the round in which they did")
	require.Equal(t, api.Wei("0"), record.Rounds[3].SlashedWei)
	require.Equal(t, api.SlashView{At: midnight(97).Add(time.Hour), Block: 17, AmountWei: wei(420), OwnerWei: wei(55)}, record.Slashes[0])
	list, err := s.Orchestrators(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 365.0/36_500/5*365, list[0].Yield.SlashRisk, 1e-9, "its own record is worse than that of all in 30 days")
}

func TestRecordsAndPositions(t *testing.T) {
	o := orchestrator(95)
	o.Commission = cast(7)
	o.Announced = &registry.CutChange{Cuts: registry.Cuts{RewardCut: 100_000}, Announced: midnight(99), Effective: midnight(106)}
	b := &books{list: []registry.Orchestrator{o}}
	b.cuts = []registry.CutChange{{Cuts: o.Cuts, Announced: midnight(95), Effective: midnight(95)}, *o.Announced}
	b.staked = registry.Delegator{
		Positions:  []registry.Position{{Orchestrator: amos}, {Orchestrator: rosa}},
		Unbondings: []registry.Unbonding{{ID: 4, Orchestrator: rosa, Amount: cast(5), ReleaseAt: midnight(105)}, {ID: 3, Orchestrator: rosa, Amount: cast(6), ReleaseAt: midnight(103)}},
	}
	b.worth = map[common.Address]chain.Position{
		amos: {Stake: cast(2), Fees: cast(0), Move: &chain.RunningMove{From: rosa, Liable: cast(1), Until: midnight(104)}}, rosa: {Stake: cast(10), Fees: cast(2)},
	}
	s := newStakes(t, b)
	list, err := s.Orchestrators(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Rosa", list[0].Name)
	require.Equal(t, "https://host:8935", list[0].URI)
	require.InDelta(t, 1, list[0].Share, 1e-12)
	require.InDelta(t, 0.1, list[0].Announced.RewardCut, 1e-12)
	record, _, err := s.Orchestrator(t.Context(), rosa)
	require.NoError(t, err)
	require.Equal(t, midnight(106), record.Cuts[0].EffectiveAt, "the newest first")

	mine, err := s.Staker(t.Context(), dora)
	require.NoError(t, err)
	require.Equal(t, uint64(4711), mine.Block)
	require.Equal(t, rosa.Hex(), mine.Positions[0].Orchestrator, "the largest first")
	require.Equal(t, wei(2), mine.Positions[0].FeesWei)
	require.Nil(t, mine.Positions[0].Tied)
	require.Equal(t, &api.TiedView{From: rosa.Hex(), AmountWei: wei(1), Until: midnight(104)}, mine.Positions[1].Tied)
	require.Equal(t, uint64(3), mine.Unbondings[0].ID, "the next to unlock first")
	require.Equal(t, midnight(96), mine.Unbondings[0].BegunAt)

	require.Empty(t, mine.Positions[0].CommissionWei, "that is the owner's")
	owners, err := s.Staker(t.Context(), rosa)
	require.NoError(t, err)
	require.Equal(t, wei(7), owners.Positions[0].CommissionWei)

	_, found, err := s.Orchestrator(t.Context(), dora)
	require.NoError(t, err)
	require.False(t, found)
}

func TestABrokenChainIsSaid(t *testing.T) {
	b := &books{list: []registry.Orchestrator{orchestrator(95)}, broken: errors.New("no node")}
	s := newStakes(t, b)
	_, err := s.Orchestrators(t.Context())
	require.ErrorContains(t, err, "no node")
	_, _, err = s.Orchestrator(t.Context(), rosa)
	require.ErrorContains(t, err, "no node")
	_, err = s.Staker(t.Context(), dora)
	require.ErrorContains(t, err, "no node")
	_, err = stakes.New(stakes.Config{})
	require.Error(t, err)
}

func TestTerms(t *testing.T) {
	b := &books{}
	s, err := stakes.New(stakes.Config{
		Chain: b, Positions: b, Registry: b, SlashPart: 0.05, RPC: "http://127.0.0.1:8545",
		Name: func(common.Address, string) (name, address string, err error) { return "", "", nil },
	})
	require.NoError(t, err)
	terms, err := s.Staking(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Castnet development chain", terms.ChainName)
	require.Equal(t, int64(7*86_400), terms.UnbondingSeconds)
	require.Equal(t, wei(1000), terms.MinSelfStakeWei)
	require.InDelta(t, 0.1, terms.SlashCap, 0)
	for _, action := range []string{"approve", "delegate", "move", "unbond", "rebond", "withdraw", "claim", "commission"} {
		require.NotZero(t, terms.Gas[action], action)
	}
}
