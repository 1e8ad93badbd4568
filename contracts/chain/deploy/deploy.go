// Package deploy brings the contracts on a chain, whole or not at all: a deployment that was interrupted goes on where it stopped, and
// one that is there is verified.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"

	"castnet/contracts/bindings"
	"castnet/contracts/chain"
	"castnet/contracts/chain/endpoint"
)

// poll is how often the head is looked at where the node cannot push it: the transactions follow each other.
const poll = 50 * time.Millisecond

// Contracts brings the contracts on the chain and names them in cfg.File. If the file exists, nothing is sent: the chain id, the code at
// each address and the implementations behind the proxies are verified instead, and a mismatch is a *chain.DeploymentError. A
// deployment that was interrupted goes on where it stopped, by what it wrote down in cfg.File + Partial.
func Contracts(ctx context.Context, cfg Config) (chain.Addresses, error) {
	if err := cfg.Validate(); err != nil {
		return chain.Addresses{}, err
	}
	known, err := chain.ReadAddresses(cfg.File)
	if err == nil {
		return verify(ctx, cfg, known)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return chain.Addresses{}, err
	}
	addresses, err := deploy(ctx, cfg)
	if err != nil {
		return chain.Addresses{}, err
	}
	if err := writeJSON(cfg.File, addresses); err != nil {
		return chain.Addresses{}, fmt.Errorf("deploy: %w", err)
	}
	if err := os.Remove(cfg.File + Partial); err != nil {
		return chain.Addresses{}, fmt.Errorf("deploy: %w", err)
	}
	cfg.Log.Info("contracts are deployed", "chain_id", addresses.ChainID, "broker", addresses.Broker, "file", cfg.File)
	return addresses, nil
}

// verify checks that the node has what the addresses file names.
func verify(ctx context.Context, cfg Config, known chain.Addresses) (chain.Addresses, error) {
	client, err := chain.Dial(ctx, chain.Config{URL: cfg.URL, Addresses: known, Log: cfg.Log})
	if err != nil {
		return chain.Addresses{}, fmt.Errorf("%w (named in %s)", err, cfg.File)
	}
	defer client.Close()
	code, err := client.Code(ctx)
	if err != nil || code == known.Code {
		return known, err
	}
	if !cfg.AcceptUpgrades {
		return chain.Addresses{}, fmt.Errorf("%w, named in %s: if its upgrade is right, accept it (AcceptUpgrades, --accept-upgrades)",
			differs(known.Code, code), cfg.File)
	}
	known.Code = code
	return known, writeJSON(cfg.File, known)
}

// differs names the first proxy behind which there is other code than was recorded; what never changes was compared before.
func differs(recorded, now chain.CodeHashes) error {
	for _, k := range []struct {
		name          string
		recorded, now common.Hash
	}{
		{"Rounds", recorded.Rounds, now.Rounds}, {"Staking", recorded.Staking, now.Staking}, {"Disputes", recorded.Disputes, now.Disputes},
	} {
		if k.recorded != k.now {
			return &chain.DeploymentError{What: "code behind the proxy of " + k.name, Want: k.recorded.Hex(), Got: k.now.Hex()}
		}
	}
	return &chain.DeploymentError{What: "code of the contracts", Want: "its hashes on record", Got: "code without any"}
}

// deployer makes one deployment.
type deployer struct {
	cfg    Config
	client *chain.Client     // sends
	eth    *ethclient.Client // asks what the client does not tell
	self   common.Address
}

// deploy makes what is missing of a deployment.
func deploy(ctx context.Context, cfg Config) (chain.Addresses, error) {
	if cfg.Signer == nil {
		return chain.Addresses{}, fmt.Errorf("deploy: %w", chain.ErrNoSigner)
	}
	eth, err := endpoint.Dial(ctx, cfg.URL)
	if err != nil {
		return chain.Addresses{}, fmt.Errorf("deploy: %w", err)
	}
	defer eth.Close()
	id, err := eth.ChainID(ctx)
	if err != nil {
		return chain.Addresses{}, fmt.Errorf("deploy: %s does not answer: %w", endpoint.Name(cfg.URL), err)
	}
	client, err := chain.Connect(ctx, chain.Config{
		URL: cfg.URL, Addresses: chain.Addresses{ChainID: id.Uint64()}, Signer: cfg.Signer, PollInterval: poll, Log: cfg.Log,
	})
	if err != nil {
		return chain.Addresses{}, err
	}
	d := &deployer{cfg: cfg, client: client, eth: eth, self: client.Self()}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- client.Run(running) }()
	addresses, err := d.run(running)
	stop()
	return addresses, errors.Join(err, <-ended)
}

// run makes the plan's transactions, those of them that were not made before.
func (d *deployer) run(ctx context.Context) (chain.Addresses, error) {
	p, err := d.begin(ctx)
	if err != nil {
		return chain.Addresses{}, err
	}
	a, steps := plan(d.cfg, p)
	made, err := d.settledNonce(ctx)
	if err != nil {
		return chain.Addresses{}, err
	}
	for i, s := range steps {
		nonce := p.Nonce + uint64(i)
		if nonce >= made {
			if _, err := d.client.Transaction(s.to, s.data).Send(ctx); err != nil {
				return chain.Addresses{}, fmt.Errorf("deploy %s: %w", s.name, err)
			}
		}
		if s.to == nil {
			if err := d.created(ctx, s.name, crypto.CreateAddress(d.self, nonce)); err != nil {
				return chain.Addresses{}, err
			}
		}
	}
	return d.verified(ctx, a)
}

// created checks that a contract is where it should be.
func (d *deployer) created(ctx context.Context, name string, at common.Address) error {
	code, err := d.eth.CodeAt(ctx, at, nil)
	if err != nil {
		return fmt.Errorf("deploy: code of %s: %w", name, err)
	}
	if len(code) > 0 {
		return nil
	}
	return fmt.Errorf("%w: was the account %v used for something else meanwhile? Remove %s to begin anew",
		&chain.DeploymentError{What: name, Want: "code at " + at.Hex(), Got: "none"}, d.self, d.cfg.File+Partial)
}

// verified checks the whole by its own words, and that nobody but the timelock is in charge; then it records the code.
func (d *deployer) verified(ctx context.Context, a chain.Addresses) (chain.Addresses, error) {
	deployed, err := chain.Dial(ctx, chain.Config{URL: d.cfg.URL, Addresses: a, Log: d.cfg.Log})
	if err != nil {
		return a, err
	}
	defer deployed.Close()
	manager := bindings.NewAccessManager()
	for _, want := range []struct {
		who common.Address
		in  bool
	}{{a.Timelock, true}, {d.self, false}} {
		raw, err := d.eth.CallContract(ctx, ethereum.CallMsg{To: &a.AccessManager, Data: manager.PackHasRole(administrator, want.who)}, nil)
		if err != nil {
			return a, fmt.Errorf("deploy: roles: %w", err)
		}
		role, err := manager.UnpackHasRole(raw)
		if err != nil {
			return a, fmt.Errorf("deploy: roles: %w", err)
		}
		if role.IsMember != want.in {
			return a, &chain.DeploymentError{What: "administrator " + want.who.Hex(), Want: fmt.Sprint(want.in), Got: fmt.Sprint(role.IsMember)}
		}
	}
	a.Code, err = deployed.Code(ctx)
	return a, err
}
