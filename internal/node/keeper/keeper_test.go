package keeper_test

import (
	"context"
	"log/slog"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/params"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/contracts/devchain"
	"castnet/internal/identity"
	"castnet/internal/node/keeper"
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

// A keeper on a real chain: rounds are entered, emission is taken, and worries are told when they come and go.
func TestKeeper(t *testing.T) {
	owner, operator := key(t), key(t)
	dev, err := devchain.New(devchain.Config{
		Listen: "127.0.0.1:0", BlockPeriod: 100 * time.Millisecond, MaxLead: time.Hour,
		Allocations: []devchain.Allocation{{Account: owner.Address(), Wei: ether(1000)}, {Account: operator.Address(), Wei: ether(1)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, dev.Run)
	addresses, err := deploy.Contracts(t.Context(), deploy.Config{
		URL: dev.URL(), File: filepath.Join(t.TempDir(), "contracts.json"), Signer: owner, EmissionPPB: 1_000_000,
		Supply: []deploy.Allocation{{Account: owner.Address(), Amount: ether(1000)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	client := func(k *identity.Key) *chain.Client {
		c, err := chain.Dial(t.Context(), chain.Config{URL: dev.URL(), Addresses: addresses, Signer: k})
		if err != nil {
			t.Fatal(err)
		}
		run(t, c.Run)
		return c
	}
	owners := client(owner)
	if _, err := owners.Staking().Register(chain.Registration{
		Operator: operator.Address(), ServiceURI: "https://127.0.0.1:8935", RewardCut: 100_000, FeeShare: 500_000, Stake: ether(100),
	}).Send(t.Context()); err != nil {
		t.Fatal(err)
	}

	registry := prometheus.NewRegistry()
	log := make(said)
	k, err := keeper.New(keeper.Config{
		Client: client(operator), Owner: owner.Address(), LowBalance: ether(2), WatchEvery: 100 * time.Millisecond, SweepEvery: 100 * time.Millisecond,
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
