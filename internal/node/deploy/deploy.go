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
	Inflation       amount.Percent `default:"0%" help:"New CAST a year, of the supply, at the beginning." placeholder:"PERCENT"`
	MaxInflation    amount.Percent `default:"0%" help:"The most that it may rise to while less than the target is staked." placeholder:"PERCENT"`
	TargetBonding   amount.Percent `default:"50%" help:"Inflation falls while more of the supply than this is staked, and rises while less is." placeholder:"PERCENT"`
	InflationStep   amount.Percent `default:"0%" help:"By how much the yearly inflation moves in a round." placeholder:"PERCENT"`
	TreasuryCut     amount.Percent `default:"0%" help:"What of new CAST the treasury gets." placeholder:"PERCENT"`
	Treasury        string         `help:"The treasury's address; without it the account that deploys." placeholder:"ADDRESS"`
	Proposer        []string       `help:"Who may propose upgrades through the timelock; without any the account that deploys." placeholder:"ADDRESS"`
	TimelockDelay   time.Duration  `default:"48h" help:"How long everybody can see an upgrade before it takes effect."`
	AcceptUpgrades  bool           `help:"Where a contract was upgraded since the addresses file was written: take the new code as right."`
}

// Run deploys, or checks what the addresses file names.
func (d *Deploy) Run(ctx context.Context, con *console.Console) error {
	cfg, err := d.config(con)
	if err != nil {
		return err
	}
	_, err = os.Stat(d.Contracts)
	if err == nil {
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
	if err := con.Confirm(d.Consent, d.plan(signer.Address(), cfg.Supply)); err != nil {
		if errors.Is(err, console.ErrDryRun) {
			return nil
		}
		return err
	}
	if err := signer.Unlock(); err != nil {
		return err
	}
	cfg.Signer = signer.Signer
	addresses, err := deploy.Contracts(ctx, cfg)
	if err != nil {
		return err
	}
	return d.answer(con, addresses, "The contracts are deployed; "+d.Contracts+" names them. Whoever takes part needs a copy of it.")
}

func (d *Deploy) config(con *console.Console) (deploy.Config, error) {
	cfg := deploy.Config{
		URL: d.RPC, File: d.Contracts, RoundLength: d.RoundLength, TicketValidity: d.TicketValidity, UnlockPeriod: d.UnlockPeriod,
		UnbondingPeriod: d.UnbondingPeriod, MinSelfStake: d.MinSelfStake.Int, MaxActive: d.MaxActive, MaxSlashPpm: uint32(d.MaxSlash),
		EmissionPPB: d.perRound(d.Inflation), MaxEmissionPPB: d.perRound(max(d.Inflation, d.MaxInflation)), EmissionStepPPB: d.perRound(d.InflationStep),
		TargetBondingPpm: uint32(d.TargetBonding), TreasuryCutPpm: uint32(d.TreasuryCut), TimelockDelay: d.TimelockDelay, AcceptUpgrades: d.AcceptUpgrades,
		Log: slog.New(slog.NewTextHandler(con.Err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	var err error
	if cfg.Supply, err = readSupply(d.Supply); err != nil {
		return cfg, err
	}
	if d.Treasury != "" {
		if !common.IsHexAddress(d.Treasury) {
			return cfg, fmt.Errorf("--treasury %q is not an address (0x and 40 hexadecimal digits)", d.Treasury)
		}
		cfg.Treasury = common.HexToAddress(d.Treasury)
	}
	for _, p := range d.Proposer {
		if !common.IsHexAddress(p) {
			return cfg, fmt.Errorf("--proposer %q is not an address (0x and 40 hexadecimal digits)", p)
		}
		cfg.Proposers = append(cfg.Proposers, common.HexToAddress(p))
	}
	return cfg, nil
}

// perRound turns a percentage a year into parts per 10^9 a round.
func (d *Deploy) perRound(yearly amount.Percent) uint32 {
	const year, ppbOfPpm = 365 * 24 * time.Hour, 1000
	return uint32(float64(yearly) * ppbOfPpm * float64(d.RoundLength) / float64(year))
}

func (d *Deploy) plan(from common.Address, supply []deploy.Allocation) console.Plan {
	sum := new(big.Int)
	for _, a := range supply {
		sum.Add(sum, a.Amount)
	}
	plan := console.Plan{
		Title: "Deploy the Castnet contracts on the chain at " + d.RPC,
		Facts: []console.Field{
			{Label: "Account", Value: from.Hex() + ", pays for it"},
			{Label: "Supply", Value: fmt.Sprintf("%s, for %s", amount.Format(sum, amount.CAST), account.Count(len(supply), "account"))},
			{Label: "Rounds", Value: "last " + account.Lasting(d.RoundLength) + "; tickets can be redeemed for " + account.Lasting(d.TicketValidity) + " more"},
			{Label: "Inflation", Value: amount.FormatPercent(uint32(d.Inflation)) + " a year at the beginning"},
			{Label: "Unbonding", Value: "takes " + account.Lasting(d.UnbondingPeriod)},
			{Label: "Active set", Value: fmt.Sprintf("at most %d, each with %s of its own", d.MaxActive, amount.Format(d.MinSelfStake.Int, amount.CAST))},
			{Label: "Upgrades", Value: "of Staking, Rounds and Disputes, " + account.Lasting(d.TimelockDelay) + " after they are proposed"},
			{Label: "Costs", Value: "about 25 million gas, in some 20 transactions; where it is interrupted, the same command goes on"},
		},
	}
	if len(supply) == 0 {
		plan.Warnings = []string{"Without an initial distribution there is no CAST to stake, and nobody can become active (--supply)."}
	}
	return plan
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
		address, text, _ := strings.Cut(line, " ")
		if !common.IsHexAddress(address) {
			return nil, fmt.Errorf("supply: %s:%d: %q is not an address (0x and 40 hexadecimal digits)", path, n, address)
		}
		cast, err := amount.Parse(text, amount.CAST)
		if err != nil {
			return nil, fmt.Errorf("supply: %s:%d: %w", path, n, err)
		}
		list = append(list, deploy.Allocation{Account: common.HexToAddress(address), Amount: cast})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("supply: %s: %w", path, err)
	}
	return list, nil
}
