package devchain_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"castnet/contracts/devchain"
)

// childDir names the directory of a chain that this binary shall run, as a child, until it is killed.
const childDir = "CASTNET_TEST_DEVCHAIN_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := runChild(dir); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	m.Run()
}

func runChild(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	chain, err := devchain.New(config(dir))
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(os.Stdout, chain.URL())
	return chain.Run(ctx)
}

func account() *ecdsa.PrivateKey {
	return crypto.ToECDSAUnsafe(crypto.Keccak256([]byte("castnet devchain test")))
}

func config(dir string) devchain.Config {
	return devchain.Config{
		DataDir: dir,
		Listen:  "127.0.0.1:0",
		ChainID: 31337,
		Allocations: []devchain.Allocation{{
			Account: crypto.PubkeyToAddress(account().PublicKey),
			Wei:     new(big.Int).Mul(big.NewInt(1000), big.NewInt(params.Ether)),
		}},
		BlockPeriod: 100 * time.Millisecond,
	}
}

// start runs a chain in this process until the test ends.
func start(t *testing.T, cfg devchain.Config) (*devchain.Chain, *ethclient.Client) {
	t.Helper()
	chain, err := devchain.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- chain.Run(t.Context()) }()
	t.Cleanup(func() { // the test's context has ended by then
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return chain, dial(t, chain.URL())
}

func dial(t *testing.T, url string) *ethclient.Client {
	t.Helper()
	client, err := ethclient.DialContext(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// pay sends 1 wei to target and returns when it is in a block.
func pay(t *testing.T, client *ethclient.Client, target common.Address) *types.Receipt {
	t.Helper()
	heads := make(chan *types.Header, 16)
	subscription, err := client.SubscribeNewHead(t.Context(), heads)
	if err != nil {
		t.Fatal(err)
	}
	defer subscription.Unsubscribe()

	key := account()
	from := crypto.PubkeyToAddress(key.PublicKey)
	nonce, err := client.PendingNonceAt(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	id, err := client.ChainID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx := types.MustSignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(100 * params.GWei),
		Gas: params.TxGas, To: &target, Value: big.NewInt(1),
	})
	if err := client.SendTransaction(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	for {
		if receipt, err := client.TransactionReceipt(t.Context(), tx.Hash()); err == nil {
			return receipt
		}
		select {
		case <-heads:
		case err := <-subscription.Err():
			t.Fatal(err)
		case <-time.After(time.Minute):
			t.Fatal("not in a block after a minute")
		}
	}
}

func TestTransactionsAreMinedAtOnce(t *testing.T) {
	cfg := config("")
	cfg.BlockPeriod = time.Hour
	chain, client := start(t, cfg)
	if chain.ChainID() != 31337 {
		t.Errorf("chain id %d", chain.ChainID())
	}
	for i := range 5 {
		receipt := pay(t, client, common.Address{0xaa}) // within a minute
		if receipt.Status != types.ReceiptStatusSuccessful || receipt.BlockNumber.Uint64() != uint64(i+1) {
			t.Fatalf("receipt %+v", receipt)
		}
	}
	// The HTTP side of the same port.
	web := dial(t, strings.Replace(chain.URL(), "ws://", "http://", 1))
	if n, err := web.BlockNumber(t.Context()); err != nil || n != 5 {
		t.Errorf("over HTTP: block %d, %v", n, err)
	}
}

// In a burst chain time may lead the clock, but not further than allowed; idle blocks never push it.
func TestChainTimeFollowsTheClock(t *testing.T) {
	cfg := config("")
	cfg.MaxLead = 3 * time.Second
	_, client := start(t, cfg)
	for range 5 {
		pay(t, client, common.Address{0xaa})
	}
	head, err := client.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if lead := time.Until(time.Unix(int64(head.Time), 0)); lead > 4*time.Second {
		t.Errorf("chain time leads by %v", lead)
	}
}

func TestEmptyBlocksCarryTime(t *testing.T) {
	_, client := start(t, config(""))
	heads, began := make(chan *types.Header, 16), time.Now()
	subscription, err := client.SubscribeNewHead(t.Context(), heads)
	if err != nil {
		t.Fatal(err)
	}
	defer subscription.Unsubscribe()
	for range 2 {
		select {
		case head := <-heads:
			if at := time.Unix(int64(head.Time), 0); time.Until(at) > 2*time.Second || began.Sub(at) > 3*time.Second {
				t.Errorf("block %v: chain time is %v, begun was at %v, now is %v", head.Number, at, began, time.Now())
			}
		case <-time.After(time.Minute):
			t.Fatal("no block")
		}
	}
}

func TestAdvance(t *testing.T) {
	dir := t.TempDir()
	t.Run("moves time", func(t *testing.T) {
		chain, client := start(t, config(dir))
		if err := chain.Advance(t.Context(), 30*24*time.Hour); err != nil {
			t.Fatal(err)
		}
		pay(t, client, common.Address{0xaa})
		wantLead(t, client, 30*24*time.Hour)
		if err := chain.Advance(t.Context(), time.Millisecond); err == nil {
			t.Error("an advance by less than a second was taken")
		}
	})
	t.Run("stays after a restart", func(t *testing.T) {
		_, client := start(t, config(dir))
		pay(t, client, common.Address{0xaa})
		pay(t, client, common.Address{0xaa})
		wantLead(t, client, 30*24*time.Hour)
	})
}

func wantLead(t *testing.T, client *ethclient.Client, want time.Duration) {
	t.Helper()
	head, err := client.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	lead := time.Until(time.Unix(int64(head.Time), 0))
	if lead < want-time.Minute || lead > want+time.Minute {
		t.Errorf("chain time leads by %v, want %v", lead, want)
	}
}

// What a client saw confirmed is there after the process was killed, every time.
func TestSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	target := common.Address{0xbb}
	var confirmed []*types.Receipt
	for range 3 {
		child, client := startChild(t, dir)
		for _, receipt := range confirmed {
			got, err := client.TransactionReceipt(t.Context(), receipt.TxHash)
			if err != nil {
				t.Fatalf("transaction of block %v: %v", receipt.BlockNumber, err)
			}
			if got.BlockHash != receipt.BlockHash {
				t.Errorf("block %v is another one", receipt.BlockNumber)
			}
		}
		balance, err := client.BalanceAt(t.Context(), target, nil)
		if err != nil || balance.Int64() != int64(len(confirmed)) {
			t.Fatalf("balance %v after %d payments, %v", balance, len(confirmed), err)
		}
		for range 4 {
			confirmed = append(confirmed, pay(t, client, target))
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := child.Wait(); err == nil || child.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the child ended by itself: %v", child.ProcessState)
		}
	}
}

func startChild(t *testing.T, dir string) (*exec.Cmd, *ethclient.Client) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		rest, _ := io.ReadAll(out)
		t.Fatalf("child: %v %s", err, rest)
	}
	return child, dial(t, strings.TrimSpace(url))
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*devchain.Config){
		"no host":             func(c *devchain.Config) { c.Listen = ":8545" },
		"no port":             func(c *devchain.Config) { c.Listen = "127.0.0.1" },
		"negative period":     func(c *devchain.Config) { c.BlockPeriod = -1 },
		"nameless allocation": func(c *devchain.Config) { c.Allocations[0].Wei = nil },
	} {
		cfg := config("")
		change(&cfg)
		if _, err := devchain.New(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// A directory in use is refused rather than shared.
func TestDirectoryIsExclusive(t *testing.T) {
	dir := t.TempDir()
	start(t, config(dir))
	if _, err := devchain.New(config(dir)); err == nil {
		t.Error("a second node on the same directory was started")
	}
}

// A page of this machine may ask through a browser; a page from elsewhere may not.
func TestBrowsersOfThisMachineMayAsk(t *testing.T) {
	dev, _ := start(t, config(""))
	for origin, allowed := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://localhost:5173": true, "https://localhost:8443": true,
		"http://evil.example": false, "http://127.0.0.1.evil.example:80": false,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, strings.Replace(dev.URL(), "ws:", "http:", 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Origin", origin)
		request.Header.Set("Access-Control-Request-Method", http.MethodPost)
		request.Header.Set("Access-Control-Request-Headers", "content-type")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if got := response.Header.Get("Access-Control-Allow-Origin") == origin; got != allowed {
			t.Errorf("%s: allowed %v, want %v", origin, got, allowed)
		}
	}
}
