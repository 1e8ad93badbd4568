// Package devchain is a small Ethereum node inside the process: the chain of `castnet up` and of tests. It is go-ethereum's own
// execution client with a simulated beacon on top, so transactions cost and behave as they do elsewhere, but they are in a block
// within milliseconds and nobody else takes part. The chain lives in a directory and survives kill -9.
package devchain

import (
	"context"
	"errors"
	"log/slog"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Config describes the chain. Allocations and ChainID count only when the directory is empty: they make the genesis block.
type Config struct {
	DataDir     string        // "" keeps the chain in memory
	Listen      string        // host:port of the HTTP and WebSocket JSON-RPC; default 127.0.0.1:8545; port 0 picks a free one
	ChainID     uint64        // default 1337
	Allocations []Allocation  // prefunded accounts
	BlockPeriod time.Duration // an empty block comes at least this often, so that time advances; default 1 s
	Log         *slog.Logger  // default: discards
}

// Allocation is wei that an account owns in the genesis block.
type Allocation struct {
	Account common.Address
	Wei     *big.Int
}

// Chain is the running node.
type Chain struct{}

// New opens or creates the chain in cfg.DataDir and starts serving JSON-RPC; blocks are made once Run is called.
func New(cfg Config) (*Chain, error) { return nil, errors.New("devchain: not built yet") }

// URL is the WebSocket address of the JSON-RPC; http:// works on the same port.
func (c *Chain) URL() string { return "" }

// Run makes blocks until ctx ends, then stops the node and releases the directory.
func (c *Chain) Run(ctx context.Context) error { return nil }
