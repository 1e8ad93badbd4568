package main

import (
	"castnet/internal/node/orchestrating"
	"castnet/internal/node/registry"
)

type orchestratorCmd struct {
	Run   orchestrating.Config `cmd:"" help:"Run the orchestrator: sell transcoding to broadcasters."`
	Token orchestrating.Token  `cmd:"" help:"Print a token that lets one remote transcoder join."`

	Register  registry.Register  `cmd:"" group:"owner" help:"Enter the registry, with a stake of your own."`
	Status    registry.Status    `cmd:"" group:"owner" help:"Show an orchestrator as the chain knows it."`
	Join      registry.Join      `cmd:"" group:"owner" help:"Take a place in the active set, a free one or that of a member with less stake."`
	SetCuts   registry.SetCuts   `cmd:"" group:"owner" help:"Change what you keep of rewards, and share of fees."`
	SetURI    registry.SetURI    `cmd:"" name:"set-uri" group:"owner" help:"Change where broadcasters reach you, and what people call you."`
	RotateKey registry.RotateKey `cmd:"" group:"owner" help:"Name another operator key."`

	SetRelayer registry.SetRelayer `cmd:"" group:"owner" help:"Name the account that alone may redeem your winners."`
}
