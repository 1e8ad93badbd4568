package guides_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"castnet/contracts/bindings"
	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/contracts/devchain"
	"castnet/internal/identity"
	"castnet/internal/node/amount"
	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/sqlite"
	"castnet/probabilistic-payments/store/storetest"
	"castnet/test/guides"
)

// TestGuides follows every guide, each in a home and on a chain of its own.
func TestGuides(t *testing.T) {
	root, programs := root(), build(t)
	for _, name := range []string{"delegator", "orchestrator-owner", "broadcaster-treasurer"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(root, "docs", "guides", name+".md"))
			if err != nil {
				t.Fatal(err)
			}
			steps, err := guides.Parse(string(text))
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, programs)
			for _, step := range steps {
				if step.Commands == "" {
					w.stage(t, step)
				} else {
					w.run(t, step)
				}
			}
		})
	}
}

// build makes the program, and names its folder.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	command := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "./cmd/castnet")
	command.Dir = root()
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return dir
}

func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// world is what a reader has around: a network with two orchestrators, and a treasury that stands for whoever sells CAST and ETH.
type world struct {
	home     string
	env      []string
	dev      *devchain.Chain
	eth      *ethclient.Client
	net      chain.Addresses
	treasury *identity.Key
	owners   map[string]*identity.Key
}

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

func newKey(t *testing.T) *identity.Key {
	t.Helper()
	key, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newWorld(t *testing.T, programs string) *world {
	t.Helper()
	w := &world{home: t.TempDir(), treasury: newKey(t), owners: map[string]*identity.Key{"Rosa": newKey(t), "Tycho": newKey(t)}}
	funded := []devchain.Allocation{{Account: w.treasury.Address(), Wei: ether(1_000_000)}}
	supply := []deploy.Allocation{{Account: w.treasury.Address(), Amount: ether(1_000_000)}}
	for _, owner := range w.owners {
		funded = append(funded, devchain.Allocation{Account: owner.Address(), Wei: ether(1000)})
		supply = append(supply, deploy.Allocation{Account: owner.Address(), Amount: ether(1000)})
	}
	var err error
	w.dev, err = devchain.New(devchain.Config{Listen: "127.0.0.1:0", BlockPeriod: 100 * time.Millisecond, MaxLead: time.Hour, Allocations: funded})
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, w.dev.Run)
	contracts := filepath.Join(w.home, "contracts.json")
	w.net, err = deploy.Contracts(t.Context(), deploy.Config{URL: w.dev.URL(), File: contracts, Signer: w.treasury, Supply: supply})
	if err != nil {
		t.Fatal(err)
	}
	if w.eth, err = ethclient.DialContext(t.Context(), w.dev.URL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.eth.Close)
	for name, owner := range w.owners {
		client := w.client(t, owner)
		_, err := client.Staking().Register(chain.Registration{
			Operator: newKey(t).Address(), ServiceURI: "https://127.0.0.1:8935#" + name, RewardCut: 100_000, FeeShare: 500_000, Stake: ether(100),
		}).Send(t.Context())
		if err != nil {
			t.Fatal(err)
		}
	}
	password := filepath.Join(w.home, "password")
	if err := os.WriteFile(password, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// What a person types or is asked at a terminal comes from the environment here.
	w.env = []string{
		"HOME=" + w.home, "PATH=" + programs + string(os.PathListSeparator) + os.Getenv("PATH"), "CASTNET_RPC=" + w.dev.URL(),
		"CASTNET_CONTRACTS=" + contracts, "CASTNET_YES=true", "CASTNET_PASSWORD_FILE=" + password, "CASTNET_LIGHT=true",
	}
	return w
}

func runUntilCleanup(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context()) }()
	t.Cleanup(func() { // the test's context has ended by then
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func (w *world) client(t *testing.T, signer chain.Signer) *chain.Client {
	t.Helper()
	client, err := chain.Dial(t.Context(), chain.Config{URL: w.dev.URL(), Addresses: w.net, Signer: signer})
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, client.Run)
	return client
}

// run gives a block to a shell, as it is printed. What it exports holds for the next one.
func (w *world) run(t *testing.T, step guides.Step) {
	t.Helper()
	variables := filepath.Join(w.home, ".variables")
	script := fmt.Sprintf("set -e\n[ ! -f %[1]s ] || . %[1]s\n%[2]s\nexport -p > %[1]s\n", variables, step.Commands)
	shell := exec.CommandContext(t.Context(), "bash", "-c", script)
	shell.Dir, shell.Env = w.home, w.env
	var out bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &out
	err := shell.Run()
	t.Logf("line %d:\n%s\n%s", step.Line, step.Commands, &out)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || (err != nil) != step.Fails {
		t.Fatalf("line %d: the commands ended with %v; meant to be refused: %v", step.Line, err, step.Fails)
	}
	if missing, ok := guides.Missing(step.Shows, out.String()); !ok {
		t.Fatalf("line %d: the output has no line like\n%s", step.Line, missing)
	}
}

// stage does what a reader waits for, or gets from elsewhere.
func (w *world) stage(t *testing.T, step guides.Step) {
	t.Helper()
	words := step.Stage
	switch {
	case words[0] == "advance" && len(words) == 2:
		by, err := time.ParseDuration(words[1])
		if err != nil {
			t.Fatalf("line %d: %v", step.Line, err)
		}
		if err := w.dev.Advance(t.Context(), by); err != nil {
			t.Fatal(err)
		}
	case words[0] == "fund" && len(words) >= 4: // fund NAME 100 CAST 1 ETH
		to := w.account(t, words[1])
		for pair := range slices.Chunk(words[2:], 2) {
			w.pay(t, step.Line, to, strings.Join(pair, " "))
		}
	case words[0] == "fees" && len(words) == 4: // fees NAME 0.2 ETH, to an orchestrator of the world or the reader's own
		var to common.Address
		if owner, ok := w.owners[words[1]]; ok {
			to = owner.Address()
		} else {
			to = w.account(t, words[1])
		}
		w.send(t, w.net.Staking, parse(t, step.Line, words[2]+" "+words[3], amount.ETH), bindings.NewStaking().PackDepositFees(to))
	case words[0] == "income" && len(words) == 2: // income DIR: an orchestrator's data folder, with receipts that are paid and one that is not
		earn(t, filepath.Join(w.home, words[1]))
	default:
		t.Fatalf("line %d: what is %v?", step.Line, words)
	}
}

// earn makes a money store.
func earn(t *testing.T, dir string) {
	t.Helper()
	money, err := sqlite.Open(t.Context(), filepath.Join(dir, "money.db"))
	if err != nil {
		t.Fatal(err)
	}
	paid, unpaid := storetest.NewCharge(1, 1), storetest.NewCharge(2, 2)
	ticket := storetest.NewTicket(paid, 1)
	if err := errors.Join(
		money.AddCharge(t.Context(), paid), money.AddCharge(t.Context(), unpaid),
		money.Accept(t.Context(), ticket, &payments.Winner{SignedTicket: *ticket, Lease: paid.Lease, Seq: 1, Epoch: 1}), money.Close(),
	); err != nil {
		t.Fatal(err)
	}
}

func (w *world) account(t *testing.T, name string) common.Address {
	t.Helper()
	file, err := identity.FindKey(filepath.Join(w.home, ".local", "state", "castnet", "keys"), name)
	if err != nil {
		t.Fatal(err)
	}
	return file.Address
}

func parse(t *testing.T, line int, text string, of amount.Currency) *big.Int {
	t.Helper()
	v, err := amount.Parse(text, of)
	if err != nil {
		t.Fatalf("line %d: %v", line, err)
	}
	return v
}

func (w *world) pay(t *testing.T, line int, to common.Address, what string) {
	t.Helper()
	if strings.HasSuffix(what, "CAST") {
		w.send(t, w.net.Token, nil, bindings.NewCastToken().PackTransfer(to, parse(t, line, what, amount.CAST)))
		return
	}
	w.send(t, to, parse(t, line, what, amount.ETH), nil)
}

// send makes a transaction of the treasury's and waits for it.
func (w *world) send(t *testing.T, to common.Address, wei *big.Int, data []byte) {
	t.Helper()
	nonce, err := w.eth.PendingNonceAt(t.Context(), w.treasury.Address())
	if err != nil {
		t.Fatal(err)
	}
	heads := make(chan *types.Header, 16)
	subscription, err := w.eth.SubscribeNewHead(t.Context(), heads)
	if err != nil {
		t.Fatal(err)
	}
	defer subscription.Unsubscribe()
	id := new(big.Int).SetUint64(w.net.ChainID)
	tx := types.MustSignNewTx(w.treasury.Private(), types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(100 * params.GWei), Gas: 500_000, To: &to, Value: wei, Data: data,
	})
	if err := w.eth.SendTransaction(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	for {
		receipt, err := w.eth.TransactionReceipt(t.Context(), tx.Hash())
		if err == nil {
			if receipt.Status != types.ReceiptStatusSuccessful {
				t.Fatalf("%v to %s reverted", tx.Hash(), to)
			}
			return
		}
		select {
		case <-heads:
		case err := <-subscription.Err():
			t.Fatal(err)
		}
	}
}

func TestParse(t *testing.T) {
	steps, err := guides.Parse("text\n```sh\na\nb\n```\nmore\n```text\nout 1\n```\n<!-- test: advance 1h -->\n<!-- test: fails -->\n```sh\nc\n```\n```json\n{}\n```\n")
	if err != nil || len(steps) != 3 {
		t.Fatalf("%+v, %v", steps, err)
	}
	if steps[0].Commands != "a\nb" || !slices.Equal(steps[0].Shows, []string{"out 1"}) || !slices.Equal(steps[1].Stage, []string{"advance", "1h"}) ||
		steps[2].Commands != "c" || !steps[2].Fails {
		t.Errorf("%+v", steps)
	}
	for _, bad := range []string{"```sh\na\n", "```text\nout\n```\n"} {
		if _, err := guides.Parse(bad); err == nil {
			t.Errorf("%q: taken", bad)
		}
	}
}

func TestMissing(t *testing.T) {
	const out = "  Account  0xAb12  \n  Stake    12.5 CAST\n\nDone: transaction 0x99 in block 7.\n"
	for want, ok := range map[string]bool{
		"Account 0x…":                          true,
		"Stake 3 CAST":                         true,
		"Stake CAST":                           false,
		"Stake x CAST":                         false,
		"Stake 3 ETH":                          false,
		"…\nDone: transaction 0x1 in block 2.": true,
		"Stake 3 CAST\nAccount 0x1":            false, // in the wrong order
	} {
		if _, got := guides.Missing(strings.Split(want, "\n"), out); got != ok {
			t.Errorf("%q: %v, want %v", want, got, ok)
		}
	}
}
