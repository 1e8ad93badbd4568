package deploy

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"

	"castnet/contracts/chain"
)

// Defaults of Config.
const (
	DefaultRoundLength     = time.Hour
	DefaultTicketValidity  = 24 * time.Hour
	DefaultUnbondingPeriod = 7 * 24 * time.Hour
	DefaultMaxActive       = 100
	DefaultMaxSlashPpm     = 500_000
	DefaultTargetBonding   = 500_000 // ppm
	DefaultTimelockDelay   = 2 * 24 * time.Hour
	DefaultSlashPpm        = 100_000
	supplyGrowth           = 10 // the cap is so many times the initial supply
	partPpm                = 250_000
	ppm, ppb               = 1_000_000, 1_000_000_000
	capBits                = 96 // CastToken and Staking count CAST in so many
)

// Allocation is CAST that exists from the beginning.
type Allocation struct {
	Account common.Address
	Amount  *big.Int // CAST
}

// Config says what to deploy and where.
type Config struct {
	URL    string       // JSON-RPC of the node
	File   string       // the addresses file: read if it exists, else written when all contracts are in place
	Signer chain.Signer // pays for the deployment

	RoundLength     time.Duration // default DefaultRoundLength
	TicketValidity  time.Duration // default DefaultTicketValidity
	UnlockPeriod    time.Duration // default and minimum: two periods, of as many rounds as TicketValidity takes and one more
	UnbondingPeriod time.Duration // default DefaultUnbondingPeriod
	MinSelfStake    *big.Int      // default 1 CAST
	MaxActive       int           // size limit of the active set; default DefaultMaxActive
	MaxSlashPpm     uint32        // ppm of its stake that a holder loses by one slash at most; default DefaultMaxSlashPpm

	Supply           []Allocation   // the initial distribution of CAST
	Cap              *big.Int       // CAST that there may ever be at once; default ten times the supply, 10^9 CAST without one
	EmissionPPB      uint32         // of the supply per round, in parts per 10^9, at the beginning; default 0
	EmissionStepPPB  uint32         // by which it moves each round towards the target; default 0
	MaxEmissionPPB   uint32         // default EmissionPPB
	TargetBondingPpm uint32         // of the supply in the active set, at which emission stands still; default DefaultTargetBonding
	TreasuryCutPpm   uint32         // of what is emitted; default 0
	Treasury         common.Address // gets that, and what nobody gets of a slash; default the signer

	SlashPpm   uint32              // of the stake of a lease's round, for a proven offence; default DefaultSlashPpm
	JailRounds uint64              // likewise; default a period of the broker, so that who is in jail offends no more in it
	Disputes   *chain.DisputeTerms // nil, and zero terms but shares: a bond of 0.1 ether; half the unbonding period to find evidence, a quarter to reveal it; twice SlashPpm a period

	Proposers     []common.Address // who may propose and execute upgrades through the timelock; default the signer
	TimelockDelay time.Duration    // default DefaultTimelockDelay

	// AcceptUpgrades records the implementations that are behind the proxies now, where they differ from those in File.
	AcceptUpgrades bool

	Log *slog.Logger // default: discards
}

// Validate fills in the defaults, and checks all that can be told without the chain. Contracts does so, too.
func (cfg *Config) Validate() error {
	if cfg.File == "" {
		return errors.New("deploy: name the addresses file")
	}
	cfg.fillIn()
	return errors.Join(cfg.validateStaking(), cfg.validateEmission(), cfg.validateDisputes())
}

func (cfg *Config) validateStaking() error {
	for name, d := range map[string]time.Duration{
		"RoundLength": cfg.RoundLength, "TicketValidity": cfg.TicketValidity,
		"UnlockPeriod": cfg.UnlockPeriod, "UnbondingPeriod": cfg.UnbondingPeriod, "TimelockDelay": cfg.TimelockDelay,
	} {
		if d < time.Second || d%time.Second != 0 {
			return fmt.Errorf("deploy: %s %v: whole seconds are needed", name, d)
		}
	}
	if least := cfg.twoPeriods(); cfg.UnlockPeriod < least {
		return fmt.Errorf("deploy: UnlockPeriod %v must be two periods of the broker, %v, at least", cfg.UnlockPeriod, least)
	}
	if cfg.MaxActive < 1 || cfg.MaxActive > math.MaxUint16 {
		return fmt.Errorf("deploy: MaxActive %d must be within 1 and %d", cfg.MaxActive, math.MaxUint16)
	}
	if cfg.MinSelfStake.Sign() <= 0 {
		return errors.New("deploy: MinSelfStake must be positive")
	}
	return nil
}

// validateEmission checks what Rounds and CastToken will.
func (cfg *Config) validateEmission() error {
	if cfg.EmissionPPB > cfg.MaxEmissionPPB || cfg.MaxEmissionPPB > ppb {
		return fmt.Errorf("deploy: EmissionPPB %d and MaxEmissionPPB %d: the first must not be above the second, nor that above %d (all of the supply, each round)",
			cfg.EmissionPPB, cfg.MaxEmissionPPB, ppb)
	}
	for name, part := range map[string]uint32{
		"TargetBondingPpm": cfg.TargetBondingPpm, "TreasuryCutPpm": cfg.TreasuryCutPpm, "MaxSlashPpm": cfg.MaxSlashPpm, "SlashPpm": cfg.SlashPpm,
	} {
		if part > ppm {
			return fmt.Errorf("deploy: %s %d is above %d, the whole", name, part, ppm)
		}
	}
	supply := new(big.Int)
	for _, s := range cfg.Supply {
		supply.Add(supply, orZero(s.Amount))
	}
	if cfg.Cap.Cmp(supply) < 0 || cfg.Cap.BitLen() > capBits {
		return fmt.Errorf("deploy: Cap %v must be within the supply, %v, and 2^%d − 1, of the smallest unit of CAST", cfg.Cap, supply, capBits)
	}
	return nil
}

// validateDisputes checks what Disputes will, and that stake can still be slashed when evidence is shown.
func (cfg *Config) validateDisputes() error {
	t := cfg.Disputes
	for name, d := range map[string]time.Duration{
		"RevealDelay": t.RevealDelay, "RevealWindow": t.RevealWindow, "EvidencePeriod": t.EvidencePeriod,
	} {
		if d < time.Second || d%time.Second != 0 {
			return fmt.Errorf("deploy: Disputes: %s %v: whole seconds are needed", name, d)
		}
	}
	switch {
	case t.Bond.Sign() < 0:
		return fmt.Errorf("deploy: Disputes: Bond %v must not be negative", t.Bond)
	case t.PeriodPpm > ppm || t.PeriodPpm < cfg.SlashPpm:
		return fmt.Errorf("deploy: Disputes: PeriodPpm %d must be within SlashPpm, %d, which one offence costs, and %d, the whole",
			t.PeriodPpm, cfg.SlashPpm, ppm)
	case t.RevealWindow < t.RevealDelay:
		return fmt.Errorf("deploy: Disputes: RevealWindow %v must not be shorter than RevealDelay %v", t.RevealWindow, t.RevealDelay)
	case uint64(t.ChallengerPpm)+uint64(t.BroadcasterPpm) > ppm/2:
		return fmt.Errorf("deploy: Disputes: ChallengerPpm %d and BroadcasterPpm %d: together they may be %d at most, half of what is slashed: "+
			"more would pay an orchestrator for accusing itself", t.ChallengerPpm, t.BroadcasterPpm, ppm/2)
	case t.EvidencePeriod+t.RevealWindow >= cfg.UnbondingPeriod:
		return fmt.Errorf("deploy: Disputes: EvidencePeriod %v and RevealWindow %v together must be shorter than UnbondingPeriod %v, "+
			"or stake is gone before it can be slashed", t.EvidencePeriod, t.RevealWindow, cfg.UnbondingPeriod)
	}
	return nil
}

func (cfg *Config) fillIn() {
	orDefault(&cfg.RoundLength, DefaultRoundLength)
	orDefault(&cfg.TicketValidity, DefaultTicketValidity)
	if cfg.RoundLength > 0 {
		orDefault(&cfg.UnlockPeriod, cfg.twoPeriods())
		orDefault(&cfg.JailRounds, cfg.periodRounds())
	}
	orDefault(&cfg.UnbondingPeriod, DefaultUnbondingPeriod)
	orDefault(&cfg.MinSelfStake, big.NewInt(params.Ether))
	orDefault(&cfg.MaxActive, DefaultMaxActive)
	orDefault(&cfg.MaxSlashPpm, DefaultMaxSlashPpm)
	orDefault(&cfg.MaxEmissionPPB, cfg.EmissionPPB)
	orDefault(&cfg.TargetBondingPpm, DefaultTargetBonding)
	orDefault(&cfg.SlashPpm, DefaultSlashPpm)
	orDefault(&cfg.TimelockDelay, DefaultTimelockDelay)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Signer != nil {
		orDefault(&cfg.Treasury, cfg.Signer.Address())
		if len(cfg.Proposers) == 0 {
			cfg.Proposers = []common.Address{cfg.Signer.Address()}
		}
	}
	if cfg.Cap == nil {
		cfg.Cap = new(big.Int)
		for _, s := range cfg.Supply {
			cfg.Cap.Add(cfg.Cap, new(big.Int).Mul(orZero(s.Amount), big.NewInt(supplyGrowth)))
		}
		if cfg.Cap.Sign() == 0 {
			cfg.Cap.Mul(big.NewInt(params.Ether), big.NewInt(params.GWei))
		}
	}
	terms := chain.DisputeTerms{ChallengerPpm: partPpm, BroadcasterPpm: partPpm}
	if cfg.Disputes != nil {
		terms = *cfg.Disputes
	}
	if terms.Bond == nil {
		terms.Bond = big.NewInt(params.Ether / 10)
	}
	orDefault(&terms.RevealWindow, max(cfg.UnbondingPeriod/4, time.Second).Truncate(time.Second))
	orDefault(&terms.RevealDelay, min(terms.RevealWindow, time.Minute))
	orDefault(&terms.EvidencePeriod, max(cfg.UnbondingPeriod/2, time.Second).Truncate(time.Second))
	orDefault(&terms.PeriodPpm, min(2*cfg.SlashPpm, ppm))
	orDefault(&terms.Treasury, cfg.Treasury)
	cfg.Disputes = &terms
}

// Period is how long a period of the broker lasts: as many rounds as TicketValidity takes, and one more.
func (cfg *Config) Period() time.Duration {
	return time.Duration(cfg.periodRounds()) * cfg.RoundLength
}

func (cfg *Config) periodRounds() uint64 {
	return uint64((cfg.TicketValidity+cfg.RoundLength-1)/cfg.RoundLength) + 1
}

// twoPeriods is how long the promises of a reserve may last: the broker's unlock period is at least that.
func (cfg *Config) twoPeriods() time.Duration { return 2 * cfg.Period() }

func orDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// orZero reads an amount that was not given.
func orZero(v *big.Int) *big.Int {
	if v == nil {
		return new(big.Int)
	}
	return v
}

func wholeSeconds(d time.Duration) uint64 { return uint64(d / time.Second) }
