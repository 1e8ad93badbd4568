package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"castnet/contracts/chain/txs"
)

// Action is a change that the client's account may make. Nothing has happened until Send returns.
type Action struct {
	client  *Client
	call    call
	approve *big.Int                   // CAST that the called contract must be allowed to take first; nil for none
	check   func(*types.Receipt) error // finds failure in a transaction that did not revert; may be nil
	err     error                      // why the action makes no sense; Preview and Send return it
}

// Transaction is any transaction of the account's; to nil creates a contract of data.
func (c *Client) Transaction(to *common.Address, data []byte) Action {
	return Action{client: c, call: call{to: to, data: data}}
}

// Is tells whether a transaction makes the action's change.
func (a Action) Is(tx *types.Transaction) bool {
	return a.err == nil && txs.Call{To: a.call.to, Data: a.call.data, Value: a.call.value}.Does(tx)
}

// Preview is what an action would cost.
type Preview struct {
	Transactions int      // how many Send makes: two if the contract must first be allowed to take CAST
	Gas          uint64   // that they need
	Cost         *big.Int // wei for Gas at the present price
	Value        *big.Int // wei that the account pays into the contract besides
}

// Preview simulates the action at the latest block. An action that would be refused fails as Send would: with a *RevertError if a
// contract refuses, with another error if the account cannot pay for it.
func (a Action) Preview(ctx context.Context) (Preview, error) {
	calls, err := a.calls(ctx)
	if err != nil {
		return Preview{}, err
	}
	gas, err := a.client.simulate(ctx, calls)
	if err != nil {
		return Preview{}, err
	}
	price, err := a.client.GasPrice(ctx)
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Transactions: len(calls), Gas: gas, Cost: new(big.Int).SetUint64(gas), Value: orZero(a.call.value)}
	p.Cost.Mul(p.Cost, price)
	return p, a.affordable(ctx, p)
}

// Send makes the change and returns when it is final: in a block, with Config.Confirmations on it. It needs Run. The Receipt is that
// of the last transaction.
func (a Action) Send(ctx context.Context) (Receipt, error) {
	mined, err := a.send(ctx)
	if err != nil {
		return Receipt{}, err
	}
	return receiptOf(mined), nil
}

func (a Action) send(ctx context.Context) (*types.Receipt, error) {
	calls, err := a.calls(ctx)
	if err != nil {
		return nil, err
	}
	var mined *types.Receipt
	for _, what := range calls {
		if mined, err = a.client.transact(ctx, what); err != nil {
			return nil, err
		}
	}
	if a.check != nil {
		err = a.check(mined)
	}
	return mined, err
}

// calls lists the transactions that the action takes.
func (a Action) calls(ctx context.Context) ([]call, error) {
	c := a.client
	switch {
	case a.err != nil:
		return nil, a.err
	case c.cfg.Signer == nil:
		return nil, ErrNoSigner
	case a.approve == nil || a.approve.Sign() == 0:
		return []call{a.call}, nil
	}
	token := c.cfg.Addresses.Token
	allowed, err := view(ctx, c, token, c.token.PackAllowance(c.Self(), *a.call.to), c.token.UnpackAllowance)
	if err != nil {
		return nil, fmt.Errorf("chain: allowance: %w", err)
	}
	if allowed.Cmp(a.approve) >= 0 {
		return []call{a.call}, nil
	}
	return []call{{to: &token, data: c.token.PackApprove(*a.call.to, a.approve)}, a.call}, nil
}

// affordable checks the account's balance.
func (a Action) affordable(ctx context.Context, p Preview) error {
	balance, err := a.client.eth.BalanceAt(ctx, a.client.Self(), nil)
	if err != nil {
		return fmt.Errorf("chain: balance: %w", err)
	}
	if needed := new(big.Int).Add(p.Cost, p.Value); balance.Cmp(needed) < 0 {
		return &FundsError{Account: a.client.Self(), Balance: balance, Needed: needed, Gas: p.Cost}
	}
	return nil
}

// FundsError says that an account cannot pay for an action; amounts in wei.
type FundsError struct {
	Account         common.Address
	Balance, Needed *big.Int
	Gas             *big.Int // of Needed
}

// Error names the account and what it lacks.
func (e *FundsError) Error() string {
	return fmt.Sprintf("chain: %v holds %v wei, this takes about %v (%v for gas): send it some", e.Account, e.Balance, e.Needed, e.Gas)
}

// simulate returns the gas that calls need one after the other.
func (c *Client) simulate(ctx context.Context, calls []call) (uint64, error) {
	if len(calls) == 1 {
		return c.estimate(ctx, calls[0])
	}
	type message struct {
		From  common.Address  `json:"from"`
		To    *common.Address `json:"to"`
		Input hexutil.Bytes   `json:"input"`
		Value *hexutil.Big    `json:"value"`
	}
	type block struct {
		Calls []message `json:"calls"`
	}
	var steps block
	for _, what := range calls {
		steps.Calls = append(steps.Calls, message{From: c.Self(), To: what.to, Input: what.data, Value: (*hexutil.Big)(orZero(what.value))})
	}
	var blocks []struct {
		Calls []struct {
			GasUsed hexutil.Uint64 `json:"gasUsed"`
			Status  hexutil.Uint64 `json:"status"`
			Error   *struct {
				Message string        `json:"message"`
				Data    hexutil.Bytes `json:"data"`
			} `json:"error"`
		} `json:"calls"`
	}
	options := map[string]any{"blockStateCalls": []block{steps}}
	if err := c.eth.Client().CallContext(ctx, &blocks, "eth_simulateV1", options, "latest"); err != nil {
		return 0, c.refusal("not simulated", err)
	}
	if len(blocks) != 1 || len(blocks[0].Calls) != len(calls) {
		return 0, errors.New("chain: the node simulated something else than it was asked")
	}
	var gas uint64
	for i, result := range blocks[0].Calls {
		if result.Status != hexutil.Uint64(types.ReceiptStatusSuccessful) {
			if result.Error == nil {
				return 0, c.reverts.decode(nil)
			}
			return 0, c.reverts.decode(result.Error.Data)
		}
		gas += uint64(result.GasUsed) + calls[i].extraGas
	}
	return gas, nil
}

// estimate is the gas that one call needs.
func (c *Client) estimate(ctx context.Context, what call) (uint64, error) {
	gas, err := c.eth.EstimateGas(ctx, c.message(what))
	if err != nil {
		return 0, c.refusal("not sent", err)
	}
	return gas + what.extraGas, nil
}
