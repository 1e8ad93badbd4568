package deploy_test

import (
	"crypto/ecdsa"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/contracts/devchain"
)

// key is an account for tests, by its name.
type key struct{ private *ecdsa.PrivateKey }

func keyOf(name string) key { return key{crypto.ToECDSAUnsafe(crypto.Keccak256([]byte(name)))} }

func (k key) Address() common.Address { return crypto.PubkeyToAddress(k.private.PublicKey) }

func (k key) SignHash(hash common.Hash) ([]byte, error) { return crypto.Sign(hash[:], k.private) }

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

// node is a development chain that runs until the test ends.
func node(t *testing.T) *devchain.Chain {
	t.Helper()
	dev, err := devchain.New(devchain.Config{
		Listen: "127.0.0.1:0", BlockPeriod: 50 * time.Millisecond, MaxLead: time.Hour,
		Allocations: []devchain.Allocation{{Account: keyOf("deployer").Address(), Wei: ether(1000)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- dev.Run(t.Context()) }()
	t.Cleanup(func() { // the test's context has ended by then
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return dev
}

func deployConfig(t *testing.T, dev *devchain.Chain) deploy.Config {
	t.Helper()
	return deploy.Config{
		URL: dev.URL(), File: filepath.Join(t.TempDir(), "chain", "addresses.json"), Signer: keyOf("deployer"),
		RoundLength: 10 * time.Minute, EmissionPPB: 100_000, Supply: []deploy.Allocation{{Account: keyOf("owner").Address(), Amount: ether(1000)}},
	}
}

// interrupted signs so many transactions, then its key is gone.
type interrupted struct {
	key
	left *int
}

var errGone = errors.New("the power is gone")

func (k interrupted) SignHash(hash common.Hash) ([]byte, error) {
	if *k.left == 0 {
		return nil, errGone
	}
	*k.left--
	return k.key.SignHash(hash)
}

// A deployment that is interrupted, wherever, goes on there: the contracts are where they would have been.
func TestDeploymentGoesOn(t *testing.T) {
	dev := node(t)
	cfg := deployConfig(t, dev)
	deployer := keyOf("deployer")
	sum := 0
	for _, steps := range []int{0, 1, 4, 3, 6} {
		left := steps
		cfg.Signer = interrupted{deployer, &left}
		if _, err := deploy.Contracts(t.Context(), cfg); !errors.Is(err, errGone) {
			t.Fatalf("after %d steps: %v", sum+steps, err)
		}
		sum += steps
	}
	other := cfg
	other.Signer, other.MaxActive = deployer, 7
	if _, err := deploy.Contracts(t.Context(), other); err == nil {
		t.Error("an unfinished deployment went on with another configuration")
	}
	cfg.Signer = deployer
	addresses, err := deploy.Contracts(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cfg.File + ".partial"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what it went on by is still there: %v", err)
	}
	read, err := chain.ReadAddresses(cfg.File)
	if err != nil || read != addresses || addresses.Code.Staking == (common.Hash{}) {
		t.Errorf("file: %+v, %v", read, err)
	}
	// Somebody else's contracts at these addresses are noticed.
	wrong := addresses
	wrong.Code.Broker[0]++
	_, err = chain.Dial(t.Context(), chain.Config{URL: dev.URL(), Addresses: wrong})
	var mismatch *chain.DeploymentError
	if !errors.As(err, &mismatch) || mismatch.What != "code of TicketBroker" {
		t.Errorf("other code: %v", err)
	}
}

func TestDeployIsIdempotent(t *testing.T) {
	dev := node(t)
	cfg := deployConfig(t, dev)
	first, err := deploy.Contracts(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	again, err := deploy.Contracts(t.Context(), cfg)
	if err != nil || again != first {
		t.Fatalf("second time: %+v, %v; want %+v", again, err, first)
	}

	read, err := chain.ReadAddresses(cfg.File)
	if err != nil || read != first {
		t.Fatalf("file: %+v, %v", read, err)
	}
	other := cfg
	other.URL = node(t).URL()
	_, err = deploy.Contracts(t.Context(), other)
	var mismatch *chain.DeploymentError
	if !errors.As(err, &mismatch) || mismatch.What != "CastToken" {
		t.Errorf("another node: %v", err)
	}
	if err := os.WriteFile(cfg.File, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := deploy.Contracts(t.Context(), cfg); err == nil {
		t.Error("a torn file was taken")
	}
}

func TestDeployConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*deploy.Config){
		"no file":              func(c *deploy.Config) { c.File = "" },
		"no signer":            func(c *deploy.Config) { c.Signer = nil },
		"no node":              func(c *deploy.Config) { c.URL = "http://127.0.0.1:1" },
		"fractions of seconds": func(c *deploy.Config) { c.RoundLength = 1500 * time.Millisecond },
		"short unlock":         func(c *deploy.Config) { c.UnlockPeriod = 24 * time.Hour },
		"no place":             func(c *deploy.Config) { c.MaxActive = 1 << 16 },
		"long evidence": func(c *deploy.Config) {
			c.Disputes = &chain.DisputeTerms{EvidencePeriod: 7 * 24 * time.Hour, RevealWindow: time.Hour}
		},
		"negative stake": func(c *deploy.Config) { c.MinSelfStake = big.NewInt(-1) },
	} {
		cfg := deploy.Config{URL: "http://127.0.0.1:1", File: t.TempDir() + "/a.json", Signer: keyOf("deployer")}
		change(&cfg)
		if _, err := deploy.Contracts(t.Context(), cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestPeriodIsOfRounds: a longer lock of broadcasters' money does not stretch the period that offences count in.
func TestPeriodIsOfRounds(t *testing.T) {
	cfg := deploy.Config{RoundLength: time.Hour, TicketValidity: 90 * time.Minute, UnlockPeriod: 30 * 24 * time.Hour}
	if got := cfg.Period(); got != 3*time.Hour {
		t.Errorf("tickets of 90 minutes and rounds of an hour have periods of %v, not of 3 h", got)
	}
}
