package node

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"

	"castnet/contracts/chain"
	payments "castnet/probabilistic-payments"
)

const (
	// accountTTL is how long what the chain says of an account is believed.
	accountTTL = 2 * time.Second
	// accountTimeout bounds the wait for a chain that hangs.
	accountTimeout = 2 * time.Second
	// accountStale is how old an answer may be while the chain is out of reach. An old one is safe for a while: a share
	// is claimed by this recipient alone, and funds unlock more slowly than tickets expire.
	accountStale = 10 * time.Minute
)

// accounts answers payments.Accounts from the chain, through a short memory.
type accounts struct {
	broker *chain.Broker
	now    func() time.Time

	mu    sync.Mutex
	known map[accountKey]knownAccount
}

type accountKey struct {
	sender, recipient common.Address
	round             uint64
}

type knownAccount struct {
	payments.Account
	at    time.Time // when the chain said so
	asked time.Time // when it was last asked
}

func newAccounts(broker *chain.Broker) *accounts {
	return &accounts{broker: broker, now: time.Now, known: make(map[accountKey]knownAccount)}
}

// Account reads a sender's money as one recipient may count on it in one round.
func (a *accounts) Account(ctx context.Context, sender, recipient common.Address, round uint64) (payments.Account, error) {
	key := accountKey{sender, recipient, round}
	now := a.now()
	a.mu.Lock()
	known, ok := a.known[key]
	a.mu.Unlock()
	usable := ok && now.Sub(known.at) < accountStale
	if usable && now.Sub(known.asked) < accountTTL {
		return known.Account, nil
	}
	reading, cancel := context.WithTimeout(ctx, accountTimeout)
	defer cancel()
	account, err := a.read(reading, key)
	switch {
	case err == nil:
		known = knownAccount{Account: account, at: now, asked: now}
	case usable && ctx.Err() == nil:
		known.asked = now
	default:
		return payments.Account{}, err
	}
	a.keep(key, known, now)
	return known.Account, nil
}

// keep remembers an account, and forgets those that are of no use any more.
func (a *accounts) keep(key accountKey, account knownAccount, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, v := range a.known {
		if now.Sub(v.at) >= accountStale {
			delete(a.known, k)
		}
	}
	a.known[key] = account
}

func (a *accounts) read(ctx context.Context, key accountKey) (payments.Account, error) {
	sender, err := a.broker.Sender(ctx, key.sender)
	if err != nil {
		return payments.Account{}, fmt.Errorf("read the deposit of %s: %w", key.sender, err)
	}
	share, err := a.broker.Share(ctx, key.sender, key.recipient, key.round)
	if err != nil {
		return payments.Account{}, fmt.Errorf("read the reserve of %s: %w", key.sender, err)
	}
	return payments.Account{
		Deposit: toUint(sender.Deposit), Reserve: toUint(sender.Reserve), Share: toUint(share.Left()), Unlocking: sender.Unlocking,
	}, nil
}

// gasPrices answers payments.GasPrices from the chain.
type gasPrices struct{ client *chain.Client }

// GasPrice is what a unit of gas costs now, floored so that an idle chain does not make face values collapse.
func (g gasPrices) GasPrice(ctx context.Context) (uint256.Int, error) {
	price, err := g.client.GasPrice(ctx)
	if err != nil {
		return uint256.Int{}, err
	}
	return toUint(price), nil
}

// broker answers payments.Broker from the TicketBroker contract.
type broker struct{ chain *chain.Broker }

// Redeemed tells which tickets the chain has paid already.
func (b broker) Redeemed(ctx context.Context, tickets []payments.Ticket) ([]payments.Outcome, error) {
	outcomes := make([]payments.Outcome, len(tickets))
	for i := range tickets {
		t := &tickets[i]
		used, err := b.chain.NonceUsed(ctx, t.Sender, t.Recipient, t.Lane, t.Nonce)
		if err != nil {
			return nil, fmt.Errorf("ask whether nonce %d of lane %d is used: %w", t.Nonce, t.Lane, err)
		}
		if !used {
			continue
		}
		if outcomes[i], err = b.payment(ctx, t); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			outcomes[i] = payments.Outcome{Reason: err.Error()} // open: the others go on
		}
	}
	return outcomes, nil
}

// payment finds the event of a nonce that is used.
func (b broker) payment(ctx context.Context, t *payments.Ticket) (payments.Outcome, error) {
	paid, err := b.chain.Redemptions(ctx, chain.RedemptionQuery{Sender: t.Sender, Recipient: t.Recipient})
	if err != nil {
		return payments.Outcome{}, fmt.Errorf("read redemptions: %w", err)
	}
	for _, r := range paid {
		if r.Lane != t.Lane || r.Nonce != t.Nonce {
			continue
		}
		if r.ReceiptHash != t.ReceiptHash {
			return payments.Outcome{Status: payments.StatusLost, Reason: "another ticket with this nonce was paid"}, nil
		}
		return payments.Outcome{Status: payments.StatusPaid, Paid: toUint(r.Paid), Tx: r.TxHash}, nil
	}
	return payments.Outcome{}, fmt.Errorf("nonce %d of lane %d is used, but its payment is not in the log", t.Nonce, t.Lane)
}

// Redeem takes winners to the chain in one transaction.
func (b broker) Redeem(ctx context.Context, winners []payments.Winner) ([]payments.Outcome, error) {
	batch := make([]chain.Winner, len(winners))
	for i := range winners {
		w := &winners[i]
		batch[i] = chain.Winner{Ticket: chainTicket(&w.Ticket), Signature: w.Signature[:], RecipientRand: w.Rand}
	}
	outcomes, receipt, err := b.chain.Redeem(ctx, batch)
	if err != nil {
		return nil, err
	}
	results := make([]payments.Outcome, len(outcomes))
	for i, o := range outcomes {
		results[i] = outcomeOf(o, receipt.TxHash)
	}
	return results, nil
}

func outcomeOf(o chain.Outcome, tx common.Hash) payments.Outcome {
	switch o.Skipped {
	case chain.NotSkipped:
		return payments.Outcome{Status: payments.StatusPaid, Paid: toUint(o.Paid), Tx: tx}
	case chain.SkipRand, chain.SkipNotWinning: // what can never heal
		return payments.Outcome{Status: payments.StatusLost, Reason: skipReason(o.Skipped)}
	default:
		// Used: the redeemer asks Redeemed before it tries again, and learns who was paid. The others may be the word of
		// a node that lags or lies; the redeemer gives up at the ticket's expiry.
		return payments.Outcome{Status: payments.StatusOpen, Reason: skipReason(o.Skipped)}
	}
}

func skipReason(s chain.SkipReason) string {
	switch s {
	case chain.SkipUsed:
		return "its nonce has been redeemed before"
	case chain.SkipExpired:
		return "it has expired"
	case chain.SkipRound:
		return "its round does not fit its expiry"
	case chain.SkipRand:
		return "the rand does not answer its hash"
	case chain.SkipSignature:
		return "it is not signed by its sender"
	case chain.SkipNotWinning:
		return "it lost the draw"
	case chain.SkipInsufficient:
		return "the sender's deposit and reserve share cannot pay it in full"
	default:
		return "none"
	}
}

func chainTicket(t *payments.Ticket) chain.Ticket {
	return chain.Ticket{
		ReceiptHash: t.ReceiptHash, Sender: t.Sender, Recipient: t.Recipient, Fee: t.Fee.ToBig(), FaceValue: t.FaceValue.ToBig(),
		RandHash: t.RandHash, Lane: t.Lane, Nonce: t.Nonce, Round: t.Round, Expiry: t.Expiry,
	}
}

// toUint converts an amount of the chain's, which always fits; what does not would be a lie, and counts as nothing.
func toUint(v *big.Int) uint256.Int {
	if v == nil || v.Sign() < 0 {
		return uint256.Int{}
	}
	u, overflow := uint256.FromBig(v)
	if overflow {
		return uint256.Int{}
	}
	return *u
}

var errAmount = errors.New("want a number and a unit: wei, gwei, ETH or CAST")

// parseAmount reads "0.1 ETH", "30 gwei", "12.5 CAST" or "1000 wei" into the smallest unit.
func parseAmount(s string) (uint256.Int, error) {
	fields := strings.Fields(s)
	if len(fields) != 2 {
		return uint256.Int{}, fmt.Errorf("amount %q: %w", s, errAmount)
	}
	var unit int64
	switch strings.ToLower(fields[1]) {
	case "wei":
		unit = params.Wei
	case "gwei":
		unit = params.GWei
	case "eth", "cast":
		unit = params.Ether
	default:
		return uint256.Int{}, fmt.Errorf("amount %q: %w", s, errAmount)
	}
	value, ok := new(big.Rat).SetString(fields[0])
	if !ok || value.Sign() < 0 || strings.ContainsAny(fields[0], "/eE") {
		return uint256.Int{}, fmt.Errorf("amount %q: %w", s, errAmount)
	}
	value.Mul(value, new(big.Rat).SetInt64(unit))
	if !value.IsInt() {
		return uint256.Int{}, fmt.Errorf("amount %q is finer than the smallest unit", s)
	}
	u, overflow := uint256.FromBig(value.Num())
	if overflow {
		return uint256.Int{}, fmt.Errorf("amount %q is larger than 256 bits", s)
	}
	return *u, nil
}
