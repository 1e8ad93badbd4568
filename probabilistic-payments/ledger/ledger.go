// Package ledger adds up who owes whom: totals by stream and by lease, in exact integers, from the events that package
// payments tells and the work that the roles report.
package ledger

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// Prices is a lease's price vector, in wei: for 10^6 output pixels by codec, 10^6 source pixels and a MiB.
type Prices struct {
	H264   uint256.Int `json:"h264_wei"`
	HEVC   uint256.Int `json:"hevc_wei"`
	AV1    uint256.Int `json:"av1_wei"`
	Source uint256.Int `json:"source_wei"`
	MiB    uint256.Int `json:"mib_wei"`
}

// Description says what a lease is for.
type Description struct {
	// Stream is its public id, or what its lease calls it where the id is not known.
	Stream string `json:"stream"`
	// Party is the other side: who is paid, or who pays.
	Party  common.Address `json:"party"`
	Prices Prices         `json:"prices"`
	Opened time.Time      `json:"opened"`
}

// Line is one lease's.
type Line struct {
	Lease common.Hash `json:"lease"`
	Description
	Totals
}

// entry is a line in memory.
type entry struct {
	Line
	dirty   bool      // not in the file
	unread  bool      // the file may have a line that is not counted here: it could not be read
	told    bool      // that it could not is in the log
	touched time.Time // by the last event
}

// Ledger holds the totals. It is safe for concurrent use. Make it with New or Open.
type Ledger struct {
	file *file // nil: nothing is kept
	now  func() time.Time
	log  *slog.Logger

	mu      sync.Mutex
	all     Totals
	leases  map[common.Hash]*entry
	streams map[string]*Totals
}

// New returns an empty ledger that keeps nothing.
func New() *Ledger {
	return &Ledger{
		now: time.Now, log: slog.New(slog.DiscardHandler),
		leases: make(map[common.Hash]*entry), streams: make(map[string]*Totals),
	}
}

// History tells what is stored as the events that it was; the stores of package payments have it.
type History func(ctx context.Context, observer payments.Observer) error

// Open returns a ledger that goes on from what a money store remembers, and keeps in a file of its own what the store does
// not: work, what leases are for, and totals of what the store has pruned.
func Open(ctx context.Context, path string, history History, log *slog.Logger) (*Ledger, error) {
	l := New()
	l.log = log
	lines, err := Read(ctx, path, history)
	if err != nil {
		return nil, err
	}
	if l.file, err = openFile(ctx, path); err != nil {
		return nil, err
	}
	for i := range lines {
		line := &lines[i]
		l.all.Add(&line.Totals)
		if line.Stream != "" {
			l.stream(line.Stream).Add(&line.Totals)
		}
		l.leases[line.Lease] = &entry{Line: *line, dirty: true, touched: l.now()}
	}
	return l, l.flush(ctx)
}

// Read returns the lines of a ledger's file and of its money store, oldest first, and changes nothing: the ledger may be
// in use.
func Read(ctx context.Context, path string, history History) ([]Line, error) {
	told := New()
	if err := history(ctx, told); err != nil {
		return nil, err
	}
	f, err := openFile(ctx, path)
	if err != nil {
		return nil, err
	}
	kept, err := f.read(ctx)
	if err = errors.Join(err, f.close()); err != nil {
		return nil, err
	}
	for i := range kept {
		if e := told.leases[kept[i].Lease]; e != nil {
			kept[i].atLeast(&e.Totals)
			delete(told.leases, kept[i].Lease)
		}
	}
	for _, e := range told.leases {
		kept = append(kept, e.Line)
	}
	slices.SortFunc(kept, func(a, b Line) int {
		return cmp.Or(a.Opened.Compare(b.Opened), a.Lease.Cmp(b.Lease))
	})
	return kept, nil
}

// Describe says what a lease is for. Its totals so far are added to its stream's; a second description changes nothing.
func (l *Ledger) Describe(id common.Hash, d Description) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.lease(id)
	if e.Stream != "" {
		return
	}
	e.Description, e.dirty = d, true
	l.stream(d.Stream).Add(&e.Totals)
}

// Work counts work done under a lease.
func (l *Ledger) Work(id common.Hash, w Work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(id, &Totals{Work: w})
}

// Observe implements payments.Observer.
func (l *Ledger) Observe(e payments.Event) {
	var t Totals
	t.apply(&e)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(e.Lease, &t)
}

// add adds to a lease, its stream and all. The caller holds mu.
func (l *Ledger) add(id common.Hash, t *Totals) {
	e := l.lease(id)
	e.Add(t)
	e.dirty, e.touched = true, l.now()
	if e.Stream != "" {
		l.stream(e.Stream).Add(t)
	}
	l.all.Add(t)
}

// lease returns a lease's entry, made or fetched on first use. The caller holds mu.
func (l *Ledger) lease(id common.Hash) *entry {
	e := l.leases[id]
	if e == nil {
		e = &entry{Line: Line{Lease: id}, unread: l.file != nil, touched: l.now()}
		l.fetch(e)
		l.leases[id] = e
	}
	return e
}

// fetch adds to a new entry what the file has of it. The caller holds mu.
func (l *Ledger) fetch(e *entry) {
	if !e.unread {
		return
	}
	stored := Line{Lease: e.Lease}
	if err := l.file.fetch(&stored); err != nil {
		if !e.told {
			l.log.Error("a ledger line cannot be read; it is tried again before it is written", "lease", e.Lease, "err", err)
		}
		e.told = true
		return
	}
	e.unread = false
	e.Add(&stored.Totals)
	if e.Stream == "" {
		e.Description = stored.Description
	}
}

func (l *Ledger) stream(name string) *Totals {
	totals := l.streams[name]
	if totals == nil {
		totals = &Totals{}
		l.streams[name] = totals
	}
	return totals
}

// All is the totals over all leases.
func (l *Ledger) All() Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// Stream is the totals of one stream.
func (l *Ledger) Stream(name string) Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	if totals := l.streams[name]; totals != nil {
		return *totals
	}
	return Totals{}
}

// Lease is the totals of one lease.
func (l *Ledger) Lease(id common.Hash) Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.leases[id]; e != nil {
		return e.Totals
	}
	return Totals{}
}

const (
	// flushEvery is how often changed lines are written: what a crash can lose of the work. Money is in its own store.
	flushEvery = 250 * time.Millisecond
	// idleLine is how long a line that nothing happens to stays in memory.
	idleLine = time.Hour
)

// Run keeps the file until ctx ends. It returns nil.
func (l *Ledger) Run(ctx context.Context) error {
	if l.file == nil {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	told := false
	for {
		select {
		case <-tick.C:
			err := l.flush(ctx)
			if err != nil && !told && ctx.Err() == nil {
				l.log.Error("the ledger cannot be written; it is tried again", "every", flushEvery, "err", err)
			}
			told = err != nil
		case <-ctx.Done():
			if err := l.flush(context.WithoutCancel(ctx)); err != nil {
				l.log.Error("the ledger cannot be written", "err", err)
			}
			return l.file.close()
		}
	}
}

// flush writes the changed lines, and forgets those that have been idle.
func (l *Ledger) flush(ctx context.Context) error {
	l.mu.Lock()
	var changed []Line
	for id, e := range l.leases {
		switch {
		case e.dirty:
			if l.fetch(e); e.unread {
				continue
			}
			changed = append(changed, e.Line)
			e.dirty = false
		case l.now().Sub(e.touched) > idleLine:
			delete(l.leases, id)
		}
	}
	l.mu.Unlock()
	err := l.file.write(ctx, changed)
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range changed {
		if e := l.leases[changed[i].Lease]; e != nil {
			e.dirty = true
		}
	}
	return err
}
