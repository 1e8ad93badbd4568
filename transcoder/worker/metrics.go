package worker

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	sessions prometheus.Gauge
	deaths   prometheus.Counter
	refusals *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "castnet_worker_sessions", Help: "Sessions open in local worker processes.",
		}),
		deaths: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "castnet_worker_deaths_total", Help: "Workers that crashed or were killed because they hung, with a session.",
		}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "castnet_worker_device_refusals_total", Help: "Sessions that a device refused or could not go on with.",
		}, []string{"device"}),
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.sessions), r.Register(m.deaths), r.Register(m.refusals))
}
