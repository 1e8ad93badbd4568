package main

import "castnet/internal/node/stake"

type stakeCmd struct {
	Status   stake.Status   `cmd:"" help:"Show where your CAST is, what it earned, and what is on its way out."`
	Simulate stake.Simulate `cmd:"" help:"Reckon what a delegation would have earned so far."`
	Delegate stake.Delegate `cmd:"" help:"Put CAST behind an orchestrator."`
	Bond     stake.Bond     `cmd:"" help:"Add to your own orchestrator's stake."`
	Unbond   stake.Unbond   `cmd:"" help:"Begin to take CAST out; it is locked for the unbonding period."`
	Rebond   stake.Rebond   `cmd:"" help:"Cancel an unbonding: the CAST goes back where it was."`
	Move     stake.Move     `cmd:"" help:"Move stake from one orchestrator to another, without a lock."`
	Withdraw stake.Withdraw `cmd:"" help:"Take home CAST whose unbonding period is over."`
	Claim    stake.Claim    `cmd:"" help:"Take home the fees that your stake earned."`
}
