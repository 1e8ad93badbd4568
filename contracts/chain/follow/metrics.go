package follow

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a follower counts.
type metrics struct {
	block           prometheus.Gauge
	reorganisations prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		block: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "castnet_chain_followed_block", Help: "Number of the last block whose events were applied.",
		}),
		reorganisations: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "castnet_chain_reorganisations_total", Help: "Times that applied blocks were taken back.",
		}),
	}
	if registerer == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.block, m.reorganisations} {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("chain: metrics: %w", err)
		}
	}
	return m, nil
}
