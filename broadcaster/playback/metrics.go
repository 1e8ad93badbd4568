package playback

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Protocol is how a viewer watches.
type Protocol uint8

// The ways out.
const (
	WHEP Protocol = iota
	HLS
	RTSP
	protocols
)

// String is the protocol's name in metrics.
func (p Protocol) String() string { return [...]string{"whep", "hls", "rtsp"}[p] }

// Metrics are the playback figures of one process. Streams are not told apart, so that the number of series stays
// bounded.
type Metrics struct {
	viewers [protocols]prometheus.Gauge
	bytes   [protocols]prometheus.Counter
	skips   prometheus.Counter
}

// NewMetrics registers the playback figures.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	viewers := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "castnet_playback_viewers", Help: "Viewers watching now.",
	}, []string{"protocol"})
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "castnet_playback_sent_bytes_total", Help: "Media bytes sent to viewers.",
	}, []string{"protocol"})
	skips := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "castnet_playback_skips_total", Help: "Times a reader was too slow and skipped to a key picture.",
	})
	for _, c := range []prometheus.Collector{viewers, bytes, skips} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	m := &Metrics{skips: skips}
	for p := range protocols {
		m.viewers[p], m.bytes[p] = viewers.WithLabelValues(p.String()), bytes.WithLabelValues(p.String())
	}
	return m, nil
}

// AddBytes counts media bytes sent to viewers.
func (m *Metrics) AddBytes(p Protocol, n int) { m.bytes[p].Add(float64(n)) }

// AddSkip counts a viewer that was too slow and went on at a newer key picture.
func (m *Metrics) AddSkip() { m.skips.Inc() }
