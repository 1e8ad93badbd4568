package economy_test

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/ethclient/gethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"

	"castnet/contracts/bindings"
	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/contracts/devchain"
)

// actor is somebody with a wallet.
type actor struct {
	common.Address
	name    string
	private *ecdsa.PrivateKey
	nonce   uint64
}

func newActor(name string) *actor {
	private := crypto.ToECDSAUnsafe(crypto.Keccak256([]byte("castnet economy " + name)))
	return &actor{Address: crypto.PubkeyToAddress(private.PublicKey), name: name, private: private}
}

func (a *actor) sign(digest common.Hash) ([]byte, error) { return crypto.Sign(digest[:], a.private) }

// deployer is an actor as deploy.Contracts takes one.
type deployer struct{ *actor }

func (d deployer) Address() common.Address { return d.actor.Address }

func (d deployer) SignHash(hash common.Hash) ([]byte, error) { return d.sign(hash) }

// ether is n whole units of ether or CAST.
func ether(v uint64) num { return mul(n(v), n(params.Ether)) }

// network is the development chain with the contracts on it.
type network struct {
	dev     *devchain.Chain
	at      chain.Addresses
	rpc     *rpc.Client
	eth     *ethclient.Client
	heads   chan *types.Header
	signer  types.Signer
	refused map[[4]byte]string // the contracts' errors
}

// devchainConfig is a chain on which a burst of transactions, a second of chain time each, waits for no clock.
func devchainConfig(actors []*actor) devchain.Config {
	cfg := devchain.Config{Listen: "127.0.0.1:0", BlockPeriod: 50 * time.Millisecond, MaxLead: 24 * time.Hour}
	for _, a := range actors {
		cfg.Allocations = append(cfg.Allocations, devchain.Allocation{Account: a.Address, Wei: new(ether(10_000)).ToBig()})
	}
	return cfg
}

func newNetwork(t *testing.T, cfg devchain.Config, deployment deploy.Config) *network {
	t.Helper()
	dev, err := devchain.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- dev.Run(t.Context()) }()
	t.Cleanup(func() { // the test's context has ended by then
		if err := <-ended; err != nil {
			t.Errorf("the chain ended: %v", err)
		}
	})
	deployment.URL, deployment.File = dev.URL(), filepath.Join(t.TempDir(), "addresses.json")
	at, err := deploy.Contracts(t.Context(), deployment)
	if err != nil {
		t.Fatal(err)
	}
	client, err := rpc.DialContext(t.Context(), dev.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	n := &network{
		dev: dev, at: at, rpc: client, eth: ethclient.NewClient(client), heads: make(chan *types.Header, 1024),
		signer: types.LatestSignerForChainID(new(big.Int).SetUint64(at.ChainID)), refused: map[[4]byte]string{},
	}
	subscription, err := n.eth.SubscribeNewHead(t.Context(), n.heads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(subscription.Unsubscribe)
	for _, text := range []string{
		bindings.CastTokenMetaData.ABI, bindings.StakingMetaData.ABI, bindings.TicketBrokerMetaData.ABI, bindings.DisputesMetaData.ABI,
	} {
		parsed, err := abi.JSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range parsed.Errors {
			n.refused[[4]byte(e.ID[:4])] = e.Name
		}
	}
	return n
}

// mined is a transaction in its block.
type mined struct {
	block   *types.Header
	refused string // by which error of a contract
	gas     num    // wei for it, in all
	tip     num    // of them not burnt
}

// send puts a transaction into a block of its own.
func (n *network) send(t *testing.T, from *actor, to common.Address, value num, data []byte) mined {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	tx, err := types.SignNewTx(from.private, n.signer, &types.DynamicFeeTx{
		ChainID: n.signer.ChainID(), Nonce: from.nonce, GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(100 * params.GWei),
		Gas: 3_000_000, To: &to, Value: value.ToBig(), Data: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.eth.SendTransaction(ctx, tx); err != nil {
		t.Fatal(err)
	}
	from.nonce++
	receipt := n.receipt(ctx, t, tx.Hash())
	block, err := n.eth.HeaderByNumber(ctx, receipt.BlockNumber)
	if err != nil {
		t.Fatal(err)
	}
	units := num{receipt.GasUsed}
	var price, base num
	price.SetFromBig(receipt.EffectiveGasPrice)
	base.SetFromBig(block.BaseFee)
	m := mined{block: block, gas: mul(units, price), tip: mul(units, sub(price, base))}
	if receipt.Status != types.ReceiptStatusSuccessful {
		m.refused = n.reason(ctx, t, ethereum.CallMsg{From: from.Address, To: &to, Value: value.ToBig(), Data: data}, block)
	}
	return m
}

func (n *network) receipt(ctx context.Context, t *testing.T, hash common.Hash) *types.Receipt {
	t.Helper()
	for {
		receipt, err := n.eth.TransactionReceipt(ctx, hash)
		if err == nil {
			return receipt
		}
		if !errors.Is(err, ethereum.NotFound) {
			t.Fatal(err)
		}
		select {
		case <-n.heads:
		case <-ctx.Done():
			t.Fatalf("transaction %v is in no block", hash)
		}
	}
}

// reason makes the refused call again, on the state and at the time that it was refused, for the contract's words.
func (n *network) reason(ctx context.Context, t *testing.T, call ethereum.CallMsg, block *types.Header) string {
	t.Helper()
	before := new(big.Int).Sub(block.Number, big.NewInt(1))
	_, err := gethclient.New(n.rpc).CallContractWithBlockOverrides(ctx, call, before, nil, gethclient.BlockOverrides{Time: block.Time})
	var answer rpc.DataError
	if !errors.As(err, &answer) {
		t.Fatalf("refused in block %v, but not again: %v", block.Number, err)
	}
	text, _ := answer.ErrorData().(string)
	raw, err := hexutil.Decode(text)
	if err != nil || len(raw) < 4 {
		return answer.Error()
	}
	name, known := n.refused[[4]byte(raw)]
	switch {
	case !known:
		return text
	case name == "TicketRejected":
		return string(rejected(int(raw[len(raw)-1])))
	}
	return name
}

// advance moves the chain's time to a second and returns the head then.
func (n *network) advance(t *testing.T, to uint64) *types.Header {
	t.Helper()
	head, err := n.eth.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.dev.Advance(t.Context(), time.Duration(to-head.Time)*time.Second); err != nil {
		t.Fatal(err)
	}
	if head, err = n.eth.HeaderByNumber(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return head
}

// question is a view whose answer the model knows: words of 32 bytes, from the first on.
type question struct {
	what string
	to   common.Address
	data []byte // nil: the ether of `to`
	want []num
}

// ask compares the chain at a block with the model's answers, and returns the first that differs.
func (n *network) ask(t *testing.T, block *big.Int, questions []question) (wrong question, got []num, ok bool) {
	t.Helper()
	const atOnce = 500
	for len(questions) > 0 {
		part := questions[:min(atOnce, len(questions))]
		questions = questions[len(part):]
		answers := make([]hexutil.Bytes, len(part))
		balances := make([]hexutil.Big, len(part))
		batch := make([]rpc.BatchElem, len(part))
		for i, q := range part {
			if q.data == nil {
				batch[i] = rpc.BatchElem{Method: "eth_getBalance", Args: []any{q.to, hexutil.EncodeBig(block)}, Result: &balances[i]}
				continue
			}
			call := map[string]any{"to": q.to, "input": hexutil.Bytes(q.data)}
			batch[i] = rpc.BatchElem{Method: "eth_call", Args: []any{call, hexutil.EncodeBig(block)}, Result: &answers[i]}
		}
		if err := n.rpc.BatchCallContext(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		for i, q := range part {
			if batch[i].Error != nil {
				t.Fatalf("%s: %v", q.what, batch[i].Error)
			}
			if q.data == nil {
				answers[i] = balances[i].ToInt().FillBytes(make([]byte, 32))
			}
			if got, ok := same(answers[i], q.want); !ok {
				return q, got, false
			}
		}
	}
	return question{}, nil, true
}

// same compares words.
func same(raw []byte, want []num) (got []num, ok bool) {
	ok = len(raw) >= 32*len(want)
	for i := 0; i < len(want) && len(raw) >= 32; i++ {
		var word num
		word.SetBytes32(raw[:32])
		raw = raw[32:]
		got = append(got, word)
		ok = ok && word == want[i]
	}
	return got, ok
}
