package chain

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ethereum/go-ethereum/common"
)

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
func ReadAddresses(path string) (Addresses, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the operator's own file
	if err != nil {
		return Addresses{}, fmt.Errorf("chain: addresses: %w", err)
	}
	var a Addresses
	if err := json.Unmarshal(raw, &a); err != nil {
		return Addresses{}, fmt.Errorf("chain: addresses in %s: %w", path, err)
	}
	return a, nil
}

// write puts the file in place in one step, so that a reader sees all of it or nothing.
func (a Addresses) write(path string) error {
	raw, err := json.MarshalIndent(a, "", "  ")
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

// DeploymentError says that a node is not the one that an addresses file speaks of.
type DeploymentError struct {
	What string // "chain id", or a contract's name
	Want string
	Got  string
}

// Error names both sides and what to check.
func (e *DeploymentError) Error() string {
	return fmt.Sprintf("chain: %s: want %s, the node has %s: check the RPC URL and the addresses file", e.What, e.Want, e.Got)
}
