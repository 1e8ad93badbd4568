package orchestrating

import (
	"github.com/prometheus/client_golang/prometheus"

	"castnet/orchestrator"
)

// fleetCollector shows an orchestrator's transcoders, local and remote.
type fleetCollector struct{ fleet *orchestrator.Fleet }

// Describe names the metrics.
func (c fleetCollector) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, to) }

// Collect reads the fleet.
func (c fleetCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(name, help string, value float64, state string) {
		desc := prometheus.NewDesc("castnet_orchestrator_"+name, help, []string{"state"}, nil)
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, state)
	}
	members, draining := c.fleet.Members()
	const transcoders = "Transcoders that work for this orchestrator."
	gauge("transcoders", transcoders, float64(members-draining), "ready")
	gauge("transcoders", transcoders, float64(draining), "draining")
	caps := c.fleet.Capabilities()
	const pixels = "Encoded pixels a second: what was measured, and what of it is free."
	gauge("pixels_per_second", pixels, float64(caps.PixelsPerSecond), "measured")
	gauge("pixels_per_second", pixels, float64(caps.FreePixelsPerSecond), "free")
}
