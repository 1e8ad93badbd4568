package e2e_test

import (
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"castnet/broadcaster/api"
	"castnet/contracts/chain"
	"castnet/test/testnet"
)

// dial connects to the network's chain as somebody who only reads.
func dial(t *testing.T, n *testnet.Network) *chain.Client {
	t.Helper()
	addresses, err := chain.ReadAddresses(filepath.Join(n.Dir, "contracts.json"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := chain.Dial(t.Context(), chain.Config{URL: n.RPC, Addresses: addresses})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func orchestrators(t *testing.T, client *chain.Client) []chain.Orchestrator {
	t.Helper()
	list, err := client.Staking().Orchestrators(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != testnet.Orchestrators {
		t.Fatalf("%d orchestrators are registered", len(list))
	}
	return list
}

func redemptions(t *testing.T, client *chain.Client) []chain.Redemption {
	t.Helper()
	list, err := client.Broker().Redemptions(t.Context(), chain.RedemptionQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// keysFile writes a file of stream keys.
func keysFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func address(hex string) common.Address { return common.HexToAddress(hex) }

func wei(t *testing.T, w api.Wei) *big.Int {
	t.Helper()
	v, ok := new(big.Int).SetString(string(w), 10)
	if !ok {
		t.Fatalf("%q is no amount", w)
	}
	return v
}
