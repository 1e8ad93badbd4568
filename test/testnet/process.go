package testnet

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// MetricsAddress is where the metrics of a role are read, host:port; see Metric.
func (n *Network) MetricsAddress(role int) string { return n.address(7 + role) }

// WebRTCAddress is where WebRTC is served, UDP and TCP.
func (n *Network) WebRTCAddress() string { return n.address(2) }

// SRTAddress is where SRT is taken, UDP.
func (n *Network) SRTAddress() string { return n.address(14) }

func (n *Network) address(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(n.base+port))
}

// Usage is what a process takes.
type Usage struct {
	RSS        int64 `json:"rss_bytes"`
	Goroutines int   `json:"goroutines"`
	Files      int   `json:"files"` // sockets among them
	Heap       int64 `json:"heap_bytes"`
	// CPU is what it has taken since it began, in seconds.
	CPU float64 `json:"cpu_seconds"`
}

// Usage reads what a role's process takes now, from its metrics.
func (n *Network) Usage(ctx context.Context, role int) (Usage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.MetricsAddress(role)+"/metrics", http.NoBody)
	if err != nil {
		return Usage{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Usage{}, err
	}
	defer resp.Body.Close()
	found := make(map[string]float64)
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok {
			found[name], _ = strconv.ParseFloat(value, 64) // comments are no numbers
		}
	}
	u := Usage{
		RSS: int64(found["process_resident_memory_bytes"]), Goroutines: int(found["go_goroutines"]), Files: int(found["process_open_fds"]),
		Heap: int64(found["go_memstats_heap_alloc_bytes"]), CPU: found["process_cpu_seconds_total"],
	}
	if u.RSS == 0 || u.Goroutines == 0 || u.Files == 0 {
		return u, fmt.Errorf("role %d does not tell what it takes: %+v", role, u)
	}
	return u, lines.Err()
}
