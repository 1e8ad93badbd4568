package chain

import (
	"context"
	"errors"
	"log/slog"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/prometheus/client_golang/prometheus"
)

var errTodo = errors.New("chain: not built yet")

// Addresses names one deployment of the contracts.
type Addresses struct {
	ChainID uint64         `json:"chainId"`
	Block   uint64         `json:"block"` // where they were deployed: event queries begin here
	Token   common.Address `json:"castToken"`
	Rounds  common.Address `json:"rounds"`
	Staking common.Address `json:"staking"`
	Broker  common.Address `json:"ticketBroker"`
}

// ReadAddresses reads the file that Deploy writes.
func ReadAddresses(path string) (Addresses, error) { return Addresses{}, errTodo }

// Allocation is CAST that exists from the beginning.
type Allocation struct {
	Account common.Address
	Amount  *big.Int // CAST
}

// DeployConfig says what to deploy and where.
type DeployConfig struct {
	URL    string // JSON-RPC of the node
	File   string // the addresses file: read if it exists, else written when all contracts are in place
	Signer Signer // pays for the deployment

	RoundLength     time.Duration // default 1 h
	TicketValidity  time.Duration // default 24 h
	UnlockPeriod    time.Duration // default RoundLength + TicketValidity + 24 h; must exceed RoundLength + TicketValidity
	UnbondingPeriod time.Duration // default 7 days
	MinSelfStake    *big.Int      // default 1 CAST
	MaxActive       int           // default 100
	EmissionPPB     uint32        // of the supply per round, in parts per 10^9; default 0
	Supply          []Allocation  // the initial distribution of CAST

	Log *slog.Logger // default: discards
}

// Deploy brings the contracts on the chain and names them in cfg.File. If the file exists, nothing is sent: the chain id and the
// code at each address are verified instead, and a mismatch is a *DeploymentError.
func Deploy(ctx context.Context, cfg DeployConfig) (Addresses, error) { return Addresses{}, errTodo }

// Config is what a Client needs.
type Config struct {
	URL       string    // JSON-RPC of the node: ws:// or http://
	Addresses Addresses // from Deploy or ReadAddresses
	Signer    Signer    // whose account sends; nil for a client that only reads

	GasPriceFloor *big.Int      // wei per gas that GasPrice never goes below; default 0.1 gwei
	MaxGasPrice   *big.Int      // wei per gas that no transaction bids above; default 500 gwei
	PollInterval  time.Duration // between looks at the head where the node cannot push; default 500 ms
	ResubmitAfter time.Duration // without inclusion until a transaction's fee is raised; default 15 s

	Log     *slog.Logger          // default: discards
	Metrics prometheus.Registerer // default: none
}

// Client is one account's (or one reader's) connection to the contracts. It is safe for concurrent use.
type Client struct{}

// Dial connects and checks that the node is on the chain of cfg.Addresses and has the contracts. A node on another chain is a
// *DeploymentError.
func Dial(ctx context.Context, cfg Config) (*Client, error) { return nil, errTodo }

// Run follows the chain's head and sends the verbs' transactions until ctx ends; then it closes the connection. A client
// without Run can read; close it with Close.
func (c *Client) Run(ctx context.Context) error { return errTodo }

// Close ends a client that is not run.
func (c *Client) Close() {}

// Staking is the stake side: the registry, stake, rewards, fees.
func (c *Client) Staking() *Staking { return nil }

// Broker is the ticket side: deposits, reserves, redemption.
func (c *Client) Broker() *Broker { return nil }

// Addresses names the contracts.
func (c *Client) Addresses() Addresses { return Addresses{} }

// ChainID is the id in transactions and in the EIP-712 domain.
func (c *Client) ChainID() uint64 { return 0 }

// Self is the signer's account, zero without one.
func (c *Client) Self() common.Address { return common.Address{} }

// Parameters are the deployment's constants, read once.
func (c *Client) Parameters() Parameters { return Parameters{} }

// Head is the latest block that was seen.
func (c *Client) Head() Head { return Head{} }

// Heads delivers new heads, the latest one at once; a slow reader misses the ones between. It is closed when ctx or Run ends.
func (c *Client) Heads(ctx context.Context) <-chan Head { return nil }

// Rounds delivers the present round at once and each new one when the chain's clock enters it, and again when its beacon is
// recorded; a slow reader gets the latest. It is closed when ctx or Run ends.
func (c *Client) Rounds(ctx context.Context) <-chan Round { return nil }

// Round is the present one by the chain's clock.
func (c *Client) Round(ctx context.Context) (Round, error) { return Round{}, errTodo }

// TouchRound records the present round's beacon, if nobody has.
func (c *Client) TouchRound(ctx context.Context) (Receipt, error) { return Receipt{}, errTodo }

// Balance is what an account holds outside the contracts.
func (c *Client) Balance(ctx context.Context, account common.Address) (Balance, error) {
	return Balance{}, errTodo
}

// GasPrice is what a transaction pays per gas at present, at least Config.GasPriceFloor, so that parameters derived from it
// survive an idle chain.
func (c *Client) GasPrice(ctx context.Context) (*big.Int, error) { return nil, errTodo }

// Staking reads and changes stake.
type Staking struct{}

// Orchestrators lists the active set.
func (s *Staking) Orchestrators(ctx context.Context) ([]Orchestrator, error) { return nil, errTodo }

// Orchestrator reads one entry; ok is false when nobody registered under id.
func (s *Staking) Orchestrator(ctx context.Context, id common.Address) (o Orchestrator, ok bool, err error) {
	return Orchestrator{}, false, errTodo
}

// Pool reads an orchestrator's fees.
func (s *Staking) Pool(ctx context.Context, orchestrator common.Address) (Pool, error) {
	return Pool{}, errTodo
}

// Position reads a delegator's part of a pool.
func (s *Staking) Position(ctx context.Context, orchestrator, delegator common.Address) (Position, error) {
	return Position{}, errTodo
}

// Unbondings lists a delegator's stake on its way out.
func (s *Staking) Unbondings(ctx context.Context, delegator common.Address) ([]Unbonding, error) {
	return nil, errTodo
}

// Register enters the signer as an orchestrator and bonds its first stake, approving the token transfer where needed.
func (s *Staking) Register(ctx context.Context, r Registration) (Receipt, error) {
	return Receipt{}, errTodo
}

// Bond adds to the signer's own stake.
func (s *Staking) Bond(ctx context.Context, amount *big.Int) (Receipt, error) {
	return Receipt{}, errTodo
}

// Delegate puts the signer's CAST behind an orchestrator.
func (s *Staking) Delegate(ctx context.Context, orchestrator common.Address, amount *big.Int) (Receipt, error) {
	return Receipt{}, errTodo
}

// Unbond begins to take stake out of a pool.
func (s *Staking) Unbond(ctx context.Context, orchestrator common.Address, amount *big.Int) (Receipt, error) {
	return Receipt{}, errTodo
}

// Withdraw pays out an unbonding whose time has come.
func (s *Staking) Withdraw(ctx context.Context, id uint64) (Receipt, error) {
	return Receipt{}, errTodo
}

// ClaimFees pays the signer's fees from one pool to the signer.
func (s *Staking) ClaimFees(ctx context.Context, orchestrator common.Address) (Receipt, error) {
	return Receipt{}, errTodo
}

// SetServiceURI changes where the signer's orchestrator is reached.
func (s *Staking) SetServiceURI(ctx context.Context, uri string) (Receipt, error) {
	return Receipt{}, errTodo
}

// SetOperator changes the signer's operator key, from the next round on.
func (s *Staking) SetOperator(ctx context.Context, operator common.Address) (Receipt, error) {
	return Receipt{}, errTodo
}

// SetCuts changes the signer's reward cut and fee share, both ppm.
func (s *Staking) SetCuts(ctx context.Context, rewardCut, feeShare uint32) (Receipt, error) {
	return Receipt{}, errTodo
}

// Reward mints an orchestrator's share of the present round's emission; anyone may call it, once per round.
func (s *Staking) Reward(ctx context.Context, orchestrator common.Address) (Receipt, error) {
	return Receipt{}, errTodo
}

// Broker reads and changes deposits and reserves, and redeems.
type Broker struct{}

// Sender reads a sender's account.
func (b *Broker) Sender(ctx context.Context, sender common.Address) (SenderAccount, error) {
	return SenderAccount{}, errTodo
}

// Share reads what a sender's reserve guarantees to a recipient in a round.
func (b *Broker) Share(ctx context.Context, sender, recipient common.Address, round uint64) (ReserveShare, error) {
	return ReserveShare{}, errTodo
}

// Enrolled tells whether a recipient takes part in reserves in a round.
func (b *Broker) Enrolled(ctx context.Context, recipient common.Address, round uint64) (bool, error) {
	return false, errTodo
}

// Owed reads what was credited to a recipient and not yet swept into its pool, in wei.
func (b *Broker) Owed(ctx context.Context, recipient common.Address) (*big.Int, error) {
	return nil, errTodo
}

// NonceUsed tells whether a ticket with this nonce has been paid.
func (b *Broker) NonceUsed(ctx context.Context, sender, recipient common.Address, lane, nonce uint64) (bool, error) {
	return false, errTodo
}

// Redemptions lists paid tickets in the chain's order.
func (b *Broker) Redemptions(ctx context.Context, q RedemptionQuery) ([]Redemption, error) {
	return nil, errTodo
}

// Fund adds to the signer's deposit and reserve (wei, nil for nothing) in one transaction; it cancels a running unlock.
func (b *Broker) Fund(ctx context.Context, deposit, reserve *big.Int) (Receipt, error) {
	return Receipt{}, errTodo
}

// Unlock begins the unlock period of the signer's funds.
func (b *Broker) Unlock(ctx context.Context) (Receipt, error) { return Receipt{}, errTodo }

// CancelUnlock ends the unlock period early; the funds stay.
func (b *Broker) CancelUnlock(ctx context.Context) (Receipt, error) { return Receipt{}, errTodo }

// Withdraw pays the signer's deposit and reserve out after the unlock period.
func (b *Broker) Withdraw(ctx context.Context) (Receipt, error) { return Receipt{}, errTodo }

// Enrol makes recipient take part in every sender's reserve for the present round; a recipient outside the active set, or that
// joined it in this round, is refused. Enrolling again costs little.
func (b *Broker) Enrol(ctx context.Context, recipient common.Address) (Receipt, error) {
	return Receipt{}, errTodo
}

// Redeem redeems winners in one transaction: one outcome per winner, in order. It sends nothing when the node predicts that
// every one would be skipped; the Receipt is then zero. Keep batches to a few dozen.
func (b *Broker) Redeem(ctx context.Context, winners []Winner) ([]Outcome, Receipt, error) {
	return nil, Receipt{}, errTodo
}

// RedeemPartly redeems one winner that deposit and share can't pay in full, for at least minPayout wei; the rest is lost.
func (b *Broker) RedeemPartly(ctx context.Context, w Winner, minPayout *big.Int) (Outcome, Receipt, error) {
	return Outcome{}, Receipt{}, errTodo
}

// Sweep moves what is owed to a recipient into its stake pool, where it is split between owner and delegators.
func (b *Broker) Sweep(ctx context.Context, recipient common.Address) (Receipt, error) {
	return Receipt{}, errTodo
}
