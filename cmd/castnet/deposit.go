package main

import "castnet/internal/node/deposit"

type depositCmd struct {
	Status   deposit.Status   `cmd:"" help:"Show deposit, reserve and what they secure."`
	Fund     deposit.Fund     `cmd:"" help:"Add to the deposit, which pays winning tickets first."`
	Reserve  deposit.Reserve  `cmd:"" help:"Add to the reserve, which orchestrators look at before they work."`
	Allocate deposit.Allocate `cmd:"" help:"Say which orchestrators the reserve secures, and how much each."`
	Signer   signerCmd        `cmd:"" help:"Hot keys that may sign tickets for the account."`
	Unlock   deposit.Unlock   `cmd:"" help:"Begin to take the money out."`
	Withdraw deposit.Withdraw `cmd:"" help:"Take the money out, once the unlock period is over."`
}

type signerCmd struct {
	Add    deposit.SignerAdd    `cmd:"" help:"Let a key sign tickets."`
	Revoke deposit.SignerRevoke `cmd:"" help:"End that, after the unlock period."`
	Status deposit.SignerStatus `cmd:"" help:"Show until when a key may sign."`
}
