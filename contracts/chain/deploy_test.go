package chain_test

import (
	"errors"
	"os"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
)

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
		if _, err := chain.Deploy(t.Context(), cfg); !errors.Is(err, errGone) {
			t.Fatalf("after %d steps: %v", sum+steps, err)
		}
		sum += steps
	}
	other := cfg
	other.Signer, other.MaxActive = deployer, 7
	if _, err := chain.Deploy(t.Context(), other); err == nil {
		t.Error("an unfinished deployment went on with another configuration")
	}
	cfg.Signer = deployer
	addresses, err := chain.Deploy(t.Context(), cfg)
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
