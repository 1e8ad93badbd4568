package health

import "github.com/prometheus/client_golang/prometheus"

// Collector tells Prometheus, when it is asked, what each live publisher sends. Streams are named: there are as many as keys.
type Collector struct {
	inputs                                                               func() map[string]Input
	fps, bitrate, keyInterval, bFrames, drift, missing, pictures, advice *prometheus.Desc
}

// NewCollector makes a collector of what inputs returns, by stream id.
func NewCollector(inputs func() map[string]Input) *Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("castnet_broadcaster_input_"+name, help, append([]string{"stream"}, labels...), nil)
	}
	return &Collector{
		inputs:      inputs,
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
func (m *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.fps, m.bitrate, m.keyInterval, m.bFrames, m.drift, m.missing, m.pictures, m.advice} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Collector) Collect(ch chan<- prometheus.Metric) {
	for id, in := range m.inputs() {
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{id}, labels...)...)
		}
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
		_, list := Advise(&in)
		for _, a := range list {
			gauge(m.advice, 1, string(a.Kind))
		}
	}
}
