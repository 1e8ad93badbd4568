package transcoding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"castnet/internal/node/console"
	"castnet/internal/node/role"
)

// Status is the command `castnet transcoder status`.
type Status struct {
	console.Output `embed:""`
	DataDir        string `required:"" help:"The folder of the transcoder, or of the orchestrator with workers of its own." placeholder:"DIR" type:"path"`
}

// answerWithin is how long a process that works may take to say how it does.
const answerWithin = 5 * time.Second

// Run shows what the process that works in the folder says of its devices.
func (cfg *Status) Run(ctx context.Context, con *console.Console) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	r, err := ask(ctx, cfg.DataDir)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) { // no socket, or one that somebody who died has left
		if err := working(cfg.DataDir); err != nil {
			return err
		}
		err = errors.New("it has no workers, or has not begun yet: its log says which")
	}
	if err != nil {
		return fmt.Errorf("ask the process that works in %s: %w", cfg.DataDir, err)
	}
	return con.Answer(cfg.Output, r, func(w io.Writer) { r.say(w) })
}

// working is an error where no process works in a folder.
func working(dir string) error {
	if works, err := role.InUse(dir); err != nil || works {
		return err
	}
	return fmt.Errorf("no transcoder works in %s (--data-dir); 'castnet transcoder' begins one", dir)
}

func ask(ctx context.Context, dataDir string) (r report, err error) {
	dir, err := os.Open(dataDir) //nolint:gosec // the operator's own folder
	if err != nil {
		return r, err
	}
	defer func() { _ = dir.Close() }() // it was only looked at
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socketPath(dir))
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://transcoder/", http.NoBody)
	if err != nil {
		return r, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return r, err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	return r, json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&r)
}

// say writes the report for people.
func (r *report) say(w io.Writer) {
	leaving := ""
	if r.Draining {
		leaving = ", draining: it takes no more"
	}
	_, _ = fmt.Fprintf(w, "Process %d, up for %v: %d sessions of at most %d%s.\n\n",
		r.PID, time.Duration(r.UpSeconds)*time.Second, r.Sessions, r.MaxSessions, leaving)
	var rows [][]string
	for _, o := range r.Orchestrators {
		state := "dialling"
		if o.Attached {
			state = "attached"
		}
		rows = append(rows, []string{o.Address, o.Operator, state, fmt.Sprint(o.Sessions)})
	}
	if len(rows) > 0 {
		console.Table(w, []string{"orchestrator", "operator", "state", "sessions"}, rows)
		_, _ = fmt.Fprintln(w)
	}
	rows = nil
	var notes []console.Field
	for i := range r.Devices {
		d := &r.Devices[i]
		rows = append(rows, d.row())
		notes = append(notes, d.notes()...)
	}
	console.Table(w, []string{"device", "state", "decodes", "encodes", "sessions", "Mpixel/s", "free", "card"}, rows)
	if len(notes) > 0 {
		_, _ = fmt.Fprintln(w)
		console.Fields(w, notes)
	}
}

func (d *deviceReport) row() []string {
	rate, free := million(d.Rate), "not measured"
	if d.Capacity > 0 {
		rate += " of " + million(d.Capacity)
		free = million(d.Free)
	}
	sessions := fmt.Sprint(d.Sessions)
	if d.Room > 0 {
		sessions += fmt.Sprintf(" of %d that fit", d.Room)
	}
	if d.State == unused {
		rate, free, sessions = "-", "-", "-"
	}
	card := "-"
	if d.Card != nil {
		card = d.Card.text()
	}
	return []string{d.Device, d.State, list(d.Decode), list(d.Encode), sessions, rate, free, card}
}

// notes say what is wrong with the device.
func (d *deviceReport) notes() (notes []console.Field) {
	note := func(text string) { notes = append(notes, console.Field{Label: d.Device, Value: text}) }
	switch {
	case d.TestIn != nil:
		note(fmt.Sprintf("drained: %s; self-test in %v", d.Why, time.Duration(*d.TestIn)*time.Second))
	case d.Why != "":
		note(d.State + ": " + d.Why)
	}
	if d.Problem != "" {
		note("self-test: " + d.Problem)
	}
	if d.Barred > 0 {
		note(fmt.Sprintf("%d customers, whose sessions it failed, get none on it for a while", d.Barred))
	}
	return notes
}

// text is what the driver tells, for people.
func (c *cardReport) text() string {
	parts := []string{c.Name, fmt.Sprintf("%.1f of %.1f GiB", float64(c.MemoryUsed)/(1<<30), float64(c.MemoryTotal)/(1<<30))}
	percent := func(what string, v *float64) {
		if v != nil {
			parts = append(parts, fmt.Sprintf("%s %.0f %%", what, 100*(*v)))
		}
	}
	percent("busy", c.Busy)
	percent("decoders", c.Decoder)
	percent("encoders", c.Encoder)
	if c.Temperature != nil {
		parts = append(parts, fmt.Sprintf("%.0f °C", *c.Temperature))
	}
	if c.Watts != nil {
		parts = append(parts, fmt.Sprintf("%.0f W", *c.Watts))
	}
	return strings.Join(parts, ", ")
}

func list(codecs []string) string {
	if len(codecs) == 0 {
		return "nothing"
	}
	return strings.Join(codecs, " ")
}

func million(pixels int64) string { return fmt.Sprintf("%.1f", float64(pixels)/1e6) }
