package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// externalTimeout is how long a person may take to look at a transaction on the signer's screen.
const externalTimeout = 5 * time.Minute

// methodNotFound is the JSON-RPC error of a server that does not know a method.
const methodNotFound = -32601

// External is a Signer of transactions whose key lives in another program, a hardware wallet's or a vault's: anything that speaks
// clef's JSON-RPC (account_list, account_signTransaction) or Web3Signer's (eth_accounts, eth_signTransaction).
type External struct {
	client  *rpc.Client
	url     string
	address common.Address
}

// DialExternal connects to the signer at url (http, https, ws, or the path of a Unix socket). account is whose key it shall use; the
// zero address means the only one that it has.
func DialExternal(ctx context.Context, url string, account common.Address) (*External, error) {
	client, err := rpc.DialOptions(ctx, url, rpc.WithHTTPClient(&http.Client{Timeout: externalTimeout}))
	if err != nil {
		return nil, fmt.Errorf("external signer: %w (--external-signer)", err)
	}
	e := &External{client: client, url: url}
	var accounts []common.Address
	if err := e.call(ctx, &accounts, "account_list", "eth_accounts"); err != nil {
		client.Close()
		return nil, fmt.Errorf("external signer at %s: list accounts: %w (--external-signer)", url, err)
	}
	if e.address, err = choose(accounts, account); err != nil {
		client.Close()
		return nil, fmt.Errorf("external signer at %s: %w", url, err)
	}
	return e, nil
}

func choose(accounts []common.Address, account common.Address) (common.Address, error) {
	switch {
	case account == (common.Address{}) && len(accounts) == 1:
		return accounts[0], nil
	case account == (common.Address{}):
		return account, fmt.Errorf("it has %d accounts %v: name one by its address (--account)", len(accounts), accounts)
	}
	for _, a := range accounts {
		if a == account {
			return a, nil
		}
	}
	return account, fmt.Errorf("it has no account %s, it has %v (--account)", account, accounts)
}

// Close ends the connection.
func (e *External) Close() { e.client.Close() }

// Address is the account whose key the signer holds.
func (e *External) Address() common.Address { return e.address }

// errBlind is the refusal of SignHash.
var errBlind = errors.New("an external signer signs transactions that it can show, not bare hashes: what is signed on the wire (leases, receipts, tickets) needs a hot key in a key file (--keystore)")

// SignHash refuses: a hash tells the signer nothing.
func (e *External) SignHash(common.Hash) ([]byte, error) { return nil, errBlind }

// transactionArgs is a transaction as both dialects want it.
type transactionArgs struct {
	From    common.Address  `json:"from"`
	To      *common.Address `json:"to"`
	Gas     hexutil.Uint64  `json:"gas"`
	Tip     *hexutil.Big    `json:"maxPriorityFeePerGas"`
	Limit   *hexutil.Big    `json:"maxFeePerGas"`
	Value   *hexutil.Big    `json:"value"`
	Nonce   hexutil.Uint64  `json:"nonce"`
	Data    hexutil.Bytes   `json:"data"`
	ChainID *hexutil.Big    `json:"chainId"`
}

// signedTransaction is the answer: {"raw": "0x…"} from clef, the bare string from Web3Signer.
type signedTransaction struct{ raw hexutil.Bytes }

// UnmarshalJSON reads either form.
func (s *signedTransaction) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return s.raw.UnmarshalJSON(b)
	}
	var object struct {
		Raw hexutil.Bytes `json:"raw"`
	}
	err := json.Unmarshal(b, &object)
	s.raw = object.Raw
	return err
}

// SignTransaction shows a transaction to the signer and returns it signed. An answer that is any other transaction is refused.
func (e *External) SignTransaction(ctx context.Context, tx *types.Transaction, chainID *big.Int) (*types.Transaction, error) {
	ctx, cancel := context.WithTimeout(ctx, externalTimeout)
	defer cancel()
	var answer signedTransaction
	err := e.call(ctx, &answer, "account_signTransaction", "eth_signTransaction", transactionArgs{
		From: e.address, To: tx.To(), Gas: hexutil.Uint64(tx.Gas()), Tip: (*hexutil.Big)(tx.GasTipCap()), Limit: (*hexutil.Big)(tx.GasFeeCap()),
		Value: (*hexutil.Big)(tx.Value()), Nonce: hexutil.Uint64(tx.Nonce()), Data: tx.Data(), ChainID: (*hexutil.Big)(chainID),
	})
	if err != nil {
		return nil, fmt.Errorf("external signer at %s: %w", e.url, err)
	}
	signed := new(types.Transaction)
	if err := signed.UnmarshalBinary(answer.raw); err != nil {
		return nil, fmt.Errorf("external signer at %s: its answer is no transaction: %w", e.url, err)
	}
	rules := types.LatestSignerForChainID(chainID)
	if rules.Hash(signed) != rules.Hash(tx) {
		return nil, fmt.Errorf("external signer at %s: it signed another transaction than the one that it was given", e.url)
	}
	if from, err := types.Sender(rules, signed); err != nil || from != e.address {
		return nil, fmt.Errorf("external signer at %s: %w: it is by %s, wanted %s", e.url, ErrSignature, from, e.address)
	}
	return signed, nil
}

// call asks in clef's dialect, and in the other one where that is unknown.
func (e *External) call(ctx context.Context, answer any, clef, other string, args ...any) error {
	err := e.client.CallContext(ctx, answer, clef, args...)
	var refusal rpc.Error
	if errors.As(err, &refusal) && refusal.ErrorCode() == methodNotFound {
		return e.client.CallContext(ctx, answer, other, args...)
	}
	return err
}
