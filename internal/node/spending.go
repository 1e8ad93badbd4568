package node

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// Spending bounds what a broadcaster's tickets may promise.
type Spending struct {
	Account         string        `help:"The account that pays, where the key file's is only a hot signer that it has authorised in the TicketBroker." placeholder:"ADDRESS"`
	MaxFee          string        `help:"Pay no segment that costs more, for example '0.001 ETH'. Empty: no limit." placeholder:"AMOUNT"`
	MaxFaceValue    string        `help:"Sign no ticket that pays more if it wins. Empty: no limit." placeholder:"AMOUNT"`
	MaxOutstanding  string        `help:"Sign no more while the fees of unexpired tickets are above it. Empty: no limit." placeholder:"AMOUNT"`
	MaxReserveParts uint64        `help:"Sign no ticket that could take more than so many thousandths of the reserve. 0: no limit." placeholder:"N"`
	MaxValidity     time.Duration `default:"48h" help:"Sign no ticket that is valid for longer."`
	WarnDeposit     string        `default:"0 wei" help:"Warn when the deposit is below it." placeholder:"AMOUNT"`
	WarnBefore      time.Duration `default:"24h" help:"Warn when the deposit will not last so long at the pace of the last hour."`
}

func (s *Spending) limits() (payments.Limits, error) {
	limits := payments.Limits{ReserveParts: s.MaxReserveParts, MaxValidity: s.MaxValidity, WarnBefore: s.WarnBefore}
	for _, f := range []struct {
		flag, amount string
		to           *uint256.Int
	}{
		{"--max-fee", s.MaxFee, &limits.MaxFee},
		{"--max-face-value", s.MaxFaceValue, &limits.MaxFaceValue},
		{"--max-outstanding", s.MaxOutstanding, &limits.MaxOutstanding},
		{"--warn-deposit", s.WarnDeposit, &limits.WarnBelow},
	} {
		if f.amount == "" {
			continue
		}
		var err error
		if *f.to, err = parseAmount(f.amount); err != nil {
			return limits, fmt.Errorf("%w (%s)", err, f.flag)
		}
	}
	return limits, nil
}

// signFor lets the key file's account act for another one, if the chain says that it may.
func (n *broadcasterNode) signFor(ctx context.Context, account string) error {
	if account == "" {
		return nil
	}
	if !common.IsHexAddress(account) {
		return fmt.Errorf("--account %q is not an address (0x and 40 hexadecimal digits)", account)
	}
	n.chain.account = common.HexToAddress(account)
	if n.chain.account == n.chain.key.Address() {
		return nil
	}
	until, ok, err := n.chain.client.Broker().SignerUntil(ctx, n.chain.account, n.chain.key.Address())
	if err != nil {
		return err
	}
	if !ok || until.Unix() == 0 {
		return fmt.Errorf("%s has not authorised %s to sign its tickets: have it call authoriseSigner of the TicketBroker (--account, --keystore)",
			n.chain.account, n.chain.key.Address())
	}
	return nil
}
