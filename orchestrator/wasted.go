package orchestrator

import (
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"castnet/orchestrator/rpc"
	payments "castnet/probabilistic-payments"
)

// wastedWindow is how long wasted work is remembered.
const wastedWindow = time.Hour

// wastedShare is the part of the work billed that may be wasted beside it, as a divisor: streams do move, and pictures
// do break, but rarely.
const wastedShare = 4

// wasted counts, by broadcaster, the work that was begun and came to no receipt by the broadcaster's doing: it cancelled
// the attempt, left, or sent what cannot be decoded. Nothing is owed for one such segment; without a bound on all of
// them, to end none would be a way to be served for nothing. A count is forgotten with its window, so that the map
// cannot grow without bound and nobody is shut out for ever.
type wasted struct {
	mu    sync.Mutex
	began time.Time
	by    map[common.Address]tally
}

// tally is in wei.
type tally struct{ billed, lost uint256.Int }

// change adds to a broadcaster's tally.
func (w *wasted) change(who common.Address, now time.Time, add func(*tally)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil || now.Sub(w.began) >= wastedWindow {
		w.began, w.by = now, make(map[common.Address]tally)
	}
	t := w.by[who]
	add(&t)
	w.by[who] = t
}

func (w *wasted) billed(who common.Address, fee *uint256.Int, now time.Time) {
	w.change(who, now, func(t *tally) { saturatingAdd(&t.billed, fee) })
}

func (w *wasted) lost(who common.Address, work *uint256.Int, now time.Time) {
	if !work.IsZero() {
		w.change(who, now, func(t *tally) { saturatingAdd(&t.lost, work) })
	}
}

// refusal says that a broadcaster has wasted more than free wei and its share of what it was billed; nil where it has not.
func (w *wasted) refusal(who common.Address, free *uint256.Int, now time.Time) *rpc.Refusal {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.began) >= wastedWindow {
		return nil
	}
	t := w.by[who]
	limit := t.billed
	limit.Div(&limit, uint256.NewInt(wastedShare))
	saturatingAdd(&limit, free)
	if !t.lost.Gt(&limit) {
		return nil
	}
	return &rpc.Refusal{
		Code: rpc.CodeUnpaid, Asked: payments.FormatWei(&t.lost), Limit: payments.FormatWei(&limit),
		Message: "too much work of this broadcaster was begun and not finished within the hour; end segments with a Source, or come back later",
	}
}

// saturatingAdd is sum += v, at most all of 256 bits.
func saturatingAdd(sum, v *uint256.Int) {
	if _, overflow := sum.AddOverflow(sum, v); overflow {
		sum.SetAllOne()
	}
}
