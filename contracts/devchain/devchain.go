// Package devchain is a small Ethereum node inside the process: the chain of `castnet up` and of tests. It is go-ethereum's own
// execution client with a simulated beacon on top, so transactions cost and behave as they do elsewhere, but they are in a block
// within milliseconds and nobody else takes part. The chain lives in a directory and survives kill -9.
package devchain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/catalyst"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/rpc"
)

// Defaults of Config.
const (
	DefaultListen      = "127.0.0.1:8545"
	DefaultChainID     = 1337
	DefaultBlockPeriod = 10 * time.Second
	DefaultMaxLead     = 30 * time.Second
)

const (
	nodeName   = "devchain"
	cacheMB    = 32
	dbHandles  = 64
	minGasTip  = 1 // wei
	modulesEth = "eth"
	modulesNet = "net"
	modulesWeb = "web3"
)

// Config describes the chain. Allocations and ChainID count only when the directory is empty: they make the genesis block.
type Config struct {
	DataDir     string       // "" keeps the chain in memory
	Listen      string       // host:port of the HTTP and WebSocket JSON-RPC; default DefaultListen; port 0 picks a free one
	ChainID     uint64       // default DefaultChainID
	Allocations []Allocation // prefunded accounts
	// BlockPeriod is how often an empty block comes, so that time advances while nothing happens; each takes 4.4 KB on disk. What is
	// sent is in a block within milliseconds, whatever this says. Default DefaultBlockPeriod.
	BlockPeriod time.Duration
	// MaxLead is how far a burst of blocks may run chain time, which moves by at least a second a block, ahead of the clock.
	// Beyond it blocks come once a second until the clock has caught up. Default DefaultMaxLead.
	MaxLead time.Duration
	Log     *slog.Logger // default: discards
}

// Allocation is wei that an account owns in the genesis block.
type Allocation struct {
	Account common.Address
	Wei     *big.Int
}

// validate fills in the defaults and splits the listen address.
func (cfg *Config) validate() (host string, port int, err error) {
	if cfg.Listen == "" {
		cfg.Listen = DefaultListen
	}
	if cfg.ChainID == 0 {
		cfg.ChainID = DefaultChainID
	}
	if cfg.BlockPeriod == 0 {
		cfg.BlockPeriod = DefaultBlockPeriod
	}
	if cfg.MaxLead == 0 {
		cfg.MaxLead = DefaultMaxLead
	}
	if cfg.BlockPeriod < 0 || cfg.MaxLead < time.Second {
		return "", 0, fmt.Errorf("devchain: block period %v, lead %v: must be positive, the lead at least 1 s", cfg.BlockPeriod, cfg.MaxLead)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	for _, a := range cfg.Allocations {
		if a.Wei == nil || a.Wei.Sign() < 0 {
			return "", 0, fmt.Errorf("devchain: allocation of %v: an amount ≥ 0 is needed", a.Account)
		}
	}
	host, service, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return "", 0, fmt.Errorf("devchain: listen address: %w", err)
	}
	if host == "" {
		return "", 0, fmt.Errorf("devchain: listen address %q: name a host, for example %s", cfg.Listen, DefaultListen)
	}
	port, err = strconv.Atoi(service)
	if err != nil {
		return "", 0, fmt.Errorf("devchain: port of %q: %w", cfg.Listen, err)
	}
	return host, port, nil
}

// Chain is the running node.
type Chain struct {
	cfg     Config
	node    *node.Node
	eth     *eth.Ethereum
	beacon  *catalyst.SimulatedBeacon
	advance chan advanceRequest
	done    chan struct{} // closed when Run has ended
}

// New opens or creates the chain in cfg.DataDir and starts serving JSON-RPC. Blocks are made while Run runs; whoever calls New
// must call Run too, which is what releases the directory and the port.
func New(cfg Config) (*Chain, error) {
	host, port, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	genesis, err := loadGenesis(cfg)
	if err != nil {
		return nil, err
	}
	stack, err := node.New(nodeConfig(cfg.DataDir, host, port))
	if err != nil {
		return nil, fmt.Errorf("devchain: %w", err)
	}
	backend, beacon, err := assemble(stack, ethConfig(genesis))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("devchain: %w", err), stack.Close())
	}
	head := backend.BlockChain().CurrentBlock()
	cfg.Log.Info("development chain is open", "chain_id", genesis.Config.ChainID, "rpc", stack.WSEndpoint(),
		"block", head.Number, "dir", cfg.DataDir)
	return &Chain{
		cfg: cfg, node: stack, eth: backend, beacon: beacon,
		advance: make(chan advanceRequest), done: make(chan struct{}),
	}, nil
}

// URL is the WebSocket address of the JSON-RPC; http:// works on the same port.
func (c *Chain) URL() string { return c.node.WSEndpoint() }

// ChainID is the one in the genesis block, whatever Config said later.
func (c *Chain) ChainID() uint64 { return c.eth.BlockChain().Config().ChainID.Uint64() }

// Run makes blocks until ctx ends, then stops the node and releases the directory.
func (c *Chain) Run(ctx context.Context) error {
	defer close(c.done)
	err := c.mine(ctx)
	err = errors.Join(err, c.beacon.Stop(), c.node.Close())
	if err != nil {
		return fmt.Errorf("devchain: %w", err)
	}
	return nil
}

// assemble puts the execution client and the beacon on the node and starts it.
func assemble(stack *node.Node, cfg *ethconfig.Config) (*eth.Ethereum, *catalyst.SimulatedBeacon, error) {
	backend, err := eth.New(stack, cfg)
	if err != nil {
		return nil, nil, err
	}
	logs := filters.NewFilterSystem(backend.APIBackend, filters.Config{})
	stack.RegisterAPIs([]rpc.API{{Namespace: "eth", Service: filters.NewFilterAPI(logs)}})
	if err := stack.Start(); err != nil {
		return nil, nil, err
	}
	// Period 0: this package decides when a block is made.
	beacon, err := catalyst.NewSimulatedBeacon(0, common.Address{}, backend)
	if err != nil {
		return nil, nil, err
	}
	// Without peers there is nothing to wait for before transactions are taken.
	backend.SetSynced()
	return backend, beacon, nil
}

func nodeConfig(dir, host string, port int) *node.Config {
	modules := []string{modulesEth, modulesNet, modulesWeb}
	return &node.Config{
		Name:                 nodeName,
		DataDir:              dir,
		P2P:                  p2p.Config{NoDiscovery: true, NoDial: true},
		HTTPHost:             host,
		HTTPPort:             port,
		HTTPModules:          modules,
		HTTPTimeouts:         rpc.DefaultHTTPTimeouts,
		HTTPVirtualHosts:     []string{"localhost"},
		HTTPCors:             loopbackOrigins(),
		WSHost:               host,
		WSPort:               port, // one port for both
		WSModules:            modules,
		BatchRequestLimit:    node.DefaultConfig.BatchRequestLimit,
		BatchResponseMaxSize: node.DefaultConfig.BatchResponseMaxSize,
		HTTPBodyLimit:        node.DefaultConfig.HTTPBodyLimit,
		// LevelDB hands every write to the kernel before it returns, so that what a client was told survives kill -9. Pebble
		// without syncs, the default, keeps the latest ones in the process.
		DBEngine: rawdb.DBLeveldb,
	}
}

// loopbackOrigins are the pages that a browser lets ask this node: those that this machine serves itself. Wallets in the browser
// speak to the node in their name.
func loopbackOrigins() []string {
	return []string{"http://localhost:*", "http://127.0.0.1:*", "https://localhost:*", "https://127.0.0.1:*"}
}
