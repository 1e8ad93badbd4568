package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"

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

// Enrolled tells whether a recipient takes part in reserves in a round.
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

// Fund adds to the signer's deposit and reserve (wei, nil for nothing) in one transaction; it cancels a running unlock.
func (b *Broker) Fund(ctx context.Context, deposit, reserve *big.Int) (Receipt, error) {
	deposit, reserve = orZero(deposit), orZero(reserve)
	return b.execute(ctx, call{data: b.abi.PackFund(deposit, reserve), value: new(big.Int).Add(deposit, reserve)})
}

// Unlock begins the unlock period of the signer's funds.
func (b *Broker) Unlock(ctx context.Context) (Receipt, error) {
	return b.execute(ctx, call{data: b.abi.PackUnlock()})
}

// CancelUnlock ends the unlock period early; the funds stay.
func (b *Broker) CancelUnlock(ctx context.Context) (Receipt, error) {
	return b.execute(ctx, call{data: b.abi.PackCancelUnlock()})
}

// Withdraw pays the signer's deposit and reserve out after the unlock period.
func (b *Broker) Withdraw(ctx context.Context) (Receipt, error) {
	return b.execute(ctx, call{data: b.abi.PackWithdraw()})
}

// AuthoriseSigner lets a hot key sign the signer's tickets.
func (b *Broker) AuthoriseSigner(ctx context.Context, signer common.Address) (Receipt, error) {
	return b.execute(ctx, call{data: b.abi.PackAuthoriseSigner(signer)})
}

// RevokeSigner ends that after the unlock period.
func (b *Broker) RevokeSigner(ctx context.Context, signer common.Address) (Receipt, error) {
	return b.execute(ctx, call{data: b.abi.PackRevokeSigner(signer)})
}

// Enrol makes recipient take part in every sender's reserve for the present round; a recipient outside the active set, or that
// joined it in this round, is refused. Enrolling again costs little.
func (b *Broker) Enrol(ctx context.Context, recipient common.Address) (Receipt, error) {
	round, err := b.client.Round(ctx)
	if err != nil {
		return Receipt{}, err
	}
	return b.execute(ctx, call{data: b.abi.PackEnrol(round.Number, recipient)})
}

// Sweep moves what is owed to a recipient into its stake pool, where it is split between owner and delegators.
func (b *Broker) Sweep(ctx context.Context, recipient common.Address) (Receipt, error) {
	mined, err := b.client.transact(ctx, call{to: target(b.address()), data: b.abi.PackSweep(recipient), extraGas: sweepGas})
	if err != nil {
		return Receipt{}, err
	}
	for _, entry := range mined.Logs {
		failed, err := b.abi.UnpackSweepFailedEvent(entry)
		if err == nil {
			return Receipt{}, fmt.Errorf("chain: the pool of %v did not take %v wei, they stay owed: %w",
				recipient, failed.Amount, b.client.reverts.decode(failed.Reason))
		}
	}
	return receiptOf(mined), nil
}

func (b *Broker) execute(ctx context.Context, what call) (Receipt, error) {
	if what.value != nil && what.value.Sign() < 0 {
		return Receipt{}, errors.New("chain: an amount of wei ≥ 0 is needed")
	}
	what.to = target(b.address())
	return b.client.execute(ctx, what)
}
