package orchestrating

import (
	"fmt"
	"time"

	"castnet/orchestrator"
	payments "castnet/probabilistic-payments"
)

// Admission bounds what broadcasters may ask of an orchestrator, and may owe it. Its refusals name these flags.
type Admission struct {
	AnswerWithin    time.Duration `default:"30s" help:"Write a receipt off that is not paid within this."`
	UnpaidSegments  uint64        `default:"8" help:"Do no more for a broadcaster that owes for so many segments of the largest size."`
	UnknownSegments uint64        `default:"2" help:"The same for one that has never paid."`
	SecondChance    time.Duration `default:"1h" help:"Give one that is at its limit --unknown-segments all the same, this often: only who is served can pay."`
	LeaseTTL        time.Duration `default:"10m" name:"lease-ttl" help:"How long a lease lasts that is not renewed."`
	OpenWithin      time.Duration `default:"30s" help:"How long a quote is good for."`
	ClockTolerance  time.Duration `default:"1m" help:"How far a broadcaster's clock may be off."`
	QuotesPerMinute int           `default:"600" help:"Quotes for one broadcaster in a minute."`
	OpenSegments    int           `default:"8" help:"Segments of a lease at once that were begun and have no receipt yet."`
	IdleTimeout     time.Duration `default:"30s" help:"End a lease on which the broadcaster says nothing for so long."`
	WorkerDeaths    int           `default:"5" help:"Give a lease up that has ended more workers than this within a minute."`
}

func (a *Admission) validate() error {
	for _, n := range []struct {
		flag  string
		value int64
	}{
		{"--answer-within", int64(a.AnswerWithin)},
		{"--unpaid-segments", int64(a.UnpaidSegments)},
		{"--unknown-segments", int64(a.UnknownSegments)},
		{"--second-chance", int64(a.SecondChance)},
		{"--lease-ttl", int64(a.LeaseTTL)},
		{"--open-within", int64(a.OpenWithin)},
		{"--clock-tolerance", int64(a.ClockTolerance)},
		{"--quotes-per-minute", int64(a.QuotesPerMinute)},
		{"--open-segments", int64(a.OpenSegments)},
		{"--idle-timeout", int64(a.IdleTimeout)},
		{"--worker-deaths", int64(a.WorkerDeaths)},
	} {
		if n.value <= 0 {
			return fmt.Errorf("%s must be above 0", n.flag)
		}
	}
	return nil
}

// credit is what of it the money side decides on.
func (a *Admission) credit(p *payments.Policy) {
	p.UnpaidSegments, p.UnknownSegments, p.SecondChance = a.UnpaidSegments, a.UnknownSegments, a.SecondChance
}

func (a *Admission) limits() orchestrator.Limits {
	return orchestrator.Limits{
		LeaseTTL: a.LeaseTTL, Freshness: a.ClockTolerance, OpenWithin: a.OpenWithin, QuotesPerMinute: a.QuotesPerMinute,
		OpenSegments: a.OpenSegments, IdleTimeout: a.IdleTimeout, WorkerDeaths: a.WorkerDeaths,
	}
}
