// Package deposit is the command `castnet deposit`: a broadcaster's money on the chain, which its tickets are paid from.
package deposit

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/internal/identity"
	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// Funds is what --json tells of a change of the money; amounts in wei.
type Funds struct {
	DepositWei string `json:"depositWei"` // afterwards
	ReserveWei string `json:"reserveWei"` // afterwards
	UnlockAt   string `json:"unlockAt,omitempty"`
}

// Fund is the command `castnet deposit fund`.
type Fund struct {
	account.Signing `embed:""`
	Amount          amount.Ether `arg:"" help:"How much, for example 2 ETH."`
}

// Run adds to the deposit.
func (f *Fund) Run(ctx context.Context, con *console.Console) error {
	return f.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		return add(ctx, s, f.Amount.Int, new(big.Int))
	})
}

// Reserve is the command `castnet deposit reserve`.
type Reserve struct {
	account.Signing `embed:""`
	Amount          amount.Ether `arg:"" help:"How much, for example 10 ETH."`
}

// Run adds to the reserve.
func (r *Reserve) Run(ctx context.Context, con *console.Console) error {
	return r.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		return add(ctx, s, new(big.Int), r.Amount.Int)
	})
}

func add(ctx context.Context, s *account.Session, deposit, reserve *big.Int) error {
	sum := new(big.Int).Add(deposit, reserve)
	if sum.Sign() == 0 {
		return errors.New("nothing to do: give an amount above zero")
	}
	held, err := s.Balance(ctx, s.Self)
	if err != nil {
		return err
	}
	if held.Ether.Cmp(sum) < 0 {
		return fmt.Errorf("%s has %s, this takes %s and gas: add less, or send it some", s.Self, amount.Format(held.Ether, amount.ETH), amount.Format(sum, amount.ETH))
	}
	now, err := s.Broker().Sender(ctx, s.Self)
	if err != nil {
		return err
	}
	plan := account.Plan{
		Details: Funds{
			DepositWei: new(big.Int).Add(now.Deposit, deposit).String(), ReserveWei: new(big.Int).Add(now.Reserve, reserve).String(),
		},
		Actions: []chain.Action{s.Broker().Fund(deposit, reserve)},
	}
	what, before, added := "deposit", now.Deposit, deposit
	purpose := "pays winning tickets first; when it is empty they are paid from the reserve"
	if reserve.Sign() > 0 {
		what, before, added = "reserve", now.Reserve, reserve
		purpose = "what orchestrators look at before they work: each counts on its share of it, whatever happens to the deposit"
	}
	plan.Title = fmt.Sprintf("Add %s to the %s", amount.Format(sum, amount.ETH), what)
	plan.Facts = []console.Field{
		{Label: "Afterwards", Value: fmt.Sprintf("a %s of %s, up from %s", what, amount.Format(new(big.Int).Add(before, added), amount.ETH), amount.Format(before, amount.ETH))},
		{Label: "It is for", Value: purpose},
		{Label: "May lose", Value: "no more than the tickets that this account's keys sign"},
		{Label: "Comes back", Value: fmt.Sprintf("%s after 'castnet deposit unlock', as far as it was not spent", account.Lasting(s.Parameters().UnlockPeriod))},
	}
	if now.Unlocking {
		plan.Warnings = []string{"This ends the unlock that is running: the money is locked again."}
	}
	return s.Carry(ctx, plan)
}

// Unlock is the command `castnet deposit unlock`.
type Unlock struct {
	account.Signing `embed:""`
	Cancel          bool `help:"End a running unlock: the money stays, and orchestrators count on it again."`
}

// Run begins the unlock period, or ends it early.
func (u *Unlock) Run(ctx context.Context, con *console.Console) error {
	return u.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		now, err := s.Broker().Sender(ctx, s.Self)
		if err != nil {
			return err
		}
		funds := Funds{DepositWei: now.Deposit.String(), ReserveWei: now.Reserve.String()}
		sum := amount.Format(new(big.Int).Add(now.Deposit, now.Reserve), amount.ETH)
		if u.Cancel {
			if !now.Unlocking {
				return errors.New("no unlock is running: the money is locked already")
			}
			plan := account.Plan{Details: funds, Actions: []chain.Action{s.Broker().CancelUnlock()}}
			plan.Title = "Keep " + sum + " as deposit and reserve after all"
			return s.Carry(ctx, plan)
		}
		switch {
		case now.Unlocking:
			return fmt.Errorf("an unlock is running already: the money can be withdrawn at %s; --cancel ends it", s.When(now.UnlockAt))
		case now.Deposit.Sign() == 0 && now.Reserve.Sign() == 0:
			return fmt.Errorf("%s has neither deposit nor reserve", s.Self)
		}
		until := s.Now.Add(s.Parameters().UnlockPeriod)
		funds.UnlockAt = until.UTC().Format(timeFormat)
		plan := account.Plan{Details: funds, Actions: []chain.Action{s.Broker().Unlock()}}
		plan.Title = "Unlock " + sum
		plan.Facts = []console.Field{
			{Label: "Unlocks", Value: s.When(until) + ", then 'castnet deposit withdraw'"},
			{Label: "Until then", Value: "tickets that were given out are still paid from it; 'castnet deposit unlock --cancel' or any new deposit ends the unlock"},
		}
		plan.Warnings = []string{"Orchestrators take no tickets of this account from now on: its streams lose their ladder."}
		return s.Carry(ctx, plan)
	})
}

// Withdraw is the command `castnet deposit withdraw`.
type Withdraw struct {
	account.Signing `embed:""`
}

// Run takes deposit and reserve home.
func (w *Withdraw) Run(ctx context.Context, con *console.Console) error {
	return w.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		now, err := s.Broker().Sender(ctx, s.Self)
		if err != nil {
			return err
		}
		sum := new(big.Int).Add(now.Deposit, now.Reserve)
		switch {
		case sum.Sign() == 0:
			return fmt.Errorf("%s has neither deposit nor reserve", s.Self)
		case !now.Unlocking:
			return fmt.Errorf("%s are locked: 'castnet deposit unlock' begins the unlock period of %s",
				amount.Format(sum, amount.ETH), account.Lasting(s.Parameters().UnlockPeriod))
		case now.UnlockAt.After(s.Now):
			return fmt.Errorf("%s are locked until %s", amount.Format(sum, amount.ETH), s.When(now.UnlockAt))
		}
		plan := account.Plan{Details: Funds{DepositWei: "0", ReserveWei: "0"}, Actions: []chain.Action{s.Broker().Withdraw()}}
		plan.Title = "Withdraw " + amount.Format(sum, amount.ETH)
		plan.Facts = []console.Field{
			{Label: "Deposit", Value: amount.Format(now.Deposit, amount.ETH)}, {Label: "Reserve", Value: amount.Format(now.Reserve, amount.ETH)},
		}
		return s.Carry(ctx, plan)
	})
}

// SignerChange is what --json tells of a change of a hot key.
type SignerChange struct {
	Signer common.Address `json:"signer"`
	Until  string         `json:"until,omitempty"` // missing: for as long as it is not revoked
}

// SignerAdd is the command `castnet deposit signer add`.
type SignerAdd struct {
	account.Signing `embed:""`
	Signer          string `arg:"" help:"The hot key: a key file's name or an address."`
}

// Run lets a hot key sign tickets.
func (a *SignerAdd) Run(ctx context.Context, con *console.Console) error {
	signer, err := hotKey(a.Signer, a.Keystore)
	if err != nil {
		return err
	}
	return a.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		if signer == s.Self {
			return errors.New("the account itself may always sign: name another key")
		}
		until, may, err := s.Broker().SignerUntil(ctx, s.Self, signer)
		switch {
		case err != nil:
			return err
		case may && until.Year() >= forever:
			return fmt.Errorf("%s may sign for %s already", signer, s.Self)
		}
		plan := account.Plan{Details: SignerChange{Signer: signer}, Actions: []chain.Action{s.Broker().AuthoriseSigner(signer)}}
		plan.Title = fmt.Sprintf("Let %s sign tickets of %s", signer, s.Self)
		if until.Unix() > 0 {
			plan.Title = fmt.Sprintf("Let %s sign tickets of %s again", signer, s.Self)
			plan.Warnings = []string{fmt.Sprintf("This key was revoked, with effect from %s: if that was because it was stolen, name another.", s.When(until))}
		}
		plan.Facts = []console.Field{
			{Label: "It may", Value: "spend deposit and reserve, ticket by ticket; not withdraw them, and nothing else that the account holds"},
			{Label: "It ends", Value: account.Lasting(s.Parameters().UnlockPeriod) + " after 'castnet deposit signer revoke', so that tickets it gave out stay good"},
		}
		return s.Carry(ctx, plan)
	})
}

// SignerRevoke is the command `castnet deposit signer revoke`.
type SignerRevoke struct {
	account.Signing `embed:""`
	Signer          string `arg:"" help:"The hot key: a key file's name or an address."`
}

// Run ends a hot key's right to sign.
func (r *SignerRevoke) Run(ctx context.Context, con *console.Console) error {
	signer, err := hotKey(r.Signer, r.Keystore)
	if err != nil {
		return err
	}
	return r.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		until, ok, err := s.Broker().SignerUntil(ctx, s.Self, signer)
		switch {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("%s may not sign for %s", signer, s.Self)
		case until.Year() < forever:
			return fmt.Errorf("%s is revoked already: it may sign until %s", signer, s.When(until))
		}
		end := s.Now.Add(s.Parameters().UnlockPeriod)
		plan := account.Plan{Details: SignerChange{signer, end.UTC().Format(timeFormat)}, Actions: []chain.Action{s.Broker().RevokeSigner(signer)}}
		plan.Title = fmt.Sprintf("Revoke %s as a signer of tickets", signer)
		plan.Facts = []console.Field{{Label: "It ends", Value: s.When(end)}}
		plan.Warnings = []string{"If the key is stolen: until then its thief can spend the deposit and the reserve. 'castnet deposit unlock' stops orchestrators from taking its tickets at once."}
		return s.Carry(ctx, plan)
	})
}

func hotKey(key, keystore string) (common.Address, error) {
	if common.IsHexAddress(key) {
		return identity.ParseAddress(key)
	}
	file, err := identity.FindKey(keystore, key)
	return file.Address, err
}
