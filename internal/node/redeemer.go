package node

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
	"castnet/internal/node/console"
	payments "castnet/probabilistic-payments"
)

// Redeeming says when winners go to the chain.
type Redeeming struct {
	Confirmations uint64        `default:"12" help:"Count a redemption when so many blocks are on top of its own; what a reorg undoes before is redeemed again." placeholder:"N"`
	MinReturn     uint64        `default:"4" help:"Let a winner wait for cheaper gas unless it pays so many times its own; 0: redeem at once, whatever gas costs." placeholder:"N"`
	Hurry         time.Duration `default:"1h" help:"So long before its expiry a winner is redeemed as soon as it pays more than its gas, in part where the sender's funds are short."`
}

// newRedeemer makes the redeemer of one money store.
func newRedeemer(
	r *role, client *chain.Client, cfg *Redeeming, queue payments.RedeemerStore, observer payments.Observer,
) (*payments.Redeemer, error) {
	onChain := &broker{
		chain: client.Broker(), head: func() uint64 { return client.Head().Number }, confirmations: cfg.Confirmations,
		log: r.log, warned: make(map[common.Address]bool),
	}
	c := payments.RedeemerConfig{
		Store: queue, Broker: onChain, MinReturn: cfg.MinReturn, Hurry: cfg.Hurry, Observer: observer, Log: r.log, Registerer: r.registerer(),
	}
	if cfg.MinReturn > 0 {
		c.Gas = gasPrices{client}
	}
	return payments.NewRedeemer(c)
}

// RedeemerConfig is the command `castnet redeemer`.
type RedeemerConfig struct {
	Common      `embed:""`
	ChainAccess `embed:""`
	DataDir     []string `help:"Redeem the winners of the orchestrator whose data folder this is; once for each orchestrator." placeholder:"DIR" type:"path"`
	Store       string   `help:"Redeem winners that are in this Redis, redis://HOST:PORT." placeholder:"URL"`
	Owner       []string `help:"The owners of the orchestrators whose winners are in --store." placeholder:"ADDRESS"`
	Pending     string   `default:"${state}/redeemer" help:"Keep what was sent and is not final yet in this folder, so that a restart goes on with it; every redeemer needs one of its own." placeholder:"DIR" type:"path"`
	Redeeming   `embed:""`
}

// Run redeems the winners of several orchestrators, which run with --no-redeemer. Its account pays the gas; what
// a winner pays goes to the orchestrator that it names, so it can be anybody's.
func (cfg *RedeemerConfig) Run(ctx context.Context, con *console.Console) (err error) {
	r, err := newRole("redeemer", cfg.Common, con.Err)
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
	unlock, err := lockDir(cfg.Pending)
	switch {
	case errors.Is(err, errInUse):
		return fmt.Errorf("%s %w: every redeemer needs a folder of its own (--pending)", cfg.Pending, errInUse)
	case err != nil:
		return fmt.Errorf("transactions in flight: %w", err)
	}
	defer unlock()
	inFlight, err := r.keepTransactions(ctx, cfg.Pending)
	if err != nil {
		return fmt.Errorf("%w (--pending)", err)
	}
	defer func() { _ = inFlight.Close() }() // every commit is durable already
	access, err := r.dialChain(ctx, cfg.ChainAccess)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return access.client.Run(ctx) })
	group.Go(func() error { return r.serveMetrics(ctx) })
	for _, place := range queues {
		group.Go(func() error {
			return r.redeemStore(ctx, access.client, &cfg.Redeeming, place)
		})
	}
	r.log.Info("redeemer is up", "stores", len(queues), "account", access.key.Address())
	close(r.ready)
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// queues lists the stores whose winners are to be redeemed.
func (cfg *RedeemerConfig) queues() ([]StorePlace, error) {
	var places []StorePlace
	for _, dir := range cfg.DataDir {
		places = append(places, StorePlace{DataDir: dir})
	}
	for _, owner := range cfg.Owner {
		if !common.IsHexAddress(owner) {
			return nil, fmt.Errorf("--owner %q is not an address (0x and 40 hexadecimal digits)", owner)
		}
		places = append(places, StorePlace{Store: cfg.Store, Account: owner})
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
func (r *role) redeemStore(ctx context.Context, client *chain.Client, cfg *Redeeming, place StorePlace) error {
	queue, err := place.existing(ctx, r.log)
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }() // every commit is durable already
	one := *r
	one.labels = prometheus.Labels{"store": cmp.Or(place.DataDir, place.Account)}
	redeemer, err := newRedeemer(&one, client, cfg, queue, nil)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return queue.Run(ctx) })
	group.Go(func() error { return redeemer.Run(ctx) })
	return group.Wait()
}
