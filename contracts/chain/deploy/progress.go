package deploy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/contracts/chain"
)

// Partial ends the name of the file that an unfinished deployment goes on by, after that of the addresses file.
const Partial = ".partial"

// progress is what an unfinished deployment must know: its contracts' addresses follow from it.
type progress struct {
	ChainID  uint64         `json:"chainId"`
	Deployer common.Address `json:"deployer"`
	Nonce    uint64         `json:"nonce"` // of the first step
	Block    uint64         `json:"block"` // the head before it
	Plan     common.Hash    `json:"plan"`  // hash of all steps: another configuration is another deployment
}

// begin reads how far an earlier deployment came, or writes down where this one begins, before anything is sent.
func (d *deployer) begin(ctx context.Context) (progress, error) {
	path := d.cfg.File + Partial
	raw, err := os.ReadFile(path) //nolint:gosec // the operator's own file
	if err == nil {
		return d.resume(path, raw)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return progress{}, fmt.Errorf("deploy: %w", err)
	}
	p := progress{ChainID: d.client.ChainID(), Deployer: d.self}
	if p.Nonce, err = d.settledNonce(ctx); err != nil {
		return progress{}, err
	}
	if p.Block, err = d.eth.BlockNumber(ctx); err != nil {
		return progress{}, fmt.Errorf("deploy: %w", err)
	}
	p.Block++
	p.Plan = planHash(d.cfg, p)
	if err := writeJSON(path, p); err != nil {
		return progress{}, fmt.Errorf("deploy: %w", err)
	}
	return p, nil
}

// resume checks that an unfinished deployment is this one.
func (d *deployer) resume(path string, raw []byte) (progress, error) {
	var p progress
	if err := json.Unmarshal(raw, &p); err != nil {
		return progress{}, fmt.Errorf("deploy: %s: %w", path, err)
	}
	if p.ChainID != d.client.ChainID() || p.Deployer != d.self || p.Plan != planHash(d.cfg, p) {
		return progress{}, fmt.Errorf("deploy: %s is of an unfinished deployment with another chain (%d), account (%v) or configuration: "+
			"finish that one, or remove the file to begin anew", path, p.ChainID, p.Deployer)
	}
	d.cfg.Log.Info("going on with an unfinished deployment", "file", path)
	return p, nil
}

// settledNonce is the account's next nonce, once nothing of an earlier process is waiting for a block.
func (d *deployer) settledNonce(ctx context.Context) (uint64, error) {
	heads, stop := context.WithCancel(ctx)
	defer stop()
	for range d.client.Heads(heads) {
		nonce, err := d.eth.NonceAt(ctx, d.self, nil)
		if err != nil {
			return 0, fmt.Errorf("deploy: nonce of %v: %w", d.self, err)
		}
		pending, err := d.eth.PendingNonceAt(ctx, d.self)
		if err != nil {
			return 0, fmt.Errorf("deploy: nonce of %v: %w", d.self, err)
		}
		if pending <= nonce {
			return nonce, nil
		}
	}
	return 0, fmt.Errorf("deploy: nonce of %v: %w", d.self, cmp.Or(ctx.Err(), chain.ErrStopped))
}

func planHash(cfg Config, p progress) common.Hash {
	_, steps := plan(cfg, p)
	var all []byte
	for _, s := range steps {
		all = append(all, crypto.Keccak256(s.data)...)
	}
	return crypto.Keccak256Hash(all)
}

// writeJSON puts a file in place in one step, so that a reader sees all of it or nothing.
func writeJSON(path string, value any) error {
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
