package broadcaster

import (
	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/health"
)

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
		leases:   vec("leases_total", "Leases by what became of them: opened, failed, silent (no pictures came), none (nobody could be had).", "event"),
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
	}
	reg.MustRegister(m.streams, m.leases, m.segments, m.audits, m.badInputs, m.givenUp, m.lag, m.tickets, m.ticketsRefused, m.audioDropped)
	return m
}

// inputMetrics tells, when it is asked, what each live publisher sends. Streams are named: there are as many as keys.
type inputMetrics struct {
	streams                                                              func() []*Stream
	fps, bitrate, keyInterval, bFrames, drift, missing, pictures, advice *prometheus.Desc
}

func newInputMetrics(streams func() []*Stream) *inputMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("castnet_broadcaster_input_"+name, help, append([]string{"stream"}, labels...), nil)
	}
	return &inputMetrics{
		streams:     streams,
		fps:         desc("fps", "Pictures a second that a publisher sends."),
		bitrate:     desc("bits_per_second", "Bits of video a second that a publisher sends."),
		keyInterval: desc("key_interval_seconds", "Time between a publisher's key frames."),
		bFrames:     desc("b_frames", "1 where a publisher's pictures are coded in another order than they are shown in."),
		drift:       desc("drift_seconds", "By how much a publisher fell behind the wall clock in the last 30 s; below 0 it runs ahead."),
		missing:     desc("missing_pictures", "Pictures that are missing in the last 30 s, by gaps in a steady rate."),
		pictures:    desc("pictures", "Pictures that came in the last 30 s."),
		advice:      desc("advice", "1 where a publisher is advised to change something; kind says what.", "kind"),
	}
}

// Describe implements prometheus.Collector.
func (m *inputMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.fps, m.bitrate, m.keyInterval, m.bFrames, m.drift, m.missing, m.pictures, m.advice} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *inputMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.streams() {
		st := s.Status()
		if st.State != Live {
			continue
		}
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{st.ID}, labels...)...)
		}
		in := &st.Input
		gauge(m.fps, in.FPS)
		gauge(m.bitrate, float64(in.Bitrate))
		gauge(m.keyInterval, in.KeyInterval.Seconds())
		bFrames := 0.0
		if in.BFrames {
			bFrames = 1
		}
		gauge(m.bFrames, bFrames)
		gauge(m.drift, in.Drift.Seconds())
		gauge(m.missing, float64(in.Missing))
		gauge(m.pictures, float64(in.Pictures))
		_, list := health.Advise(in)
		for _, a := range list {
			gauge(m.advice, 1, string(a.Kind))
		}
	}
}
