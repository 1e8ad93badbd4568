package economy_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/contracts/bindings"
	"castnet/contracts/chain"
	"castnet/internal/eip712"
	"castnet/internal/media"
	"castnet/internal/receipt"
	payments "castnet/probabilistic-payments"
)

func message(to common.Address, data []byte) ethereum.CallMsg {
	return ethereum.CallMsg{To: &to, Data: data}
}

// signedTicket is a ticket on the wire and as the model judges it.
type signedTicket struct {
	redemption bindings.TicketBrokerRedemption
	judged     ticket
}

// promise is a leaf under an allocation's root.
type promise struct {
	sender        *actor
	period, index uint64
	proof         chain.PromiseProof
}

// proof is evidence to which the challenger committed.
type proof struct {
	c        commitment
	evidence []byte
	salt     common.Hash
	offence  offence
}

func (w *world) broker(t *testing.T, what string, from *actor, data []byte, inModel func(m *model) error) {
	t.Helper()
	w.do(t, what, from, call{to: w.net.at.Broker, data: data}, inModel)
}

func (w *world) fund(t *testing.T) {
	t.Helper()
	w.fundBy(t, pick(w, w.broadcasters), w.part(ether(1)), w.part(ether(3)), w.chance(4))
}

func (w *world) fundBy(t *testing.T, who *actor, toDeposit, toReserve num, wrong bool) {
	t.Helper()
	value := add(toDeposit, toReserve)
	if wrong {
		value = add(value, n(1))
	}
	data := bindings.NewTicketBroker().PackFund(toDeposit.ToBig(), toReserve.ToBig())
	w.do(t, "fund", who, call{w.net.at.Broker, value, data}, func(m *model) error { return m.fund(who.Address, toDeposit, toReserve, value) })
}

// allocate promises parts of a reserve for this period or the next to some orchestrators.
func (w *world) allocate(t *testing.T) {
	t.Helper()
	who, period := pick(w, w.broadcasters), w.model.period()+1
	if w.chance(30) {
		period = w.model.period() + w.random.Uint64N(3)
	}
	free := sub(w.model.wei.of(reserve(who.Address)), w.model.promised(who.Address))
	promises := map[common.Address]num{}
	var leaves []chain.Promise
	for _, o := range w.owners[w.random.IntN(5):] {
		amount := add(w.below(div(free, n(4))), n(1))
		promises[o.Address] = amount
		leaves = append(leaves, chain.Promise{Recipient: o.Address, Amount: amount.ToBig()})
	}
	tree, err := chain.NewPromises(leaves)
	if err != nil {
		t.Fatal(err)
	}
	index := w.model.senders[who.Address].budgets[period].roots
	root, sum := tree.Root()
	var value num
	if w.chance(30) {
		value = w.below(ether(1))
	}
	data := bindings.NewTicketBroker().PackAllocate(period, root, sum)
	done := w.do(t, "allocate", who, call{w.net.at.Broker, value, data}, func(m *model) error { return m.allocate(who.Address, period, promises, value) })
	if !done {
		return
	}
	for _, l := range leaves {
		p, _ := tree.Proof(l.Recipient)
		w.allots = append(w.allots, promise{who, period, index, p})
	}
}

func (w *world) allot(t *testing.T) {
	t.Helper()
	if len(w.allots) == 0 {
		return
	}
	recent := w.allots[max(0, len(w.allots)-10):]
	p := pick(w, recent)
	if w.chance(10) {
		p.proof.Amount = new(big.Int).Add(p.proof.Amount, big.NewInt(1))
	}
	path := make([]bindings.ReservesSibling, len(p.proof.Path))
	for i, s := range p.proof.Path {
		path[i] = bindings.ReservesSibling{Hash: s.Hash, Sum: s.Sum}
	}
	var amount num
	amount.SetFromBig(p.proof.Amount)
	data := bindings.NewTicketBroker().PackAllot(p.sender.Address, p.period, new(big.Int).SetUint64(p.index), p.proof.Recipient, p.proof.Amount,
		new(big.Int).SetUint64(p.proof.Position), path)
	w.broker(t, "allot", pick(w, w.everybody), data, func(m *model) error {
		return m.allot(p.sender.Address, p.period, p.index, p.proof.Recipient, amount)
	})
}

func (w *world) unlock(t *testing.T) {
	t.Helper()
	who := pick(w, w.broadcasters)
	w.broker(t, "unlock", who, bindings.NewTicketBroker().PackUnlock(), func(m *model) error { return m.unlockFunds(who.Address) })
}

func (w *world) cancelUnlock(t *testing.T) {
	t.Helper()
	who := pick(w, w.broadcasters)
	w.broker(t, "cancelUnlock", who, bindings.NewTicketBroker().PackCancelUnlock(), func(m *model) error { return m.cancelUnlock(who.Address) })
}

func (w *world) withdrawFunds(t *testing.T) {
	t.Helper()
	who := pick(w, w.broadcasters)
	for _, b := range w.broadcasters {
		if at := w.model.senders[b.Address].unlockAt; at != 0 && at <= w.model.now {
			who = b
		}
	}
	w.broker(t, "withdraw funds", who, bindings.NewTicketBroker().PackWithdraw(), func(m *model) error { return m.withdrawFunds(who.Address) })
}

func (w *world) enrol(t *testing.T) {
	t.Helper()
	who, round := pick(w, w.owners), w.model.round()+w.random.Uint64N(w.model.periodRounds)
	if w.chance(10) {
		round = w.random.Uint64N(rounds)
	}
	data := bindings.NewTicketBroker().PackEnrol(round, who.Address)
	w.broker(t, "enrol", pick(w, w.everybody), data, func(m *model) error { return m.enrol(round, who.Address) })
}

// ticket is a new ticket, most likely one that wins; or one of before.
func (w *world) ticket(t *testing.T) signedTicket {
	t.Helper()
	if len(w.tickets) > 0 && w.chance(20) {
		return pick(w, w.tickets[max(0, len(w.tickets)-20):])
	}
	sender, m := pick(w, w.broadcasters), w.model
	signer, round := sender, m.round()
	if w.chance(15) {
		signer = hotSigner(sender)
	}
	if w.chance(30) {
		round = max(round, 3) - 3 + w.random.Uint64N(5)
	}
	face := w.below(ether(1))
	x := payments.Ticket{
		ReceiptHash: crypto.Keccak256Hash([]byte("receipt"), w.salt().Bytes()), Sender: sender.Address, Recipient: pick(w, w.owners).Address,
		FaceValue: face, Lane: w.random.Uint64N(2), Nonce: uint64(len(w.tickets)), Round: round,
		Expiry: m.genesis + (round+1)*m.roundLength + w.random.Uint64N(m.validity+m.validity/20),
	}
	switch k := w.random.IntN(20); {
	case k == 0: // free: it never wins
	case k < 7:
		x.Fee = add(face, w.below(face))
	default:
		x.Fee = div(face, n(2+w.random.Uint64N(15)))
	}
	s := w.draw(t, signer, x, w.chance(85))
	if w.chance(3) {
		s.redemption.RecipientRand[0]++
		s.judged.wrongRand = true
	}
	w.tickets = append(w.tickets, s)
	return s
}

// hotSigner is the key that a broadcaster may authorise.
func hotSigner(sender *actor) *actor { return newActor("hot signer of " + sender.name) }

// salt is 32 bytes never used before.
func (w *world) salt() common.Hash {
	w.numbers++
	word := n(w.numbers)
	return crypto.Keccak256Hash([]byte("salt"), word.PaddedBytes(32))
}

// draw signs a ticket until it wins or not, as wanted: what happens next must not hang on the time of day, which is in its hash. One
// of an uncertain fee takes few attempts.
func (w *world) draw(t *testing.T, signer *actor, x payments.Ticket, winning bool) (s signedTicket) {
	t.Helper()
	for range 300 {
		s = w.sign(t, signer, x)
		if x.Certain() || x.Fee.IsZero() || s.judged.wins() == winning {
			break
		}
	}
	return s
}

func (w *world) sign(t *testing.T, signer *actor, x payments.Ticket) signedTicket {
	t.Helper()
	rand := w.salt()
	x.RandHash = crypto.Keccak256Hash(rand[:])
	signature, err := signer.sign(w.domain.Digest(x.Hash()))
	if err != nil {
		t.Fatal(err)
	}
	return signedTicket{
		redemption: bindings.TicketBrokerRedemption{
			Ticket: bindings.TicketBrokerTicket{
				ReceiptHash: x.ReceiptHash, Sender: x.Sender, Recipient: x.Recipient, Fee: x.Fee.ToBig(), FaceValue: x.FaceValue.ToBig(),
				RandHash: x.RandHash, Lane: x.Lane, Nonce: x.Nonce, Round: x.Round, Expiry: x.Expiry,
			},
			V: signature[64] + 27, R: [32]byte(signature[:32]), S: [32]byte(signature[32:64]), RecipientRand: rand,
		},
		judged: ticket{
			nonce: nonce{x.Sender, x.Recipient, x.Lane, x.Nonce}, fee: x.Fee, face: x.FaceValue, round: x.Round, expiry: x.Expiry,
			signer: signer.Address, draw: crypto.Keccak256Hash(signature[:64], rand[:]),
		},
	}
}

// redeemer is the relayer, most likely the one that the recipient named.
func (w *world) redeemer(recipient common.Address) *actor {
	if named := w.model.relayers[recipient]; named != (common.Address{}) && w.chance(80) {
		return w.actor(named)
	}
	return w.relayer
}

func (w *world) redeem(t *testing.T) {
	t.Helper()
	s := w.ticket(t)
	caller := w.redeemer(s.judged.recipient)
	var least num
	if w.chance(30) {
		least = s.judged.face
	}
	r := s.redemption
	data := bindings.NewTicketBroker().PackRedeem(r.Ticket, r.V, r.R, r.S, r.RecipientRand, least.ToBig())
	w.broker(t, "redeem", caller, data, func(m *model) error { return m.redeem(caller.Address, s.judged, least) })
}

func (w *world) redeemAll(t *testing.T) {
	t.Helper()
	var items []bindings.TicketBrokerRedemption
	var judged []ticket
	for range 1 + w.random.IntN(6) {
		s := w.ticket(t)
		items, judged = append(items, s.redemption), append(judged, s.judged)
	}
	caller := w.redeemer(judged[0].recipient)
	data := bindings.NewTicketBroker().PackBatchRedeem(items)
	w.broker(t, "batchRedeem", caller, data, func(m *model) error { return m.redeemAll(caller.Address, judged) })
}

func (w *world) sweep(t *testing.T) {
	t.Helper()
	who := pick(w, w.owners)
	data := bindings.NewTicketBroker().PackSweep(who.Address)
	w.broker(t, "sweep", pick(w, w.everybody), data, func(m *model) error { return m.sweep(who.Address) })
}

func (w *world) setRelayer(t *testing.T) {
	t.Helper()
	who, relayer := pick(w, w.owners), common.Address{}
	if w.chance(60) {
		relayer = pick(w, w.everybody).Address
	}
	data := bindings.NewTicketBroker().PackSetRelayer(relayer)
	w.broker(t, "setRelayer", who, data, func(m *model) error {
		m.relayers[who.Address] = relayer
		return nil
	})
}

func (w *world) setSigner(t *testing.T) {
	t.Helper()
	who := pick(w, w.broadcasters)
	signer := hotSigner(who).Address
	if w.chance(40) {
		data := bindings.NewTicketBroker().PackRevokeSigner(signer)
		w.broker(t, "revokeSigner", who, data, func(m *model) error { return m.revokeSigner(who.Address, signer) })
		return
	}
	data := bindings.NewTicketBroker().PackAuthoriseSigner(signer)
	w.broker(t, "authoriseSigner", who, data, func(m *model) error {
		m.signers[pair{who.Address, signer}] = ^uint64(0)
		return nil
	})
}

// commit commits to two receipts that an orchestrator signed for one attempt; now and then to ones that another key signed, or to
// evidence that was shown before.
func (w *world) commit(t *testing.T) {
	t.Helper()
	var p proof
	if len(w.proofs) > 0 && w.chance(20) {
		p = pick(w, w.proofs)
	} else {
		p = w.lie(t)
	}
	p.salt = w.salt()
	if w.chance(10) {
		p.salt = common.Hash{}
	}
	p.c = commitment{w.challenger.Address, chain.CommitmentOf(chain.TwoReceipts, p.evidence, p.salt)}
	value := w.model.bond
	if w.chance(5) {
		value = sub(value, n(1))
	}
	data := bindings.NewDisputes().PackCommit(p.c.hash)
	w.do(t, "commit", w.challenger, call{w.net.at.Disputes, value, data}, func(m *model) error { return m.commit(p.c, value) })
	w.proofs = append(w.proofs, p)
}

// lie is evidence against an orchestrator, of a round of late.
func (w *world) lie(t *testing.T) proof {
	t.Helper()
	o, broadcaster, round := pick(w, w.owners), pick(w, w.broadcasters), max(w.model.round(), 3)-3+w.random.Uint64N(5)
	if w.chance(60) {
		round = w.model.round()
	}
	signer := w.operatorOf(w.model.pools[o.Address].operatorAt(round))
	if w.chance(10) {
		signer = hotKey(0)
	}
	lease := receipt.Lease{
		Broadcaster: broadcaster.Address, Orchestrator: o.Address, Stream: w.salt(), Lane: 1, Serial: w.numbers, Round: round,
		Expiry: w.model.now + 600, MaxFaceValue: ether(1), MaxUnpaid: ether(1),
		LadderHash: receipt.LadderHash([]receipt.Rung{{Codec: media.H264, Width: 640, Height: 360, Bitrate: 800_000, Divisor: 1}}),
	}
	onChain := chain.EvidenceLease{
		Broadcaster: lease.Broadcaster, Orchestrator: lease.Orchestrator, Stream: lease.Stream, Lane: lease.Lane, Serial: lease.Serial,
		LadderHash: lease.LadderHash, MaxFaceValue: lease.MaxFaceValue.ToBig(), MaxUnpaid: lease.MaxUnpaid.ToBig(), Round: round, Expiry: lease.Expiry,
		Prices: chain.EvidencePrices{H264: new(big.Int), Hevc: new(big.Int), Av1: new(big.Int), Source: new(big.Int), Mib: new(big.Int)},
	}
	first := receipt.Receipt{Lease: lease.Hash(), Seq: 1, Attempt: 1, Source: common.Hash{2}, Fee: n(5)}
	second := first
	second.Fee = n(6)
	return proof{
		evidence: chain.EncodeTwoReceipts(onChain, signReceipt(t, signer, w.domain, first), signReceipt(t, signer, w.domain, second)),
		offence:  offence{o.Address, broadcaster.Address, signer.Address, round, lease.Hash()},
	}
}

func signReceipt(t *testing.T, operator *actor, domain eip712.Domain, r receipt.Receipt) chain.SignedReceipt {
	t.Helper()
	signature, err := operator.sign(domain.Digest(r.Hash()))
	if err != nil {
		t.Fatal(err)
	}
	return chain.SignedReceipt{Signature: signature, Receipt: chain.EvidenceReceipt{
		Lease: r.Lease, Seq: r.Seq, Attempt: r.Attempt, Source: r.Source, Fee: r.Fee.ToBig(), Prev: r.Prev,
		Ticket: chain.EvidenceTicketTerms{FaceValue: new(big.Int)},
	}}
}

func (w *world) reveal(t *testing.T) {
	t.Helper()
	if len(w.proofs) == 0 {
		return
	}
	p := pick(w, w.proofs)
	for _, ready := range w.proofs {
		since := w.model.committed[ready.c]
		if since != 0 && w.model.now >= since+w.model.revealDelay && w.model.now <= since+w.model.revealWindow && w.chance(90) {
			p = ready
		}
	}
	data := bindings.NewDisputes().PackReveal(new(big.Int).SetUint64(chain.TwoReceipts), p.evidence, p.salt)
	w.do(t, "reveal", w.challenger, call{to: w.net.at.Disputes, data: data}, func(m *model) error { return m.reveal(p.c, p.offence) })
}

func (w *world) forfeit(t *testing.T) {
	t.Helper()
	if len(w.proofs) == 0 {
		return
	}
	c := pick(w, w.proofs).c
	data := bindings.NewDisputes().PackForfeit(c.who, c.hash)
	w.do(t, "forfeit", pick(w, w.everybody), call{to: w.net.at.Disputes, data: data}, func(m *model) error { return m.forfeit(c) })
}
