package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"castnet/contracts/bindings"
)

// sweepGas is what the inner call of a sweep may need: an estimate does not show it, since the sweep succeeds without it.
const sweepGas = 150_000

// Broker reads and changes deposits and reserves, and redeems.
type Broker struct {
	client *Client
	abi    *bindings.TicketBroker
}

func (b *Broker) address() common.Address { return b.client.cfg.Addresses.Broker }

// Sender reads a sender's account.
func (b *Broker) Sender(ctx context.Context, sender common.Address) (SenderAccount, error) {
	info, err := view(ctx, b.client, b.address(), b.abi.PackSenderInfo(sender), b.abi.UnpackSenderInfo)
	if err != nil {
		return SenderAccount{}, fmt.Errorf("chain: sender %v: %w", sender, err)
	}
	account := SenderAccount{Deposit: info.Deposit, Reserve: info.Reserve}
	if info.UnlockAt != 0 {
		account.Unlocking, account.UnlockAt = true, time.Unix(int64(info.UnlockAt), 0).UTC()
	}
	return account, nil
}

// Share reads what a sender's reserve guarantees to a recipient in a round.
func (b *Broker) Share(ctx context.Context, sender, recipient common.Address, round uint64) (ReserveShare, error) {
	info, err := view(ctx, b.client, b.address(), b.abi.PackReserveShare(sender, recipient, round), b.abi.UnpackReserveShare)
	if err != nil {
		return ReserveShare{}, fmt.Errorf("chain: share of %v in %v: %w", recipient, sender, err)
	}
	enrolled, err := b.Enrolled(ctx, recipient, round)
	if err != nil {
		return ReserveShare{}, err
	}
	return ReserveShare{Round: round, Enrolled: enrolled, Share: info.Share, Claimed: info.Claimed}, nil
}

// Budget reads what a sender's reserve promises to all recipients together in a period (see Parameters.PeriodRounds).
func (b *Broker) Budget(ctx context.Context, sender common.Address, period uint64) (Budget, error) {
	info, err := view(ctx, b.client, b.address(), b.abi.PackBudgetOf(sender, period), b.abi.UnpackBudgetOf)
	if err != nil {
		return Budget{}, fmt.Errorf("chain: budget of %v: %w", sender, err)
	}
	free, err := view(ctx, b.client, b.address(), b.abi.PackFreeReserve(sender), b.abi.UnpackFreeReserve)
	if err != nil {
		return Budget{}, fmt.Errorf("chain: budget of %v: %w", sender, err)
	}
	return Budget{Period: period, Total: info.Total, Spent: info.Spent, Allocations: info.Roots.Uint64(), Free: free}, nil
}

// Relayer reads who alone may redeem a recipient's tickets, beside itself; zero: anybody may.
func (b *Broker) Relayer(ctx context.Context, recipient common.Address) (common.Address, error) {
	relayer, err := view(ctx, b.client, b.address(), b.abi.PackRelayerOf(recipient), b.abi.UnpackRelayerOf)
	if err != nil {
		return common.Address{}, fmt.Errorf("chain: relayer of %v: %w", recipient, err)
	}
	return relayer, nil
}

// PartPaid reads what was paid of a ticket in parts; zero once it is paid in full.
func (b *Broker) PartPaid(ctx context.Context, sender, recipient common.Address, lane, nonce uint64) (*big.Int, error) {
	paid, err := view(ctx, b.client, b.address(), b.abi.PackPartPaid(sender, recipient, lane, nonce), b.abi.UnpackPartPaid)
	if err != nil {
		return nil, fmt.Errorf("chain: nonce %d: %w", nonce, err)
	}
	return paid, nil
}

// Enrolled tells whether a recipient takes part in equally shared reserves in a round.
func (b *Broker) Enrolled(ctx context.Context, recipient common.Address, round uint64) (bool, error) {
	enrolled, err := view(ctx, b.client, b.address(), b.abi.PackEnrolled(round, recipient), b.abi.UnpackEnrolled)
	if err != nil {
		return false, fmt.Errorf("chain: enrolment of %v: %w", recipient, err)
	}
	return enrolled, nil
}

// SignerUntil reads until when a hot key may sign for a sender; ok is false if it may not now.
func (b *Broker) SignerUntil(ctx context.Context, sender, signer common.Address) (until time.Time, ok bool, err error) {
	value, err := view(ctx, b.client, b.address(), b.abi.PackSignerUntil(sender, signer), b.abi.UnpackSignerUntil)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("chain: signer %v of %v: %w", signer, sender, err)
	}
	// Beyond the year 9999 it means for ever.
	until = time.Unix(int64(min(value, 253_402_300_799)), 0).UTC()
	return until, !b.client.Head().Time.After(until), nil
}

// Owed reads what was credited to a recipient and not yet swept into its pool, in wei.
func (b *Broker) Owed(ctx context.Context, recipient common.Address) (*big.Int, error) {
	owed, err := view(ctx, b.client, b.address(), b.abi.PackOwed(recipient), b.abi.UnpackOwed)
	if err != nil {
		return nil, fmt.Errorf("chain: owed to %v: %w", recipient, err)
	}
	return owed, nil
}

// NonceUsed tells whether a ticket with this nonce has been paid.
func (b *Broker) NonceUsed(ctx context.Context, sender, recipient common.Address, lane, nonce uint64) (bool, error) {
	used, err := view(ctx, b.client, b.address(), b.abi.PackIsUsed(sender, recipient, lane, nonce), b.abi.UnpackIsUsed)
	if err != nil {
		return false, fmt.Errorf("chain: nonce %d: %w", nonce, err)
	}
	return used, nil
}

// Fund adds to the account's deposit and reserve (wei, nil for nothing) in one transaction; it cancels a running unlock.
func (b *Broker) Fund(deposit, reserve *big.Int) Action {
	deposit, reserve = orZero(deposit), orZero(reserve)
	if deposit.Sign() < 0 || reserve.Sign() < 0 {
		return Action{client: b.client, err: errors.New("chain: amounts of wei ≥ 0 are needed")}
	}
	a := b.action(b.abi.PackFund(deposit, reserve))
	a.call.value = new(big.Int).Add(deposit, reserve)
	return a
}

// Unlock begins the unlock period of the account's funds.
func (b *Broker) Unlock() Action { return b.action(b.abi.PackUnlock()) }

// CancelUnlock ends the unlock period early; the funds stay.
func (b *Broker) CancelUnlock() Action { return b.action(b.abi.PackCancelUnlock()) }

// Withdraw pays the account's deposit and reserve out after the unlock period.
func (b *Broker) Withdraw() Action { return b.action(b.abi.PackWithdraw()) }

// AuthoriseSigner lets a hot key sign the account's tickets.
func (b *Broker) AuthoriseSigner(signer common.Address) Action {
	return b.action(b.abi.PackAuthoriseSigner(signer))
}

// RevokeSigner ends that after the unlock period.
func (b *Broker) RevokeSigner(signer common.Address) Action {
	return b.action(b.abi.PackRevokeSigner(signer))
}

// SetRelayer lets only one account, beside this one, redeem this account's tickets; zero lets anybody.
func (b *Broker) SetRelayer(relayer common.Address) Action {
	return b.action(b.abi.PackSetRelayer(relayer))
}

// Enrol makes recipient take part in every equally shared reserve for the period that round is in, the present or the next; a
// recipient outside the active set, or that joined it in this round, is refused. Enrolling again costs little.
func (b *Broker) Enrol(round uint64, recipient common.Address) Action {
	return b.action(b.abi.PackEnrol(round, recipient))
}

// Sweep moves what is owed to a recipient into its stake pool, where it is split between owner and delegators.
func (b *Broker) Sweep(recipient common.Address) Action {
	a := b.action(b.abi.PackSweep(recipient))
	a.call.extraGas = sweepGas
	a.check = func(mined *types.Receipt) error {
		for _, entry := range mined.Logs {
			if failed, err := b.abi.UnpackSweepFailedEvent(entry); err == nil {
				return fmt.Errorf("chain: the pool of %v did not take %v wei, they stay owed: %w",
					recipient, failed.Amount, b.client.reverts.decode(failed.Reason))
			}
		}
		return nil
	}
	return a
}

func (b *Broker) action(data []byte) Action {
	return Action{client: b.client, call: call{to: new(b.address()), data: data}}
}
