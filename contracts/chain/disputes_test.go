package chain_test

import (
	"errors"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"castnet/contracts/chain"
	"castnet/internal/eip712"
	"castnet/internal/media"
	"castnet/internal/receipt"
)

// lies are signed objects of one orchestrator in the present round, as internal/receipt hashes them.
type lies struct {
	lease   receipt.Lease
	rungs   []receipt.Rung
	source  receipt.Source
	receipt receipt.Receipt
}

func newLies(orchestrator, broadcaster common.Address) *lies {
	l := &lies{rungs: []receipt.Rung{{Codec: media.H264, Width: 640, Height: 360, Bitrate: 800_000, Divisor: 1}}}
	l.lease = receipt.Lease{
		Broadcaster: broadcaster, Orchestrator: orchestrator, Stream: common.Hash{1}, Lane: 2, Serial: 3,
		LadderHash: receipt.LadderHash(l.rungs), Expiry: 1_900_000_000,
		MaxFaceValue: *uint256.NewInt(4), MaxUnpaid: *uint256.NewInt(5),
	}
	l.lease.Prices.H264 = *uint256.NewInt(1000)
	l.source = receipt.Source{
		Lease: l.lease.Hash(), Seq: 7, Attempt: 1, ResumeAfter: []int64{-1}, Root: common.Hash{2}, PTSRoot: common.Hash{3},
		Frames: 60, Width: 1280, Height: 720, Bytes: 100_000,
	}
	l.receipt = receipt.Receipt{
		Lease: l.lease.Hash(), Seq: 7, Attempt: 1, Source: l.source.Hash(),
		Renditions: []receipt.Rendition{{Profile: l.rungs[0].Hash(), Root: common.Hash{4}, Width: 640, Height: 360, Frames: 60, Bytes: 50_000}},
		Ticket:     receipt.TicketTerms{Epoch: 1, RandHash: common.Hash{5}, FaceValue: *uint256.NewInt(6), Expiry: 8},
	}
	return l
}

// onChain are the same objects as evidence has them.
func (l *lies) onChain() (chain.EvidenceLease, []chain.EvidenceRung, chain.EvidenceSource) {
	p := l.lease.Prices
	lease := chain.EvidenceLease{
		Broadcaster: l.lease.Broadcaster, Orchestrator: l.lease.Orchestrator, Stream: l.lease.Stream, Lane: l.lease.Lane, Serial: l.lease.Serial,
		LadderHash: l.lease.LadderHash, MaxFaceValue: l.lease.MaxFaceValue.ToBig(), MaxUnpaid: l.lease.MaxUnpaid.ToBig(),
		Prices: chain.EvidencePrices{H264: p.H264.ToBig(), Hevc: p.HEVC.ToBig(), Av1: p.AV1.ToBig(), Source: p.Source.ToBig(), Mib: p.MiB.ToBig()},
		Round:  l.lease.Round, Expiry: l.lease.Expiry,
	}
	r := l.rungs[0]
	rungs := []chain.EvidenceRung{{Codec: uint8(r.Codec), Width: r.Width, Height: r.Height, Bitrate: r.Bitrate, Divisor: r.Divisor}}
	s := l.source
	return lease, rungs, chain.EvidenceSource{
		Lease: s.Lease, Seq: s.Seq, Attempt: s.Attempt, ResumeAfter: s.ResumeAfter, Root: s.Root, PtsRoot: s.PTSRoot,
		Frames: s.Frames, PrefixFrames: s.PrefixFrames, Width: s.Width, Height: s.Height, PayloadBytes: s.Bytes,
	}
}

// sign is a receipt as the operator signed it.
func sign(t *testing.T, operator key, domain eip712.Domain, r receipt.Receipt) chain.SignedReceipt {
	t.Helper()
	signature, err := operator.SignHash(domain.Digest(r.Hash()))
	if err != nil {
		t.Fatal(err)
	}
	out := chain.EvidenceReceipt{
		Lease: r.Lease, Seq: r.Seq, Attempt: r.Attempt, Source: r.Source, Fee: r.Fee.ToBig(), Prev: r.Prev,
		Ticket: chain.EvidenceTicketTerms{Epoch: r.Ticket.Epoch, RandHash: r.Ticket.RandHash, FaceValue: r.Ticket.FaceValue.ToBig(), Expiry: r.Ticket.Expiry},
	}
	for _, x := range r.Renditions {
		out.Renditions = append(out.Renditions, chain.EvidenceRendition{
			Profile: x.Profile, Root: x.Root, Width: x.Width, Height: x.Height, Frames: x.Frames, PayloadBytes: x.Bytes,
		})
	}
	return chain.SignedReceipt{Receipt: out, Signature: signature}
}

// What two receipts for one attempt, and one that does not add up, cost their orchestrator. The receipts are hashed by
// internal/receipt, so that the contract and it agree on every field.
func TestDisputes(t *testing.T) {
	n := newNetwork(t)
	n.register(t)
	challenger := n.client(t, keyOf("relayer"))
	domain := eip712.NewDomain(challenger.ChainID(), n.addresses.Broker)
	disputes := challenger.Disputes()
	terms, err := disputes.Terms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	salt := crypto.Keccak256Hash([]byte("salt"))
	for kind, lie := range map[uint64]func(l *lies, operator key) []byte{
		chain.TwoReceipts: func(l *lies, operator key) []byte {
			other := l.receipt
			other.Prev[0]++
			lease, _, _ := l.onChain()
			return chain.EncodeTwoReceipts(lease, sign(t, operator, domain, l.receipt), sign(t, operator, domain, other))
		},
		chain.WrongSums: func(l *lies, operator key) []byte {
			l.receipt.Fee.SetUint64(1) // 60 pictures of 640 × 360 cost 13824
			lease, rungs, source := l.onChain()
			return chain.EncodeWrongSums(lease, rungs, source, sign(t, operator, domain, l.receipt))
		},
	} {
		liar := owners()[kind].Address()
		evidence := lie(newLies(liar, keyOf("sender").Address()), operators()[kind])
		commitment := chain.CommitmentOf(kind, evidence, salt)
		before, _, err := challenger.Staking().Orchestrator(t.Context(), liar)
		if err != nil {
			t.Fatal(err)
		}
		n.do(t, "commit", disputes.Commit(commitment, terms.Bond))
		var revert *chain.RevertError
		if _, err := disputes.Reveal(kind, evidence, salt).Preview(t.Context()); !errors.As(err, &revert) || revert.Name != "NotNow" {
			t.Errorf("kind %d, too early: %v", kind, err)
		}
		n.advance(t, terms.RevealDelay)
		n.do(t, "reveal", disputes.Reveal(kind, evidence, salt))
		after, _, err := challenger.Staking().Orchestrator(t.Context(), liar)
		if err != nil {
			t.Fatal(err)
		}
		tenth := new(big.Int).Div(before.Stake, big.NewInt(10))
		wantWei(t, "slashed", new(big.Int).Sub(before.Stake, after.Stake), tenth)
		if after.Active || after.JailedUntil == 0 {
			t.Errorf("kind %d: the liar goes on: %+v", kind, after)
		}
		lease := newLies(liar, keyOf("sender").Address()).lease.Hash()
		if punished, err := disputes.Punished(t.Context(), kind, lease); err != nil || !punished {
			t.Errorf("kind %d: punished %v, %v", kind, punished, err)
		}
	}
	balance, err := challenger.Balance(t.Context(), keyOf("sender").Address())
	if err != nil || balance.Cast.Sign() <= 0 {
		t.Errorf("the broadcaster got %v CAST, %v", balance.Cast, err)
	}
}
