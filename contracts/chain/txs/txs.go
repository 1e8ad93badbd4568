// Package txs sends one account's transactions. A single goroutine owns the nonce; what is in flight is stored before the node
// hears of it; and each transaction is followed until one of its versions is final, whatever happens to the node, the chain's
// tip or this process meanwhile.
//
// # Never twice
//
// A transaction keeps its nonce for ever, so that at most one of its versions (they differ in fees alone) takes effect. A process
// that is started again sends what its predecessor left in flight once more, byte by byte; and a [Manager.Send] that asks for the
// same as one of those continues it, instead of making another. What lost its nonce to somebody else's transaction fails with a
// [TakenError] and is not sent under a new one: only the caller can tell whether it is still wanted.
package txs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
	"github.com/prometheus/client_golang/prometheus"
)

// Defaults of Config.
const (
	DefaultConfirmations = 1
	DefaultResubmitAfter = 15 * time.Second
	DefaultPatience      = 30 * time.Second
)

// ErrStopped is what Send returns when Run has ended, or ends meanwhile.
var ErrStopped = errors.New("chain: the client has stopped")

// Node is what the manager asks of a node; *ethclient.Client is one.
type Node interface {
	PendingNonceAt(ctx context.Context, account common.Address) (uint64, error)
	NonceAt(ctx context.Context, account common.Address, block *big.Int) (uint64, error)
	SuggestGasTipCap(ctx context.Context) (*big.Int, error)
	HeaderByNumber(ctx context.Context, number *big.Int) (*types.Header, error)
	SendTransaction(ctx context.Context, tx *types.Transaction) error
	TransactionByHash(ctx context.Context, hash common.Hash) (tx *types.Transaction, waits bool, err error)
	TransactionReceipt(ctx context.Context, hash common.Hash) (*types.Receipt, error)
}

// Pending is a transaction in flight.
type Pending struct {
	Tx    *types.Transaction // the version with the highest fee
	Older []common.Hash      // versions before it, any of which may still win
}

// Store keeps what is in flight, by account and nonce. An Update is durable when it returns, all of it or nothing.
type Store interface {
	// Pending lists an account's transactions by nonce.
	Pending(ctx context.Context, account common.Address) ([]Pending, error)
	// Keep adds one, or replaces the one of its nonce.
	Keep(ctx context.Context, account common.Address, p Pending) error
	// Drop forgets the one of a nonce.
	Drop(ctx context.Context, account common.Address, nonce uint64) error
}

// Config is what a Manager needs.
type Config struct {
	Node    Node
	Account common.Address
	ChainID uint64
	// Sign signs a transaction of Account for ChainID.
	Sign  func(ctx context.Context, tx *types.Transaction) (*types.Transaction, error)
	Store Store // nil: what is in flight is forgotten when the process ends

	GasPriceFloor *big.Int      // wei per gas that no transaction bids below; default 0.1 gwei
	MaxGasPrice   *big.Int      // wei per gas that no transaction bids above; default 500 gwei
	Confirmations uint64        // blocks, its own among them, after which a transaction is final; default DefaultConfirmations
	ResubmitAfter time.Duration // without inclusion until a transaction's fee is raised; default DefaultResubmitAfter
	Patience      time.Duration // with a node that does not answer, for all it is asked at one time; default DefaultPatience

	// NewHead returns a channel that is closed when there is a new head; nil: receipts are looked for every ResubmitAfter / 4.
	NewHead func() <-chan struct{}

	Log     *slog.Logger          // default: discards
	Metrics prometheus.Registerer // default: none
}

// validate fills in the defaults.
func (cfg *Config) validate() error {
	if cfg.Node == nil || cfg.Sign == nil || cfg.ChainID == 0 {
		return errors.New("chain: transactions: Node, Sign and ChainID are needed")
	}
	if cfg.GasPriceFloor == nil {
		cfg.GasPriceFloor = big.NewInt(params.GWei / 10)
	}
	if cfg.MaxGasPrice == nil {
		cfg.MaxGasPrice = new(big.Int).Mul(big.NewInt(500), big.NewInt(params.GWei))
	}
	if cfg.GasPriceFloor.Cmp(cfg.MaxGasPrice) > 0 {
		return fmt.Errorf("chain: GasPriceFloor %v is above MaxGasPrice %v", cfg.GasPriceFloor, cfg.MaxGasPrice)
	}
	if cfg.Confirmations == 0 {
		cfg.Confirmations = DefaultConfirmations
	}
	if cfg.ResubmitAfter == 0 {
		cfg.ResubmitAfter = DefaultResubmitAfter
	}
	if cfg.Patience == 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.ResubmitAfter < 0 || cfg.Patience < 0 {
		return errors.New("chain: ResubmitAfter and Patience must be positive")
	}
	if cfg.NewHead == nil {
		cfg.NewHead = func() <-chan struct{} { return nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Call is what a transaction does.
type Call struct {
	To    *common.Address // nil creates a contract
	Data  []byte
	Value *big.Int // wei; nil for none
	Gas   uint64   // limit
}

// Does tells whether a transaction does what a call asks for.
func (c Call) Does(tx *types.Transaction) bool {
	value := c.Value
	if value == nil {
		value = new(big.Int)
	}
	sameTarget := c.To == nil && tx.To() == nil || c.To != nil && tx.To() != nil && *c.To == *tx.To()
	return sameTarget && value.Cmp(tx.Value()) == 0 && bytes.Equal(c.Data, tx.Data())
}

// Manager sends the transactions of one account; see the package comment.
type Manager struct {
	cfg      Config
	metrics  *metrics
	mark     *big.Int // wei per gas, see newMark
	requests chan *request
	done     chan struct{} // closed when Run has ended

	// Owned by Run's goroutine:
	next   uint64     // nonce, while synced
	synced bool       // next is known; else the node is asked
	flying []*flight  // what is not final yet, by nonce
	ended  []orphaned // of an earlier process, final before anybody asked
}

// request is one Send.
type request struct {
	call   Call
	result chan result // buffered: the caller may have gone
}

type result struct {
	receipt *types.Receipt
	err     error
}

// flight is a transaction that is not final.
type flight struct {
	Pending
	waiting chan result // nil: of an earlier process, or a filler
	orphan  bool        // of an earlier process, and not continued yet
	sentAt  time.Time
	lostAt  time.Time // when its nonce was first seen in somebody else's transaction; zero if it was not
	warned  bool      // of gas that costs too much
}

func (f *flight) nonce() uint64 { return f.Tx.Nonce() }

// orphaned is how a flight of an earlier process ended.
type orphaned struct {
	tx *types.Transaction
	result
}

// New makes a manager; it sends nothing before Run.
func New(cfg Config) (*Manager, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	recorded, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	mark, err := newMark()
	if err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	return &Manager{cfg: cfg, metrics: recorded, mark: mark, requests: make(chan *request), done: make(chan struct{})}, nil
}

// Send hands a call over and waits until its transaction is final; it may have reverted then. When ctx ends first the transaction
// may still take effect. The error is a *GasPriceError if gas costs too much at present, a *TakenError if the nonce went to a
// foreign transaction.
func (m *Manager) Send(ctx context.Context, what Call) (*types.Receipt, error) {
	r := &request{call: what, result: make(chan result, 1)}
	select {
	case m.requests <- r:
	case <-ctx.Done():
		return nil, fmt.Errorf("chain: not sent: %w", ctx.Err())
	case <-m.done:
		return nil, ErrStopped
	}
	select {
	case got := <-r.result:
		return got.receipt, got.err
	case <-ctx.Done():
		return nil, fmt.Errorf("chain: sent, but not final yet: %w", ctx.Err())
	}
}

// Run sends and follows transactions until ctx ends.
func (m *Manager) Run(ctx context.Context) error {
	defer close(m.done)
	defer m.abandon()
	if err := m.restore(ctx); err != nil {
		if ctx.Err() != nil { // nobody wants to know any more
			return nil
		}
		return err
	}
	overdue := time.NewTicker(max(m.cfg.ResubmitAfter/4, time.Millisecond))
	defer overdue.Stop()
	newHead := m.cfg.NewHead()
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-m.requests:
			m.patiently(ctx, func(ctx context.Context) { m.accept(ctx, r) })
		case <-newHead:
			newHead = m.cfg.NewHead()
			m.patiently(ctx, m.settle)
		case <-overdue.C:
			m.patiently(ctx, func(ctx context.Context) {
				m.settle(ctx)
				m.chase(ctx)
			})
		}
		m.metrics.pending.Set(float64(len(m.flying)))
	}
}

// patiently bounds what one step may wait for the node.
func (m *Manager) patiently(ctx context.Context, step func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Patience)
	defer cancel()
	step(ctx)
}

// restore takes over what an earlier process left in flight, and sends it once more.
func (m *Manager) restore(ctx context.Context) error {
	if m.cfg.Store == nil {
		return nil
	}
	left, err := m.cfg.Store.Pending(ctx, m.cfg.Account)
	if err != nil {
		return fmt.Errorf("chain: transactions in flight: %w", err)
	}
	for _, p := range left {
		if id := p.Tx.ChainId(); !id.IsUint64() || id.Uint64() != m.cfg.ChainID {
			return fmt.Errorf("chain: the store holds a transaction of %v for chain %v, this is chain %d: every chain needs a store of its own",
				m.cfg.Account, id, m.cfg.ChainID)
		}
		m.flying = append(m.flying, &flight{Pending: p, orphan: true, sentAt: time.Now()})
	}
	if len(m.flying) == 0 {
		return nil
	}
	m.cfg.Log.Info("transactions of an earlier run are in flight", "account", m.cfg.Account, "count", len(m.flying))
	m.patiently(ctx, func(ctx context.Context) {
		m.settle(ctx)
		for _, f := range m.flying {
			m.repeat(ctx, f)
		}
	})
	return nil
}

// abandon tells everybody who waits that nobody follows the transaction any more.
func (m *Manager) abandon() {
	for _, f := range m.flying {
		f.answer(result{err: fmt.Errorf("%w: transaction %v may still take effect", ErrStopped, f.Tx.Hash())})
	}
	m.flying = nil
}

func (f *flight) answer(r result) {
	if f.waiting != nil {
		f.waiting <- r
	}
}
