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
			return fmt.Sprintf("%s asked for, but this position is worth %s: take less, or 'all'", cast(a, 0), cast(a, 1))
		},
	}
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
