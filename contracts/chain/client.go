package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"castnet/contracts/bindings"
	"castnet/contracts/chain/endpoint"
	"castnet/contracts/chain/follow"
	"castnet/contracts/chain/txs"
)

// DefaultPollInterval is the default of Config.PollInterval.
const DefaultPollInterval = 500 * time.Millisecond

// ErrStopped is what Send returns when Run has ended or was never called.
var ErrStopped = txs.ErrStopped

// GasPriceError says that gas costs more than Config.MaxGasPrice allows to pay.
type GasPriceError = txs.GasPriceError

// TakenError says that another program's transaction took the nonce of ours, which so never takes effect.
type TakenError = txs.TakenError

// ErrNoSigner is what a verb returns in a client that only reads.
var ErrNoSigner = errors.New("chain: this client has no signer: it can only read")

// Config is what a Client needs.
type Config struct {
	URL       string    // JSON-RPC of the node: ws:// or http://
	Addresses Addresses // from package deploy, or ReadAddresses
	Signer    Signer    // whose account sends; nil for a client that only reads

	GasPriceFloor *big.Int      // wei per gas that GasPrice never goes below; default 0.1 gwei
	MaxGasPrice   *big.Int      // wei per gas that no transaction bids above; default 500 gwei
	PollInterval  time.Duration // between looks at the head where the node cannot push; default DefaultPollInterval
	ResubmitAfter time.Duration // without inclusion until a transaction's fee is raised; default txs.DefaultResubmitAfter
	Patience      time.Duration // with a node that does not answer while transactions are sent; default txs.DefaultPatience
	Confirmations uint64        // blocks, its own among them, after which a transaction is final; default 1

	// Transactions keeps what is in flight, so that another process can go on after a crash and sends nothing twice; nil: what is in
	// flight is forgotten. A contracts/store.SQLite is one.
	Transactions txs.Store

	Log     *slog.Logger          // default: discards
	Metrics prometheus.Registerer // default: none
}

// validate fills in the defaults.
func (cfg *Config) validate() error {
	if cfg.URL == "" {
		return errors.New("chain: the URL of a node's JSON-RPC is missing")
	}
	if cfg.GasPriceFloor == nil {
		cfg.GasPriceFloor = big.NewInt(params.GWei / 10)
	}
	if cfg.PollInterval == 0 {
		cfg.PollInterval = DefaultPollInterval
	}
	if cfg.PollInterval < 0 {
		return errors.New("chain: PollInterval must be positive")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Client is one account's (or one reader's) connection to the contracts. It is safe for concurrent use.
type Client struct {
	cfg        Config
	eth        *ethclient.Client
	reverts    *reverts
	token      *bindings.CastToken
	rounds     *bindings.Rounds
	staking    *Staking
	broker     *Broker
	disputes   *Disputes
	manager    *txs.Manager // nil without a signer
	parameters Parameters
	heads      *latest[Head]
	metrics    *metrics
	done       chan struct{} // closed when Run has ended
}

// Dial connects and checks that the node is on the chain of cfg.Addresses and has the contracts. A node on another chain is a
// *DeploymentError.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	c, err := Connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := c.verify(ctx); err != nil {
		c.Close()
		return nil, err
	}
	if c.parameters, err = c.readParameters(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Connect is Dial for a chain that has no contracts yet: nothing but cfg.Addresses.ChainID need be known, and only what needs no
// contract works.
func Connect(ctx context.Context, cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	known, err := newReverts()
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	eth, err := endpoint.Dial(ctx, cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	c := &Client{
		cfg: cfg, eth: eth, reverts: known, metrics: m,
		token: bindings.NewCastToken(), rounds: bindings.NewRounds(),
		heads: newLatest[Head](), done: make(chan struct{}),
	}
	c.staking = &Staking{client: c, abi: bindings.NewStaking(), views: bindings.NewStakingViews()}
	c.broker = &Broker{client: c, abi: bindings.NewTicketBroker()}
	c.disputes = &Disputes{client: c, abi: bindings.NewDisputes()}
	if cfg.Signer != nil {
		if c.manager, err = txs.New(c.transactions()); err != nil {
			eth.Close()
			return nil, err
		}
	}
	return c, nil
}

// transactions is how the signer's are sent.
func (c *Client) transactions() txs.Config {
	return txs.Config{
		Node: c.eth, Account: c.Self(), ChainID: c.ChainID(), Sign: c.sign, Store: c.cfg.Transactions,
		GasPriceFloor: c.cfg.GasPriceFloor, MaxGasPrice: c.cfg.MaxGasPrice, Confirmations: c.cfg.Confirmations,
		ResubmitAfter: c.cfg.ResubmitAfter, Patience: c.cfg.Patience, NewHead: c.newHead, Log: c.cfg.Log, Metrics: c.cfg.Metrics,
	}
}

// sign signs a transaction, by its hash alone unless the signer wants to see all of it.
func (c *Client) sign(ctx context.Context, unsigned *types.Transaction) (*types.Transaction, error) {
	id := new(big.Int).SetUint64(c.ChainID())
	if whole, ok := c.cfg.Signer.(TransactionSigner); ok {
		return whole.SignTransaction(ctx, unsigned, id)
	}
	rules := types.LatestSignerForChainID(id)
	signature, err := c.cfg.Signer.SignHash(rules.Hash(unsigned))
	if err != nil {
		return nil, err
	}
	return unsigned.WithSignature(rules, signature)
}

// Run follows the chain's head and sends the verbs' transactions until ctx ends; then it closes the connection. A client
// without Run can read; close it with Close.
func (c *Client) Run(ctx context.Context) error {
	defer c.eth.Close()
	defer close(c.done)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { c.follow(ctx); return nil })
	if c.manager != nil {
		group.Go(func() error { return c.manager.Run(ctx) })
	}
	return group.Wait()
}

// Follower keeps a store in step with the log of Staking; Run it beside the client, whose heads wake it.
func (c *Client) Follower(store follow.Store) (*follow.Follower, error) {
	return follow.New(follow.Config{
		Node: c.eth.Client(), Store: store, Addresses: []common.Address{c.cfg.Addresses.Staking}, From: max(c.cfg.Addresses.Block, 1),
		Poll: c.cfg.PollInterval, NewHead: c.newHead, Log: c.cfg.Log, Metrics: c.cfg.Metrics,
	})
}

func (c *Client) newHead() <-chan struct{} {
	_, _, changed := c.heads.get()
	return changed
}

// Close ends a client that is not run.
func (c *Client) Close() { c.eth.Close() }

// Staking is the stake side: the registry, stake, rewards, fees.
func (c *Client) Staking() *Staking { return c.staking }

// Broker is the ticket side: deposits, reserves, redemption.
func (c *Client) Broker() *Broker { return c.broker }

// Disputes is where lies are proved and punished.
func (c *Client) Disputes() *Disputes { return c.disputes }

// Addresses names the contracts.
func (c *Client) Addresses() Addresses { return c.cfg.Addresses }

// ChainID is the id in transactions and in the EIP-712 domain.
func (c *Client) ChainID() uint64 { return c.cfg.Addresses.ChainID }

// Self is the signer's account, zero without one.
func (c *Client) Self() common.Address {
	if c.cfg.Signer == nil {
		return common.Address{}
	}
	return c.cfg.Signer.Address()
}

// Parameters are the deployment's constants, read once.
func (c *Client) Parameters() Parameters { return c.parameters }

// Round is the present one by the chain's clock.
func (c *Client) Round(ctx context.Context) (Round, error) {
	now, err := view(ctx, c, c.cfg.Addresses.Rounds, c.rounds.PackCurrent(), c.rounds.UnpackCurrent)
	if err != nil {
		return Round{}, fmt.Errorf("chain: round: %w", err)
	}
	return Round{
		Number:         now.Round,
		Start:          time.Unix(int64(now.Start), 0).UTC(),
		End:            time.Unix(int64(now.End), 0).UTC(),
		Beacon:         now.Value,
		BeaconRecorded: now.Recorded,
	}, nil
}

// TouchRound records the present round's beacon, if nobody has.
func (c *Client) TouchRound() Action {
	return Action{client: c, call: call{to: new(c.cfg.Addresses.Rounds), data: c.rounds.PackTouch()}}
}

// Balance is what an account holds outside the contracts.
func (c *Client) Balance(ctx context.Context, account common.Address) (Balance, error) {
	ether, err := c.eth.BalanceAt(ctx, account, nil)
	if err != nil {
		return Balance{}, fmt.Errorf("chain: balance of %v: %w", account, err)
	}
	cast, err := view(ctx, c, c.cfg.Addresses.Token, c.token.PackBalanceOf(account), c.token.UnpackBalanceOf)
	if err != nil {
		return Balance{}, fmt.Errorf("chain: balance of %v: %w", account, err)
	}
	return Balance{Ether: ether, Cast: cast}, nil
}

// GasPrice is what a transaction pays per gas at present, at least Config.GasPriceFloor, so that parameters derived from it
// survive an idle chain.
func (c *Client) GasPrice(ctx context.Context) (*big.Int, error) {
	price, err := c.eth.SuggestGasPrice(ctx)
	if err != nil {
		return nil, fmt.Errorf("chain: gas price: %w", err)
	}
	if price.Cmp(c.cfg.GasPriceFloor) < 0 {
		price.Set(c.cfg.GasPriceFloor)
	}
	return price, nil
}

// view asks a contract at the latest block.
func view[T any](ctx context.Context, c *Client, at common.Address, data []byte, unpack func([]byte) (T, error)) (T, error) {
	raw, err := c.eth.CallContract(ctx, ethereum.CallMsg{From: c.Self(), To: &at, Data: data}, nil)
	if err != nil {
		var none T
		return none, c.reverts.explain(err)
	}
	return unpack(raw)
}
