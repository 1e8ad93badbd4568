package ingest

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what comes in by one protocol. Streams are never labels, so cardinality is bounded by the codes.
type Metrics struct {
	Connections prometheus.Gauge       // open now
	Publishers  prometheus.Gauge       // admitted, publishing now
	Refused     *prometheus.CounterVec // connections and publishers sent away, by code
	Units       *prometheus.CounterVec // by kind: video, audio
	Bytes       prometheus.Counter     // coded media
	Jumps       prometheus.Counter     // timestamps that had to be rebased
}

// NewMetrics registers the metrics of one protocol, which is a constant label. It fails where that protocol has
// registered already.
func NewMetrics(reg prometheus.Registerer, protocol string) (*Metrics, error) {
	label := prometheus.Labels{"protocol": protocol}
	m := &Metrics{
		Connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "castnet_ingest_connections", Help: "Open publisher connections.", ConstLabels: label,
		}),
		Publishers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "castnet_ingest_publishers", Help: "Publishers that were admitted and are publishing.", ConstLabels: label,
		}),
		Refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "castnet_ingest_refused_total", Help: "Publishers and connections that were sent away, by reason.", ConstLabels: label,
		}, []string{"code"}),
		Units: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "castnet_ingest_units_total", Help: "Coded frames and audio packets taken in.", ConstLabels: label,
		}, []string{"kind"}),
		Bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "castnet_ingest_media_bytes_total", Help: "Bytes of coded media taken in.", ConstLabels: label,
		}),
		Jumps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "castnet_ingest_timestamp_jumps_total", Help: "Jumps of publishers' timestamps that were smoothed over.", ConstLabels: label,
		}),
	}
	for _, c := range []prometheus.Collector{m.Connections, m.Publishers, m.Refused, m.Units, m.Bytes, m.Jumps} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
