// Package deploy is the command `castnet chain deploy`: it brings the contracts on a chain.
package deploy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/contracts/chain/endpoint"
	"castnet/internal/identity"
	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// Deploy is the command `castnet chain deploy`.
type Deploy struct {
	account.Signing `embed:""`
	Supply          string         `help:"The initial distribution of CAST: a file of lines ADDRESS AMOUNT, for example '0x… 1000 CAST'; # begins a comment." placeholder:"FILE" type:"path"`
	RoundLength     time.Duration  `default:"1h" help:"How long a round lasts."`
	TicketValidity  time.Duration  `default:"24h" help:"How long after its round's end a ticket can be redeemed at most."`
	UnlockPeriod    time.Duration  `help:"How long a broadcaster's money stays locked; the default is the least that is safe." placeholder:"DURATION"`
	UnbondingPeriod time.Duration  `default:"168h" help:"How long stake stays locked after 'castnet stake unbond'; as long is the notice of new cuts."`
	MinSelfStake    amount.Cast    `default:"1 CAST" help:"The least stake of its own with which an orchestrator may be active." placeholder:"AMOUNT"`
	MaxActive       int            `default:"100" help:"How many orchestrators may be active." placeholder:"N"`
	MaxSlash        amount.Percent `default:"50%" help:"What a holder of stake may lose by one slash at most." placeholder:"PERCENT"`
	Cap             amount.Cast    `help:"The most CAST there may ever be; without it ten times the supply." placeholder:"AMOUNT"`
	Inflation       amount.Percent `default:"0%" help:"New CAST a year, of the supply, at the beginning." placeholder:"PERCENT"`
	MaxInflation    amount.Percent `default:"0%" help:"The most that it may rise to while less than the target is staked." placeholder:"PERCENT"`
	TargetBonding   amount.Percent `default:"50%" help:"Inflation falls while more of the supply than this is staked, and rises while less is." placeholder:"PERCENT"`
	InflationStep   amount.Percent `default:"0%" help:"By how much the yearly inflation moves in a round." placeholder:"PERCENT"`
	TreasuryCut     amount.Percent `default:"0%" help:"What of new CAST the treasury gets." placeholder:"PERCENT"`
	Treasury        string         `help:"The treasury's address; without it the account that deploys." placeholder:"ADDRESS"`
	Disputes        Disputes       `embed:""`
	Proposer        []string       `help:"Who may propose upgrades through the timelock; without any the account that deploys." placeholder:"ADDRESS"`
	TimelockDelay   time.Duration  `default:"48h" help:"How long everybody can see an upgrade before it takes effect."`
	AcceptUpgrades  bool           `help:"Where a contract was upgraded since the addresses file was written: take the new code as right."`
}

// Disputes says how lies that are proved are punished. A duration that is not given follows from the unbonding period.
type Disputes struct {
	Slash            amount.Percent `default:"10%" help:"What a proved lie costs, of the stake of that round." placeholder:"PERCENT"`
	MaxPenalty       amount.Percent `help:"What all lies of as many rounds as tickets live (a period of the broker) cost together at most; without it twice that." placeholder:"PERCENT"`
	JailRounds       uint64         `help:"For how many rounds it bars from the active set; without it as many as tickets live, so that nobody offends twice in them." placeholder:"N"`
	ChallengerShare  amount.Percent `default:"25%" help:"What whoever proved it gets, of the owner's own loss." placeholder:"PERCENT"`
	BroadcasterShare amount.Percent `default:"25%" help:"What the broadcaster that was lied to gets, likewise." placeholder:"PERCENT"`
	DisputeBond      amount.Ether   `default:"0.1 ETH" help:"What an accusation takes as a bond; it is lost where nothing is proved." placeholder:"AMOUNT"`
	EvidencePeriod   time.Duration  `help:"How long after a round its receipts can be evidence; without it half the unbonding period." placeholder:"DURATION"`
	RevealDelay      time.Duration  `help:"How long an accusation lies sealed at least; without it a minute." placeholder:"DURATION"`
	RevealWindow     time.Duration  `help:"When it must be opened at the latest; without it a quarter of the unbonding period." placeholder:"DURATION"`
}

// Run deploys, or checks what the addresses file names.
func (d *Deploy) Run(ctx context.Context, con *console.Console) error {
	cfg, err := d.config(con)
	if err != nil {
		return err
	}
	_, err = os.Stat(d.Contracts)
	if err == nil {
		cfg.AcceptUpgrades = d.AcceptUpgrades && !d.DryRun
		addresses, err := deploy.Contracts(ctx, cfg)
		if err != nil {
			return err
		}
		return d.answer(con, addresses, "The contracts are in place, as "+d.Contracts+" says.")
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("addresses file: %w (--contracts)", err)
	}
	signer, err := d.Signer(ctx, con)
	if err != nil {
		return err
	}
	defer signer.Close()
	cfg.Signer = signer.Signer
	if err := cfg.Validate(); err != nil {
		return err
	}
	plan := d.plan(cfg)
	err = con.Confirm(d.Consent, plan)
	if errors.Is(err, console.ErrDryRun) {
		return con.Answer(d.Output, account.Outcome{Change: plan.Title, DryRun: true, Transactions: []account.Transaction{}}, func(w io.Writer) {
			_, _ = fmt.Fprintln(w, "Dry run: nothing was changed.")
		})
	}
	if err != nil {
		return err
	}
	if err := signer.Unlock(); err != nil {
		return err
	}
	addresses, err := deploy.Contracts(ctx, cfg)
	if err != nil {
		return err
	}
	return d.answer(con, addresses, "The contracts are deployed; "+d.Contracts+" names them. Whoever takes part needs a copy of it.")
}

// nonzero checks those that would mean their default if they were zero.
func (d *Deploy) nonzero() error {
	for flag, d := range map[string]time.Duration{
		"round-length": d.RoundLength, "ticket-validity": d.TicketValidity, "unbonding-period": d.UnbondingPeriod, "timelock-delay": d.TimelockDelay,
	} {
		if d <= 0 {
			return fmt.Errorf("--%s must be longer than 0s", flag)
		}
	}
	switch {
	case d.MaxActive == 0:
		return errors.New("--max-active must be more than 0")
	case d.MinSelfStake.Sign() == 0:
		return errors.New("--min-self-stake must be more than 0 CAST")
	}
	for flag, share := range map[string]amount.Percent{"max-slash": d.MaxSlash, "slash": d.Disputes.Slash, "target-bonding": d.TargetBonding} {
		if share == 0 {
			return fmt.Errorf("--%s must be more than 0%%", flag)
		}
	}
	return nil
}

func (d *Deploy) config(con *console.Console) (deploy.Config, error) {
	cfg := deploy.Config{
		URL: d.RPC, File: d.Contracts, RoundLength: d.RoundLength, TicketValidity: d.TicketValidity, UnlockPeriod: d.UnlockPeriod,
		UnbondingPeriod: d.UnbondingPeriod, MinSelfStake: d.MinSelfStake.Int, MaxActive: d.MaxActive, MaxSlashPpm: uint32(d.MaxSlash),
		EmissionPPB: d.perRound(d.Inflation), MaxEmissionPPB: d.perRound(max(d.Inflation, d.MaxInflation)), EmissionStepPPB: d.perRound(d.InflationStep),
		TargetBondingPpm: uint32(d.TargetBonding), TreasuryCutPpm: uint32(d.TreasuryCut), TimelockDelay: d.TimelockDelay,
		Cap: d.Cap.Int, SlashPpm: uint32(d.Disputes.Slash), JailRounds: d.Disputes.JailRounds, Disputes: &chain.DisputeTerms{
			Bond: d.Disputes.DisputeBond.Int, RevealDelay: d.Disputes.RevealDelay, RevealWindow: d.Disputes.RevealWindow,
			EvidencePeriod: d.Disputes.EvidencePeriod, ChallengerPpm: uint32(d.Disputes.ChallengerShare), BroadcasterPpm: uint32(d.Disputes.BroadcasterShare),
			PeriodPpm: uint32(d.Disputes.MaxPenalty),
		},
		Log: slog.New(slog.NewTextHandler(con.Err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	err := d.nonzero()
	if err != nil {
		return cfg, err
	}
	if cfg.Supply, err = readSupply(d.Supply); err != nil {
		return cfg, err
	}
	if d.Treasury != "" {
		if cfg.Treasury, err = identity.ParseAddress(d.Treasury); err != nil {
			return cfg, fmt.Errorf("--treasury: %w", err)
		}
	}
	for _, p := range d.Proposer {
		proposer, err := identity.ParseAddress(p)
		if err != nil {
			return cfg, fmt.Errorf("--proposer: %w", err)
		}
		cfg.Proposers = append(cfg.Proposers, proposer)
	}
	return cfg, nil
}

// perRound turns a percentage a year into parts per 10^9 a round.
func (d *Deploy) perRound(yearly amount.Percent) uint32 {
	const year, ppbOfPpm = 365 * 24 * time.Hour, 1000
	return uint32(float64(yearly) * ppbOfPpm * float64(d.RoundLength) / float64(year))
}

// plan tells what cfg, with its defaults filled in, comes to.
func (d *Deploy) plan(cfg deploy.Config) console.Plan {
	sum := new(big.Int)
	for _, a := range cfg.Supply {
		sum.Add(sum, a.Amount)
	}
	self, t := cfg.Signer.Address(), cfg.Disputes
	plan := console.Plan{
		Title: "Deploy the Castnet contracts on the chain at " + endpoint.Name(d.RPC),
		Facts: []console.Field{
			{Label: "Account", Value: self.Hex() + ", pays for it"},
			{Label: "Supply", Value: fmt.Sprintf("%s, for %s; never more than %s", amount.Format(sum, amount.CAST), account.Count(len(cfg.Supply), "account"), amount.Format(cfg.Cap, amount.CAST))},
			{Label: "Inflation", Value: fmt.Sprintf("%s a year at the beginning, %s at most, moving by %s a round towards %s staked",
				amount.FormatPercent(uint32(d.Inflation)), amount.FormatPercent(uint32(max(d.Inflation, d.MaxInflation))), amount.FormatPercent(uint32(d.InflationStep)), amount.FormatPercent(cfg.TargetBondingPpm))},
			{Label: "Treasury", Value: fmt.Sprintf("%s, gets %s of new CAST and what nobody gets of a slash", cfg.Treasury, amount.FormatPercent(cfg.TreasuryCutPpm))},
			{Label: "Rounds", Value: "last " + account.Lasting(cfg.RoundLength) + "; tickets can be redeemed for " + account.Lasting(cfg.TicketValidity) + " more"},
			{Label: "Locked", Value: fmt.Sprintf("stake for %s, a broadcaster's money for %s", account.Lasting(cfg.UnbondingPeriod), account.Lasting(cfg.UnlockPeriod))},
			{Label: "Active set", Value: fmt.Sprintf("at most %d, each with %s of its own", cfg.MaxActive, amount.Format(cfg.MinSelfStake, amount.CAST))},
			{Label: "A proved lie", Value: fmt.Sprintf("costs %s of the stake, all of %s together %s at most, a holder %s at most, and %s in jail; of the owner's loss %s go to the challenger, %s to the broadcaster",
				amount.FormatPercent(cfg.SlashPpm), account.Lasting(cfg.Period()), amount.FormatPercent(t.PeriodPpm), amount.FormatPercent(cfg.MaxSlashPpm), account.Count(int(cfg.JailRounds), "round"), amount.FormatPercent(t.ChallengerPpm), amount.FormatPercent(t.BroadcasterPpm))},
			{Label: "To prove it", Value: fmt.Sprintf("takes a bond of %s within %s, opened after %s to %s", amount.Format(t.Bond, amount.ETH), account.Lasting(t.EvidencePeriod), account.Lasting(t.RevealDelay), account.Lasting(t.RevealWindow))},
			{Label: "Upgrades", Value: fmt.Sprintf("of Staking, Rounds and Disputes, %s after they are proposed by %s", account.Lasting(cfg.TimelockDelay), addresses(cfg.Proposers))},
			{Label: "Costs", Value: "about 25 million gas, in some 20 transactions; where it is interrupted, the same command goes on"},
		},
	}
	if len(cfg.Supply) == 0 {
		plan.Warnings = append(plan.Warnings, "Without an initial distribution there is no CAST to stake, and nobody can become active (--supply).")
	}
	if _, err := os.Stat(cfg.File + deploy.Partial); err == nil {
		plan.Warnings = append(plan.Warnings, "A deployment was begun and not finished: this goes on with it, by "+cfg.File+deploy.Partial+".")
	}
	return plan
}

func addresses(list []common.Address) string {
	words := make([]string, len(list))
	for i, a := range list {
		words[i] = a.Hex()
	}
	return strings.Join(words, ", ")
}

func (d *Deploy) answer(con *console.Console, a chain.Addresses, text string) error {
	return con.Answer(d.Output, a, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s\n\n", text)
		console.Fields(w, []console.Field{
			{Label: "Chain", Value: fmt.Sprint(a.ChainID)},
			{Label: "CastToken", Value: a.Token.Hex()},
			{Label: "Rounds", Value: a.Rounds.Hex()},
			{Label: "Staking", Value: a.Staking.Hex()},
			{Label: "TicketBroker", Value: a.Broker.Hex()},
			{Label: "Disputes", Value: a.Disputes.Hex()},
			{Label: "Timelock", Value: a.Timelock.Hex()},
		})
	})
}

// readSupply reads lines ADDRESS AMOUNT.
func readSupply(path string) ([]deploy.Allocation, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path) //nolint:gosec // the person names this file
	if err != nil {
		return nil, fmt.Errorf("supply: %w (--supply)", err)
	}
	defer func() { _ = f.Close() }()
	var list []deploy.Allocation
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		who, text, _ := strings.Cut(line, " ")
		address, err := identity.ParseAddress(who)
		if err != nil {
			return nil, fmt.Errorf("supply: %s:%d: %w", path, n, err)
		}
		cast, err := amount.Parse(text, amount.CAST)
		if err != nil {
			return nil, fmt.Errorf("supply: %s:%d: %w", path, n, err)
		}
		list = append(list, deploy.Allocation{Account: address, Amount: cast})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("supply: %s: %w", path, err)
	}
	return list, nil
}
