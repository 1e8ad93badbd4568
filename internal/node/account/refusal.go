package account

import (
	"errors"
	"fmt"
	"math/big"

	"castnet/contracts/chain"
	"castnet/internal/node/amount"
)

// explain says in words what a contract refuses, and what to do about it.
func explain(err error) error {
	if funds, ok := errors.AsType[*chain.FundsError](err); ok {
		return fmt.Errorf("%s holds %s, this takes about %s (%s of it for gas): send it some", funds.Account,
			amount.Format(funds.Balance, amount.ETH), amount.Format(funds.Needed, amount.ETH), amount.Brief(funds.Gas, amount.ETH))
	}
	var revert *chain.RevertError
	if !errors.As(err, &revert) {
		return err
	}
	say, ok := refusals()[revert.Name]
	if !ok {
		return err
	}
	return fmt.Errorf("%s (%w)", say(revert.Args), err)
}

// refusals maps the contracts' errors to sentences. Arguments come as the contract names them, in order.
func refusals() map[string]func(args []any) string {
	return map[string]func(args []any) string{
		"ERC20InsufficientBalance": func(a []any) string {
			return fmt.Sprintf("the account has %s, this takes %s: stake less, or get more CAST", cast(a, 1), cast(a, 2))
		},
		"InsufficientStake": func(a []any) string {
			return fmt.Sprintf("%s asked for, but %s of this position may leave: take less, or 'all'", cast(a, 0), cast(a, 1))
		},
		"PoolWornOut":    says("the shares of this orchestrator's stake are worth next to nothing after slashes, or so much that part of what you stake would be rounded away: stake behind another"),
		"ZeroAmount":     says("the amount is zero, or too small to count"),
		"MoveRunning":    says("stake that moved there before still answers for its former pool: one move at a time"),
		"SetFull":        says("the active set is full, and the one to be replaced has no less stake: look again, it may have got some"),
		"AllocatedAhead": says("the next period of the reserve is allocated already: unlock once it has begun"),
		"SharedEqually":  says("the reserve of this period is shared equally already: allocate the next one (--next)"),
		"OverPromised": func(a []any) string {
			return fmt.Sprintf("%s are promised, %s of the reserve are free: promise less, or add to it (--add)", wei(a, 0), wei(a, 1))
		},
		"AlreadyUnlocking": says("an unlock is running: 'castnet deposit unlock --cancel' ends it"),
		"InvalidOperator":  says("this key serves another orchestrator, or is the owner's: name another operator key"),
		"InJail": func(a []any) string {
			until, _ := argument[uint64](a, 1)
			return fmt.Sprintf("the orchestrator was proved to have lied and is jailed until round %d begins", until)
		},
	}
}

func says(text string) func([]any) string { return func([]any) string { return text } }

func wei(args []any, i int) string {
	if v, ok := argument[*big.Int](args, i); ok {
		return amount.Format(v, amount.ETH)
	}
	return "?"
}

func cast(args []any, i int) string {
	if v, ok := argument[*big.Int](args, i); ok {
		return amount.Format(v, amount.CAST)
	}
	return "?"
}

func argument[T any](args []any, i int) (v T, ok bool) {
	if i < len(args) {
		v, ok = args[i].(T)
	}
	return v, ok
}
