package deposit

import (
	"context"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// allotGas is what proving one promise takes at most, by the contract's gas snapshot: it cannot be estimated before the allocation is in a block.
const allotGas = 120_000

// Allocate is the command `castnet deposit allocate`.
type Allocate struct {
	account.Signing `embed:""`
	Promises        []string     `arg:"" help:"What is promised to whom: ORCHESTRATOR=AMOUNT, for example 'Rosa=10 ETH'."`
	Add             amount.Ether `help:"Add this to the reserve with it." placeholder:"AMOUNT"`
	Next            bool         `help:"For the next period, even where the present one can still be allocated."`
}

// Allocation is what --json tells of one.
type Allocation struct {
	Period   uint64    `json:"period"`
	Begins   string    `json:"begins"`
	Ends     string    `json:"ends"`
	Root     string    `json:"root"`
	SumWei   string    `json:"sumWei"`
	Promises []Promise `json:"promises"`
}

// Promise is one orchestrator's part of an allocation.
type Promise struct {
	Orchestrator common.Address `json:"orchestrator"`
	Name         string         `json:"name"`
	Wei          string         `json:"wei"`
}

// Run sets parts of the reserve apart.
func (a *Allocate) Run(ctx context.Context, con *console.Console) error {
	return a.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		list, details, err := a.read(ctx, s)
		if err != nil {
			return err
		}
		tree, err := chain.NewPromises(list)
		if err != nil {
			return err
		}
		budget, round, err := a.period(ctx, s)
		if err != nil {
			return err
		}
		root, sum := tree.Root()
		free := new(big.Int).Set(budget.Free)
		if a.Add.Int != nil {
			free.Add(free, a.Add.Int)
		}
		if sum.Cmp(free) > 0 {
			return fmt.Errorf("%s are promised, %s of the reserve are free: promise less, or add %s to the reserve with --add",
				amount.Format(sum, amount.ETH), amount.Format(free, amount.ETH), amount.Format(new(big.Int).Sub(sum, free), amount.ETH))
		}
		begins, ends := span(s.Parameters(), round, budget.Period)
		details.Period, details.Root, details.SumWei = budget.Period, root.Hex(), sum.String()
		details.Begins, details.Ends = begins.UTC().Format(timeFormat), ends.UTC().Format(timeFormat)
		plan := account.Plan{Details: details, Actions: []chain.Action{s.Broker().Allocate(budget.Period, tree, a.Add.Int)}, ThenGas: allotGas}
		plan.Title = fmt.Sprintf("Promise %s of the reserve to %s", amount.Format(sum, amount.ETH), account.Count(len(list), "orchestrator"))
		for i, promise := range list {
			plan.Facts = append(plan.Facts, console.Field{Label: details.Promises[i].Name, Value: amount.Format(promise.Amount, amount.ETH) + ", " + promise.Recipient.Hex()})
			proof, _ := tree.Proof(promise.Recipient)
			plan.Then = append(plan.Then, s.Broker().Allot(s.Self, budget.Period, budget.Allocations, proof))
		}
		plan.Facts = append(plan.Facts,
			console.Field{Label: "From", Value: s.When(begins)},
			console.Field{Label: "To", Value: s.When(ends) + "; tickets of that time are covered until they expire"},
			console.Field{Label: "Others", Value: "get nothing of the reserve in that time: they work for you only against the deposit's good will, or not at all"},
		)
		if budget.Allocations > 0 {
			plan.Warnings = []string{"There is an allocation for this time already: this adds to it."}
		}
		return s.Carry(ctx, plan)
	})
}

// span is when a period begins and ends, by the clock of a round.
func span(p chain.Parameters, round chain.Round, period uint64) (begins, ends time.Time) {
	ahead := int64(period*p.PeriodRounds) - int64(round.Number) // in rounds
	begins = round.Start.Add(time.Duration(ahead * int64(p.RoundLength)))
	return begins, begins.Add(time.Duration(int64(p.PeriodRounds) * int64(p.RoundLength)))
}

// read resolves ORCHESTRATOR=AMOUNT.
func (a *Allocate) read(ctx context.Context, s *account.Session) ([]chain.Promise, Allocation, error) {
	var list []chain.Promise
	var details Allocation
	for _, text := range a.Promises {
		who, much, ok := strings.Cut(text, "=")
		if !ok {
			return nil, details, fmt.Errorf("%q: want ORCHESTRATOR=AMOUNT, for example 'Rosa=10 ETH'", text)
		}
		wei, err := amount.Parse(much, amount.ETH)
		if err != nil {
			return nil, details, err
		}
		if wei.Sign() == 0 {
			return nil, details, fmt.Errorf("%q promises nothing: give an amount above zero, or leave it out", text)
		}
		o, err := s.Orchestrator(ctx, who)
		if err != nil {
			return nil, details, err
		}
		list = append(list, chain.Promise{Recipient: o.ID, Amount: wei})
		details.Promises = append(details.Promises, Promise{o.ID, account.Name(o), wei.String()})
	}
	return list, details, nil
}

// period chooses the present period if it can still be allocated, else the next.
func (a *Allocate) period(ctx context.Context, s *account.Session) (chain.Budget, chain.Round, error) {
	round, err := s.Round(ctx)
	if err != nil {
		return chain.Budget{}, round, err
	}
	present := round.Number / s.Parameters().PeriodRounds
	budget, err := s.Broker().Budget(ctx, s.Self, present)
	if err != nil || !a.Next && (budget.Allocations > 0 || budget.Total.Sign() == 0) {
		return budget, round, err
	}
	budget, err = s.Broker().Budget(ctx, s.Self, present+1)
	return budget, round, err
}
