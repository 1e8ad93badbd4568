package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"castnet/contracts/chain/txs"
)

// call is what a verb wants done.
type call struct {
	to       *common.Address // nil creates a contract
	data     []byte
	value    *big.Int // wei; nil for none
	extraGas uint64   // beyond the estimate, for a call whose inner failure would not show in one
}

// transact sends a transaction and returns when it is final. A call that the node predicts to revert is not sent.
func (c *Client) transact(ctx context.Context, what call) (*types.Receipt, error) {
	if c.manager == nil {
		return nil, ErrNoSigner
	}
	gas, err := c.estimate(ctx, what)
	if err != nil {
		return nil, err
	}
	mined, err := c.manager.Send(ctx, txs.Call{To: what.to, Data: what.data, Value: what.value, Gas: gas + gas/5})
	if err != nil {
		return nil, err
	}
	if mined.Status != types.ReceiptStatusSuccessful {
		return nil, c.refusal(fmt.Sprintf("transaction %v reverted", mined.TxHash), c.reason(ctx, what, mined))
	}
	return mined, nil
}

// reason finds out why a transaction reverted: by the state after its block, then by the one before.
func (c *Client) reason(ctx context.Context, what call, mined *types.Receipt) error {
	before := new(big.Int).Sub(mined.BlockNumber, big.NewInt(1))
	for _, block := range []*big.Int{mined.BlockNumber, before} {
		if _, err := c.eth.CallContract(ctx, c.message(what), block); err != nil {
			return err
		}
	}
	return errors.New("the contract refused it for a reason that has passed")
}

func (c *Client) message(what call) ethereum.CallMsg {
	return ethereum.CallMsg{From: c.Self(), To: what.to, Value: what.value, Data: what.data}
}

// refusal wraps an error of the node, as a *RevertError if a contract spoke.
func (c *Client) refusal(when string, err error) error {
	err = c.reverts.explain(err)
	if _, ok := errors.AsType[*RevertError](err); ok {
		return err
	}
	return fmt.Errorf("chain: %s: %w", when, err)
}

// Mined is the receipt of whichever of a transaction's versions got into a block; one that reverted is an error.
func (c *Client) Mined(ctx context.Context, versions []common.Hash) (Receipt, error) {
	err := ethereum.NotFound
	for _, hash := range versions {
		var mined *types.Receipt
		if mined, err = c.eth.TransactionReceipt(ctx, hash); err != nil {
			continue
		}
		if mined.Status != types.ReceiptStatusSuccessful {
			return receiptOf(mined), fmt.Errorf("chain: transaction %v reverted", hash)
		}
		return receiptOf(mined), nil
	}
	return Receipt{}, fmt.Errorf("chain: transaction is in no block: %w", err)
}

func receiptOf(mined *types.Receipt) Receipt {
	cost := new(big.Int).SetUint64(mined.GasUsed)
	return Receipt{
		TxHash:  mined.TxHash,
		Block:   mined.BlockNumber.Uint64(),
		GasUsed: mined.GasUsed,
		Cost:    cost.Mul(cost, mined.EffectiveGasPrice),
	}
}
