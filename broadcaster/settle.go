package broadcaster

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/broadcaster/verify"
	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
	payments "castnet/probabilistic-payments"
)

const (
	// An unanswered payment is offered again after its lease has ended: after settlePause, doubled each time up to
	// longestSettlePause, until settleFor has passed. An orchestrator that is restarted still takes it.
	settlePause        = time.Second
	longestSettlePause = 30 * time.Second
	settleFor          = 10 * time.Minute
	// settleTimeout bounds one such call.
	settleTimeout = 3 * time.Second
)

// due is a verified receipt that is to be paid, with its ticket once there is one.
type due struct {
	hash    common.Hash
	receipt receipt.Receipt
	lease   receipt.Lease
	ticket  *payments.SignedTicket
	sent    time.Time // when the ticket was, first
}

// receipt checks an attempt's receipt. One that passes is queued for payment and counts for the orchestrator; one that
// fails is not paid, and ends the lease.
func (l *lease) receipt(signed *rpc.SignedReceipt) error {
	r := &signed.Receipt
	a := l.attempt(r.Seq, r.Attempt)
	if a == nil {
		return nil // a receipt for an attempt that was moved: nothing was asked, nothing is owed
	}
	if failures := a.verify(signed, l.previous(a.leaseHash)); len(failures) > 0 {
		return l.refuse(r.Seq, failures, "its receipt for segment %d does not hold (%s)")
	}
	d := due{hash: r.Hash(), receipt: *r, lease: a.lease}
	l.mu.Lock()
	l.prev[a.leaseHash] = d.hash
	l.pending[d.hash] = d
	delete(l.attempts, r.Seq)
	w := work{attempt: a, signed: signed, due: d, lag: l.meter.Median()}
	l.signal()
	l.mu.Unlock()

	w.prefix = l.s.prefix(a.seg)
	l.s.work.Finish(a.seg, l.rungs)
	if l.auditDrawn() && l.later(func(ctx context.Context) error { return l.audit(ctx, w) }) {
		return nil
	}
	return l.accept(w)
}

// refuse counts a segment that will not be paid, and ends the lease with its first failure.
func (l *lease) refuse(seq uint64, failures []verify.Failure, plain string) error {
	why := failures[0].String()
	l.s.update(func(st *Status) {
		st.Failed++
		st.LastFailure = why
		st.FailedChecks = countChecks(st.FailedChecks, failures)
	})
	l.s.b.metrics.segments.WithLabelValues("failed").Inc()
	l.log.Warn("segment does not hold: not paid", "seq", seq, "failures", failures)
	return &failure{plain: fmt.Sprintf(plain, seq, why)}
}

// accept counts a segment for the orchestrator, and queues it for payment.
func (l *lease) accept(w work) error {
	r := &w.signed.Receipt
	if books := l.s.b.cfg.Books; books != nil {
		books.Work(&w.source, r.Renditions)
	}
	l.s.b.market.Succeeded(l.Orchestrator.ID, w.lag)
	l.s.b.metrics.segments.WithLabelValues("verified").Inc()
	l.s.update(func(st *Status) {
		st.Verified++
		st.LastSegment = w.length()
		st.LastReceipt = w.signed
		st.Fees.Add(&st.Fees, &r.Fee)
		if st.Serving != nil {
			st.Serving.Lag = w.lag
		}
	})
	select {
	case l.owed <- w.due:
		return nil
	default:
		return &failure{plain: "payments are too slow"}
	}
}

// countChecks adds one to each check that failed, in a map of its own: statuses are copied.
func countChecks(before map[string]int, failures []verify.Failure) map[string]int {
	counts := make(map[string]int, len(before)+1)
	maps.Copy(counts, before)
	seen := make(map[string]bool)
	for _, f := range failures {
		if !seen[f.Check] {
			counts[f.Check]++
			seen[f.Check] = true
		}
	}
	return counts
}

func (l *lease) previous(lease common.Hash) common.Hash {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.prev[lease]
}

// settle pays what is owed, in the order of the receipts, until the lease ends.
func (l *lease) settle(ctx context.Context) error {
	for {
		select {
		case d := <-l.owed:
			if err := l.pay(ctx, d); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// pay has the one ticket for a receipt made, and sends it.
func (l *lease) pay(ctx context.Context, d due) error {
	ticket, err := l.ticket(ctx, &d)
	if err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // settleRest pays it
		}
		l.s.trouble(AtPaid, fmt.Sprintf("Segment %d could not be paid: %v", d.receipt.Seq, err))
		return fmt.Errorf("pay segment %d: %w", d.receipt.Seq, err)
	}
	l.mu.Lock()
	d.ticket, d.sent = &ticket, l.now()
	l.pending[d.hash] = d
	l.mu.Unlock()
	if err := l.stream.Send(ticket); err != nil {
		return nil //nolint:nilerr // the receiver says why; settleRest offers it again
	}
	return nil
}

func (l *lease) ticket(ctx context.Context, d *due) (payments.SignedTicket, error) {
	terms := &d.receipt.Ticket
	ticket, err := l.s.b.cfg.Payer.Pay(ctx, &payments.PayRequest{
		PaymentKey: payments.PaymentKey{Lease: d.receipt.Lease, Seq: d.receipt.Seq, Attempt: d.receipt.Attempt},
		Receipt:    d.hash, Recipient: l.Orchestrator.ID, Fee: d.receipt.Fee,
		Round: d.lease.Round, MaxFaceValue: d.lease.MaxFaceValue,
		Terms: payments.Terms{Epoch: terms.Epoch, RandHash: terms.RandHash, FaceValue: terms.FaceValue, Expiry: terms.Expiry},
	})
	if err != nil {
		return ticket, err
	}
	l.s.b.metrics.tickets.Inc()
	l.s.update(func(st *Status) {
		l.s.paid[d.hash] = struct{}{}
		st.Tickets++
		st.Paid.Add(&st.Paid, &d.receipt.Fee)
		st.LastTicket = &ticket
	})
	return ticket, nil
}

// answered takes the orchestrator's word on a payment.
func (l *lease) answered(m *rpc.PaymentResult) error {
	l.mu.Lock()
	_, known := l.pending[m.Receipt]
	delete(l.pending, m.Receipt)
	l.signal()
	l.mu.Unlock()
	if !known {
		return nil
	}
	return l.s.paymentAnswered(m)
}

func (s *Stream) paymentAnswered(m *rpc.PaymentResult) error {
	if !m.Accepted {
		s.b.metrics.ticketsRefused.Inc()
		return &failure{plain: "it refused a ticket: " + m.Reason}
	}
	s.update(func(st *Status) { st.Accepted++ })
	return nil
}

// settleRest pays, outside the stream, what the lease's end left open: what was verified is owed, whatever came after.
func (l *lease) settleRest() {
	l.mu.Lock()
	rest := make([]due, 0, len(l.pending))
	for _, d := range l.pending {
		rest = append(rest, d)
	}
	l.mu.Unlock()
	if len(rest) == 0 {
		return
	}
	l.s.b.inBackground(func(ctx context.Context) {
		for i := range rest {
			l.settleOne(ctx, &rest[i])
		}
	})
}

func (l *lease) settleOne(ctx context.Context, d *due) {
	if d.ticket == nil {
		ticket, err := l.ticket(ctx, d)
		if err != nil {
			l.log.Warn("verified segment not paid", "seq", d.receipt.Seq, "err", err)
			return
		}
		d.ticket = &ticket
	}
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	for pause := settlePause; ; pause = min(2*pause, longestSettlePause) {
		reply, err := l.settleCall(ctx, d)
		if err == nil && reply.Result != nil {
			if err := l.s.paymentAnswered(reply.Result); err != nil {
				l.log.Warn("payment refused", "seq", d.receipt.Seq, "err", err)
			}
			return
		}
		if !wait(ctx, pause) {
			l.log.Warn("a ticket was made but not delivered", "seq", d.receipt.Seq, "err", err)
			return
		}
	}
}

func (l *lease) settleCall(ctx context.Context, d *due) (rpc.SettleReply, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return l.Client.Settle(ctx, rpc.SettleAsk{Settle: receipt.Settle{Lease: d.receipt.Lease}, Payment: d.ticket})
}
