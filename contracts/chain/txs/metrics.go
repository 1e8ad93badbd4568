package txs

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a manager counts.
type metrics struct {
	pending      prometheus.Gauge
	transactions *prometheus.CounterVec // by result: mined, reverted, failed
	resubmitted  prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		pending: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "castnet_chain_pending_transactions", Help: "Transactions sent and not final yet.",
		}),
		transactions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "castnet_chain_transactions_total", Help: "Transactions by what became of them.",
		}, []string{"result"}),
		resubmitted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "castnet_chain_resubmissions_total", Help: "Times that a waiting transaction's fee was raised.",
		}),
	}
	if registerer == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.pending, m.transactions, m.resubmitted} {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("chain: metrics: %w", err)
		}
	}
	return m, nil
}
