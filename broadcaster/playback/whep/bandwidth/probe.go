package bandwidth

import "time"

const (
	// probeTime is how long a probe sends: a little more than what a rate is measured over.
	probeTime = 250 * time.Millisecond
	// boldStep and shyStep are how many times the estimate a probe tries: the latter after one that failed.
	boldStep, shyStep = 2.0, 1.5
	// probeShare is how much of a probe must have been delivered for it to have succeeded.
	probeShare = 0.85
	// The quiet time between probes doubles with each that fails, from the shortest to the longest.
	shortQuiet, longQuiet = time.Second, 4 * time.Second
)

// probe is a short time in which more is sent than the stream has, in order to learn whether it arrives.
type probe struct {
	rate  float64 // bits a second, of the stream and the probe's packets together; 0 while there is none
	from  time.Duration
	sent  int           // bytes since from
	tried float64       // the rate of the last one while its outcome is open
	quiet time.Duration // since from, until the next may begin
	shy   bool
}

// Probe is called often, with the bits a second that are worth knowing about. It begins a probe where they are more than
// the estimate, and the last probe, or a queue, is long enough ago.
func (e *Estimator) Probe(want float64, now time.Duration) {
	p := &e.probe
	if e.queued {
		p.from = now
	}
	if e.estimate == 0 || now-p.from < max(p.quiet, shortQuiet) {
		return
	}
	if tried := p.tried; tried > 0 {
		p.tried, p.shy = 0, e.estimate < probeShare*tried
		if p.shy {
			p.quiet = min(2*max(p.quiet, shortQuiet), longQuiet)
			return
		}
		p.quiet = shortQuiet
	}
	if e.estimate >= want {
		return
	}
	step := boldStep
	if p.shy {
		step = shyStep
	}
	p.rate = min(want, step*e.estimate)
	p.tried, p.from, p.sent = p.rate, now, 0
}

// Padding is how many bytes to send now, beside the stream, for the probe that is under way; 0 while there is none.
func (e *Estimator) Padding(now time.Duration) int {
	p := &e.probe
	if p.rate == 0 {
		return 0
	}
	if now-p.from >= probeTime {
		p.rate = 0
		return 0
	}
	return max(int(p.rate*(now-p.from).Seconds()/8)-p.sent, 0)
}

// Probing reports whether a probe is under way.
func (e *Estimator) Probing() bool { return e.probe.rate > 0 }
