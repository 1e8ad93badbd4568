package keeper_test

import (
	"context"
	"log/slog"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/contracts/devchain"
	"castnet/internal/eip712"
	"castnet/internal/identity"
	"castnet/internal/node/keeper"
	"castnet/internal/receipt"
	payments "castnet/probabilistic-payments"
)

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

// said passes on what is logged.
type said chan string

func (s said) Enabled(context.Context, slog.Level) bool { return true }

func (s said) Handle(ctx context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	select {
	case s <- text:
	case <-ctx.Done():
	}
	return nil
}

func (s said) WithAttrs([]slog.Attr) slog.Handler { return s }

func (s said) WithGroup(string) slog.Handler { return s }

// wait returns when something was said; it keeps the log flowing.
func (s said) wait(t *testing.T, what string) {
	t.Helper()
	for {
		select {
		case text := <-s:
			t.Log(text)
			if strings.Contains(text, what) {
				return
			}
		case <-time.After(time.Minute):
			t.Fatalf("nothing like %q was said", what)
		}
	}
}

func run(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- f(t.Context()) }()
	t.Cleanup(func() { // the test's context has ended by then
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func key(t *testing.T) *identity.Key {
	t.Helper()
	k, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// network is a development chain with the contracts, and CAST and ether for some accounts.
type network struct {
	dev       *devchain.Chain
	addresses chain.Addresses
}

func newNetwork(t *testing.T, change func(*deploy.Config), accounts ...*identity.Key) *network {
	t.Helper()
	cfg := devchain.Config{Listen: "127.0.0.1:0", BlockPeriod: 100 * time.Millisecond, MaxLead: time.Hour}
	contracts := deploy.Config{File: filepath.Join(t.TempDir(), "contracts.json"), Signer: accounts[0], EmissionPPB: 1_000_000}
	for _, a := range accounts {
		cfg.Allocations = append(cfg.Allocations, devchain.Allocation{Account: a.Address(), Wei: ether(1000)})
		contracts.Supply = append(contracts.Supply, deploy.Allocation{Account: a.Address(), Amount: ether(1000)})
	}
	dev, err := devchain.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	run(t, dev.Run)
	contracts.URL = dev.URL()
	change(&contracts)
	addresses, err := deploy.Contracts(t.Context(), contracts)
	if err != nil {
		t.Fatal(err)
	}
	return &network{dev, addresses}
}

func (n *network) client(t *testing.T, k *identity.Key) *chain.Client {
	t.Helper()
	c, err := chain.Dial(t.Context(), chain.Config{URL: n.dev.URL(), Addresses: n.addresses, Signer: k})
	if err != nil {
		t.Fatal(err)
	}
	run(t, c.Run)
	return c
}

func do(t *testing.T, what string, a chain.Action) {
	t.Helper()
	if _, err := a.Send(t.Context()); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func register(t *testing.T, c *chain.Client, operator *identity.Key, cast int64) {
	t.Helper()
	do(t, "register", c.Staking().Register(chain.Registration{
		Operator: operator.Address(), ServiceURI: "https://127.0.0.1:8935", RewardCut: 100_000, FeeShare: 500_000, Stake: ether(cast),
	}))
}

// eventually waits for a block in which something holds.
func eventually(t *testing.T, c *chain.Client, what string, holds func() (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range c.Heads(ctx) {
		ok, err := holds()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if ok {
			return
		}
	}
	t.Fatalf("it never came to %s", what)
}

// A keeper on a real chain: rounds are entered, emission is taken, and worries are told when they come and go.
func TestKeeper(t *testing.T) {
	owner, operator := key(t), key(t)
	n := newNetwork(t, func(*deploy.Config) {}, owner, operator)
	dev, client := n.dev, func(k *identity.Key) *chain.Client { return n.client(t, k) }
	owners := client(owner)
	register(t, owners, operator, 100)

	registry := prometheus.NewRegistry()
	log := make(said)
	k, err := keeper.New(keeper.Config{
		Client: client(operator), Owner: owner.Address(), LowBalance: ether(2000), WatchEvery: 100 * time.Millisecond, SweepEvery: 100 * time.Millisecond,
		Log: slog.New(log), Registerer: registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, k.Run)
	log.wait(t, "send some to "+operator.Address().Hex())

	if err := dev.Advance(t.Context(), 3*time.Hour); err != nil {
		t.Fatal(err)
	}
	log.wait(t, "emission taken")
	round, err := owners.Round(t.Context())
	if err != nil || !round.BeaconRecorded {
		t.Errorf("round %d: beacon recorded %v, %v", round.Number, round.BeaconRecorded, err)
	}
	if enrolled, err := owners.Broker().Enrolled(t.Context(), owner.Address(), round.Number); err != nil || !enrolled {
		t.Errorf("enrolled %v, %v", enrolled, err)
	}
	weight, err := owners.Staking().StakeAt(t.Context(), owner.Address(), round.Number+1)
	if err != nil || weight.Cmp(ether(100)) <= 0 {
		t.Errorf("the next round's draws count %v, %v", weight, err)
	}
	if rewards := read(t, registry, "castnet_keeper_rewards_total"); rewards < 1 {
		t.Errorf("rewards taken: %v", rewards)
	}

	if _, err := owners.Staking().Unbond(owner.Address(), nil).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	log.wait(t, "below 1 CAST")
	if active := read(t, registry, "castnet_keeper_active"); active != 0 {
		t.Errorf("active: %v", active)
	}
	go func() { // what it still says goes nowhere
		for range log {
		}
	}()
	t.Cleanup(func() { close(log) })
}

// What a keeper does between rounds: it enrols for the next period before that begins, moves what was redeemed into the pool, and
// warns of a rival and of jail.
func TestKeeperBetweenRounds(t *testing.T) {
	owner, operator, rival, sender := key(t), key(t), key(t), key(t)
	n := newNetwork(t, func(cfg *deploy.Config) { cfg.MaxActive, cfg.EmissionPPB = 2, 0 }, owner, operator, rival, sender)
	owners, senders := n.client(t, owner), n.client(t, sender)
	register(t, owners, operator, 100)
	log := make(said, 1000)
	k, err := keeper.New(keeper.Config{
		Client: n.client(t, operator), Owner: owner.Address(), WatchEvery: 100 * time.Millisecond, SweepEvery: 100 * time.Millisecond,
		Log: slog.New(log), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, k.Run)

	enrolled := func(round uint64) func() (bool, error) {
		return func() (bool, error) { return owners.Broker().Enrolled(t.Context(), owner.Address(), round) }
	}
	next := owners.Parameters().PeriodRounds // the first round of the next period
	eventually(t, owners, "an enrolment for the present period", enrolled(0))
	if early, err := enrolled(next)(); err != nil || early {
		t.Errorf("enrolled for the next period a day ahead: %v, %v", early, err)
	}
	if err := n.dev.Advance(t.Context(), time.Duration(next-1)*owners.Parameters().RoundLength); err != nil {
		t.Fatal(err)
	}
	eventually(t, owners, "an enrolment for the next period", enrolled(next))
	if round, err := owners.Round(t.Context()); err != nil || round.Number >= next {
		t.Errorf("it is round %d, %v: enrolled too late", round.Number, err)
	}

	do(t, "fund", senders.Broker().Fund(ether(3), nil))
	if _, _, err := senders.Broker().RedeemPartly(t.Context(), certain(t, senders, sender, owner.Address(), ether(2)), nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, owners, "a sweep", func() (bool, error) {
		pool, err := owners.Staking().Pool(t.Context(), owner.Address())
		return err == nil && pool.FeesReceived.Cmp(ether(2)) == 0, err
	})

	register(t, n.client(t, rival), key(t), 99)
	log.wait(t, "the place in the active set is in danger")

	prove(t, n, senders, operator, owner.Address())
	log.wait(t, "jailed until round")
}

// certain is a ticket that pays without a draw.
func certain(t *testing.T, c *chain.Client, sender *identity.Key, recipient common.Address, wei *big.Int) chain.Winner {
	t.Helper()
	round, err := c.Round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rand := common.Hash{1}
	var fee uint256.Int
	fee.SetFromBig(wei)
	ticket := payments.Ticket{
		Sender: sender.Address(), Recipient: recipient, Fee: fee, FaceValue: fee, RandHash: crypto.Keccak256Hash(rand[:]),
		Round: round.Number, Expiry: uint64(round.End.Unix()),
	}
	signature, err := sender.SignHash(eip712.NewDomain(c.ChainID(), c.Addresses().Broker).Digest(ticket.Hash()))
	if err != nil {
		t.Fatal(err)
	}
	return chain.Winner{Signature: signature, RecipientRand: rand, Ticket: chain.Ticket{
		Sender: ticket.Sender, Recipient: recipient, Fee: wei, FaceValue: wei, RandHash: ticket.RandHash, Round: ticket.Round, Expiry: ticket.Expiry,
	}}
}

// prove has an orchestrator punished for two receipts of one attempt.
func prove(t *testing.T, n *network, challenger *chain.Client, operator *identity.Key, orchestrator common.Address) {
	t.Helper()
	round, err := challenger.Round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lease := receipt.Lease{Broadcaster: challenger.Self(), Orchestrator: orchestrator, Round: round.Number}
	signed := func(fee uint64) chain.SignedReceipt {
		r := receipt.Receipt{Lease: lease.Hash(), Fee: *uint256.NewInt(fee)}
		signature, err := operator.SignHash(eip712.NewDomain(challenger.ChainID(), n.addresses.Broker).Digest(r.Hash()))
		if err != nil {
			t.Fatal(err)
		}
		return chain.SignedReceipt{Signature: signature, Receipt: chain.EvidenceReceipt{
			Lease: r.Lease, Fee: r.Fee.ToBig(), Ticket: chain.EvidenceTicketTerms{FaceValue: new(big.Int)},
		}}
	}
	zero := new(big.Int)
	evidence := chain.EncodeTwoReceipts(chain.EvidenceLease{
		Broadcaster: lease.Broadcaster, Orchestrator: orchestrator, Round: round.Number, MaxFaceValue: zero, MaxUnpaid: zero,
		Prices: chain.EvidencePrices{H264: zero, Hevc: zero, Av1: zero, Source: zero, Mib: zero},
	}, signed(1), signed(2))
	disputes := challenger.Disputes()
	terms, err := disputes.Terms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	do(t, "commit", disputes.Commit(chain.CommitmentOf(chain.TwoReceipts, evidence, common.Hash{}), terms.Bond))
	if err := n.dev.Advance(t.Context(), terms.RevealDelay); err != nil {
		t.Fatal(err)
	}
	do(t, "reveal", disputes.Reveal(chain.TwoReceipts, evidence, common.Hash{}))
}

func read(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestConfigIsChecked(t *testing.T) {
	if _, err := keeper.New(keeper.Config{}); err == nil {
		t.Error("an empty config was taken")
	}
}
