package worker

import (
	"errors"
	"math"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/transcoder"
)

type metrics struct {
	sessions prometheus.Gauge
	deaths   prometheus.Counter
	refusals *prometheus.CounterVec
	faults   *prometheus.CounterVec
	drains   *prometheus.CounterVec
	moved    prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "castnet_worker_sessions", Help: "Sessions open in local worker processes.",
		}),
		deaths: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "castnet_worker_deaths_total", Help: "Workers that crashed or were killed because they hung, with a session.",
		}),
		refusals: perDevice("refusals_total", "Sessions that a device would not begin."),
		faults:   perDevice("faults_total", "Sessions that ended in the middle, by the device's fault or with their worker."),
		drains:   perDevice("drains_total", "Times a device was taken out of service."),
		moved: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "castnet_worker_sessions_moved_total", Help: "Sessions that had to leave a device that was drained.",
		}),
	}
	if r == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.sessions, m.deaths, m.refusals, m.faults, m.drains, m.moved} {
		errs = append(errs, r.Register(c))
	}
	return m, errors.Join(errs...)
}

// devices collects what each device of a pool is doing at the moment of being asked.
type devices struct {
	pool                                *Pool
	inService, sessions, rate, capacity *prometheus.Desc
	utilization                         *prometheus.Desc
	memoryUsed, memoryTotal             *prometheus.Desc
	temperature, encoderSessions, watts *prometheus.Desc
}

func newDevices(p *Pool) *devices {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("castnet_worker_device_"+name, help, []string{"device"}, nil)
	}
	card := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("castnet_worker_card_"+name, help, append([]string{"card"}, labels...), nil)
	}
	return &devices{
		pool:            p,
		utilization:     card("utilization_ratio", "Part of the time that the card's cores, encoders and decoders work.", "part"),
		memoryUsed:      card("memory_used_bytes", "Memory that is taken on the card."),
		memoryTotal:     card("memory_total_bytes", "Memory of the card."),
		temperature:     card("temperature_celsius", "Temperature of the card."),
		encoderSessions: card("encoder_sessions", "Encoding sessions open on the card, of all programs."),
		watts:           card("watts", "Power that the card takes."),
		inService:       desc("in_service", "1 where the device gets new sessions, 0 where it is suspect or drained."),
		sessions:        desc("sessions", "Sessions open on the device."),
		rate:            desc("pixels_per_second", "Pixels a second that the device's sessions encode."),
		capacity:        desc("capacity_pixels_per_second", "Pixels a second that the device was measured at; 0: not measured."),
	}
}

// Describe is prometheus.Collector's.
func (d *devices) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		d.inService, d.sessions, d.rate, d.capacity, d.utilization, d.memoryUsed, d.memoryTotal, d.temperature, d.encoderSessions, d.watts,
	} {
		to <- desc
	}
}

// Collect is prometheus.Collector's.
func (d *devices) Collect(to chan<- prometheus.Metric) {
	told := make(map[int]bool)
	for _, s := range d.pool.Devices() {
		if s.Card != nil && !told[s.Device.Index] { // a card may be there by two back ends
			told[s.Device.Index] = true
			d.card(s.Device.Index, s.Card, to)
		}
		gauge := func(desc *prometheus.Desc, v float64) {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, s.Device.String())
		}
		up := 0.0
		if s.InService {
			up = 1
		}
		gauge(d.inService, up)
		gauge(d.sessions, float64(s.Sessions))
		gauge(d.rate, float64(s.Rate))
		gauge(d.capacity, float64(s.PixelsPerSecond))
	}
}

func perDevice(name, help string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "castnet_worker_device_" + name, Help: help}, []string{"device"})
}

// card collects what a card's driver tells.
func (d *devices) card(index int, c *transcoder.Card, to chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, v float64, part ...string) {
		if !math.IsNaN(v) {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, append([]string{strconv.Itoa(index)}, part...)...)
		}
	}
	gauge(d.utilization, c.Busy, "cores")
	gauge(d.utilization, c.Encoder, "encoders")
	gauge(d.utilization, c.Decoder, "decoders")
	gauge(d.memoryUsed, float64(c.MemoryUsed))
	gauge(d.memoryTotal, float64(c.MemoryTotal))
	gauge(d.temperature, c.Temperature)
	gauge(d.encoderSessions, float64(c.EncoderSessions))
	gauge(d.watts, c.Watts)
}
