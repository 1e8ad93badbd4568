package deposit

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

const (
	timeFormat = time.RFC3339
	// forever is the year in which the chain's client puts the end of what has none.
	forever = 9999
)

// Status is the command `castnet deposit status`.
type Status struct {
	account.Reading `embed:""`
}

// Report is what --json tells.
type Report struct {
	Account    common.Address `json:"account"`
	Wei        string         `json:"wei"` // outside the contracts
	DepositWei string         `json:"depositWei"`
	ReserveWei string         `json:"reserveWei"`
	UnlockAt   string         `json:"unlockAt,omitempty"` // missing: locked
	Round      uint64         `json:"round"`
	Shares     []ShareReport  `json:"shares"` // of the active set, in this round
}

// ShareReport is what the reserve secures for one orchestrator.
type ShareReport struct {
	Orchestrator common.Address `json:"orchestrator"`
	Name         string         `json:"name"`
	Enrolled     bool           `json:"enrolled"`
	ShareWei     string         `json:"shareWei"`
	ClaimedWei   string         `json:"claimedWei"`
}

// Run shows the money, and what it secures.
func (st *Status) Run(ctx context.Context, con *console.Console) error {
	return st.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		held, err := s.Balance(ctx, s.Self)
		if err != nil {
			return err
		}
		funds, err := s.Broker().Sender(ctx, s.Self)
		if err != nil {
			return err
		}
		round, err := s.Round(ctx)
		if err != nil {
			return err
		}
		r := Report{
			Account: s.Self, Wei: held.Ether.String(), DepositWei: funds.Deposit.String(), ReserveWei: funds.Reserve.String(),
			Round: round.Number, Shares: []ShareReport{},
		}
		state := "locked"
		if funds.Unlocking {
			r.UnlockAt = funds.UnlockAt.UTC().Format(timeFormat)
			state = "unlocking, to be withdrawn at " + s.When(funds.UnlockAt) + "; orchestrators take no tickets meanwhile"
		}
		rows, err := shares(ctx, s, &r)
		if err != nil {
			return err
		}
		return s.Answer(r, func(w io.Writer) {
			console.Fields(w, []console.Field{
				{Label: "Account", Value: s.Self.Hex() + ", holds " + amount.Format(held.Ether, amount.ETH) + " besides"},
				{Label: "Deposit", Value: amount.Format(funds.Deposit, amount.ETH) + ", pays winning tickets first"},
				{Label: "Reserve", Value: amount.Format(funds.Reserve, amount.ETH) + ", secures the orchestrators"},
				{Label: "State", Value: state},
			})
			if len(rows) > 0 {
				_, _ = fmt.Fprintf(w, "\n  What the reserve secures in round %d:\n", round.Number)
				console.Table(w, []string{"ORCHESTRATOR", "ADDRESS", "UP TO", "CLAIMED"}, rows)
			}
		})
	})
}

// shares enters what the reserve secures for each of the active set, and writes it as a table.
func shares(ctx context.Context, s *account.Session, r *Report) ([][]string, error) {
	list, err := s.Staking().Orchestrators(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([][]string, 0, len(list))
	for _, o := range list {
		share, err := s.Broker().Share(ctx, s.Self, o.ID, r.Round)
		if err != nil {
			return nil, err
		}
		name := account.Name(o)
		r.Shares = append(r.Shares, ShareReport{o.ID, name, share.Enrolled, share.Share.String(), share.Claimed.String()})
		row := []string{name, o.ID.Hex(), amount.Format(share.Share, amount.ETH), amount.Format(share.Claimed, amount.ETH)}
		if share.Share.Sign() == 0 && !share.Enrolled {
			row[2], row[3] = "nothing: not enrolled, nothing promised", ""
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// SignerStatus is the command `castnet deposit signer status`.
type SignerStatus struct {
	account.Reading `embed:""`
	Signer          string `arg:"" help:"The hot key: a key file's name or an address."`
}

// SignerReport is what --json tells of a hot key.
type SignerReport struct {
	Signer  common.Address `json:"signer"`
	MaySign bool           `json:"maySign"`
	Until   string         `json:"until,omitempty"` // missing: for as long as it is not revoked
}

// Run shows until when a hot key may sign.
func (st *SignerStatus) Run(ctx context.Context, con *console.Console) error {
	signer, err := hotKey(st.Signer, st.Keystore)
	if err != nil {
		return err
	}
	return st.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		until, ok, err := s.Broker().SignerUntil(ctx, s.Self, signer)
		if err != nil {
			return err
		}
		r := SignerReport{Signer: signer, MaySign: ok}
		text := "it may not sign"
		switch {
		case ok && until.Year() >= forever:
			text = "it may sign"
		case ok:
			r.Until = until.UTC().Format(timeFormat)
			text = "it is revoked, and may sign until " + s.When(until)
		}
		return s.Answer(r, func(w io.Writer) {
			console.Fields(w, []console.Field{{Label: "Account", Value: s.Self.Hex()}, {Label: "Signer", Value: signer.Hex()}, {Label: "State", Value: text}})
		})
	})
}
