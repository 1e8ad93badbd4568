// Command castnet is the network's one program: broadcaster, orchestrator, remote transcoder and development chain,
// each alone, or all of them at once on one machine with `castnet up`.
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

	"castnet/internal/node"
)

// cli is the command line. Every flag can also stand in a YAML file (--config) and in the environment (CASTNET_…).
type cli struct {
	Config kong.ConfigFlag `help:"Read flags from this YAML file: names as on the command line, one level." placeholder:"FILE" type:"path"`

	Up           upCmd           `cmd:"" help:"Run the whole network on this machine: a chain, three orchestrators, a broadcaster."`
	Broadcaster  broadcasterCmd  `cmd:"" help:"Run a broadcaster: take streams, have them transcoded, serve viewers."`
	Orchestrator orchestratorCmd `cmd:"" help:"Run an orchestrator: sell transcoding to broadcasters."`
	Redeemer     redeemerCmd     `cmd:"" help:"Redeem the winners of several orchestrators in one process."`
	Transcoder   transcoderCmd   `cmd:"" help:"Lend this machine's transcoding to an orchestrator elsewhere."`
	Devchain     devchainCmd     `cmd:"" help:"Run a small chain for development, with a JSON-RPC."`
	Publish      publishCmd      `cmd:"" help:"Publish a moving picture with sound by RTMP, to try things out."`
}

type upCmd struct {
	node.UpConfig `embed:""`
}

// Run raises the network.
func (c *upCmd) Run(ctx context.Context) error {
	return node.RunUp(ctx, c.UpConfig, os.Stdout, os.Stderr)
}

type broadcasterCmd struct {
	node.BroadcasterConfig `embed:""`
}

// Run runs the role.
func (c *broadcasterCmd) Run(ctx context.Context) error {
	return node.RunBroadcaster(ctx, c.BroadcasterConfig, os.Stderr)
}

type orchestratorCmd struct {
	Run   orchestratorRunCmd   `cmd:"" help:"Run the orchestrator."`
	Token orchestratorTokenCmd `cmd:"" help:"Print a token that lets one remote transcoder join."`
}

type orchestratorRunCmd struct {
	node.OrchestratorConfig `embed:""`
}

// Run runs the role.
func (c *orchestratorRunCmd) Run(ctx context.Context) error {
	return node.RunOrchestrator(ctx, c.OrchestratorConfig, os.Stderr)
}

type orchestratorTokenCmd struct {
	node.TokenConfig `embed:""`
}

// Run prints the token.
func (c *orchestratorTokenCmd) Run(ctx context.Context) error {
	return node.MintToken(ctx, c.TokenConfig, os.Stdout)
}

type redeemerCmd struct {
	node.RedeemerConfig `embed:""`
}

// Run runs the role.
func (c *redeemerCmd) Run(ctx context.Context) error {
	return node.RunRedeemer(ctx, c.RedeemerConfig, os.Stderr)
}

type transcoderCmd struct {
	node.TranscoderConfig `embed:""`
}

// Run runs the role.
func (c *transcoderCmd) Run(ctx context.Context) error {
	return node.RunTranscoder(ctx, c.TranscoderConfig, os.Stderr)
}

type devchainCmd struct {
	node.DevchainConfig `embed:""`
}

// Run runs the chain.
func (c *devchainCmd) Run(ctx context.Context) error {
	return node.RunDevchain(ctx, c.DevchainConfig, os.Stderr)
}

type publishCmd struct {
	node.PublishConfig `embed:""`
}

// Run publishes.
func (c *publishCmd) Run(ctx context.Context) error {
	return node.RunPublish(ctx, c.PublishConfig, os.Stderr)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var c cli
	command := kong.Parse(&c,
		kong.Name("castnet"),
		kong.Description("A live video transcoding network: staked orchestrators make the ladder, verified and paid by tickets."),
		kong.DefaultEnvars("CASTNET"), kong.Configuration(node.YAMLFlags), kong.ShortUsageOnError(), kong.ValueFormatter(withDefault),
		kong.Vars{"state": stateDir()}, kong.BindTo(ctx, (*context.Context)(nil)),
	)
	err := command.Run()
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
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
