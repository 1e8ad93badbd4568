package up

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"
	"golang.org/x/sync/errgroup"

	"castnet/contracts/devchain"
	"castnet/internal/node/console"
	"castnet/internal/node/role"
)

// Devchain is the command `castnet devchain`.
type Devchain struct {
	role.Common `embed:""`
	DataDir     string   `required:"" help:"Keep the chain in this folder; it survives kill -9." placeholder:"DIR" type:"path"`
	Listen      string   `default:"127.0.0.1:8545" help:"Serve JSON-RPC (HTTP and WebSocket) here." placeholder:"ADDR"`
	ChainID     uint64   `default:"1337" help:"The chain's id, for a new chain."`
	Fund        []string `help:"Give each of these accounts 10,000 ETH in the first block of a new chain." placeholder:"ADDRESS"`
}

// devFunds is what a funded account begins with, in ETH.
const devFunds = 10_000

// Run runs a chain until ctx ends.
func (cfg *Devchain) Run(ctx context.Context, con *console.Console) error {
	r, err := role.New("devchain", cfg.Common, con.Err)
	if err != nil {
		return err
	}
	if err := role.MakeDir(cfg.DataDir); err != nil {
		return err
	}
	var allocations []devchain.Allocation
	for _, a := range cfg.Fund {
		if !common.IsHexAddress(a) {
			return fmt.Errorf("--fund %q is not an address (0x and 40 hexadecimal digits)", a)
		}
		allocations = append(allocations, devchain.Allocation{
			Account: common.HexToAddress(a), Wei: new(big.Int).Mul(big.NewInt(devFunds), big.NewInt(params.Ether)),
		})
	}
	node, err := devchain.New(devchain.Config{
		DataDir: cfg.DataDir, Listen: cfg.Listen, ChainID: cfg.ChainID, Allocations: allocations, Log: r.Log,
	})
	if err != nil {
		return err
	}
	r.Log.Info("chain is up", "rpc", node.URL(), "chain_id", node.ChainID())
	close(r.Ready)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return node.Run(ctx) })
	group.Go(func() error { return r.ServeMetrics(ctx) })
	return group.Wait()
}
