// Package keeper does, once a round, what the chain needs somebody to do for an orchestrator, and looks whether its place is safe.
package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/contracts/chain"
	"castnet/internal/node/amount"
)

// Defaults of Config.
const (
	DefaultSweepEvery = 5 * time.Second
	DefaultWatchEvery = time.Minute
)

// Config is what a Keeper needs.
type Config struct {
	Client *chain.Client  // signs as the operator, who pays the gas
	Owner  common.Address // the orchestrator

	CastPrice     *big.Int // wei that a CAST is worth: emission that is worth its gas is taken; nil: unknown
	MaxRewardCost *big.Int // wei that taking emission may cost where CastPrice is unknown; nil: 0.0005 ETH
	LowBalance    *big.Int // wei of the operator's below which it is warned of; nil: 0.05 ETH

	SweepEvery time.Duration // between looks at what was redeemed; 0: DefaultSweepEvery
	WatchEvery time.Duration // between looks at balance and place; 0: DefaultWatchEvery

	Log        *slog.Logger
	Registerer prometheus.Registerer
}

func (cfg *Config) validate() error {
	if cfg.Client == nil || cfg.Log == nil || cfg.Registerer == nil {
		return errors.New("keeper: Client, Log and Registerer are needed")
	}
	if cfg.MaxRewardCost == nil {
		cfg.MaxRewardCost = big.NewInt(params.Ether / 2000)
	}
	if cfg.LowBalance == nil {
		cfg.LowBalance = big.NewInt(params.Ether / 20)
	}
	if cfg.SweepEvery == 0 {
		cfg.SweepEvery = DefaultSweepEvery
	}
	if cfg.WatchEvery == 0 {
		cfg.WatchEvery = DefaultWatchEvery
	}
	if cfg.SweepEvery < 0 || cfg.WatchEvery < 0 {
		return fmt.Errorf("keeper: SweepEvery %v and WatchEvery %v must be positive", cfg.SweepEvery, cfg.WatchEvery)
	}
	return nil
}

// Keeper keeps one orchestrator's place on the chain.
type Keeper struct {
	cfg     Config
	metrics metrics
	round   chain.Round
	entered bool   // what the round begins with is done
	state   string // of balance and place, as it was told last: a warning is not repeated every minute
}

// metrics are what a keeper shows.
type metrics struct {
	balance, active, margin prometheus.Gauge
	rewards, enrolments     prometheus.Counter
}

// New makes a keeper; it works while Run runs.
func New(cfg Config) (*Keeper, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "castnet_keeper_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "castnet_keeper_" + name, Help: help})
	}
	k := &Keeper{cfg: cfg, metrics: metrics{
		balance:    gauge("operator_ether", "ETH that the operator has for gas."),
		active:     gauge("active", "1 while the orchestrator is in the active set."),
		margin:     gauge("margin_cast", "CAST by which its stake exceeds the least in a full active set; all of it in one that has room."),
		rewards:    counter("rewards_total", "Times that emission was taken."),
		enrolments: counter("enrolments_total", "Times that the orchestrator was enrolled for reserves."),
	}}
	for _, c := range []prometheus.Collector{k.metrics.balance, k.metrics.active, k.metrics.margin, k.metrics.rewards, k.metrics.enrolments} {
		if err := cfg.Registerer.Register(c); err != nil {
			return nil, fmt.Errorf("keeper: metrics: %w", err)
		}
	}
	return k, nil
}

// Run keeps until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	rounds := k.cfg.Client.Rounds(ctx)
	sweep, watch := time.NewTicker(k.cfg.SweepEvery), time.NewTicker(k.cfg.WatchEvery)
	defer sweep.Stop()
	defer watch.Stop()
	for {
		select {
		case round, ok := <-rounds:
			if !ok {
				return nil
			}
			fresh := round.Number != k.round.Number || k.round.End.IsZero()
			k.round = round
			k.entered = k.enter(ctx)
			if fresh {
				k.reward(ctx)
				k.watch(ctx)
			}
		case <-sweep.C:
			if !k.entered && !k.round.End.IsZero() {
				k.entered = k.enter(ctx)
			}
			if err := k.sweep(ctx); err != nil && ctx.Err() == nil {
				k.cfg.Log.Warn("fees not swept into the stake pool; tried again later", "err", err)
			}
		case <-watch.C:
			k.watch(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// enter does what a round begins with: its beacon is recorded, and the orchestrator enrolled for reserves. It reports whether that is
// done: without it no reserve backs our tickets.
func (k *Keeper) enter(ctx context.Context) bool {
	if !k.round.BeaconRecorded {
		if _, err := k.cfg.Client.TouchRound().Send(ctx); err != nil && ctx.Err() == nil {
			k.cfg.Log.Debug("beacon not recorded; somebody else may have", "round", k.round.Number, "err", err)
		}
	}
	// Once a period of the broker is enough. The next round may begin another: there must be no gap without a share.
	for _, number := range []uint64{k.round.Number, k.round.Number + 1} {
		if err := k.enrol(ctx, number); err != nil {
			if ctx.Err() == nil {
				k.cfg.Log.Warn("not enrolled: reserves of senders give no share; tried again", "round", number, "err", err)
			}
			return false
		}
	}
	return true
}

func (k *Keeper) enrol(ctx context.Context, round uint64) error {
	enrolled, err := k.cfg.Client.Broker().Enrolled(ctx, k.cfg.Owner, round)
	if err != nil || enrolled {
		return err
	}
	if _, err = k.cfg.Client.Broker().Enrol(round, k.cfg.Owner).Send(ctx); err == nil {
		k.metrics.enrolments.Inc()
	}
	return err
}

// sweep moves what was redeemed from the broker into the stake pool.
func (k *Keeper) sweep(ctx context.Context) error {
	owed, err := k.cfg.Client.Broker().Owed(ctx, k.cfg.Owner)
	if err != nil {
		return err
	}
	// The contract keeps 1 wei, so that the next credit is cheap.
	if owed.BitLen() <= 1 {
		return nil
	}
	_, err = k.cfg.Client.Broker().Sweep(k.cfg.Owner).Send(ctx)
	return err
}

// reward takes the emission that has come and has the next round's draws count it, if that is worth its gas. Nothing is lost where it
// waits: emission is caught up with, but draws don't see it before.
func (k *Keeper) reward(ctx context.Context) {
	staking := k.cfg.Client.Staking()
	before, ok, err := staking.Orchestrator(ctx, k.cfg.Owner)
	if err != nil || !ok || !before.Active {
		return // watch tells why
	}
	var nothing *chain.RevertError
	if _, err := staking.Reward(k.cfg.Owner).Preview(ctx); errors.As(err, &nothing) {
		return // no emission has come
	}
	take := staking.Checkpoint(k.cfg.Owner) // which takes it, too
	preview, err := take.Preview(ctx)
	if err == nil {
		if most := k.worth(new(big.Int).Sub(before.Stake, before.Weight)); preview.Cost.Cmp(most) > 0 {
			k.cfg.Log.Info("emission left to grow: taking it costs more than it is worth now",
				"gas", amount.Brief(preview.Cost, amount.ETH), "at_most", amount.Brief(most, amount.ETH))
			return
		}
		_, err = take.Send(ctx)
	}
	if err != nil {
		if ctx.Err() == nil {
			k.cfg.Log.Warn("emission not taken; tried again next round", "err", err)
		}
		return
	}
	k.metrics.rewards.Inc()
	k.cfg.Log.Info("emission taken", "round", k.round.Number)
}

// worth is the wei that taking some CAST may cost. What has come is not known before somebody's transaction has the contract look.
func (k *Keeper) worth(cast *big.Int) *big.Int {
	if k.cfg.CastPrice == nil || cast.Sign() <= 0 {
		return k.cfg.MaxRewardCost
	}
	v := new(big.Int).Mul(cast, k.cfg.CastPrice)
	return v.Div(v, big.NewInt(params.Ether))
}
