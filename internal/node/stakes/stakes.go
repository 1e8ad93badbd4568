// Package stakes tells the pages for stakers what the registry of stake knows.
package stakes

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/broadcaster/api"
	"castnet/contracts/chain"
	"castnet/contracts/chain/registry"
)

const (
	// yieldRounds is how many of the last rounds a yield is measured over, and a page's charts show.
	yieldRounds = 30
	// yieldEvery is how often yields are measured anew: they change with rounds, not with blocks.
	yieldEvery = 10 * time.Second
	// youngNetwork is how long a network counts as having lived at least, when losses are put in relation to its life: in
	// the first hours one slashing would else look like the loss of everything in a year.
	youngNetwork = 30 * 24 * time.Hour
)

// Chain is what a chain's client knows at once. *chain.Client is one.
type Chain interface {
	Parameters() chain.Parameters
	Addresses() chain.Addresses
	Round(ctx context.Context) (chain.Round, error)
}

// Positions knows what a position is worth now, and what of it may not leave yet. *chain.Staking is one.
type Positions interface {
	Position(ctx context.Context, orchestrator, delegator common.Address) (chain.Position, error)
}

// Config is what Stakes needs.
type Config struct {
	Chain     Chain
	Positions Positions
	Registry  registry.Reader
	// Name splits a service URI into what people call the orchestrator and where it is reached.
	Name func(id common.Address, uri string) (name, address string, err error)
	// SlashPart is the part of a pool that the worst offence costs, 0 to 1.
	SlashPart float64
	// RPC is the http:// address of a node for wallets that do not know the chain; empty for none.
	RPC string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

func (c *Config) validate() error {
	if c.Chain == nil || c.Positions == nil || c.Registry == nil || c.Name == nil {
		return errors.New("stakes: Config.Chain, Positions, Registry and Name are needed")
	}
	if c.SlashPart < 0 || c.SlashPart > 1 {
		return fmt.Errorf("stakes: SlashPart %v is a part of one: it must be between 0 and 1", c.SlashPart)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Stakes implements api.Stakes from a registry that follows the chain. It is safe for concurrent use.
type Stakes struct {
	cfg Config

	mu       sync.Mutex
	yields   map[common.Address]api.YieldView
	yieldsAt time.Time
}

// New makes Stakes.
func New(cfg Config) (*Stakes, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Stakes{cfg: cfg}, nil
}

// gasOf is about what each action of a staker uses. The first of a round also collects the round's emission, which can add half.
func gasOf() map[string]uint64 {
	return map[string]uint64{
		"approve": 50_000, "delegate": 140_000, "move": 190_000, "unbond": 200_000, "rebond": 100_000, "withdraw": 70_000, "claim": 60_000, "commission": 80_000,
	}
}

// Staking returns the terms of all stake.
func (s *Stakes) Staking(context.Context) (api.StakingView, error) {
	p, a := s.cfg.Chain.Parameters(), s.cfg.Chain.Addresses()
	return api.StakingView{
		ChainID: a.ChainID, ChainName: chainName(a.ChainID), RPC: s.cfg.RPC,
		TokenContract: a.Token.Hex(), StakingContract: a.Staking.Hex(), Token: "CAST", Coin: "ETH",
		UnbondingSeconds: int64(p.UnbondingPeriod / time.Second), RoundSeconds: int64(p.RoundLength / time.Second),
		SlashPart: s.cfg.SlashPart, SlashCap: ppm(p.MaxSlashPpm), MinSelfStakeWei: weiOf(p.MinSelfStake), Gas: gasOf(),
	}, nil
}

// chainName is what people call a chain.
func chainName(id uint64) string {
	switch id {
	case 1:
		return "Ethereum"
	case 42161:
		return "Arbitrum One"
	case 11155111:
		return "Sepolia"
	case 1337:
		return "Castnet development chain"
	}
	return fmt.Sprintf("chain %d", id)
}

// Orchestrators lists everybody who is registered, as the chain knows them.
func (s *Stakes) Orchestrators(ctx context.Context) ([]api.OrchestratorView, error) {
	list, err := s.cfg.Registry.Orchestrators(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the registry: %w", err)
	}
	yields, err := s.measured(ctx, list)
	if err != nil {
		return nil, err
	}
	total := new(big.Float)
	for i := range list {
		if list[i].Active {
			total.Add(total, new(big.Float).SetInt(list[i].Stake))
		}
	}
	views := make([]api.OrchestratorView, 0, len(list))
	for i := range list {
		o := &list[i]
		v := api.OrchestratorView{
			ID: o.ID.Hex(), URI: o.ServiceURI, StakeWei: weiOf(o.Stake), SelfStakeWei: weiOf(o.SelfStake), Active: o.Active,
			Cuts:  cutsView(o.Cuts),
			Yield: yields[o.ID], RedeemedWei: weiOf(o.FeesReceived), Success: -1, Health: api.Unknown,
		}
		if o.Active && total.Sign() > 0 {
			v.Share, _ = new(big.Float).Quo(new(big.Float).SetInt(o.Stake), total).Float64()
		}
		if o.Announced != nil {
			v.Announced = new(changeView(*o.Announced))
		}
		if name, address, err := s.cfg.Name(o.ID, o.ServiceURI); err == nil {
			v.Name, v.URI = name, "https://"+address
		} else {
			v.Note = err.Error()
		}
		views = append(views, v)
	}
	return views, nil
}

// Orchestrator returns one orchestrator's record.
func (s *Stakes) Orchestrator(ctx context.Context, id common.Address) (api.OrchestratorDetailView, bool, error) {
	o, found, err := s.cfg.Registry.Orchestrator(ctx, id)
	if err != nil || !found {
		return api.OrchestratorDetailView{}, false, err
	}
	v := api.OrchestratorDetailView{ID: id.Hex()}
	cuts, err := s.cfg.Registry.Cuts(ctx, id)
	if err != nil {
		return api.OrchestratorDetailView{}, false, err
	}
	for _, c := range slices.Backward(cuts) {
		v.Cuts = append(v.Cuts, changeView(c))
	}
	slashes, err := s.cfg.Registry.Slashes(ctx, id)
	if err != nil {
		return api.OrchestratorDetailView{}, false, err
	}
	for _, sl := range slices.Backward(slashes) {
		v.Slashes = append(v.Slashes, api.SlashView{At: sl.Time, Block: sl.Number, AmountWei: weiOf(sl.Amount), OwnerWei: weiOf(sl.Self)})
	}
	round, err := s.cfg.Chain.Round(ctx)
	if err != nil {
		return api.OrchestratorDetailView{}, false, err
	}
	v.Rounds, err = s.rounds(ctx, &o, round, slashes)
	return v, err == nil, err
}

// rounds are the last whole ones of an orchestrator, and what each brought.
func (s *Stakes) rounds(ctx context.Context, o *registry.Orchestrator, now chain.Round, slashes []registry.Slash) ([]api.RoundView, error) {
	clock := clock{now: now, length: s.cfg.Chain.Parameters().RoundLength}
	first := max(clock.roundAt(o.Registered)+1, now.Number-min(now.Number, yieldRounds))
	earnings, err := s.cfg.Registry.Earnings(ctx, o.ID, first-min(first, 1))
	if err != nil {
		return nil, fmt.Errorf("read the earnings of %v: %w", o.ID, err)
	}
	return history(earnings, slashes, clock, first), nil
}

// measured returns everybody's yield, measured anew every few seconds.
func (s *Stakes) measured(ctx context.Context, list []registry.Orchestrator) (map[common.Address]api.YieldView, error) {
	s.mu.Lock()
	yields, fresh := s.yields, s.cfg.Now().Sub(s.yieldsAt) < yieldEvery && len(s.yields) == len(list)
	s.mu.Unlock()
	if fresh {
		return yields, nil
	}
	round, err := s.cfg.Chain.Round(ctx)
	if err != nil {
		return nil, err
	}
	slashes := make(map[common.Address][]registry.Slash, len(list))
	var lost, stakeYears float64
	for i := range list {
		o := &list[i]
		if slashes[o.ID], err = s.cfg.Registry.Slashes(ctx, o.ID); err != nil {
			return nil, err
		}
		delegators, _ := lostWithin(slashes[o.ID], time.Time{}, round.End).Float64()
		stake, _ := o.Stake.Float64()
		lost += delegators
		stakeYears += stake * float64(max(round.Start.Sub(o.Registered), youngNetwork)) / float64(365*24*time.Hour)
	}
	lossOfAll := 0.0
	if stakeYears > 0 {
		lossOfAll = lost / stakeYears
	}
	yields = make(map[common.Address]api.YieldView, len(list))
	for i := range list {
		rounds, err := s.rounds(ctx, &list[i], round, slashes[list[i].ID])
		if err != nil {
			return nil, err
		}
		yields[list[i].ID] = api.Yield(rounds, s.cfg.Chain.Parameters().RoundLength, lossOfAll)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.yields, s.yieldsAt = yields, s.cfg.Now()
	return yields, nil
}

// Staker returns what an account has staked.
func (s *Stakes) Staker(ctx context.Context, account common.Address) (api.StakerView, error) {
	head, err := s.cfg.Registry.Head(ctx)
	if err != nil {
		return api.StakerView{}, err
	}
	d, err := s.cfg.Registry.Delegator(ctx, account) // after the head: it is at least as new
	if err != nil {
		return api.StakerView{}, err
	}
	v := api.StakerView{Address: account.Hex(), Block: head.Number}
	for i := range d.Positions {
		p, err := s.position(ctx, d.Positions[i].Orchestrator, account)
		if err != nil {
			return api.StakerView{}, err
		}
		v.Positions = append(v.Positions, p)
	}
	slices.SortFunc(v.Positions, func(a, b api.PositionView) int { return stakeOf(b).Cmp(stakeOf(a)) })
	period := s.cfg.Chain.Parameters().UnbondingPeriod
	for i := range d.Unbondings {
		u := &d.Unbondings[i]
		v.Unbondings = append(v.Unbondings, api.UnbondingView{
			ID: u.ID, Orchestrator: u.Orchestrator.Hex(), AmountWei: weiOf(u.Amount), BegunAt: u.ReleaseAt.Add(-period), ReleaseAt: u.ReleaseAt,
		})
	}
	slices.SortFunc(v.Unbondings, func(a, b api.UnbondingView) int { return a.ReleaseAt.Compare(b.ReleaseAt) })
	return v, nil
}

func (s *Stakes) position(ctx context.Context, orchestrator, account common.Address) (api.PositionView, error) {
	p, err := s.cfg.Positions.Position(ctx, orchestrator, account)
	if err != nil {
		return api.PositionView{}, err
	}
	v := api.PositionView{Orchestrator: orchestrator.Hex(), StakeWei: weiOf(p.Stake), FeesWei: weiOf(p.Fees)}
	if p.Move != nil {
		v.Tied = &api.TiedView{From: p.Move.From.Hex(), AmountWei: weiOf(p.Move.Liable), Until: p.Move.Until}
	}
	if account == orchestrator {
		own, _, err := s.cfg.Registry.Orchestrator(ctx, account)
		if err != nil {
			return api.PositionView{}, err
		}
		v.CommissionWei = weiOf(own.Commission)
	}
	return v, nil
}

func stakeOf(v api.PositionView) *big.Int {
	stake, _ := new(big.Int).SetString(string(v.StakeWei), 10)
	return stake
}

func cutsView(c registry.Cuts) api.CutsView {
	return api.CutsView{RewardCut: ppm(c.RewardCut), FeeShare: ppm(c.FeeShare)}
}

func changeView(c registry.CutChange) api.CutChangeView {
	return api.CutChangeView{CutsView: cutsView(c.Cuts), AnnouncedAt: c.Announced, EffectiveAt: c.Effective}
}

// ppm turns parts per million into a part of one.
func ppm(parts uint32) float64 { return float64(parts) / 1e6 }

func weiOf(v *big.Int) api.Wei { return api.Wei(v.String()) }
