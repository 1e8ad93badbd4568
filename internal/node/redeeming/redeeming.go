// Package redeeming takes winning tickets to the chain: for an orchestrator, and as `castnet redeemer` for several of them.
package redeeming

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"castnet/contracts/chain"
	"castnet/internal/node/books"
	"castnet/internal/node/console"
	"castnet/internal/node/onchain"
	"castnet/internal/node/role"
	payments "castnet/probabilistic-payments"
)

// Terms says when winners go to the chain.
type Terms struct {
	Confirmations uint64        `default:"12" help:"Count a redemption when so many blocks are on top of its own; what a reorg undoes before is redeemed again." placeholder:"N"`
	MinReturn     uint64        `default:"4" help:"Let a winner wait for cheaper gas unless it pays so many times its own; 0: redeem at once, whatever gas costs." placeholder:"N"`
	Hurry         time.Duration `default:"1h" help:"So long before its expiry a winner is redeemed as soon as it pays more than its gas, in part where the sender's funds are short."`
}

// New makes the redeemer of one money store.
func New(
	r *role.Role, client *chain.Client, cfg *Terms, queue payments.RedeemerStore, observer payments.Observer,
) (*payments.Redeemer, error) {
	onChain := &broker{
		chain: client.Broker(), head: func() uint64 { return client.Head().Number }, confirmations: cfg.Confirmations,
		log: r.Log, warned: make(map[common.Address]bool),
	}
	c := payments.RedeemerConfig{
		Store: queue, Broker: onChain, MinReturn: cfg.MinReturn, Hurry: cfg.Hurry, Observer: observer, Log: r.Log, Registerer: r.Registerer(),
	}
	if cfg.MinReturn > 0 {
		c.Gas = onchain.GasPrices{Client: client}
	}
	return payments.NewRedeemer(c)
}

// Config is the command `castnet redeemer`.
type Config struct {
	role.Common      `embed:""`
	role.ChainAccess `embed:""`
	DataDir          []string `help:"Redeem the winners of the orchestrator whose data folder this is; once for each orchestrator." placeholder:"DIR" type:"path"`
	Store            string   `help:"Redeem winners that are in this Redis, redis://HOST:PORT." placeholder:"URL"`
	Owner            []string `help:"The owners of the orchestrators whose winners are in --store." placeholder:"ADDRESS"`
	Pending          string   `default:"${state}/redeemer" help:"Keep what was sent and is not final yet in this folder, so that a restart goes on with it; every redeemer needs one of its own." placeholder:"DIR" type:"path"`
	Terms            `embed:""`
}

// Run redeems the winners of several orchestrators, which run with --no-redeemer. Its account pays the gas; what
// a winner pays goes to the orchestrator that it names, so it can be anybody's.
func (cfg *Config) Run(ctx context.Context, con *console.Console) (err error) {
	r, err := role.New("redeemer", cfg.Common, con.Err)
	if err != nil {
		return err
	}
	queues, err := cfg.queues()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.Pending, 0o700); err != nil {
		return fmt.Errorf("transactions in flight: %w (--pending)", err)
	}
	unlock, err := role.LockDir(cfg.Pending)
	switch {
	case errors.Is(err, role.ErrInUse):
		return fmt.Errorf("%s %w: every redeemer needs a folder of its own (--pending)", cfg.Pending, role.ErrInUse)
	case err != nil:
		return fmt.Errorf("transactions in flight: %w", err)
	}
	defer unlock()
	inFlight, err := r.KeepTransactions(ctx, cfg.Pending)
	if err != nil {
		return fmt.Errorf("%w (--pending)", err)
	}
	defer func() { _ = inFlight.Close() }() // every commit is durable already
	access, err := r.DialChain(ctx, cfg.ChainAccess)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return access.Client.Run(ctx) })
	group.Go(func() error { return r.ServeMetrics(ctx) })
	for _, place := range queues {
		group.Go(func() error {
			return redeemStore(ctx, r, access.Client, &cfg.Terms, place)
		})
	}
	r.Log.Info("redeemer is up", "stores", len(queues), "account", access.Key.Address())
	close(r.Ready)
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// queues lists the stores whose winners are to be redeemed.
func (cfg *Config) queues() ([]books.Place, error) {
	var places []books.Place
	for _, dir := range cfg.DataDir {
		places = append(places, books.Place{DataDir: dir})
	}
	for _, owner := range cfg.Owner {
		if !common.IsHexAddress(owner) {
			return nil, fmt.Errorf("--owner %q is not an address (0x and 40 hexadecimal digits)", owner)
		}
		places = append(places, books.Place{Store: cfg.Store, Account: owner})
	}
	switch {
	case (cfg.Store == "") != (len(cfg.Owner) == 0):
		return nil, errors.New("--store and --owner go together: a Redis may hold the winners of several orchestrators")
	case len(places) == 0:
		return nil, errors.New("nothing to redeem: name data folders (--data-dir), or a Redis and owners (--store, --owner)")
	}
	return places, nil
}

// redeemStore redeems what is in one store.
func redeemStore(ctx context.Context, r *role.Role, client *chain.Client, cfg *Terms, place books.Place) error {
	queue, err := place.Existing(ctx, r.Log)
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }() // every commit is durable already
	one := *r
	one.Labels = prometheus.Labels{"store": cmp.Or(place.DataDir, place.Account)}
	redeemer, err := New(&one, client, cfg, queue, nil)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return queue.Run(ctx) })
	group.Go(func() error { return redeemer.Run(ctx) })
	return group.Wait()
}
