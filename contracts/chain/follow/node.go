package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// node asks, and checks what can be checked of an answer. Hashes are the node's word: computing them would tie the follower to the
// header formats that this program knows.
type node struct {
	rpc       Node
	patience  time.Duration
	addresses []common.Address
}

// errMissing says that the node knows a block neither by this number nor by this hash.
var errMissing = errors.New("chain: follow: the node has no block")

// answered is a header on the wire.
type answered struct {
	Number *hexutil.Uint64 `json:"number"`
	Hash   common.Hash     `json:"hash"`
	Parent common.Hash     `json:"parentHash"`
	Time   hexutil.Uint64  `json:"timestamp"`
}

func (n node) ask(ctx context.Context, result any, method string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, n.patience)
	defer cancel()
	if err := n.rpc.CallContext(ctx, result, method, args...); err != nil {
		return fmt.Errorf("chain: follow: %s: %w", method, err)
	}
	return nil
}

func (n node) block(ctx context.Context, method string, which any) (Header, error) {
	var got *answered
	if err := n.ask(ctx, &got, method, which, false); err != nil {
		return Header{}, err
	}
	if got == nil || got.Number == nil || got.Hash == (common.Hash{}) {
		return Header{}, fmt.Errorf("%w %v", errMissing, which)
	}
	return Header{
		Number: uint64(*got.Number), Hash: got.Hash, Parent: got.Parent, Time: time.Unix(int64(got.Time), 0).UTC(),
	}, nil
}

func (n node) latest(ctx context.Context) (Header, error) {
	return n.block(ctx, "eth_getBlockByNumber", "latest")
}

func (n node) header(ctx context.Context, number uint64) (Header, error) {
	header, err := n.block(ctx, "eth_getBlockByNumber", hexutil.Uint64(number))
	if err == nil && header.Number != number {
		err = fmt.Errorf("chain: follow: asked for block %d, the node answered with %d", number, header.Number)
	}
	return header, err
}

// logsOf reads the logs of one block, by its hash.
func (n node) logsOf(ctx context.Context, header Header) ([]types.Log, error) {
	logs, err := n.logs(ctx, map[string]any{"blockHash": header.Hash, "address": n.addresses})
	if err != nil {
		return nil, err
	}
	for i := range logs {
		if logs[i].BlockHash != header.Hash {
			return nil, fmt.Errorf("chain: follow: asked for logs of block %v, the node answered with those of %v", header.Hash, logs[i].BlockHash)
		}
	}
	return logs, nil
}

// blocksWithLogs reads the blocks within a range that have logs.
func (n node) blocksWithLogs(ctx context.Context, from, to uint64) ([]Block, error) {
	logs, err := n.logs(ctx, map[string]any{
		"fromBlock": hexutil.Uint64(from), "toBlock": hexutil.Uint64(to), "address": n.addresses,
	})
	if err != nil {
		return nil, err
	}
	var blocks []Block
	for i := range logs {
		if logs[i].BlockNumber < from || logs[i].BlockNumber > to {
			return nil, fmt.Errorf("chain: follow: asked for logs of blocks %d to %d, the node answered with one of %d", from, to, logs[i].BlockNumber)
		}
		if k := len(blocks); k == 0 || blocks[k-1].Hash != logs[i].BlockHash {
			header, err := n.block(ctx, "eth_getBlockByHash", logs[i].BlockHash)
			if err != nil {
				return nil, err
			}
			if header.Number != logs[i].BlockNumber || header.Hash != logs[i].BlockHash || k > 0 && header.Number <= blocks[k-1].Number {
				return nil, fmt.Errorf("chain: follow: logs of block %d do not fit its header", logs[i].BlockNumber)
			}
			blocks = append(blocks, Block{Header: header})
		}
		last := &blocks[len(blocks)-1]
		last.Logs = append(last.Logs, logs[i])
	}
	return blocks, nil
}

// logs asks for logs, and wants them in order, each once, of the followed contracts and of blocks that stand.
func (n node) logs(ctx context.Context, query map[string]any) ([]types.Log, error) {
	var logs []types.Log
	if err := n.ask(ctx, &logs, "eth_getLogs", query); err != nil {
		return nil, err
	}
	for i := range logs {
		ours := false
		for _, a := range n.addresses {
			ours = ours || a == logs[i].Address
		}
		inOrder := i == 0 || logs[i-1].BlockNumber < logs[i].BlockNumber ||
			logs[i-1].BlockNumber == logs[i].BlockNumber && logs[i-1].Index < logs[i].Index
		if !ours || !inOrder || logs[i].Removed || logs[i].BlockHash == (common.Hash{}) {
			return nil, fmt.Errorf("chain: follow: log %d of block %d is foreign, removed, or out of order", logs[i].Index, logs[i].BlockNumber)
		}
	}
	return logs, nil
}
