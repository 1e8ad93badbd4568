// Command castnet is the network's one program: broadcaster, orchestrator, remote transcoder and development chain, each alone, or
// all of them at once on one machine with `castnet up`; and what people do with their stake and their money on the chain.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"castnet/internal/node/books"
	"castnet/internal/node/broadcasting"
	"castnet/internal/node/console"
	"castnet/internal/node/publishing"
	"castnet/internal/node/redeeming"
	"castnet/internal/node/settings"
	"castnet/internal/node/up"
)

// cli is the command line. Every flag can also stand in a YAML file (--config) and in the environment (CASTNET_…). A command is a
// struct of flags with a method Run(context.Context, *console.Console), in internal/node.
type cli struct {
	Config kong.ConfigFlag `help:"Read flags from this YAML file: names as on the command line, at the top or below the name of their command." placeholder:"FILE" type:"path"`

	Up           up.Config           `cmd:"" group:"roles" help:"Run the whole network on this machine: a chain, three orchestrators, a broadcaster."`
	Broadcaster  broadcasting.Config `cmd:"" group:"roles" help:"Run a broadcaster: take streams, have them transcoded, serve viewers."`
	Orchestrator orchestratorCmd     `cmd:"" group:"roles" help:"Run an orchestrator and look after its place in the registry."`
	Redeemer     redeeming.Config    `cmd:"" group:"roles" help:"Redeem the winners of several orchestrators in one process."`
	Transcoder   transcoderCmd       `cmd:"" group:"roles" help:"Lend this machine's transcoding to an orchestrator elsewhere."`

	Wallet  walletCmd  `cmd:"" group:"money" help:"Key files, and what their accounts hold."`
	Stake   stakeCmd   `cmd:"" group:"money" help:"Put CAST behind orchestrators, earn with it, and take it back."`
	Deposit depositCmd `cmd:"" group:"money" help:"A broadcaster's money on the chain: what its tickets are paid from."`

	Ledger books.Ledger `cmd:"" group:"money" help:"What was made, paid, won and redeemed, by stream, party or lease."`
	Store  storeCmd     `cmd:"" group:"money" help:"Back up, restore and check the store of tickets, receipts and winners."`

	Chain    chainCmd          `cmd:"" group:"tools" help:"Bring the contracts on a chain."`
	Devchain up.Devchain       `cmd:"" group:"tools" help:"Run a small chain for development, with a JSON-RPC."`
	Bench    benchCmd          `cmd:"" group:"tools" help:"Measure what this machine can do."`
	Publish  publishing.Config `cmd:"" group:"tools" help:"Publish a moving picture with sound by RTMP, to try things out."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var c cli
	parser := kong.Must(&c,
		kong.Name("castnet"),
		kong.Description("A live video transcoding network: staked orchestrators make the ladder, verified and paid by tickets."),
		kong.DefaultEnvars("CASTNET"), kong.Configuration(settings.YAML), kong.ShortUsageOnError(), kong.ValueFormatter(withDefault),
		kong.ExplicitGroups([]kong.Group{{Key: "roles", Title: "Roles:"}, {Key: "money", Title: "Money:"}, {Key: "tools", Title: "Tools:"}, {Key: "owner", Title: "Its owner's part:"}}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 110}),
		kong.Vars{"state": stateDir()}, kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(console.Standard()),
	)
	command, err := parser.Parse(os.Args[1:])
	parser.Stdout = os.Stderr // usage is told with an error: what scripts read has answers alone
	parser.FatalIfErrorf(err)
	err = command.Run()
	asked := ctx.Err() != nil // to end: that is no error
	stop()
	if err != nil && (!asked || !errors.Is(err, context.Canceled)) {
		fmt.Fprintln(os.Stderr, "castnet:", err)
		os.Exit(1)
	}
}

// withDefault says in a flag's help what it is where nothing is given: a placeholder would hide it.
func withDefault(v *kong.Value) string {
	help := kong.DefaultHelpValueFormatter(v)
	if v.Flag == nil || v.Default == "" || v.Flag.PlaceHolder == "" {
		return help
	}
	return strings.TrimSuffix(help, ".") + " (default " + v.Default + ")."
}

// stateDir is where state is kept by default (XDG Base Directory Specification).
func stateDir() string {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "castnet")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "castnet-state"
	}
	return filepath.Join(home, ".local", "state", "castnet")
}
