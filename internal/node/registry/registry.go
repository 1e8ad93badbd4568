// Package registry is the part of the command `castnet orchestrator` that its owner uses: entering the registry, and keeping the
// entry right.
package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/internal/identity"
	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// Entry is what --json tells of a change of the registry; fields that do not change are left out.
type Entry struct {
	Orchestrator common.Address  `json:"orchestrator"`
	Operator     *common.Address `json:"operator,omitempty"`
	ServiceURI   string          `json:"serviceUri,omitempty"`
	RewardCutPpm *uint32         `json:"rewardCutPpm,omitempty"`
	FeeSharePpm  *uint32         `json:"feeSharePpm,omitempty"`
	Cast         string          `json:"cast,omitempty"` // bonded with it, in the smallest unit
	Replaces     *common.Address `json:"replaces,omitempty"`
	Relayer      *common.Address `json:"relayer,omitempty"` // the zero address: anybody
}

// Register is the command `castnet orchestrator register`.
type Register struct {
	account.Signing `embed:""`
	URI             string         `arg:"" name:"uri" help:"Where broadcasters reach it, and its name: https://HOST:PORT#NAME."`
	Operator        string         `required:"" help:"The key that the orchestrator's process signs with: a key file's name or an address. It must not be the owner's." placeholder:"ACCOUNT"`
	Relayer         string         `help:"The account that alone redeems your winners: a key file's name, an address, or 'anybody'. Without it the operator." placeholder:"ACCOUNT"`
	Stake           amount.Cast    `required:"" help:"The stake to begin with, for example 100 CAST." placeholder:"AMOUNT"`
	RewardCut       amount.Percent `default:"10%" help:"Keep this much of rewards before the stake shares the rest." placeholder:"PERCENT"`
	FeeShare        amount.Percent `default:"50%" help:"Share this much of fees over the stake; the rest is yours." placeholder:"PERCENT"`
}

// Run enters the account as an orchestrator.
func (r *Register) Run(ctx context.Context, con *console.Console) error {
	key, err := operatorOf(r.Operator, r.Signing, con)
	if err != nil {
		return err
	}
	relayer, err := relayerOf(cmp.Or(r.Relayer, r.Operator), r.Signing, con)
	if err != nil {
		return err
	}
	return r.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		operator := key.address
		name, address, err := account.ParseServiceURI(s.Self, r.URI)
		if err != nil {
			return err
		}
		if err := r.check(ctx, s, operator); err != nil {
			return err
		}
		consent, err := key.consent(s)
		if err != nil {
			return err
		}
		list, err := s.Staking().Orchestrators(ctx)
		if err != nil {
			return err
		}
		cut, share := uint32(r.RewardCut), uint32(r.FeeShare)
		plan := account.Plan{
			Details: Entry{s.Self, &operator, r.URI, &cut, &share, r.Stake.String(), nil, &relayer},
			Actions: []chain.Action{s.Staking().Register(chain.Registration{
				Operator: operator, ServiceURI: r.URI, RewardCut: cut, FeeShare: share, Stake: r.Stake.Int, Consent: consent,
			})},
		}
		if relayer != (common.Address{}) {
			plan.Actions = append(plan.Actions, s.Broker().SetRelayer(relayer))
		}
		p := s.Parameters()
		plan.Title = fmt.Sprintf("Register %s as the orchestrator %s", s.Self, name)
		plan.Facts = []console.Field{
			{Label: "Reached at", Value: address},
			{Label: "Operator", Value: operator.Hex() + ", signs on the wire and owns nothing"},
			{Label: "Winners", Value: redeemedBy(relayer)},
			{Label: "Stake", Value: amount.Format(r.Stake.Int, amount.CAST) + "; the least for the active set is " + amount.Format(p.MinSelfStake, amount.CAST)},
			{Label: "Cuts", Value: cuts(cut, share)},
			{Label: "Comes back", Value: account.Lasting(p.UnbondingPeriod) + " after 'castnet stake unbond'"},
			{Label: "May lose", Value: "a part of the stake, if receipts that the operator key signed are proved to be lies"},
		}
		switch {
		case r.Stake.Cmp(p.MinSelfStake) < 0:
			plan.Warnings = []string{"This stake is not enough for the active set: no work and no rewards until it is, by 'castnet stake bond'."}
		case len(list) >= p.MaxActive:
			plan.Warnings = []string{fmt.Sprintf("The active set is full (%d): take a place of lower stake afterwards with 'castnet orchestrator join'.", p.MaxActive)}
		}
		return s.Carry(ctx, plan)
	})
}

// check refuses what the contract would.
func (r *Register) check(ctx context.Context, s *account.Session, operator common.Address) error {
	known, ok, err := s.Staking().Orchestrator(ctx, s.Self)
	if err != nil {
		return err
	}
	if ok {
		return fmt.Errorf("%s is registered already, as %s: change it with set-uri, set-cuts, rotate-key, or 'castnet stake bond'", s.Self, account.Name(known))
	}
	if operator == s.Self {
		return errors.New("the operator key must not be the owner's: it lies on the machine that works, the owner's should not (--operator)")
	}
	held, err := s.Balance(ctx, s.Self)
	if err != nil {
		return err
	}
	if held.Cast.Cmp(r.Stake.Int) < 0 {
		return fmt.Errorf("%s has %s, this takes %s (--stake)", s.Self, amount.Format(held.Cast, amount.CAST), amount.Format(r.Stake.Int, amount.CAST))
	}
	return nil
}

// operatorKey is the key that shall be the operator's: its address, and the key file if there is one.
type operatorKey struct {
	address common.Address
	open    func() (*identity.Key, error) // nil where only the address is known
}

// operatorOf finds a key by its file's name, or takes an address as it is.
func operatorOf(operator string, signing account.Signing, con *console.Console) (operatorKey, error) {
	if common.IsHexAddress(operator) {
		address, err := identity.ParseAddress(operator)
		return operatorKey{address: address}, err
	}
	file, err := identity.FindKey(signing.Keystore, operator)
	if err != nil {
		return operatorKey{}, fmt.Errorf("operator: %w", err)
	}
	return operatorKey{file.Address, func() (*identity.Key, error) { return account.OpenKey(file, signing.PasswordFile, con) }}, nil
}

// consent is the key's word that it serves this owner, so that no other can name it; nil without a key file.
func (k operatorKey) consent(s *account.Session) ([]byte, error) {
	if k.open == nil {
		return nil, nil
	}
	key, err := k.open()
	if err != nil {
		return nil, fmt.Errorf("operator: %w", err)
	}
	signature, err := key.SignHash(s.Staking().ConsentDigest(s.Self))
	if err != nil {
		return nil, fmt.Errorf("operator: %w", err)
	}
	signature[len(signature)-1] += 27 // the contract's way of writing v
	return signature, nil
}

func cuts(rewardCut, feeShare uint32) string {
	return fmt.Sprintf("you keep %s of rewards before the stake shares the rest, and %s of fees; the stake shares %s of fees",
		amount.FormatPercent(rewardCut), amount.FormatPercent(1_000_000-feeShare), amount.FormatPercent(feeShare))
}

// own finds the account's own orchestrator.
func own(ctx context.Context, s *account.Session) (chain.Orchestrator, error) {
	o, ok, err := s.Staking().Orchestrator(ctx, s.Self)
	if err == nil && !ok {
		err = fmt.Errorf("%s is no orchestrator's owner: 'castnet orchestrator register' makes it one, or name the owner (--account)", s.Self)
	}
	return o, err
}

// SetCuts is the command `castnet orchestrator set-cuts`.
type SetCuts struct {
	account.Signing `embed:""`
	RewardCut       *amount.Percent `help:"Keep this much of rewards before the stake shares the rest. Not given: as it is." placeholder:"PERCENT"`
	FeeShare        *amount.Percent `help:"Share this much of fees over the stake. Not given: as it is." placeholder:"PERCENT"`
}

// Run changes how earnings are split.
func (c *SetCuts) Run(ctx context.Context, con *console.Console) error {
	if c.RewardCut == nil && c.FeeShare == nil {
		return errors.New("say what to change: --reward-cut, --fee-share, or both")
	}
	return c.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		o, err := own(ctx, s)
		if err != nil {
			return err
		}
		cut, share := o.RewardCut, o.FeeShare
		if c.RewardCut != nil {
			cut = uint32(*c.RewardCut)
		}
		if c.FeeShare != nil {
			share = uint32(*c.FeeShare)
		}
		plan := account.Plan{
			Details: Entry{Orchestrator: s.Self, RewardCutPpm: &cut, FeeSharePpm: &share},
			Actions: []chain.Action{s.Staking().SetCuts(cut, share)},
		}
		plan.Title = "Change the cuts of " + account.Name(o)
		from := s.Now.Add(s.Parameters().UnbondingPeriod)
		plan.Facts = []console.Field{
			{Label: "Now", Value: cuts(o.RewardCut, o.FeeShare)},
			{Label: "Then", Value: cuts(cut, share)},
			{Label: "From", Value: s.When(from) + ": one unbonding period of notice, so that delegators can leave before"},
		}
		if o.Announced != nil {
			plan.Warnings = []string{"This takes the place of the cuts that are announced for " + s.When(o.Announced.From) + "."}
		}
		return s.Carry(ctx, plan)
	})
}

// SetURI is the command `castnet orchestrator set-uri`.
type SetURI struct {
	account.Signing `embed:""`
	URI             string `arg:"" name:"uri" help:"Where broadcasters reach it, and its name: https://HOST:PORT#NAME."`
}

// Run changes where the orchestrator is reached.
func (u *SetURI) Run(ctx context.Context, con *console.Console) error {
	return u.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		o, err := own(ctx, s)
		if err != nil {
			return err
		}
		name, address, err := account.ParseServiceURI(s.Self, u.URI)
		if err != nil {
			return err
		}
		plan := account.Plan{Details: Entry{Orchestrator: s.Self, ServiceURI: u.URI}, Actions: []chain.Action{s.Staking().SetServiceURI(u.URI)}}
		plan.Title = "Change where " + account.Name(o) + " is reached"
		plan.Facts = []console.Field{{Label: "Now", Value: o.ServiceURI}, {Label: "Then", Value: name + " at " + address}}
		return s.Carry(ctx, plan)
	})
}

// RotateKey is the command `castnet orchestrator rotate-key`.
type RotateKey struct {
	account.Signing `embed:""`
	Operator        string `arg:"" help:"The new operator key: a key file's name or an address."`
}

// Run names another operator key, from the next round on.
func (k *RotateKey) Run(ctx context.Context, con *console.Console) error {
	key, err := operatorOf(k.Operator, k.Signing, con)
	if err != nil {
		return err
	}
	return k.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		o, err := own(ctx, s)
		if err != nil {
			return err
		}
		operator := key.address
		if operator == s.Self || operator == o.Operator {
			return fmt.Errorf("%s is the present operator or the owner: name another key ('castnet wallet new' makes one)", operator)
		}
		consent, err := key.consent(s)
		if err != nil {
			return err
		}
		round, err := s.Round(ctx)
		if err != nil {
			return err
		}
		plan := account.Plan{Details: Entry{Orchestrator: s.Self, Operator: &operator}, Actions: []chain.Action{s.Staking().SetOperator(operator, consent)}}
		plan.Title = "Give " + account.Name(o) + " another operator key"
		plan.Facts = []console.Field{
			{Label: "Now", Value: o.Operator.Hex()},
			{Label: "Then", Value: operator.Hex()},
			{Label: "From", Value: fmt.Sprintf("round %d, %s", round.Number+1, s.When(round.End))},
		}
		plan.Warnings = []string{"Start 'castnet orchestrator run' with the new key when that round begins, not before. A key that served once is bound to this orchestrator for ever."}
		relayer, err := s.Broker().Relayer(ctx, s.Self)
		if err != nil {
			return err
		}
		if relayer == o.Operator {
			plan.Warnings = append(plan.Warnings, fmt.Sprintf("The present key alone redeems your winners, until 'castnet orchestrator set-relayer %s': do that when the new one takes over.", k.Operator))
		}
		return s.Carry(ctx, plan)
	})
}

// Join is the command `castnet orchestrator join`.
type Join struct {
	account.Signing `embed:""`
}

// Run takes a place in the active set: a free one, or that of the member with the least stake.
func (j *Join) Run(ctx context.Context, con *console.Console) error {
	return j.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		o, err := own(ctx, s)
		if err != nil {
			return err
		}
		p := s.Parameters()
		if o.Active {
			return fmt.Errorf("%s is in the active set already", account.Name(o))
		}
		round, err := s.Round(ctx)
		if err != nil {
			return err
		}
		if o.JailedUntil > round.Number {
			return fmt.Errorf("%s is jailed until round %d begins, in about %s", account.Name(o), o.JailedUntil,
				account.Lasting(time.Duration(o.JailedUntil-round.Number)*p.RoundLength))
		}
		if o.SelfStake.Cmp(p.MinSelfStake) < 0 {
			return fmt.Errorf("your own stake is %s, the active set takes %s: 'castnet stake bond %s' adds what is missing",
				amount.Format(o.SelfStake, amount.CAST), amount.Format(p.MinSelfStake, amount.CAST),
				amount.Format(new(big.Int).Sub(p.MinSelfStake, o.SelfStake), amount.CAST))
		}
		entry, place := Entry{Orchestrator: s.Self}, "a free one"
		least, err := replaceable(ctx, s, o)
		if err != nil {
			return err
		}
		var victim common.Address
		if least != nil {
			victim, place = least.ID, fmt.Sprintf("that of %s, which has %s", account.Name(*least), amount.Format(least.Stake, amount.CAST))
			entry.Replaces = &victim
		}
		plan := account.Plan{Details: entry, Actions: []chain.Action{s.Staking().Join(victim)}}
		plan.Title = "Join the active set as " + account.Name(o)
		plan.Facts = []console.Field{{Label: "Stake", Value: amount.Format(o.Stake, amount.CAST)}, {Label: "Place", Value: place}}
		return s.Carry(ctx, plan)
	})
}

// replaceable is the member of a full active set with the least stake, if it has less than o; nil where there is room.
func replaceable(ctx context.Context, s *account.Session, o chain.Orchestrator) (*chain.Orchestrator, error) {
	list, err := s.Staking().Orchestrators(ctx)
	p := s.Parameters()
	if err != nil || len(list) < p.MaxActive {
		return nil, err
	}
	least := slices.MinFunc(list, func(a, b chain.Orchestrator) int { return a.Stake.Cmp(b.Stake) })
	if least.Stake.Cmp(o.Stake) >= 0 {
		return nil, fmt.Errorf("the active set is full (%d) and everybody in it has at least as much as your %s; the least is %s with %s",
			p.MaxActive, amount.Format(o.Stake, amount.CAST), account.Name(least), amount.Format(least.Stake, amount.CAST))
	}
	return &least, nil
}
