// Package orchestrating is `castnet orchestrator run`: an orchestrator's rooms, put together.
package orchestrating

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"castnet/contracts/chain"
	"castnet/internal/identity"
	"castnet/internal/node/amount"
	"castnet/internal/node/books"
	"castnet/internal/node/console"
	"castnet/internal/node/keeper"
	"castnet/internal/node/onchain"
	"castnet/internal/node/redeeming"
	"castnet/internal/node/role"
	"castnet/internal/node/transcoding"
	"castnet/orchestrator"
	"castnet/orchestrator/rpc"
	orchestratorstore "castnet/orchestrator/store"
	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/ledger"
	"castnet/probabilistic-payments/store"
	"castnet/transcoder/worker"
)

// Config is the command `castnet orchestrator run`.
type Config struct {
	role.Common          `embed:""`
	role.ChainAccess     `embed:""`
	DataDir              string `required:"" help:"Keep what must survive this process (receipts, winners, tokens) in this folder." placeholder:"DIR" type:"path"`
	Owner                string `required:"" help:"The orchestrator's owner address in Staking; the key file is its operator's." placeholder:"ADDRESS"`
	Listen               string `default:"127.0.0.1:8935" help:"Serve broadcasters and remote transcoders (gRPC over TLS) here." placeholder:"ADDR"`
	Workers              int    `default:"-1" help:"Local worker processes at most; 0: none, only remote transcoders; -1: two for each core." placeholder:"N"`
	GPU                  string `name:"gpu" default:"none" help:"Cards for the local workers: none, all, or their numbers (0,1). The processor takes what they refuse." placeholder:"CARDS"`
	transcoding.Capacity `embed:""`
	books.Storage        `embed:""`
	Prices               `embed:""`
	Admission            `embed:""`
	// Face value and epochs.
	GasPriceFloor   amount.Ether `default:"0.1 gwei" help:"Reckon with at least this price of gas: face values follow it, and an idle chain must not make them collapse." placeholder:"AMOUNT"`
	FaceValue       amount.Ether `help:"Ask for face values of at most this, for example '0.00001 ETH': a lower one wins more often, and costs more gas." placeholder:"AMOUNT"`
	redeeming.Terms `embed:""`
	NoRedeemer      bool          `help:"Leave the winners to 'castnet redeemer', a process of its own for several orchestrators."`
	Epoch           time.Duration `default:"20s" help:"Redeem winners in groups of this length at most: the rand of a group is not told before it is over."`
	// The keeper's.
	CastPrice     amount.Ether `help:"What a CAST is worth: new CAST is taken from the chain when it is worth the gas. Not given: every round that costs at most --max-reward-cost." placeholder:"AMOUNT"`
	MaxRewardCost amount.Ether `default:"0.0005 ETH" help:"The most gas to pay for taking new CAST whose worth is not known." placeholder:"AMOUNT"`
	LowBalance    amount.Ether `default:"0.05 ETH" help:"Warn when the operator's account has less than this for gas." placeholder:"AMOUNT"`
}

// node is an orchestrator's rooms, put together.
type node struct {
	*role.Role
	cfg       Config
	owner     common.Address
	chain     *role.OnChain
	parts     []func(context.Context) error
	recipient *payments.Recipient
	signers   *onchain.Signers
	book      *ledger.Ledger
}

// Run runs an orchestrator until ctx ends.
func (cfg *Config) Run(ctx context.Context, con *console.Console) error {
	r, err := role.New("orchestrator", cfg.Common, con.Err)
	if err != nil {
		return err
	}
	if !common.IsHexAddress(cfg.Owner) {
		return fmt.Errorf("--owner %q is not an address (0x and 40 hexadecimal digits)", cfg.Owner)
	}
	if err := cfg.validate(); err != nil {
		return err
	}
	if err := role.MakeDir(cfg.DataDir); err != nil {
		return err
	}
	unlock, err := role.LockDir(cfg.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	inFlight, err := r.KeepTransactions(ctx, cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { _ = inFlight.Close() }() // every commit is durable already
	n := &node{Role: r, cfg: *cfg, owner: common.HexToAddress(cfg.Owner)}
	if n.chain, err = r.DialChain(ctx, cfg.ChainAccess); err != nil {
		return err
	}
	n.signers = onchain.NewSigners(n.chain.Client.Broker())
	if err := n.checkRegistration(ctx); err != nil {
		return err
	}
	money, err := cfg.Open(ctx, cfg.DataDir, n.owner, r.Log)
	if err != nil {
		return err
	}
	defer func() { _ = money.Close() }() // every commit is durable already
	receipts, err := cfg.OpenReceipts(ctx, cfg.DataDir, n.owner)
	if err != nil {
		return err
	}
	defer func() { _ = receipts.Close() }() // every commit is durable already
	if err := n.money(ctx, money); err != nil {
		return err
	}
	if err := n.service(ctx, receipts); err != nil {
		return err
	}
	keeping, err := n.keeper()
	if err != nil {
		return err
	}
	n.parts = append(n.parts, n.chain.Client.Run, keeping.Run, n.ServeMetrics)

	group, ctx := errgroup.WithContext(ctx)
	for _, part := range n.parts {
		group.Go(func() error { return part(ctx) })
	}
	n.Log.Info("orchestrator is up", "listen", cfg.Listen, "owner", n.owner, "operator", n.chain.Key.Address())
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// checkRegistration compares this process with what the chain says of its owner.
func (n *node) checkRegistration(ctx context.Context) error {
	known, ok, err := n.chain.Client.Staking().Orchestrator(ctx, n.owner)
	switch {
	case err != nil:
		return fmt.Errorf("read the registry: %w", err)
	case !ok:
		return fmt.Errorf("nobody is registered as %s (--owner): register it with its owner's key first", n.owner)
	case known.Operator != n.chain.Key.Address():
		return fmt.Errorf("the operator registered for %s is %s, the key file's account is %s (--keystore)",
			n.owner, known.Operator, n.chain.Key.Address())
	case !known.Active:
		n.Log.Warn("not in the active set: nobody will ask for leases until its stake is among the highest", "stake", known.Stake)
	}
	return nil
}

// money sets up who takes tickets, and who redeems the winners.
func (n *node) money(ctx context.Context, money store.Store) error {
	var err error
	if n.book, err = ledger.Open(ctx, filepath.Join(n.cfg.DataDir, books.LedgerFile), money.History, n.Log); err != nil {
		return err
	}
	n.recipient, err = payments.NewRecipient(ctx, payments.RecipientConfig{
		Domain: n.chain.Domain, Address: n.owner, Store: money, Accounts: onchain.NewAccounts(n.chain.Client.Broker()),
		Signers: n.signers, Gas: onchain.GasPrices{Client: n.chain.Client}, Policy: n.policy(), AnswerWithin: n.cfg.AnswerWithin, EpochDuration: n.cfg.Epoch,
		Observer: n.book, Log: n.Log, Registerer: n.Registerer(),
	})
	if err != nil {
		return err
	}
	n.parts = append(n.parts, n.recipient.Run, n.book.Run, books.Keep(money, &n.cfg.Storage, n.Log))
	if n.cfg.NoRedeemer {
		return nil
	}
	redeemer, err := redeeming.New(n.Role, n.chain.Client, &n.cfg.Terms, money, n.book)
	if err != nil {
		return err
	}
	n.parts = append(n.parts, redeemer.Run)
	return nil
}

func (n *node) policy() payments.Policy {
	policy := payments.Policy{GasPriceFloor: onchain.Uint(n.cfg.GasPriceFloor.Int), MaxFaceValue: onchain.Uint(n.cfg.FaceValue.Int)}
	n.cfg.credit(&policy)
	return policy
}

// service sets up the fleet of transcoders, and the server that broadcasters and remote transcoders reach.
func (n *node) service(ctx context.Context, receipts books.Receipts) error {
	fleet := &orchestrator.Fleet{}
	if err := n.Registerer().Register(fleetCollector{fleet}); err != nil {
		return err
	}
	book, err := n.priceBook(ctx, fleet)
	if err != nil {
		return err
	}
	if n.cfg.Workers != 0 {
		workers, err := n.localWorkers(ctx)
		if err != nil {
			return err
		}
		fleet.Add(workers)
	}
	authority, err := orchestrator.LoadAuthority(filepath.Join(n.cfg.DataDir, "authority.pem"), receipts, fleet)
	if err != nil {
		return err
	}
	o, err := orchestrator.New(orchestrator.Config{
		ID: n.owner, Signer: n.chain.Key, Domain: n.chain.Domain, Transcoder: fleet, Recipient: n.recipient,
		Rounds: rounds{n.chain.Client}, Signers: n.signers, Store: receipts, Pricer: pricer{book}, Books: books.Sold{Ledger: n.book},
		Limits: n.cfg.limits(), Logger: n.Log, Registerer: n.Registerer(),
	})
	if err != nil {
		return err
	}
	server, err := rpc.NewServer(rpc.ServerConfig{
		Handler: o, Pool: authority, ClientCAs: authority.ClientCAs(), Operator: n.chain.Key, ChainID: n.chain.Client.ChainID(),
		Logger: n.Log,
	})
	if err != nil {
		return err
	}
	n.parts = append(n.parts, o.Run, func(ctx context.Context) error {
		listener, err := role.Listen(ctx, n.cfg.Listen, "--listen")
		if err != nil {
			return err
		}
		close(n.Ready)
		return server.Run(ctx, listener)
	})
	return nil
}

// localWorkers makes the pool of workers whose room is known. Where no card is asked for, nothing is tested.
func (n *node) localWorkers(ctx context.Context) (*worker.Pool, error) {
	sessions := max(n.cfg.Workers, 0)
	var workers *transcoding.Workers
	var err error
	if n.cfg.GPU == "none" {
		workers, err = n.cfg.ProcessorWorkers(ctx, n.Role, sessions)
	} else {
		workers, err = n.cfg.TestedWorkers(ctx, n.Role, n.cfg.GPU, sessions)
	}
	if err != nil {
		return nil, err
	}
	desk := &transcoding.Desk{DataDir: n.cfg.DataDir, Workers: workers, Log: n.Log}
	n.parts = append(n.parts, workers.Run, desk.Run)
	return workers.Pool, nil
}

// rounds answers orchestrator.Rounds from the chain.
type rounds struct{ client *chain.Client }

// Round returns the current round, and until when a ticket of it can be redeemed.
func (r rounds) Round(ctx context.Context) (round, lastExpiry uint64, err error) {
	now, err := r.client.Round(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read the round: %w", err)
	}
	return now.Number, uint64(now.End.Add(r.client.Parameters().TicketValidity).Unix()), nil
}

// keeper does what the chain needs somebody to do for this orchestrator, once a round.
func (n *node) keeper() (*keeper.Keeper, error) {
	cfg := keeper.Config{Client: n.chain.Client, Owner: n.owner, Log: n.Log, Registerer: n.Registerer()}
	cfg.CastPrice, cfg.MaxRewardCost, cfg.LowBalance = n.cfg.CastPrice.Int, n.cfg.MaxRewardCost.Int, n.cfg.LowBalance.Int
	return keeper.New(cfg)
}

// Token is the command `castnet orchestrator token`.
type Token struct {
	DataDir      string        `required:"" help:"The orchestrator's data folder." placeholder:"DIR" type:"path"`
	Contracts    string        `required:"" help:"The addresses file of the contracts." placeholder:"FILE" type:"path"`
	Keystore     string        `required:"" help:"The operator's encrypted key file." placeholder:"FILE" type:"path"`
	PasswordFile string        `required:"" help:"The file whose first line decrypts the key file." placeholder:"FILE" type:"path"`
	TTL          time.Duration `default:"1h" name:"ttl" help:"How long the token can be used, once."`
}

// Run prints a token that lets one remote transcoder enroll at an orchestrator.
func (cfg *Token) Run(ctx context.Context, con *console.Console) error {
	key, err := identity.OpenKey(cfg.Keystore, cfg.PasswordFile)
	if err != nil {
		return fmt.Errorf("%w (--keystore, --password-file)", err)
	}
	addresses, err := chain.ReadAddresses(cfg.Contracts)
	if err != nil {
		return fmt.Errorf("%w (--contracts)", err)
	}
	tokens, err := orchestratorstore.OpenSQLite(ctx, filepath.Join(cfg.DataDir, "orchestrator.db"))
	if err != nil {
		return fmt.Errorf("%w (--data-dir)", err)
	}
	defer func() { _ = tokens.Close() }() // every commit is durable already
	token, err := orchestrator.MintToken(ctx, tokens, key.Address(), addresses.ChainID, cfg.TTL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(con.Out, token)
	return err
}
