package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"

	"castnet/contracts/chain"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// Plan is a change before it is made: what people read, what scripts read, and what does it.
type Plan struct {
	console.Plan
	Details any            // for --json; an object
	Actions []chain.Action // in order; each must be possible before the others are made
	Then    []chain.Action // after them; possible only when they are made
	ThenGas uint64         // what each of Then takes at most
}

// Outcome is the JSON answer of every command that changes something.
type Outcome struct {
	Change       string        `json:"change"`            // one line for people
	Details      any           `json:"details,omitempty"` // by command
	Cost         Cost          `json:"cost"`              // as foreseen
	DryRun       bool          `json:"dryRun"`
	Transactions []Transaction `json:"transactions"` // as they were mined; of two that belong together the last
}

// Cost is what a change was expected to cost.
type Cost struct {
	Transactions int    `json:"transactions"`
	Gas          uint64 `json:"gas"`
	GasWei       string `json:"gasWei"`   // for the gas, at the price of that moment
	ValueWei     string `json:"valueWei"` // paid into the contract besides
}

// Transaction says where a change ended up.
type Transaction struct {
	Hash    string `json:"hash"`
	Block   uint64 `json:"block"`
	Gas     uint64 `json:"gas"`
	CostWei string `json:"costWei"`
}

func transactionOf(r chain.Receipt) Transaction {
	return Transaction{Hash: r.TxHash.Hex(), Block: r.Block, Gas: r.GasUsed, CostWei: r.Cost.String()}
}

// Carry shows the plan and its cost, asks, makes the changes and reports them.
func (s *Session) Carry(ctx context.Context, plan Plan) error {
	made, all := s.done(&plan)
	if all {
		return s.repeated(Outcome{Change: plan.Title, Details: plan.Details, Transactions: made})
	}
	cost, fact, err := s.cost(ctx, plan)
	if err != nil {
		return err
	}
	plan.Facts = append([]console.Field{{Label: "Account", Value: s.Self.Hex()}}, append(plan.Facts, fact)...)
	outcome := Outcome{Change: plan.Title, Details: plan.Details, Cost: cost, Transactions: append([]Transaction{}, made...)}
	err = s.console.Confirm(s.consent, plan.Plan)
	if errors.Is(err, console.ErrDryRun) {
		outcome.DryRun = true
		return s.Answer(outcome, func(w io.Writer) { _, _ = fmt.Fprintln(w, "Dry run: nothing was changed.") })
	}
	if err != nil {
		return err
	}
	if err := s.unlock(); err != nil {
		return err
	}
	spent := new(big.Int)
	actions := slices.Concat(plan.Actions, plan.Then)
	for i, action := range actions {
		receipt, err := action.Send(ctx)
		if err != nil {
			return fmt.Errorf("%d of %d changes were made: %w", i, len(actions), explain(err))
		}
		spent.Add(spent, receipt.Cost)
		outcome.Transactions = append(outcome.Transactions, transactionOf(receipt))
	}
	return s.Answer(outcome, func(w io.Writer) {
		for _, t := range outcome.Transactions {
			_, _ = fmt.Fprintf(w, "Done: transaction %s in block %d.\n", t.Hash, t.Block)
		}
		_, _ = fmt.Fprintf(w, "It cost %s.\n", amount.Brief(spent, amount.ETH))
	})
}

// Answer writes a result, as JSON where that was asked for.
func (s *Session) Answer(result any, say func(w io.Writer)) error {
	return s.console.Answer(s.consent.Output, result, say)
}

// cost asks the node what the actions would cost, and whether they are possible at all.
func (s *Session) cost(ctx context.Context, plan Plan) (Cost, console.Field, error) {
	gas, value := new(big.Int), new(big.Int)
	var c Cost
	for _, action := range plan.Actions {
		p, err := action.Preview(ctx)
		if err != nil {
			return c, console.Field{}, explain(err)
		}
		c.Transactions += p.Transactions
		c.Gas += p.Gas
		gas.Add(gas, p.Cost)
		value.Add(value, p.Value)
	}
	if len(plan.Then) > 0 {
		price, err := s.GasPrice(ctx)
		if err != nil {
			return c, console.Field{}, err
		}
		more := uint64(len(plan.Then)) * plan.ThenGas
		c.Transactions += len(plan.Then)
		c.Gas += more
		gas.Add(gas, price.Mul(price, new(big.Int).SetUint64(more)))
	}
	c.GasWei, c.ValueWei = gas.String(), value.String()
	text := fmt.Sprintf("about %s for gas (%d gas, %s)", amount.Brief(gas, amount.ETH), c.Gas, Count(c.Transactions, "transaction"))
	if value.Sign() > 0 {
		text = fmt.Sprintf("%s, and %s", amount.Format(value, amount.ETH), text)
	}
	return c, console.Field{Label: "Costs", Value: text}, nil
}

// Count is "1 thing" or "2 things".
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// When writes a time by the chain's clock, absolute and relative.
func (s *Session) When(t time.Time) string {
	left := t.Sub(s.Now)
	if left <= 0 {
		return t.UTC().Format("2006-01-02 15:04 MST") + " (now)"
	}
	return fmt.Sprintf("%s (in %s)", t.UTC().Format("2006-01-02 15:04 MST"), Lasting(left))
}

// Lasting writes a duration in at most two units.
func Lasting(d time.Duration) string {
	const day = 24 * time.Hour
	d = d.Round(time.Second)
	switch {
	case d >= 2*day:
		return join(d, day, "day", time.Hour, "hour")
	case d >= time.Hour:
		return join(d, time.Hour, "hour", time.Minute, "minute")
	case d >= time.Minute:
		return join(d, time.Minute, "minute", time.Second, "second")
	default:
		return Count(int(d/time.Second), "second")
	}
}

func join(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := Count(int(d/large), largeName)
	if rest := int(d % large / small); rest > 0 {
		text += " " + Count(rest, smallName)
	}
	return text
}
