package selection

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Tuning of the private choice. The figures are judgement, not measurement: they say what a broadcaster would trade
// for what. One unit of score is a factor e in the chance to be ranked first.
const (
	// halfLife is how fast experience fades: an orchestrator is what it was in the last quarter of an hour.
	halfLife = 15 * time.Minute
	// priorSegments and priorSuccess are the experience that a newcomer is credited with: good enough to be tried
	// beside proven ones, little enough to be forgotten after some segments.
	priorSegments = 20
	priorSuccess  = 0.98
	// newcomerSegments is how many segments make somebody known.
	newcomerSegments = 5

	weightFailure = 40.0                  // a success rate lower by 0.025 costs one unit
	delayUnit     = 50 * time.Millisecond // so does a delay higher by this much
	weightPrice   = 3.0                   // and a price higher by a third of the cheapest
	fullHeadroom  = 4.0                   // free capacity beyond this many times the need is worth nothing more
	weightRoom    = 0.5                   // for each multiple of the need below that
	firstRest     = 10 * time.Second      // quarantine after one failure; doubled with each that follows it
	longestRest   = 10 * time.Minute      //
	delaySmooth   = 0.1                   // weight of the newest delay in the average
	delayTie      = 2 * time.Millisecond  // delays closer than this are the same to a person
)

// Record is what one broadcaster has measured of one orchestrator. The zero value is a newcomer. Counts fade with
// time, so that what happened long ago neither protects nor hurts.
type Record struct {
	// Good and Bad count segments that passed every check and that did not, faded to the time of At.
	Good, Bad float64
	// Strikes counts the failures since the last success.
	Strikes int
	// LastFailure is when the last strike came.
	LastFailure time.Time
	// Delay is the smoothed output lag behind units sent, 0 where unknown.
	Delay time.Duration
	// At is when the record was last changed.
	At time.Time
}

// Succeeded returns the record after a verified segment with the given output delay (0: not measured).
func (r Record) Succeeded(now time.Time, delay time.Duration) Record {
	r = r.fadedTo(now)
	r.Good++
	r.Strikes = 0
	switch {
	case delay <= 0:
	case r.Delay == 0:
		r.Delay = delay
	default:
		r.Delay += time.Duration(delaySmooth * float64(delay-r.Delay))
	}
	return r
}

// Failed returns the record after a failure: a lease refused or broken, a deadline missed, a check not passed.
func (r Record) Failed(now time.Time) Record {
	r = r.fadedTo(now)
	r.Bad++
	r.Strikes++
	r.LastFailure = now
	return r
}

func (r Record) fadedTo(now time.Time) Record {
	if age := now.Sub(r.At); age > 0 && !r.At.IsZero() {
		keep := math.Exp2(-float64(age) / float64(halfLife))
		r.Good *= keep
		r.Bad *= keep
	}
	r.At = now
	return r
}

// Success is the expected part of segments that pass, 0 to 1, with the newcomer's credit in it.
func (r Record) Success(now time.Time) float64 {
	r = r.fadedTo(now)
	return (r.Good + priorSegments*priorSuccess) / (r.Good + r.Bad + priorSegments)
}

// Newcomer reports whether too little is known to judge.
func (r Record) Newcomer(now time.Time) bool {
	r = r.fadedTo(now)
	return r.Good+r.Bad < newcomerSegments
}

// Quarantine is how long the orchestrator is still left alone: 10 s after a failure, doubled with each further one
// without a success between, at most 10 minutes.
func (r Record) Quarantine(now time.Time) time.Duration {
	if r.Strikes == 0 {
		return 0
	}
	rest := longestRest
	if doublings := r.Strikes - 1; doublings < 10 {
		rest = min(firstRest<<doublings, longestRest)
	}
	return max(0, r.LastFailure.Add(rest).Sub(now))
}

// Bid is one drawn candidate with what is known of it now.
type Bid struct {
	ID     common.Address
	Record Record
	// Price is what it asks for this stream in its signed quote, in any unit that all bids share. 0: free.
	Price float64
	// Headroom is its proven free capacity as a multiple of what this stream needs; 0 where unknown.
	Headroom float64
}

// Ranked is one candidate in the order in which to use them: the first serves, the second stands by.
type Ranked struct {
	ID common.Address
	// Index is the bid's place in what Rank was given.
	Index int
	// Score is the natural logarithm of its relative chance to be first.
	Score float64
	// Reason says in words what speaks for it or against it: "lowest delay of the 3 drawn".
	Reason string
	// Quarantined says that it failed just now, and is here only because everybody else may fail too.
	Quarantined bool
}

// Rank orders bids by a softmax of their scores: better ones come first more often, none comes first always, so that
// load spreads and knowledge stays fresh. Equal arguments give equal results. Those in quarantine come last.
func Rank(bids []Bid, now time.Time, random [32]byte) []Ranked {
	f := fieldOf(bids, now)
	src := rand.New(rand.NewChaCha8(random)) //nolint:gosec // seeded by the caller, so that a choice can be repeated
	type entry struct {
		Ranked
		key float64
	}
	entries := make([]entry, len(bids))
	for i, b := range bids {
		e := &entries[i]
		e.ID, e.Index, e.Score = b.ID, i, f.score(b, now)
		rest := b.Record.Quarantine(now)
		e.Quarantined = rest > 0
		e.Reason = f.reason(b, now)
		// Gumbel noise turns sorting into drawing by softmax without replacement (Yellott 1977).
		e.key = e.Score + gumbel(src)
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		if a.Quarantined != b.Quarantined {
			if a.Quarantined {
				return 1
			}
			return -1
		}
		return cmp.Compare(b.key, a.key)
	})
	out := make([]Ranked, len(entries))
	for i := range entries {
		out[i] = entries[i].Ranked
	}
	return out
}

func gumbel(src *rand.Rand) float64 {
	u := src.Float64()
	for u == 0 {
		u = src.Float64()
	}
	return -math.Log(-math.Log(u))
}

// field is what the bids have in common: the best of each figure, and what stands in for the unknown.
type field struct {
	n        int
	cheapest float64
	dearest  float64
	fastest  time.Duration // lowest known delay, 0 where none is known
	second   time.Duration // the next one, 0 where fewer than two are known
	usual    time.Duration // median of the known: what a newcomer is expected to have
	best     float64       // highest success rate among the known
	nextBest float64
	known    int // bids that are no newcomers
}

func fieldOf(bids []Bid, now time.Time) field {
	f := field{n: len(bids), cheapest: math.Inf(1)}
	var delays []time.Duration
	for _, b := range bids {
		f.cheapest, f.dearest = min(f.cheapest, b.Price), max(f.dearest, b.Price)
		if b.Record.Delay > 0 {
			delays = append(delays, b.Record.Delay)
		}
		if b.Record.Newcomer(now) {
			continue
		}
		f.known++
		if s := b.Record.Success(now); s > f.best {
			f.best, f.nextBest = s, f.best
		} else {
			f.nextBest = max(f.nextBest, s)
		}
	}
	slices.Sort(delays)
	if len(delays) > 0 {
		f.fastest, f.usual = delays[0], delays[len(delays)/2]
	}
	if len(delays) > 1 {
		f.second = delays[1]
	}
	return f
}

func (f field) score(b Bid, now time.Time) float64 {
	delay := b.Record.Delay
	if delay == 0 {
		delay = f.usual
	}
	score := -weightFailure * (1 - b.Record.Success(now))
	score -= float64(delay-f.fastest) / float64(delayUnit)
	switch {
	case f.cheapest > 0:
		score -= weightPrice * (b.Price/f.cheapest - 1)
	case b.Price > 0:
		score -= weightPrice // next to one that is free, every price is twice as much
	}
	if b.Headroom > 0 {
		score -= weightRoom * (fullHeadroom - min(b.Headroom, fullHeadroom))
	}
	return score
}

// reason says what a person would say of the bid. The first that holds is said.
func (f field) reason(b Bid, now time.Time) string {
	drawn := fmt.Sprintf("of the %d drawn", f.n)
	switch r := b.Record; {
	case r.Quarantine(now) > 0:
		return fmt.Sprintf("failed %s, left alone for another %d s", times(r.Strikes),
			int(math.Ceil(r.Quarantine(now).Seconds())))
	case f.n == 1:
		return "the only one drawn"
	case f.known == 0:
		return "drawn by its stake, nobody is known yet"
	case r.Newcomer(now):
		return "newcomer, being tried"
	case b.Headroom > 0 && b.Headroom < 1:
		return "short of free capacity"
	case r.Delay > 0 && r.Delay == f.fastest && f.second-f.fastest > delayTie:
		return "lowest delay " + drawn
	case b.Price == f.cheapest && f.dearest > f.cheapest:
		return "lowest price " + drawn
	case f.known > 1 && r.Success(now) == f.best && f.best-f.nextBest > 0.005:
		return "most reliable " + drawn
	default:
		return "drawn by its stake"
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times in a row", n)
}
