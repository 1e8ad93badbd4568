// Package onchain answers from the contracts what the money side asks of the chain, through short memories: what an account
// is good for, what gas costs, who may sign for whom.
package onchain

import (
	"context"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
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

// Accounts answers payments.Accounts from the chain, through a short memory.
type Accounts struct {
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

// NewAccounts asks a broker.
func NewAccounts(broker *chain.Broker) *Accounts {
	return &Accounts{broker: broker, now: time.Now, known: make(map[accountKey]knownAccount)}
}

// Account reads a sender's money as one recipient may count on it in one round.
func (a *Accounts) Account(ctx context.Context, sender, recipient common.Address, round uint64) (payments.Account, error) {
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
func (a *Accounts) keep(key accountKey, account knownAccount, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, v := range a.known {
		if now.Sub(v.at) >= accountStale {
			delete(a.known, k)
		}
	}
	a.known[key] = account
}

func (a *Accounts) read(ctx context.Context, key accountKey) (payments.Account, error) {
	sender, err := a.broker.Sender(ctx, key.sender)
	if err != nil {
		return payments.Account{}, fmt.Errorf("read the deposit of %s: %w", key.sender, err)
	}
	share, err := a.broker.Share(ctx, key.sender, key.recipient, key.round)
	if err != nil {
		return payments.Account{}, fmt.Errorf("read the reserve of %s: %w", key.sender, err)
	}
	return payments.Account{
		Deposit: Uint(sender.Deposit), Reserve: Uint(sender.Reserve), Share: Uint(share.Left()), Unlocking: sender.Unlocking,
	}, nil
}

// GasPrices answers payments.GasPrices from the chain.
type GasPrices struct{ Client *chain.Client }

// GasPrice is what a unit of gas costs now, floored so that an idle chain does not make face values collapse.
func (g GasPrices) GasPrice(ctx context.Context) (uint256.Int, error) {
	price, err := g.Client.GasPrice(ctx)
	if err != nil {
		return uint256.Int{}, err
	}
	return Uint(price), nil
}

// Uint converts an amount of the chain's, which always fits; what does not would be a lie, and counts as nothing.
func Uint(v *big.Int) uint256.Int {
	if v == nil || v.Sign() < 0 {
		return uint256.Int{}
	}
	u, overflow := uint256.FromBig(v)
	if overflow {
		return uint256.Int{}
	}
	return *u
}
