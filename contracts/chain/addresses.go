package chain

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/ethereum/go-ethereum/common"
)

// Addresses names one deployment of the contracts.
type Addresses struct {
	ChainID       uint64         `json:"chainId"`
	Block         uint64         `json:"block"` // where they were deployed: event queries begin here
	Token         common.Address `json:"castToken"`
	Rounds        common.Address `json:"rounds"`  // a proxy
	Staking       common.Address `json:"staking"` // a proxy
	Broker        common.Address `json:"ticketBroker"`
	Disputes      common.Address `json:"disputes"`      // a proxy
	AccessManager common.Address `json:"accessManager"` // says who may upgrade the proxies
	Timelock      common.Address `json:"timelock"`      // its administrator
	Code          CodeHashes     `json:"code"`
}

// CodeHashes are the keccak256 of the contracts' code as it was deployed; zero where it was not recorded.
type CodeHashes struct {
	Token         common.Hash `json:"castToken"`
	Broker        common.Hash `json:"ticketBroker"`
	Proxy         common.Hash `json:"proxy"`
	Rounds        common.Hash `json:"rounds"`   // behind the proxy
	Staking       common.Hash `json:"staking"`  // behind the proxy
	Disputes      common.Hash `json:"disputes"` // behind the proxy
	AccessManager common.Hash `json:"accessManager"`
	Timelock      common.Hash `json:"timelock"`
}

// ReadAddresses reads the file that package deploy writes.
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
