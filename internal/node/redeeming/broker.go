package redeeming

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"castnet/contracts/chain"
	"castnet/internal/node/onchain"
	payments "castnet/probabilistic-payments"
)

// logReceipts is how many receipts one query of the chain's log names.
const logReceipts = 100

// broker answers payments.Broker from the TicketBroker contract. Its methods are not called at once.
type broker struct {
	chain *chain.Broker
	// head tells the number of the newest block; a payment counts when confirmations blocks are on top of its own.
	head          func() uint64
	confirmations uint64
	log           *slog.Logger
	warned        map[common.Address]bool // recipients without a relayer
}

// Redeemed tells which tickets the chain has paid already.
func (b *broker) Redeemed(ctx context.Context, tickets []payments.Ticket) ([]payments.Outcome, error) {
	paid, err := b.payments(ctx, tickets)
	if err != nil {
		return nil, err
	}
	head := b.head()
	gas := make(map[common.Hash]map[uint]uint256.Int) // by transaction and log index
	outcomes := make([]payments.Outcome, len(tickets))
	for i := range tickets {
		o := &outcomes[i]
		for _, r := range paid[tickets[i].ReceiptHash] {
			if head < r.Block+b.confirmations {
				*o = payments.Outcome{Status: payments.StatusSettling}
				break
			}
			if gas[r.TxHash] == nil {
				where, indices, err := b.chain.Transaction(ctx, r.TxHash)
				if err != nil {
					return nil, err
				}
				gas[r.TxHash] = gasShares(where.Cost, indices)
			}
			part := onchain.Uint(r.Paid)
			share, ok := gas[r.TxHash][r.LogIndex]
			if !ok {
				return nil, fmt.Errorf("the node contradicts itself: its log has a payment in transaction %s that the transaction did not make; "+
					"is it in step, or is another one to be used (--rpc)?", r.TxHash)
			}
			o.Paid.Add(&o.Paid, &part)
			o.Gas.Add(&o.Gas, &share)
			o.Tx = r.TxHash
		}
		if pays := tickets[i].Payout(); o.Status == payments.StatusOpen && !o.Paid.IsZero() && o.Paid == pays {
			o.Status = payments.StatusPaid
		}
	}
	return outcomes, nil
}

// payments finds the tickets' payments in the chain's log, by receipt: more than one where a ticket was paid in parts.
func (b *broker) payments(ctx context.Context, tickets []payments.Ticket) (map[common.Hash][]chain.Redemption, error) {
	receipts := make(map[common.Hash]*payments.Ticket, len(tickets))
	names := make([]common.Hash, len(tickets))
	for i := range tickets {
		names[i] = tickets[i].ReceiptHash
		receipts[names[i]] = &tickets[i]
	}
	paid := make(map[common.Hash][]chain.Redemption)
	for some := range slices.Chunk(names, logReceipts) {
		list, err := b.chain.Redemptions(ctx, chain.RedemptionQuery{Receipts: some})
		if err != nil {
			return nil, fmt.Errorf("read redemptions: %w", err)
		}
		for _, r := range list {
			// Anybody can name a receipt in a ticket of their own: it is ours that counts.
			t := receipts[r.ReceiptHash]
			if t != nil && t.Sender == r.Sender && t.Recipient == r.Recipient && t.Lane == r.Lane && t.Nonce == r.Nonce {
				paid[r.ReceiptHash] = append(paid[r.ReceiptHash], r)
			}
		}
	}
	return paid, nil
}

// gasShares divides what a transaction cost among the payments that it made, to the wei: the first pay one more where it
// does not come out even. They are in the order of their log entries, so it is the same whoever asks.
func gasShares(cost *big.Int, paid []uint) map[uint]uint256.Int {
	total := onchain.Uint(cost)
	var each, rest uint256.Int
	each.DivMod(&total, uint256.NewInt(uint64(max(len(paid), 1))), &rest)
	shares := make(map[uint]uint256.Int, len(paid))
	for i, index := range paid {
		share := each
		if uint64(i) < rest.Uint64() {
			share.AddUint64(&share, 1)
		}
		shares[index] = share
	}
	return shares
}

// Redeem takes winners to the chain in one transaction.
func (b *broker) Redeem(ctx context.Context, winners []payments.Winner) ([]payments.Outcome, error) {
	batch := make([]chain.Winner, len(winners))
	for i := range winners {
		if err := b.checkRelayer(ctx, winners[i].Recipient); err != nil {
			return nil, err
		}
		batch[i] = chainWinner(&winners[i])
	}
	outcomes, receipt, err := b.chain.Redeem(ctx, batch)
	if err != nil {
		return nil, err
	}
	results := make([]payments.Outcome, len(outcomes))
	none := true
	for i, o := range outcomes {
		if results[i], err = b.outcomeOf(ctx, o, &winners[i].Ticket); err != nil {
			return nil, err
		}
		none = none && results[i].Status != payments.StatusSettling
	}
	if none && receipt.Cost != nil { // sent for nothing: its gas is the first one's
		results[0].Gas = onchain.Uint(receipt.Cost)
	}
	return results, nil
}

// checkRelayer warns, once, of a recipient whose tickets anybody may redeem. A redemption on its way to a block shows the
// rand: the sender can sign another ticket with the same nonce, worth 1 wei, and have that one redeemed first.
func (b *broker) checkRelayer(ctx context.Context, recipient common.Address) error {
	if b.warned[recipient] {
		return nil
	}
	relayer, err := b.chain.Relayer(ctx, recipient)
	if err != nil {
		return err
	}
	if relayer == (common.Address{}) {
		b.log.Warn("anybody may redeem this orchestrator's tickets: senders can spoil winners that they see coming; "+
			"have its owner name the account that redeems ('castnet orchestrator set-relayer')", "owner", recipient)
		b.warned[recipient] = true
	}
	return nil
}

// RedeemPartly takes a winner that the sender's funds do not pay in full for what there is.
func (b *broker) RedeemPartly(ctx context.Context, w *payments.Winner, least uint256.Int) (payments.Outcome, error) {
	o, _, err := b.chain.RedeemPartly(ctx, chainWinner(w), least.ToBig())
	var refused *chain.RevertError
	switch {
	case errors.As(err, &refused): // nothing was sent
		return payments.Outcome{Status: payments.StatusOpen, Reason: refused.Error()}, nil
	case err != nil:
		return payments.Outcome{}, err
	}
	return b.outcomeOf(ctx, o, &w.Ticket)
}

// outcomeOf says what one item of a redemption means. What was paid is settling: the log has the say.
func (b *broker) outcomeOf(ctx context.Context, o chain.Outcome, t *payments.Ticket) (payments.Outcome, error) {
	switch o.Skipped {
	case chain.NotSkipped:
		return payments.Outcome{Status: payments.StatusSettling}, nil
	case chain.SkipRand, chain.SkipNotWinning: // what can never heal
		return payments.Outcome{Status: payments.StatusLost, Reason: skipReason(o.Skipped)}, nil
	case chain.SkipInsufficient:
		return payments.Outcome{Status: payments.StatusShort, Reason: skipReason(o.Skipped)}, nil
	case chain.SkipUsed:
		return b.used(ctx, t)
	default:
		// It may be the word of a node that lags or lies; the redeemer gives up at the ticket's expiry.
		return payments.Outcome{Status: payments.StatusOpen, Reason: skipReason(o.Skipped)}, nil
	}
}

// used tells by what ticket a nonce was used: another one means that this one is lost.
func (b *broker) used(ctx context.Context, t *payments.Ticket) (payments.Outcome, error) {
	list, err := b.chain.Redemptions(ctx, chain.RedemptionQuery{Sender: t.Sender, Recipient: t.Recipient})
	if err != nil {
		return payments.Outcome{}, fmt.Errorf("read redemptions: %w", err)
	}
	for _, r := range list {
		if r.Lane == t.Lane && r.Nonce == t.Nonce && r.ReceiptHash != t.ReceiptHash && b.head() >= r.Block+b.confirmations {
			return payments.Outcome{Status: payments.StatusLost, Reason: "another ticket with its nonce was paid"}, nil
		}
	}
	return payments.Outcome{Status: payments.StatusOpen, Reason: skipReason(chain.SkipUsed)}, nil
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
	case chain.SkipRelayer:
		return "its recipient has named another account that redeems for it: redeem with that one's key, or have the owner name this one ('castnet orchestrator set-relayer')"
	case chain.SkipInsufficient:
		return "the sender's deposit and reserve share cannot pay it in full; what there is will be taken shortly before it expires (--hurry)"
	default:
		return s.String()
	}
}

func chainWinner(w *payments.Winner) chain.Winner {
	return chain.Winner{Ticket: ticketOf(&w.Ticket), Signature: w.Signature[:], RecipientRand: w.Rand}
}

func ticketOf(t *payments.Ticket) chain.Ticket {
	return chain.Ticket{
		ReceiptHash: t.ReceiptHash, Sender: t.Sender, Recipient: t.Recipient, Fee: t.Fee.ToBig(), FaceValue: t.FaceValue.ToBig(),
		RandHash: t.RandHash, Lane: t.Lane, Nonce: t.Nonce, Round: t.Round, Expiry: t.Expiry,
	}
}
