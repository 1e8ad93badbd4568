// Package chain is the Go side of Castnet's contracts: it deploys them, reads them and sends transactions to them, in plain
// structs of its own, so that no other package has to know an ABI.
//
// # Shape
//
//	addresses, err := chain.Deploy(ctx, chain.DeployConfig{…})  // idempotent: deploys, or verifies what the file names
//	client, err := chain.Dial(ctx, chain.Config{URL: …, Addresses: addresses, Signer: operator})
//	go client.Run(ctx)                                          // follows heads and owns the account's nonce
//	round, err := client.Round(ctx)                             // views work without Run
//	list, err := client.Staking().Orchestrators(ctx)
//	outcomes, receipt, err := client.Broker().Redeem(ctx, winners)
//
// Views ask the node's latest state. Verbs (methods that return a [Receipt]) build one transaction, hand it to the transaction
// manager and return when it is in a block; they need Run, and a [Signer] in the Config. A verb that the contract would refuse
// fails before anything is sent, with a [RevertError] that carries the contract's own error by name.
//
// # Who signs, who is paid
//
// An orchestrator is known by its owner's address: it is the id of the registry and the recipient of every ticket. The owner's
// key is cold; the operator key, a different one, answers on the wire. Enrolling, redeeming and sweeping may be done by any
// account, since all of it credits the recipient that the ticket names; an orchestrator's process does it with its operator key.
//
// # Rounds, reserves and when a share exists
//
// A sender's reserve is shared equally among the active set, frozen when a round begins: the share of a recipient in round n is
// (the sender's reserve at the start of n) / (the size of the set), for the recipients enrolled in n. Somebody has to call
// [Broker.Enrol] once per round and recipient while the round lasts; the orchestrator's keeper does. In round 0 live values
// count, as of the latest Enrol, so that a fresh network works at once. An orchestrator that joins in round n ≥ 1 and a reserve
// that is funded in round n ≥ 1 count from n + 1.
//
// # Units
//
// Wei and the smallest unit of CAST (10^-18) as *big.Int, never nil in a result; cuts and shares in parts per million; times by
// the chain's clock, to the second.
package chain
