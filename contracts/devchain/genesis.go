package devchain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/params"
)

const genesisFile = "genesis.json"

// loadGenesis reads the genesis block that the directory began with, or writes one down before the first block exists: a chain
// that is opened again must name exactly the same.
func loadGenesis(cfg Config) (*core.Genesis, error) {
	if cfg.DataDir == "" {
		return newGenesis(cfg), nil
	}
	path := filepath.Join(cfg.DataDir, genesisFile)
	raw, err := os.ReadFile(path) //nolint:gosec // the directory is the caller's own
	if errors.Is(err, fs.ErrNotExist) {
		return writeGenesis(cfg, path)
	}
	if err != nil {
		return nil, fmt.Errorf("devchain: %w", err)
	}
	genesis := new(core.Genesis)
	if err := json.Unmarshal(raw, genesis); err != nil {
		return nil, fmt.Errorf("devchain: %s: %w", path, err)
	}
	return genesis, nil
}

func writeGenesis(cfg Config, path string) (*core.Genesis, error) {
	genesis := newGenesis(cfg)
	raw, err := json.MarshalIndent(genesis, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("devchain: genesis: %w", err)
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("devchain: %w", err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, raw, 0o600); err != nil {
		return nil, fmt.Errorf("devchain: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return nil, fmt.Errorf("devchain: %w", err)
	}
	return genesis, nil
}

func newGenesis(cfg Config) *core.Genesis {
	// The fork is pinned: the later ones of the development configuration are drafts, under which gas costs triple.
	rules := *params.AllDevChainProtocolChanges
	rules.ChainID = new(big.Int).SetUint64(cfg.ChainID)
	rules.BogotaTime = nil

	accounts := make(types.GenesisAlloc)
	maps.Copy(accounts, core.SystemContractAllocs())
	for _, a := range cfg.Allocations {
		accounts[a.Account] = types.Account{Balance: a.Wei}
	}
	return &core.Genesis{
		Config:     &rules,
		Timestamp:  uint64(time.Now().Unix()),
		GasLimit:   ethconfig.Defaults.Miner.GasCeil,
		Difficulty: new(big.Int),
		BaseFee:    big.NewInt(params.InitialBaseFee),
		Alloc:      accounts,
	}
}

// ethConfig is an archive node in the hash scheme: each block's state is on disk before the block counts. The path scheme keeps
// recent states in memory, and kill -9 loses the chain with them.
func ethConfig(genesis *core.Genesis) *ethconfig.Config {
	cfg := ethconfig.Defaults
	cfg.Genesis = genesis
	cfg.SyncMode = ethconfig.FullSync
	cfg.StateScheme = rawdb.HashScheme
	cfg.NoPruning = true
	cfg.SnapshotCache = 0
	cfg.DatabaseCache = cacheMB
	cfg.DatabaseHandles = dbHandles
	cfg.TrieCleanCache = cacheMB
	cfg.TrieDirtyCache = 0
	cfg.TransactionHistory = 0 // every transaction stays findable
	cfg.LogNoHistory = true
	cfg.TxPool.NoLocals = true
	cfg.TxPool.Journal = ""
	cfg.Miner.GasPrice = big.NewInt(minGasTip)
	return &cfg
}
