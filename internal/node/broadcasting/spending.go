package broadcasting

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/node/allocate"
	"castnet/internal/node/amount"
	"castnet/internal/node/onchain"
	payments "castnet/probabilistic-payments"
)

// Spending bounds what a broadcaster's tickets may promise.
type Spending struct {
	Account         string        `env:"CASTNET_PAYER" help:"The account that pays, where the key file's is only a hot signer that it has authorised in the TicketBroker." placeholder:"ADDRESS"`
	MaxFee          amount.Ether  `help:"Pay no segment that costs more, for example '0.001 ETH'. Not given: no limit." placeholder:"AMOUNT"`
	MaxFaceValue    amount.Ether  `help:"Sign no ticket that pays more if it wins. Not given: no limit." placeholder:"AMOUNT"`
	MaxOutstanding  amount.Ether  `help:"Sign no more while the fees of unexpired tickets are above it. Not given: no limit." placeholder:"AMOUNT"`
	MaxReserveParts uint64        `help:"Sign no ticket that could take more than so many thousandths of the reserve. 0: no limit." placeholder:"N"`
	MaxValidity     time.Duration `default:"48h" help:"Sign no ticket that is valid for longer."`
	Allocate        int           `help:"Promise the reserve of each coming period to the N orchestrators that work most for this broadcaster, instead of an equal share for all. 0: equal shares." placeholder:"N"`
	WarnDeposit     amount.Ether  `default:"0 wei" help:"Warn when the deposit is below it." placeholder:"AMOUNT"`
	WarnBefore      time.Duration `default:"24h" help:"Warn when the deposit will not last so long at the pace of the last hour."`
}

func (s *Spending) limits() payments.Limits {
	return payments.Limits{
		MaxFee: onchain.Uint(s.MaxFee.Int), MaxFaceValue: onchain.Uint(s.MaxFaceValue.Int), MaxOutstanding: onchain.Uint(s.MaxOutstanding.Int),
		ReserveParts: s.MaxReserveParts, MaxValidity: s.MaxValidity,
		WarnBelow: onchain.Uint(s.WarnDeposit.Int), WarnBefore: s.WarnBefore,
	}
}

// signFor lets the key file's account act for another one, if the chain says that it may.
func (n *node) signFor(ctx context.Context, account string) error {
	if account == "" {
		if other := os.Getenv("CASTNET_ACCOUNT"); common.IsHexAddress(other) && common.HexToAddress(other) != n.chain.Key.Address() {
			n.Log.Warn("CASTNET_ACCOUNT is for other commands: who pays is --account or CASTNET_PAYER, or else the key file's account",
				"CASTNET_ACCOUNT", other, "pays", n.chain.Key.Address())
		}
		return nil
	}
	if !common.IsHexAddress(account) {
		return fmt.Errorf("--account %q is not an address (0x and 40 hexadecimal digits)", account)
	}
	n.chain.Account = common.HexToAddress(account)
	if n.chain.Account == n.chain.Key.Address() {
		return nil
	}
	until, ok, err := n.chain.Client.Broker().SignerUntil(ctx, n.chain.Account, n.chain.Key.Address())
	if err != nil {
		return err
	}
	if !ok || until.Unix() == 0 {
		return fmt.Errorf("%s has not authorised %s to sign its tickets: 'castnet deposit signer add' does (--account, --keystore)",
			n.chain.Account, n.chain.Key.Address())
	}
	return nil
}

// allocating promises the reserve, where that is wanted.
func (n *node) allocating() (run func(context.Context) error, err error) {
	if n.cfg.Allocate == 0 {
		return func(context.Context) error { return nil }, nil
	}
	if n.chain.Account != n.chain.Key.Address() {
		return nil, fmt.Errorf("only %s itself can promise parts of its reserve: use 'castnet deposit allocate' with its key (--allocate)", n.chain.Account)
	}
	a, err := allocate.New(allocate.Config{
		Chain: n.chain.Client, Most: n.cfg.Allocate, File: filepath.Join(n.cfg.DataDir, "allocation.json"), Log: n.Log,
		Candidates: func(ctx context.Context) ([]allocate.Candidate, error) {
			roster, err := n.network.Roster(ctx)
			if err != nil {
				return nil, err
			}
			records := n.b.Records()
			list := make([]allocate.Candidate, len(roster.Orchestrators))
			for i, o := range roster.Orchestrators {
				list[i] = allocate.Candidate{ID: o.ID, Verified: uint64(records[o.ID].Verified), Stake: o.Stake}
			}
			return list, nil
		},
	})
	if err != nil {
		return nil, err
	}
	return a.Run, nil
}
