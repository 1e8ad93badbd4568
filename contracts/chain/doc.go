// Package chain is the Go side of Castnet's contracts: it reads them and sends transactions to them, in plain structs of its own, so
// that no other package has to know an ABI. Package deploy brings them on a chain.
//
// # Shape
//
//	addresses, err := deploy.Contracts(ctx, deploy.Config{…})   // idempotent: deploys, goes on with it, or verifies it
//	client, err := chain.Dial(ctx, chain.Config{URL: …, Addresses: addresses, Signer: operator, Transactions: store})
//	go client.Run(ctx)                                          // follows heads and owns the account's nonce
//	round, err := client.Round(ctx)                             // views work without Run
//	list, err := client.Staking().Orchestrators(ctx)
//	delegate := client.Staking().Delegate(id, amount)           // an Action: nothing has happened yet
//	preview, err := delegate.Preview(ctx)                       // gas, cost, and what the contract would refuse
//	receipt, err := delegate.Send(ctx)                          // needs Run
//	outcomes, receipt, err := client.Broker().Redeem(ctx, winners)
//
// Views ask the node's latest state. An [Action] hands its transactions to the manager of package txs and returns when they are
// final. One that the contract would refuse fails before anything is sent, with a [RevertError] that carries the contract's own
// error by name. What views cannot tell (history, everybody's positions) is in the read model of package registry, which
// [Client.Follower] keeps in step with the log.
//
// # Who signs, who is paid
//
// An orchestrator is known by its owner's address: it is the id of the registry and the recipient of every ticket. The owner's
// key is cold; the operator key, a different one, answers on the wire. Enrolling, redeeming and sweeping may be done by any
// account, since all of it credits the recipient that the ticket names; an orchestrator's process does it with its operator key.
//
// # Rounds, periods, and when a share exists
//
// A reserve is promised by periods of [Parameters.PeriodRounds] rounds: half of it for a period, or what the one before left. That
// is shared equally by those who are enrolled ([Broker.Enrol], once a period; the orchestrator's keeper does it, a round ahead), or
// by the sender's own allocation ([Broker.Allocate], [Broker.Allot]). An orchestrator that joins in round n ≥ 1 counts from n + 1.
//
// # Units
//
// Wei and the smallest unit of CAST (10^-18) as *big.Int, never nil in a result; cuts and shares in parts per million; times by
// the chain's clock, to the second.
package chain
