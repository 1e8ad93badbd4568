package browser_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// wallet is a browser's wallet: it holds a key, answers EIP-1193 requests, and passes on to the node what needs no key. It
// begins on another chain, with no site connected.
type wallet struct {
	key  key
	node *rpc.Client

	mu        sync.Mutex
	chainID   uint64
	connected bool
	declines  bool               // the next thing that needs consent
	gas       map[[4]byte]uint64 // what a call was estimated to use, by its selector
}

// call is an EIP-1193 request, said one what came of it.
type call struct {
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
}

type said struct {
	Result any          `json:"result,omitempty"`
	Error  *walletError `json:"error,omitempty"`
	Events [][2]any     `json:"events,omitempty"`
}

type walletError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (e *walletError) Error() string { return e.Message }

// answer does what the page asks, or says why not, as wallets do.
func (w *wallet) answer(ctx context.Context, c call) said {
	result, events, err := w.do(ctx, c)
	if err == nil {
		return said{Result: result, Events: events}
	}
	if own, ok := errors.AsType[*walletError](err); ok {
		return said{Error: own}
	}
	told := &walletError{Code: -32603, Message: err.Error()}
	if e, ok := err.(rpc.Error); ok { //nolint:errorlint // the client returns it bare
		told.Code = e.ErrorCode()
	}
	if e, ok := err.(rpc.DataError); ok { //nolint:errorlint // likewise
		told.Data = e.ErrorData()
	}
	return said{Error: told}
}

func (w *wallet) do(ctx context.Context, c call) (result any, events [][2]any, err error) {
	switch c.Method {
	case "eth_requestAccounts":
		if err := w.consent(); err != nil {
			return nil, nil, err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.connected = true
		return []common.Address{w.key.Address()}, nil, nil
	case "eth_accounts":
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.connected {
			return []common.Address{}, nil, nil
		}
		return []common.Address{w.key.Address()}, nil, nil
	case "eth_chainId":
		w.mu.Lock()
		defer w.mu.Unlock()
		return hexutil.Uint64(w.chainID), nil, nil
	case "wallet_switchEthereumChain":
		var to struct {
			ChainID hexutil.Uint64 `json:"chainId"`
		}
		if err := json.Unmarshal(c.Params[0], &to); err != nil {
			return nil, nil, err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.chainID = uint64(to.ChainID)
		return nil, [][2]any{{"chainChanged", to.ChainID}}, nil
	case "eth_sendTransaction":
		if err := w.consent(); err != nil {
			return nil, nil, err
		}
		hash, err := w.send(ctx, c.Params[0])
		return hash, nil, err
	}
	params := make([]any, len(c.Params))
	for i := range c.Params {
		params[i] = c.Params[i]
	}
	var passed json.RawMessage
	err = w.node.CallContext(ctx, &passed, c.Method, params...)
	return passed, nil, err
}

// consent asks the person, who declines when the test has said so.
func (w *wallet) consent() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.declines {
		w.declines = false
		return &walletError{Code: 4001, Message: "User rejected the request."}
	}
	return nil
}

// send signs and sends a transaction of the wallet's account.
func (w *wallet) send(ctx context.Context, raw json.RawMessage) (common.Hash, error) {
	var asked struct {
		From common.Address `json:"from"`
		To   common.Address `json:"to"`
		Data hexutil.Bytes  `json:"data"`
	}
	if err := json.Unmarshal(raw, &asked); err != nil {
		return common.Hash{}, err
	}
	if asked.From != w.key.Address() {
		return common.Hash{}, fmt.Errorf("the page wants %v to sign, this wallet is %v", asked.From, w.key.Address())
	}
	return w.transact(ctx, ethereum.CallMsg{From: asked.From, To: &asked.To, Data: asked.Data})
}

// transact signs and sends a transaction.
func (w *wallet) transact(ctx context.Context, m ethereum.CallMsg) (common.Hash, error) {
	eth := ethclient.NewClient(w.node)
	chainID, err := eth.ChainID(ctx)
	if err != nil {
		return common.Hash{}, err
	}
	nonce, err := eth.PendingNonceAt(ctx, m.From)
	if err != nil {
		return common.Hash{}, err
	}
	gas, err := eth.EstimateGas(ctx, m)
	if err != nil {
		return common.Hash{}, err
	}
	w.note(m.Data, gas)
	price, err := eth.SuggestGasPrice(ctx)
	if err != nil {
		return common.Hash{}, err
	}
	tip, err := eth.SuggestGasTipCap(ctx)
	if err != nil {
		return common.Hash{}, err
	}
	tx, err := types.SignNewTx(w.key.private, types.LatestSignerForChainID(chainID), &types.DynamicFeeTx{
		ChainID: chainID, Nonce: nonce, GasTipCap: tip, GasFeeCap: new(big.Int).Add(price.Lsh(price, 1), tip),
		Gas: gas * 5 / 4, To: m.To, Value: m.Value, Data: m.Data,
	})
	if err != nil {
		return common.Hash{}, err
	}
	return tx.Hash(), eth.SendTransaction(ctx, tx)
}

func (w *wallet) note(data []byte, gas uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gas == nil {
		w.gas = make(map[[4]byte]uint64)
	}
	selector := [4]byte(data)
	w.gas[selector] = max(w.gas[selector], gas)
}

// used is what calls of a function were estimated to use at most; 0 where there was none.
func (w *wallet) used(example []byte) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gas[[4]byte(example)]
}

// decline lets the person say no to the next thing that is asked.
func (w *wallet) decline() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.declines = true
}
