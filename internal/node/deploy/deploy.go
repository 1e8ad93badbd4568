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
	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// Deploy is the command `castnet chain deploy`.
type Deploy struct {
	account.Signing `embed:""`
	Supply          string        `help:"The initial distribution of CAST: a file of lines ADDRESS AMOUNT, for example '0x… 1000 CAST'; # begins a comment." placeholder:"FILE" type:"path"`
	RoundLength     time.Duration `default:"1h" help:"How long a round lasts."`
	TicketValidity  time.Duration `default:"24h" help:"How long after its round's end a ticket can be redeemed at most."`
	UnlockPeriod    time.Duration `help:"How long a broadcaster's money stays locked; the default is the least that is safe, and a day." placeholder:"DURATION"`
	UnbondingPeriod time.Duration `default:"168h" help:"How long stake stays locked after 'castnet stake unbond'."`
	MinSelfStake    amount.Cast   `default:"1 CAST" help:"The least stake of its own with which an orchestrator may be active." placeholder:"AMOUNT"`
	MaxActive       int           `default:"100" help:"How many orchestrators may be active." placeholder:"N"`
}

// Run deploys, or checks what the addresses file names.
func (d *Deploy) Run(ctx context.Context, con *console.Console) error {
	cfg, err := d.config(con)
	if err != nil {
		return err
	}
	_, err = os.Stat(d.Contracts)
	if err == nil {
		addresses, err := chain.Deploy(ctx, cfg)
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
	addresses, err := chain.Deploy(ctx, cfg)
	if err != nil {
		return err
	}
	return d.answer(con, addresses, "The contracts are deployed; "+d.Contracts+" names them. Whoever takes part needs a copy of it.")
}

func (d *Deploy) config(con *console.Console) (chain.DeployConfig, error) {
	supply, err := readSupply(d.Supply)
	return chain.DeployConfig{
		URL: d.RPC, File: d.Contracts, RoundLength: d.RoundLength, TicketValidity: d.TicketValidity, UnlockPeriod: d.UnlockPeriod,
		UnbondingPeriod: d.UnbondingPeriod, MinSelfStake: d.MinSelfStake.Int, MaxActive: d.MaxActive, Supply: supply,
		Log: slog.New(slog.NewTextHandler(con.Err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}, err
}

func (d *Deploy) plan(from common.Address, supply []chain.Allocation) console.Plan {
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
			{Label: "Unbonding", Value: "takes " + account.Lasting(d.UnbondingPeriod)},
			{Label: "Active set", Value: fmt.Sprintf("at most %d, each with %s of its own", d.MaxActive, amount.Format(d.MinSelfStake.Int, amount.CAST))},
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
			{Label: "Chain", Value: fmt.Sprint(a.ChainID)}, {Label: "CastToken", Value: a.Token.Hex()}, {Label: "Rounds", Value: a.Rounds.Hex()},
			{Label: "Staking", Value: a.Staking.Hex()}, {Label: "TicketBroker", Value: a.Broker.Hex()},
		})
	})
}

// readSupply reads lines ADDRESS AMOUNT.
func readSupply(path string) ([]chain.Allocation, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path) //nolint:gosec // the person names this file
	if err != nil {
		return nil, fmt.Errorf("supply: %w (--supply)", err)
	}
	defer func() { _ = f.Close() }()
	var list []chain.Allocation
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
		list = append(list, chain.Allocation{Account: common.HexToAddress(address), Amount: cast})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("supply: %s: %w", path, err)
	}
	return list, nil
}
