package chain

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a client counts.
type metrics struct {
	head prometheus.Gauge
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		head: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "castnet_chain_head_block", Help: "Number of the latest block seen.",
		}),
	}
	if registerer == nil {
		return m, nil
	}
	if err := registerer.Register(m.head); err != nil {
		return nil, fmt.Errorf("chain: metrics: %w", err)
	}
	return m, nil
}
