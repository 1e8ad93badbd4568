// Package follow keeps a store in step with the logs of some contracts: it applies blocks as they come and takes back those that the
// chain gives up, however the node behaves meanwhile.
//
// # What is believed
//
// A block is applied only if it names the last applied one as its parent, with the logs that the node gives for exactly its hash.
// Far behind the head logs are asked by ranges, whose ends must not have changed meanwhile. Where the node disagrees with
// what was applied, the newest block that both know is looked for among the headers kept, and everything above it is undone. A node
// that is merely behind contradicts nothing: it is waited for, and believed after Config.Behind. Answers that do not fit each other
// are errors, after which the follower asks again, more and more slowly.
package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/prometheus/client_golang/prometheus"
)

// Defaults of Config.
const (
	DefaultDepth    = 128
	DefaultRange    = 2000
	DefaultPoll     = time.Second
	DefaultBehind   = 30 * time.Second
	DefaultPatience = 10 * time.Second
	DefaultBackoff  = 30 * time.Second
)

// batch is how many blocks near the head share a transaction of the store while catching up.
const batch = 32

// Header is what is kept of a block.
type Header struct {
	Number uint64
	Hash   common.Hash
	Parent common.Hash
	Time   time.Time
}

// Block is a block with the logs of the followed contracts, in order.
type Block struct {
	Header
	Logs []types.Log
}

// Node is a JSON-RPC connection; *rpc.Client is one.
type Node interface {
	CallContext(ctx context.Context, result any, method string, args ...any) error
}

// Store holds what was made of the logs. Each call is one transaction: all of it, with the headers, or nothing.
type Store interface {
	// Headers lists the newest applied blocks, the newest first, Config.Depth of them or more; none: nothing was applied.
	Headers(ctx context.Context) ([]Header, error)
	// Apply adds blocks, the oldest first, and keeps their headers. Between them lie only blocks without logs.
	Apply(ctx context.Context, blocks []Block) error
	// Undo takes back everything above block `number`.
	Undo(ctx context.Context, number uint64) error
}

// Config says what to follow.
type Config struct {
	Node      Node
	Store     Store
	Addresses []common.Address // the contracts
	From      uint64           // the first block with logs of theirs, at least 1

	Depth    uint64        // blocks below the head that are applied one by one; a deeper reorganisation costs a fresh start; default DefaultDepth
	Range    uint64        // blocks per question while far behind; default DefaultRange
	Poll     time.Duration // between looks at the head; default DefaultPoll
	Behind   time.Duration // until a shorter chain is believed; default DefaultBehind
	Patience time.Duration // with one answer of the node; default DefaultPatience
	Backoff  time.Duration // at most, between tries while the node fails; default DefaultBackoff

	// NewHead returns a channel that is closed when there is a new head, so that it is looked at before Poll is over; may be nil.
	NewHead func() <-chan struct{}

	Log     *slog.Logger          // default: discards
	Metrics prometheus.Registerer // default: none
}

// validate fills in the defaults.
func (cfg *Config) validate() error {
	if cfg.Node == nil || cfg.Store == nil || len(cfg.Addresses) == 0 || cfg.From == 0 {
		return errors.New("chain: follow: Node, Store, Addresses and From ≥ 1 are needed")
	}
	orDefault(&cfg.Depth, DefaultDepth)
	orDefault(&cfg.Range, DefaultRange)
	orDefault(&cfg.Poll, DefaultPoll)
	orDefault(&cfg.Behind, DefaultBehind)
	orDefault(&cfg.Patience, DefaultPatience)
	orDefault(&cfg.Backoff, DefaultBackoff)
	if cfg.Poll < 0 || cfg.Behind < 0 || cfg.Patience < 0 || cfg.Backoff < 0 {
		return errors.New("chain: follow: Poll, Behind, Patience and Backoff must be positive")
	}
	if cfg.NewHead == nil {
		cfg.NewHead = func() <-chan struct{} { return nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func orDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// Follower keeps Config.Store in step with the chain while Run runs.
type Follower struct {
	cfg     Config
	node    node
	metrics *metrics

	ring   []Header // what the store has, the oldest first
	blocks uint64   // per question, while far behind
	behind time.Time
}

// New makes a follower.
func New(cfg Config) (*Follower, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	recorded, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	return &Follower{
		cfg: cfg, metrics: recorded, blocks: cfg.Range,
		node: node{rpc: cfg.Node, patience: cfg.Patience, addresses: cfg.Addresses},
	}, nil
}

// Run follows until ctx ends. Failures of the node or the store are logged and tried again.
func (f *Follower) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var wait time.Duration // 0: all is well
	newHead := f.cfg.NewHead()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-newHead:
			newHead = nil // the next one is waited for after this step
		case <-timer.C:
		}
		if wait == 0 {
			newHead = f.cfg.NewHead()
		}
		current, err := f.step(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			f.ring = nil // whatever happened, the store knows
			wait = min(max(2*wait, f.cfg.Poll), f.cfg.Backoff)
			f.cfg.Log.Warn("the chain is not followed; tried again", "in", wait, "error", err)
			timer.Reset(wait)
		case !current:
			wait = 0
			timer.Reset(0)
		default:
			wait = 0
			timer.Reset(f.cfg.Poll)
		}
	}
}

// step goes towards the node's head; current says that there is nothing left to do at present.
func (f *Follower) step(ctx context.Context) (current bool, err error) {
	if f.ring == nil {
		if err := f.load(ctx); err != nil {
			return false, err
		}
	}
	head, err := f.node.latest(ctx)
	if err != nil {
		return false, err
	}
	at := f.cursor()
	if head.Number > at.Number {
		f.behind = time.Time{}
	}
	switch {
	case head.Hash == at.Hash:
		return true, nil
	case head.Number <= at.Number:
		return f.noHigher(ctx, head)
	case head.Number-at.Number > f.cfg.Depth:
		return false, f.applyRange(ctx, at, min(at.Number+f.blocks, head.Number-f.cfg.Depth))
	default:
		return false, f.applyNext(ctx, at, min(at.Number+batch, head.Number))
	}
}

// load reads what the store has.
func (f *Follower) load(ctx context.Context) error {
	headers, err := f.cfg.Store.Headers(ctx)
	if err != nil {
		return fmt.Errorf("chain: follow: %w", err)
	}
	f.ring = make([]Header, len(headers))
	for i, h := range headers {
		f.ring[len(headers)-1-i] = h
	}
	return nil
}

// cursor is the last applied block; before any, the one before From, with no hash.
func (f *Follower) cursor() Header {
	if len(f.ring) == 0 {
		return Header{Number: f.cfg.From - 1}
	}
	return f.ring[len(f.ring)-1]
}

// noHigher deals with a head that is not above the cursor and not the cursor.
func (f *Follower) noHigher(ctx context.Context, head Header) (current bool, err error) {
	if len(f.ring) == 0 {
		return true, nil // the contracts are not there yet
	}
	contradiction := head.Number == f.cursor().Number
	for _, known := range f.ring {
		contradiction = contradiction || known.Number == head.Number && known.Hash != head.Hash
	}
	if contradiction {
		return false, f.rewind(ctx, head)
	}
	if f.behind.IsZero() {
		f.behind = time.Now()
	}
	if time.Since(f.behind) < f.cfg.Behind {
		return true, nil
	}
	f.behind = time.Time{}
	f.cfg.Log.Warn("the node has lost blocks that it had", "head", head.Number, "applied", f.cursor().Number)
	return false, f.rewind(ctx, head)
}

// rewind undoes what the node does not have, now that its head is this.
func (f *Follower) rewind(ctx context.Context, head Header) error {
	to := f.cfg.From - 1
	for _, ours := range slices.Backward(f.ring) {
		theirs, err := f.node.header(ctx, ours.Number)
		if errors.Is(err, errMissing) && ours.Number > head.Number {
			continue
		}
		if err != nil {
			return err
		}
		if theirs.Hash == ours.Hash {
			to = theirs.Number
			break
		}
	}
	if to == f.cursor().Number {
		return fmt.Errorf("chain: follow: the node contradicts itself: block %v does not follow on block %v, which it has", head.Hash, f.cursor().Hash)
	}
	f.metrics.reorganisations.Inc()
	log := f.cfg.Log.Info
	if to < f.cfg.From {
		log = f.cfg.Log.Warn // deeper than what was kept
	}
	log("the chain was reorganised", "from", f.cursor().Number, "back_to", to)
	if err := f.cfg.Store.Undo(ctx, to); err != nil {
		return fmt.Errorf("chain: follow: undo: %w", err)
	}
	return f.load(ctx)
}

// applyNext applies the blocks after `at` up to `to`, each by its hash.
func (f *Follower) applyNext(ctx context.Context, at Header, to uint64) error {
	var blocks []Block
	for at.Number < to {
		header, err := f.node.header(ctx, at.Number+1)
		if err != nil {
			return err
		}
		if at.Hash != (common.Hash{}) && header.Parent != at.Hash {
			if len(blocks) > 0 {
				break // what came before may be given up too: the next step will tell
			}
			return f.rewind(ctx, header)
		}
		logs, err := f.node.logsOf(ctx, header)
		if err != nil {
			return err
		}
		blocks = append(blocks, Block{header, logs})
		at = header
	}
	return f.apply(ctx, blocks)
}

// applyRange applies the blocks after `at` up to `to` by one question for their logs.
func (f *Follower) applyRange(ctx context.Context, at Header, to uint64) error {
	first, err := f.node.header(ctx, at.Number+1)
	if err != nil {
		return err
	}
	if at.Hash != (common.Hash{}) && first.Parent != at.Hash {
		return f.rewind(ctx, first)
	}
	last, err := f.node.header(ctx, to)
	if err != nil {
		return err
	}
	blocks, err := f.node.blocksWithLogs(ctx, first.Number, to)
	if err != nil {
		f.blocks = max(f.blocks/2, 1) // too many logs at once, perhaps
		return err
	}
	again, err := f.node.header(ctx, to)
	switch {
	case err != nil:
		return err
	case again.Hash != last.Hash:
		return fmt.Errorf("chain: follow: block %d changed while its logs were read", to)
	}
	f.blocks = min(2*f.blocks, f.cfg.Range)
	if n := len(blocks); n == 0 || blocks[n-1].Number != to {
		blocks = append(blocks, Block{Header: last})
	}
	return f.apply(ctx, blocks)
}

func (f *Follower) apply(ctx context.Context, blocks []Block) error {
	if err := f.cfg.Store.Apply(ctx, blocks); err != nil {
		return fmt.Errorf("chain: follow: apply block %d: %w", blocks[0].Number, err)
	}
	for _, b := range blocks {
		f.ring = append(f.ring, b.Header)
	}
	if extra := len(f.ring) - 2*int(f.cfg.Depth); extra > 0 {
		f.ring = append(f.ring[:0], f.ring[extra:]...)
	}
	f.metrics.block.Set(float64(f.cursor().Number))
	return nil
}
