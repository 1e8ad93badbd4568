package restream

import (
	"maps"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// collector tells, when it is asked, what each target does.
type collector struct {
	server                *Server
	live, bytes, restarts *prometheus.Desc
}

func newCollector(s *Server) *collector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("castnet_restream_"+name, help, []string{"stream", "target", "server"}, nil)
	}
	return &collector{
		server:   s,
		live:     desc("live", "1 while a stream is pushed to a target, by its number."),
		bytes:    desc("bytes_total", "Coded media sent to a target."),
		restarts: desc("restarts_total", "Connections to a target that ended before the stream did, or never came about."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.live
	ch <- c.bytes
	ch <- c.restarts
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.server.mu.Lock()
	streams := slices.Collect(maps.Keys(c.server.targets))
	c.server.mu.Unlock()
	for _, stream := range streams {
		for _, st := range c.server.Targets(stream) {
			labels := []string{stream, strconv.Itoa(st.ID), st.Server}
			live := 0.0
			if st.State == Live {
				live = 1
			}
			send(ch, c.live, prometheus.GaugeValue, live, labels)
			send(ch, c.bytes, prometheus.CounterValue, float64(st.Bytes), labels)
			send(ch, c.restarts, prometheus.CounterValue, float64(st.Restarts), labels)
		}
	}
}

// send tells one figure. The labels are words of publishers: what is wrong with them fails the scrape, never the process.
func send(ch chan<- prometheus.Metric, desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels []string) {
	m, err := prometheus.NewConstMetric(desc, kind, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	ch <- m
}
