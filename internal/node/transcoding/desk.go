package transcoding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"time"

	"castnet/internal/media"
	"castnet/internal/node/role"
	"castnet/orchestrator/rpc"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// socketFile is where, in the folder of a role with workers, it tells how they are doing.
const socketFile = "status.sock"

// Desk answers `castnet transcoder status`, by HTTP on a socket in its role's folder: only who may read that gets an answer.
type Desk struct {
	// DataDir is the role's folder.
	DataDir string
	// Workers are the ones to tell of.
	Workers *Workers
	Log     *slog.Logger

	remotes []remote // the orchestrators that are worked for; none: it is an orchestrator itself
	began   time.Time
}

type remote struct {
	address, operator string
	*rpc.RemoteWorker
}

// Run answers until ctx ends. Where it cannot, it says so, and no more: the work goes on without.
func (d *Desk) Run(ctx context.Context) error {
	if err := d.answer(ctx); err != nil {
		d.Log.Warn("'castnet transcoder status' gets no answer (--data-dir)", "err", err)
	}
	return nil
}

func (d *Desk) answer(ctx context.Context) error {
	d.began = time.Now()
	dir, err := os.Open(d.DataDir)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // it was only looked at
	path := socketPath(dir)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // one that died has left it
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return err
	}
	return role.ServeHTTP(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(d.report(time.Now())) // who asked may have gone
	}))
}

// socketPath names the socket through the open folder: a socket's path has 107 bytes at most, a folder's may have more.
func socketPath(dir *os.File) string { return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketFile) }

// report is the answer of `castnet transcoder status`. What nobody knows is left out.
type report struct {
	PID           int                  `json:"pid"`
	UpSeconds     int64                `json:"upSeconds"`
	Draining      bool                 `json:"draining"`
	Sessions      int                  `json:"sessions"`
	MaxSessions   int                  `json:"maxSessions"`
	Orchestrators []orchestratorReport `json:"orchestrators,omitempty"`
	Devices       []deviceReport       `json:"devices"`
}

type orchestratorReport struct {
	Address  string `json:"address"`
	Operator string `json:"operator"`
	Attached bool   `json:"attached"`
	Sessions int    `json:"sessions"`
}

// The states of a device.
const (
	inService = "in service"
	suspect   = "suspect" // no new sessions until its self-test is over
	drained   = "drained" // no sessions until it passes its self-test
	unused    = "unused"  // it has failed the self-test at the start, or --gpu leaves it out
)

type deviceReport struct {
	Device   string   `json:"device"`
	State    string   `json:"state"`
	Why      string   `json:"why,omitempty"`             // it is not in service
	TestIn   *int64   `json:"selfTestSeconds,omitempty"` // until the self-test of one that is drained
	Decode   []string `json:"decode"`
	Encode   []string `json:"encode"`
	Problem  string   `json:"problem,omitempty"` // what the self-test could not do
	Sessions int      `json:"sessions"`
	Room     int      `json:"sessionsSeenToFit,omitempty"`
	Barred   int      `json:"customersBarred,omitempty"`
	// Pixels a second: encoded now, what it was measured at, and what it still takes on.
	Rate     int64       `json:"pixelsPerSecond"`
	Capacity int64       `json:"capacityPixelsPerSecond"`
	Free     int64       `json:"freePixelsPerSecond"`
	Card     *cardReport `json:"card,omitempty"`
}

type cardReport struct {
	Name            string   `json:"name"`
	Busy            *float64 `json:"busy,omitempty"` // parts of the time
	Encoder         *float64 `json:"encoderBusy,omitempty"`
	Decoder         *float64 `json:"decoderBusy,omitempty"`
	MemoryUsed      int64    `json:"memoryUsedBytes"`
	MemoryTotal     int64    `json:"memoryTotalBytes"`
	Temperature     *float64 `json:"celsius,omitempty"`
	EncoderSessions int      `json:"encoderSessions"` // of all programs
	Watts           *float64 `json:"watts,omitempty"`
}

func (d *Desk) report(now time.Time) report {
	all := d.Workers.Pool.Capabilities()
	r := report{PID: os.Getpid(), UpSeconds: int64(now.Sub(d.began).Seconds()), Sessions: all.Sessions, MaxSessions: all.MaxSessions}
	for _, at := range d.remotes {
		s := at.Status()
		r.Draining = r.Draining || s.Draining
		r.Orchestrators = append(r.Orchestrators, orchestratorReport{at.address, at.operator, s.Attached, s.Sessions})
	}
	for _, s := range d.Workers.Pool.Devices() {
		r.Devices = append(r.Devices, deviceOf(&s, now))
	}
	for _, p := range d.Workers.unused {
		s := worker.DeviceStatus{Place: p}
		one := deviceOf(&s, now)
		one.State = unused
		r.Devices = append(r.Devices, one)
	}
	return r
}

func deviceOf(s *worker.DeviceStatus, now time.Time) deviceReport {
	r := deviceReport{
		Device: s.Device.String(), State: suspect, Why: s.Why, Decode: names(s.Decode), Encode: names(s.Encode), Problem: s.Problem,
		Sessions: s.Sessions, Room: s.Room, Barred: s.Barred, Rate: s.Rate, Capacity: s.PixelsPerSecond, Free: s.Free,
	}
	switch {
	case s.InService:
		r.State = inService
	case s.Drained:
		wait := max(int64(s.Test.Sub(now).Seconds()), 0)
		r.State, r.TestIn = drained, &wait
	}
	if s.Card != nil {
		r.Card = cardOf(s.Card)
	}
	return r
}

func cardOf(c *transcoder.Card) *cardReport {
	known := func(v float64) *float64 {
		if math.IsNaN(v) { // the driver does not tell
			return nil
		}
		return &v
	}
	return &cardReport{
		Name: c.Name, Busy: known(c.Busy), Encoder: known(c.Encoder), Decoder: known(c.Decoder), MemoryUsed: c.MemoryUsed, MemoryTotal: c.MemoryTotal,
		Temperature: known(c.Temperature), EncoderSessions: c.EncoderSessions, Watts: known(c.Watts),
	}
}

func names(codecs []media.Codec) []string {
	list := make([]string, len(codecs))
	for i, c := range codecs {
		list[i] = c.String()
	}
	return list
}
