package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/contracts/bindings"
)

// Redeem redeems winners in one transaction: one outcome per winner, in order. It sends nothing when the node predicts that
// every one would be skipped; the Receipt is then zero. Keep batches to a few dozen.
func (b *Broker) Redeem(ctx context.Context, winners []Winner) ([]Outcome, Receipt, error) {
	if len(winners) == 0 {
		return nil, Receipt{}, nil
	}
	items := make([]bindings.TicketBrokerRedemption, len(winners))
	for i, w := range winners {
		item, err := redemptionOf(w)
		if err != nil {
			return nil, Receipt{}, fmt.Errorf("chain: winner %d: %w", i, err)
		}
		items[i] = item
	}
	data := b.abi.PackBatchRedeem(items)
	predicted, err := view(ctx, b.client, b.address(), data, b.abi.UnpackBatchRedeem)
	if err != nil {
		return nil, Receipt{}, fmt.Errorf("chain: redeem: %w", err)
	}
	outcomes := make([]Outcome, len(predicted))
	paid := false
	for i, p := range predicted {
		outcomes[i] = Outcome{Paid: p.Paid, FromReserve: p.FromReserve, Left: new(big.Int), Skipped: SkipReason(p.Reason)}
		paid = paid || p.Reason == uint8(NotSkipped)
	}
	if !paid {
		return outcomes, Receipt{}, nil
	}
	mined, err := b.client.transact(ctx, call{to: new(b.address()), data: data})
	if err != nil {
		return nil, Receipt{}, err
	}
	outcomes, err = b.outcomes(mined.Logs, len(winners))
	return outcomes, receiptOf(mined), err
}

// RedeemPartly redeems one winner that deposit and share can't pay in full, for at least minPayout wei; the rest stays due until
// the ticket expires.
func (b *Broker) RedeemPartly(ctx context.Context, w Winner, minPayout *big.Int) (Outcome, Receipt, error) {
	item, err := redemptionOf(w)
	if err != nil {
		return Outcome{}, Receipt{}, fmt.Errorf("chain: winner: %w", err)
	}
	data := b.abi.PackRedeem(item.Ticket, item.V, item.R, item.S, item.RecipientRand, orZero(minPayout))
	mined, err := b.client.transact(ctx, call{to: new(b.address()), data: data})
	if err != nil {
		return Outcome{}, Receipt{}, err
	}
	outcomes, err := b.outcomes(mined.Logs, 1)
	if err != nil {
		return Outcome{}, receiptOf(mined), err
	}
	return outcomes[0], receiptOf(mined), nil
}

// outcomes reads what happened from the log, where each ticket of a batch left one entry, in order.
func (b *Broker) outcomes(logs []*types.Log, want int) ([]Outcome, error) {
	var outcomes []Outcome
	for _, entry := range logs {
		if entry.Address != b.address() {
			continue
		}
		if paid, err := b.abi.UnpackWinningTicketRedeemedEvent(entry); err == nil {
			outcomes = append(outcomes, Outcome{Paid: paid.Paid, FromReserve: paid.FromReserve, Left: paid.Left})
		} else if skipped, err := b.abi.UnpackTicketSkippedEvent(entry); err == nil {
			outcomes = append(outcomes, Outcome{Paid: new(big.Int), FromReserve: new(big.Int), Left: new(big.Int), Skipped: SkipReason(skipped.Reason)})
		}
	}
	if len(outcomes) != want {
		return nil, fmt.Errorf("chain: redeemed %d tickets, the log speaks of %d", want, len(outcomes))
	}
	return outcomes, nil
}

// Redemptions lists paid tickets in the chain's order.
func (b *Broker) Redemptions(ctx context.Context, q RedemptionQuery) ([]Redemption, error) {
	query := ethereum.FilterQuery{
		FromBlock: new(big.Int).SetUint64(max(q.FromBlock, b.client.cfg.Addresses.Block)),
		Addresses: []common.Address{b.address()},
		Topics: [][]common.Hash{
			{crypto.Keccak256Hash([]byte(redeemedSignature))}, topicOf(q.Sender), topicOf(q.Recipient), q.Receipts,
		},
	}
	if q.ToBlock != 0 {
		query.ToBlock = new(big.Int).SetUint64(q.ToBlock)
	}
	logs, err := b.client.eth.FilterLogs(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("chain: redemptions: %w", err)
	}
	list := make([]Redemption, len(logs))
	for i := range logs {
		event, err := b.abi.UnpackWinningTicketRedeemedEvent(&logs[i])
		if err != nil {
			return nil, fmt.Errorf("chain: redemption in %v: %w", logs[i].TxHash, err)
		}
		list[i] = Redemption{
			Sender: event.Sender, Recipient: event.Recipient, ReceiptHash: event.ReceiptHash,
			FaceValue: event.FaceValue, Paid: event.Paid, FromReserve: event.FromReserve, Left: event.Left,
			Lane: event.Lane, Nonce: event.Nonce, Round: event.Round,
			Block: logs[i].BlockNumber, LogIndex: logs[i].Index, TxHash: logs[i].TxHash,
		}
	}
	return list, nil
}

// Transaction reads where a transaction ended up, and the log indices of the payments that it made, in order.
func (b *Broker) Transaction(ctx context.Context, hash common.Hash) (where Receipt, paid []uint, err error) {
	mined, err := b.client.eth.TransactionReceipt(ctx, hash)
	if err != nil {
		return Receipt{}, nil, fmt.Errorf("chain: transaction %v: %w", hash, err)
	}
	for _, entry := range mined.Logs {
		if _, err := b.abi.UnpackWinningTicketRedeemedEvent(entry); err == nil && entry.Address == b.address() {
			paid = append(paid, entry.Index)
		}
	}
	return receiptOf(mined), paid, nil
}

const redeemedSignature = "WinningTicketRedeemed(address,address,bytes32,uint256,uint256,uint256,uint256,uint64,uint64,uint64)"

// topicOf matches an indexed address, or any if it is zero.
func topicOf(a common.Address) []common.Hash {
	if a == (common.Address{}) {
		return nil
	}
	return []common.Hash{common.BytesToHash(a.Bytes())}
}

func redemptionOf(w Winner) (bindings.TicketBrokerRedemption, error) {
	const length = 65
	if len(w.Signature) != length {
		return bindings.TicketBrokerRedemption{}, fmt.Errorf("a signature of %d bytes: %d are needed", len(w.Signature), length)
	}
	v := w.Signature[64]
	if v < 27 {
		v += 27
	}
	t := w.Ticket
	if t.Fee == nil || t.FaceValue == nil {
		return bindings.TicketBrokerRedemption{}, errors.New("fee or face value is missing")
	}
	return bindings.TicketBrokerRedemption{
		Ticket: bindings.TicketBrokerTicket{
			ReceiptHash: t.ReceiptHash, Sender: t.Sender, Recipient: t.Recipient, Fee: t.Fee, FaceValue: t.FaceValue,
			RandHash: t.RandHash, Lane: t.Lane, Nonce: t.Nonce, Round: t.Round, Expiry: t.Expiry,
		},
		V: v, R: [32]byte(w.Signature[:32]), S: [32]byte(w.Signature[32:64]),
		RecipientRand: w.RecipientRand,
	}, nil
}

// String says it in words.
func (r SkipReason) String() string {
	switch r {
	case NotSkipped:
		return "paid"
	case SkipUsed:
		return "used already"
	case SkipExpired:
		return "expired"
	case SkipRound:
		return "its round does not fit"
	case SkipRand:
		return "wrong random number"
	case SkipSignature:
		return "not signed by the sender"
	case SkipNotWinning:
		return "not a winner"
	case SkipRelayer:
		return "the recipient named another relayer"
	case SkipInsufficient:
		return "the sender's funds do not cover it"
	default:
		return fmt.Sprintf("reason %d", uint8(r))
	}
}
