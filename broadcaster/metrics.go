package broadcaster

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	streams        prometheus.Gauge
	leases         *prometheus.CounterVec
	segments       *prometheus.CounterVec
	audits         *prometheus.CounterVec
	badInputs      *prometheus.CounterVec
	givenUp        prometheus.Counter
	lag            prometheus.Histogram
	tickets        prometheus.Counter
	ticketsRefused prometheus.Counter
	audioDropped   prometheus.Counter
	own            prometheus.Gauge
	ownLost        prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "castnet", Subsystem: "broadcaster", Name: name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(
			prometheus.CounterOpts{Namespace: "castnet", Subsystem: "broadcaster", Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "castnet", Subsystem: "broadcaster", Name: "streams", Help: "Streams, those whose viewers still linger included.",
		}),
		leases:   vec("leases_total", "Leases by what became of them: opened, failed, amended (other renditions are needed), silent (no pictures came), none (nobody could be had).", "event"),
		segments: vec("segments_total", "Segments whose receipts were checked, by result: verified, failed.", "result"),
		audits:   vec("audits_total", "Segments that were decoded and compared with their source, by result: passed, failed, inconclusive.", "result"),
		badInputs: vec("bad_inputs_total",
			"Segments that an orchestrator called undecodable, by our own worker's word: confirmed, refuted, unchecked.", "result"),
		givenUp: counter("segments_given_up_total", "Segments that nobody transcoded in time."),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "castnet", Subsystem: "broadcaster", Name: "output_lag_seconds",
			Help:    "From a source unit sent to its picture in a rendition.",
			Buckets: []float64{.01, .02, .04, .06, .08, .1, .15, .2, .3, .5, 1, 2, 5},
		}),
		tickets:        counter("tickets_sent_total", "Tickets made for verified receipts."),
		ticketsRefused: counter("tickets_refused_total", "Tickets that an orchestrator did not accept."),
		audioDropped:   counter("audio_units_dropped_total", "Audio units dropped before conversion because the converter was too slow."),
		own: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "castnet", Subsystem: "broadcaster", Name: "own_renditions", Help: "Renditions that publishers make themselves now.",
		}),
		ownLost: counter("own_renditions_lost_total", "Renditions that publishers made themselves until they no longer fitted, and orchestrators were asked for."),
	}
	reg.MustRegister(m.streams, m.leases, m.segments, m.audits, m.badInputs, m.givenUp, m.lag, m.tickets, m.ticketsRefused, m.audioDropped, m.own, m.ownLost)
	return m
}
