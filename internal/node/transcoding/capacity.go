package transcoding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"castnet/internal/node/console"
	"castnet/internal/node/demo"
	"castnet/transcoder"
	"castnet/transcoder/capacity"
	"castnet/transcoder/cards"
	"castnet/transcoder/worker"
)

// Capacity says how much work workers take on.
type Capacity struct {
	CapacityFile string  `default:"${state}/capacity.json" help:"Take on what 'castnet bench transcoder' measured and kept in this file. Without it a moment's measurement is made at the start." placeholder:"FILE" type:"path"`
	Megapixels   float64 `default:"0" help:"Take on this many million encoded pixels a second on each device instead; 0: as many as were measured." placeholder:"N"`
}

// measurements is the content of the capacity file.
type measurements struct {
	Measured time.Time     `json:"measured"`
	Cores    int           `json:"cores"`
	Source   string        `json:"source"`
	Ladder   string        `json:"ladder"`
	Devices  []measurement `json:"devices"`
}

type measurement struct {
	Device string `json:"device"`
	capacity.Result
}

// fill writes into places how much each can take on.
func (c *Capacity) fill(ctx context.Context, binary string, places []transcoder.Place, log *slog.Logger) error {
	if c.Megapixels < 0 {
		return fmt.Errorf("--megapixels %v: give a number above 0, or 0 for what is measured", c.Megapixels)
	}
	known, err := c.read()
	if err != nil {
		return err
	}
	for i := range places {
		at, how := &places[i], "given (--megapixels)"
		if at.PixelsPerSecond = int64(c.Megapixels * 1e6); at.PixelsPerSecond == 0 {
			at.PixelsPerSecond, how = known[at.Device.String()], "castnet bench transcoder"
		}
		if at.PixelsPerSecond == 0 {
			how = "a short measurement; castnet bench transcoder makes a better one"
			if at.PixelsPerSecond, err = estimate(ctx, binary, *at); err != nil {
				return fmt.Errorf("measure %v: %w", at.Device, err)
			}
		}
		log.Info("capacity", "device", at.Device.String(), "megapixels_per_second", at.PixelsPerSecond/1e6, "from", how)
	}
	return nil
}

// read returns the kept measurements by device, none where there is no file or it is another machine's.
func (c *Capacity) read() (map[string]int64, error) {
	b, err := os.ReadFile(c.CapacityFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var file measurements
	if err == nil {
		err = json.Unmarshal(b, &file)
	}
	if err != nil {
		return nil, fmt.Errorf("capacity file: %w; remove it, or measure again by castnet bench transcoder (--capacity-file)", err)
	}
	if file.Cores != runtime.NumCPU() {
		return nil, nil // the machine has changed
	}
	known := make(map[string]int64, len(file.Devices))
	for _, d := range file.Devices {
		known[d.Device] = d.PixelsPerSecond
	}
	return known, nil
}

// moment is how long an estimate encodes: with the four threads of a session, below two seconds of processor time.
const moment = 500 * time.Millisecond

// estimate tells from a moment's work what a device can take on. For the processor it goes by the time that the worker
// got of it, so that it is the same beside other work; a card is more than one session can fill, so that it has more.
func estimate(ctx context.Context, binary string, at transcoder.Place) (int64, error) {
	source, err := benchSource()
	if err != nil {
		return 0, err
	}
	var pixels int64
	before := childTime()
	err = withWorkers(ctx, binary, at, func(ctx context.Context, pool *worker.Pool) error {
		pixels, err = capacity.Burst(ctx, capacity.Config{Transcoder: pool, Source: source, Parallel: 1, Budget: moment})
		return err
	})
	if err != nil {
		return 0, err
	}
	if at.Device.Backend != transcoder.Software {
		return int64(capacity.Usable * float64(pixels) / moment.Seconds()), nil
	}
	used := childTime() - before
	if used <= 0 || pixels == 0 {
		return 0, errors.New("the worker got no processor time; give the capacity by --megapixels")
	}
	return int64(capacity.Usable * float64(pixels) / used.Seconds() * float64(runtime.NumCPU())), nil
}

// childTime is the processor time of the children that have ended.
func childTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchSource() (capacity.Source, error) {
	clip, err := demo.Default()
	if err != nil {
		return capacity.Source{}, err
	}
	return capacity.Source(clip.Video()), nil
}

// withWorkers runs a pool of one device, as many sessions as it is asked for, while do works with it.
func withWorkers(ctx context.Context, binary string, at transcoder.Place, do func(context.Context, *worker.Pool) error) error {
	at.PixelsPerSecond = 0 // that is what is to be found out
	pool, err := worker.New(worker.Config{
		Binary: binary, Places: []transcoder.Place{at}, MaxSessions: 1024, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- pool.Run(ctx) }()
	err = do(ctx, pool)
	cancel()
	return errors.Join(err, <-ran)
}

// Bench is the command `castnet bench transcoder`.
type Bench struct {
	console.Output `embed:""`
	CapacityFile   string        `default:"${state}/capacity.json" help:"Keep the result in this file, where 'castnet transcoder' and 'castnet orchestrator run' look for it. Empty: don't keep it." placeholder:"FILE" type:"path"`
	GPU            string        `name:"gpu" default:"all" help:"Cards to measure: all, none, or their numbers (0,1). The processor is always measured." placeholder:"CARDS"`
	Time           time.Duration `default:"30s" help:"Take about this long, over all devices."`
}

// Run measures what this machine's workers can do.
func (cfg *Bench) Run(ctx context.Context, con *console.Console) error {
	if cfg.Time < 3*time.Second || cfg.Time > time.Hour {
		return fmt.Errorf("--time %v: allowed are 3 s to 1 h", cfg.Time)
	}
	binary, err := worker.FindBinary()
	if err != nil {
		return err
	}
	places, err := worker.Probe(ctx, binary)
	if err != nil {
		return err
	}
	chosen, err := choosePlaces(places, cfg.GPU)
	if err != nil {
		return err
	}
	for _, p := range places {
		if p.Problem != "" {
			_, _ = fmt.Fprintf(con.Err, "%v: %s\n", p.Device, p.Problem)
		}
	}
	source, err := benchSource()
	if err != nil {
		return err
	}
	ladder := transcoder.DefaultLadder(source.Track.Width, source.Track.Height)
	file := measurements{
		Measured: time.Now().UTC().Truncate(time.Second), Cores: runtime.NumCPU(), Ladder: ladderText(ladder),
		Source: fmt.Sprintf("%v %dx%d, %g a second", source.Track.Codec, source.Track.Width, source.Track.Height, source.Track.FrameRate),
	}
	watch, err := cards.New(cards.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	watched := make(chan error, 1)
	go func() { watched <- watch.Run(watching) }()
	for _, at := range chosen {
		var found capacity.Result
		err := withWorkers(ctx, binary, at, func(ctx context.Context, pool *worker.Pool) error {
			found, err = capacity.Measure(ctx, capacity.Config{
				Transcoder: pool, Source: source, Ladder: ladder, Parallel: runtime.NumCPU(), Budget: cfg.Time / time.Duration(len(chosen)),
				Watts:    wattsOf(watch, at.Device),
				Progress: func(what string) { _, _ = fmt.Fprintf(con.Err, "%v: %s\n", at.Device, what) },
			})
			return err
		})
		if err != nil {
			return fmt.Errorf("measure %v: %w", at.Device, err)
		}
		file.Devices = append(file.Devices, measurement{at.Device.String(), found})
	}
	stop()
	if err := errors.Join(<-watched, cfg.keep(&file)); err != nil {
		return err
	}
	return con.Answer(cfg.Output, file, func(w io.Writer) { cfg.say(w, &file) })
}

// wattsOf tells what a card takes; nil where nobody knows: of the processor.
func wattsOf(watch *cards.Watch, d transcoder.Device) func() float64 {
	if d.Backend == transcoder.Software {
		return nil
	}
	return func() float64 {
		card, err := watch.Card(d.Index)
		if err != nil {
			return math.NaN()
		}
		return card.Watts
	}
}

func ladderText(l transcoder.Ladder) string {
	sizes := make([]string, len(l))
	for i, p := range l {
		sizes[i] = fmt.Sprintf("%dx%d", p.Width, p.Height)
	}
	return strings.Join(sizes, ", ")
}

func (cfg *Bench) keep(file *measurements) error {
	if cfg.CapacityFile == "" {
		return nil
	}
	b, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	if err = os.MkdirAll(filepath.Dir(cfg.CapacityFile), 0o700); err == nil {
		err = os.WriteFile(cfg.CapacityFile, append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the result: %w (--capacity-file)", err)
	}
	return nil
}

func (cfg *Bench) say(w io.Writer, file *measurements) {
	_, _ = fmt.Fprintf(w, "%s into %s, on %d cores:\n\n", file.Source, file.Ladder, file.Cores)
	var rows [][]string
	for _, d := range file.Devices {
		lag := "-"
		if d.Ladders > 0 {
			lag = fmt.Sprintf("%d / %d ms", d.P50.Milliseconds(), d.P95.Milliseconds())
		}
		watts := "-"
		if d.Watts > 0 {
			watts = fmt.Sprintf("%.0f", d.Watts)
		}
		rows = append(rows, []string{
			d.Device, fmt.Sprint(d.Ladders), lag, fmt.Sprintf("%.1f", float64(d.Throughput)/1e6), fmt.Sprintf("%.1f", float64(d.PixelsPerSecond)/1e6), watts,
		})
	}
	console.Table(w, []string{"device", "ladders in real time", "lag p50 / p95", "megapixels/s", "taken on", "watts"}, rows)
	if cfg.CapacityFile != "" {
		_, _ = fmt.Fprintf(w, "\nKept in %s: transcoders and orchestrators that start now register it.\n", cfg.CapacityFile)
	}
}
