package orchestrator

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the orchestrator's. Labels take values from short fixed lists only.
type metrics struct {
	leases       prometheus.Gauge
	quotes       *prometheus.CounterVec // result: leased, error, or a refusal's code
	segments     *prometheus.CounterVec // result: receipt, bad_input, cancelled, refused, worker_died, failed
	payments     *prometheus.CounterVec // result: accepted, refused
	units        *prometheus.CounterVec // direction: source, rendition
	bytes        *prometheus.CounterVec
	workerDeaths prometheus.Counter
	fees         prometheus.Counter
	receiptDelay prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	name := func(n, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "castnet", Subsystem: "orchestrator", Name: n, Help: help}
	}
	counter := func(n, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(name(n, help)), []string{label})
	}
	m := &metrics{
		leases:       prometheus.NewGauge(prometheus.GaugeOpts(name("leases", "Leases being served."))),
		quotes:       counter("quotes_total", "Quote requests by result.", "result"),
		segments:     counter("segments_total", "Segment attempts by how they ended.", "result"),
		payments:     counter("payments_total", "Tickets received by result.", "result"),
		units:        counter("units_total", "Coded pictures received (source) and sent (rendition).", "direction"),
		bytes:        counter("bytes_total", "Bytes of coded pictures received (source) and sent (rendition).", "direction"),
		workerDeaths: prometheus.NewCounter(prometheus.CounterOpts(name("worker_deaths_total", "Transcoding sessions lost under a lease."))),
		fees:         prometheus.NewCounter(prometheus.CounterOpts(name("fees_wei_total", "Fees of the receipts signed, in wei."))),
		receiptDelay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "castnet", Subsystem: "orchestrator", Name: "receipt_seconds",
			Help:    "From the end of a segment's source to its receipt being sent.",
			Buckets: []float64{.005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
		}),
	}
	for _, c := range []prometheus.Collector{
		m.leases, m.quotes, m.segments, m.payments, m.units, m.bytes, m.workerDeaths, m.fees, m.receiptDelay,
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("orchestrator metrics: %w", err)
		}
	}
	return m, nil
}
