// Command bench measures the network: real processes, real sockets, natural pictures. Each bench ends with one line, a
// JSON object with its figures and whether they keep to their budget.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"castnet/test/clip"
	"castnet/test/testnet"
)

// source is what every bench pushes: 720p30 of a camera without B-frames, a key picture every 2 s, 2.5 Mb/s.
var source = clip.Spec{ //nolint:gochecknoglobals // a constant
	Width: 1280, Height: 720, FPS: fps, Seconds: 10, GOP: 2 * fps, Bitrate: 2_500_000,
}

const (
	fps = 30
	gop = 2 * time.Second
	// stream is the id, and the key, of the stream that works at once.
	stream = "demo"
)

// figures are measured values by name; names end in their unit.
type figures map[string]float64

// result is what a bench prints.
type result struct {
	Bench   string         `json:"bench"`
	Figures figures        `json:"figures"`
	Samples map[string]int `json:"samples"` // how many measurements are behind a figure
	Budget  figures        `json:"budget"`  // upper limits, or lower ones where atLeast says so
	Goals   figures        `json:"goals,omitempty"`
	OK      bool           `json:"ok"`

	atLeast map[string]bool // budgets that are lower limits
}

// judge compares the figures with their budget. A figure that is not there fails.
func (r *result) judge() {
	r.OK = true
	for name, limit := range r.Budget {
		value, ok := r.Figures[name]
		within := value <= limit
		if r.atLeast[name] {
			within = value >= limit
		}
		r.OK = r.OK && ok && within
	}
	for name, value := range r.Figures { // three decimals are more than any of them is good for
		r.Figures[name] = math.Round(value*1000) / 1000
	}
}

// bench measures for about as long as it is told, warming up aside.
type bench func(ctx context.Context, measure time.Duration) (*result, error)

func benches() map[string]bench {
	return map[string]bench{
		"abr": adaptive,
		"hls": hls, "ingest": ingest, "latency": latency, "overhead": overhead, "tickets": tickets, "transcode": transcoding, "whep": whep,
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	known := slices.Sorted(maps.Keys(benches()))
	measure, err := seconds()
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && args[0] == "all":
		return runAll(ctx, known, measure, out)
	case len(args) == 1 && benches()[args[0]] != nil:
		_, err := runOne(ctx, args[0], measure, out)
		return err
	}
	return fmt.Errorf("usage: bench %s|all", strings.Join(known, "|"))
}

// seconds is how long a bench may measure.
func seconds() (time.Duration, error) {
	text := os.Getenv("BENCH_SECONDS")
	if text == "" {
		return time.Minute, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 10 || n > 3600 {
		return 0, fmt.Errorf("BENCH_SECONDS is %q: allowed are 10 to 3600", text)
	}
	return time.Duration(n) * time.Second, nil
}

func runOne(ctx context.Context, name string, measure time.Duration, out io.Writer) (*result, error) {
	progress("%s: measuring for %v", name, measure)
	r, err := benches()[name](ctx, measure)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r.Bench = name
	r.judge()
	line, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(out, "%s\n", line)
	return r, err
}

// runAll runs every bench and keeps the results for whoever reads the repository.
func runAll(ctx context.Context, names []string, measure time.Duration, out io.Writer) error {
	report := struct {
		Date    string    `json:"date"`
		Machine string    `json:"machine"`
		Go      string    `json:"go"`
		Results []*result `json:"results"`
	}{Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Go: runtime.Version()}
	for _, name := range names {
		r, err := runOne(ctx, name, measure, out)
		if err != nil {
			return err
		}
		report.Results = append(report.Results, r)
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join(testnet.Root(), "docs", "bench", "latest.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644) //nolint:gosec // to be read by everybody
}

// machine says what the figures were measured on.
func machine() string {
	model := runtime.GOARCH
	info, _ := os.ReadFile("/proc/cpuinfo") // without it the architecture has to do
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%s, %d cores", model, runtime.NumCPU())
}

// progress tells a person what is going on; stdout is for the result.
func progress(format string, a ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", a...)
}

// percentile is the smallest of the values that at least p of 100 do not exceed.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(int(math.Ceil(p/100*float64(len(sorted))))-1, 0)]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
