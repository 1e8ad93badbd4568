package chain

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/contracts/bindings"
)

// The kinds of offence that a new deployment punishes.
const (
	TwoReceipts uint64 = 1 // E1: two receipts for one lease, segment and attempt
	WrongSums   uint64 = 2 // E2: a receipt that does not add up by lease, ladder and source
)

// Evidence is made of the signed objects, field by field as internal/receipt has them.
type (
	// EvidenceLease is the lease that was broken.
	EvidenceLease = bindings.ReceiptsLease
	// EvidencePrices is its price vector.
	EvidencePrices = bindings.ReceiptsPrices
	// EvidenceRung is a profile of its ladder.
	EvidenceRung = bindings.ReceiptsRung
	// EvidenceSource is what a segment was given.
	EvidenceSource = bindings.ReceiptsSource
	// EvidenceReceipt is what came of it.
	EvidenceReceipt = bindings.ReceiptsReceipt
	// EvidenceRendition is one rung of that.
	EvidenceRendition = bindings.ReceiptsRendition
	// EvidenceTicketTerms say how it is paid.
	EvidenceTicketTerms = bindings.ReceiptsTicketTerms
	// SignedReceipt is a receipt with its signature.
	SignedReceipt = bindings.ReceiptsSignedReceipt
)

// EncodeTwoReceipts makes evidence of kind TwoReceipts.
func EncodeTwoReceipts(lease EvidenceLease, first, second SignedReceipt) []byte {
	packed := bindings.NewTwoReceipts().PackPack(bindings.TwoReceiptsEvidence{Lease: lease, First: first, Second: second})
	return packed[selectorLength:]
}

// EncodeWrongSums makes evidence of kind WrongSums.
func EncodeWrongSums(lease EvidenceLease, rungs []EvidenceRung, source EvidenceSource, receipt SignedReceipt) []byte {
	packed := bindings.NewWrongSums().PackPack(bindings.WrongSumsEvidence{Lease: lease, Rungs: rungs, Source: source, Receipt: receipt})
	return packed[selectorLength:]
}

// selectorLength is what precedes the arguments of a call.
const selectorLength = 4

// DisputeTerms are the rules of procedure.
type DisputeTerms struct {
	Bond           *big.Int      // wei; back with a punishment, lost otherwise
	RevealDelay    time.Duration // from commit to reveal at least
	RevealWindow   time.Duration // and at most
	EvidencePeriod time.Duration // after the end of the lease's round, to commit in
	ChallengerPpm  uint32        // of the owner's own loss
	BroadcasterPpm uint32        // likewise
	PeriodPpm      uint32        // of the stake of the lease's round: the most that all offences of one period of the broker cost
	Treasury       common.Address
}

// OffenceKind is how one kind of offence is punished.
type OffenceKind struct {
	Checker    common.Address // zero: it is not
	SlashPpm   uint32         // of the stake of the lease's round
	JailRounds uint64
}

// Disputes shows evidence against orchestrators, and has them punished.
type Disputes struct {
	client *Client
	abi    *bindings.Disputes
}

func (d *Disputes) address() common.Address { return d.client.cfg.Addresses.Disputes }

// Terms reads the rules of procedure.
func (d *Disputes) Terms(ctx context.Context) (DisputeTerms, error) {
	t, err := view(ctx, d.client, d.address(), d.abi.PackTerms(), d.abi.UnpackTerms)
	if err != nil {
		return DisputeTerms{}, fmt.Errorf("chain: terms of disputes: %w", err)
	}
	return DisputeTerms{
		Bond: t.Bond, RevealDelay: duration(t.RevealDelay), RevealWindow: duration(t.RevealWindow), EvidencePeriod: duration(t.EvidencePeriod),
		ChallengerPpm: t.ChallengerPpm, BroadcasterPpm: t.BroadcasterPpm, PeriodPpm: t.PeriodPpm, Treasury: t.Treasury,
	}, nil
}

// Kind reads how a kind of offence is punished.
func (d *Disputes) Kind(ctx context.Context, kind uint64) (OffenceKind, error) {
	k, err := view(ctx, d.client, d.address(), d.abi.PackKindInfo(new(big.Int).SetUint64(kind)), d.abi.UnpackKindInfo)
	if err != nil {
		return OffenceKind{}, fmt.Errorf("chain: offence %d: %w", kind, err)
	}
	return OffenceKind{Checker: k.Checker, SlashPpm: k.SlashPpm, JailRounds: k.JailRounds}, nil
}

// Punished tells whether a kind of offence under a lease was punished.
func (d *Disputes) Punished(ctx context.Context, kind uint64, lease common.Hash) (bool, error) {
	is, err := view(ctx, d.client, d.address(), d.abi.PackIsPunished(new(big.Int).SetUint64(kind), lease), d.abi.UnpackIsPunished)
	if err != nil {
		return false, fmt.Errorf("chain: offence %d under lease %v: %w", kind, lease, err)
	}
	return is, nil
}

// Committed reads when a challenger made a commitment; zero if it did not.
func (d *Disputes) Committed(ctx context.Context, challenger common.Address, commitment common.Hash) (time.Time, error) {
	info, err := view(ctx, d.client, d.address(), d.abi.PackCommitmentInfo(challenger, commitment), d.abi.UnpackCommitmentInfo)
	if err != nil || info.Since == 0 {
		return time.Time{}, err
	}
	return time.Unix(int64(info.Since), 0).UTC(), nil
}

// CommitmentOf is what a challenger commits to; the salt is secret until the reveal.
func CommitmentOf(kind uint64, evidence []byte, salt common.Hash) common.Hash {
	word := common.BigToHash(new(big.Int).SetUint64(kind))
	return crypto.Keccak256Hash(word[:], crypto.Keccak256(evidence), salt[:])
}

// Commit commits the account to evidence under the bond of DisputeTerms.
func (d *Disputes) Commit(commitment common.Hash, bond *big.Int) Action {
	a := d.action(d.abi.PackCommit(commitment))
	a.call.value = orZero(bond)
	return a
}

// Reveal shows the evidence that the account committed to, RevealDelay to RevealWindow later, and has it decided.
func (d *Disputes) Reveal(kind uint64, evidence []byte, salt common.Hash) Action {
	return d.action(d.abi.PackReveal(new(big.Int).SetUint64(kind), evidence, salt))
}

// Forfeit moves the bond of a commitment that was not revealed in time to the treasury; anyone may.
func (d *Disputes) Forfeit(challenger common.Address, commitment common.Hash) Action {
	return d.action(d.abi.PackForfeit(challenger, commitment))
}

func (d *Disputes) action(data []byte) Action {
	return Action{client: d.client, call: call{to: new(d.address()), data: data}}
}

func duration(s uint64) time.Duration { return time.Duration(s) * time.Second }
