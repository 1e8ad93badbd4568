package e2e_test

import (
	"context"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"

	"castnet/broadcaster/api"
	"castnet/contracts/chain"
	"castnet/internal/node/books"
	"castnet/test/redisserver"
	"castnet/test/testnet"
)

// balancer gives connections to one of several processes, as what stands before the processes of one identity does.
type balancer struct {
	mu sync.Mutex
	to string
}

func (b *balancer) turn(to string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to = to
}

func (b *balancer) target() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.to
}

// serve takes connections until the test ends.
func (b *balancer) serve(t *testing.T, address string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go b.forward(t.Context(), conn)
		}
	}()
}

func (b *balancer) forward(ctx context.Context, from net.Conn) {
	defer func() { _ = from.Close() }()
	to, err := new(net.Dialer).DialContext(ctx, "tcp", b.target())
	if err != nil {
		return // a process that is gone: whoever asked sees its connection end
	}
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	both.Wait()
}

// Two processes of one orchestrator keep their money in one Redis. One of them is killed, then Redis ends and comes back
// empty, while a stream is served: new money is refused with the reason while Redis is away, all goes on by itself when
// it is back, and nothing is redeemed twice.
func TestOneIdentityOnRedis(t *testing.T) {
	base, err := testnet.FreePorts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &machines{dir: t.TempDir(), base: base}
	prepared, err := testnet.Start(t.Context(), testnet.Config{Dir: m.dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prepared.Stop(); err != nil {
		t.Fatal(err)
	}
	redis := redisserver.Start(t)
	m.start(t, 5, "devchain", "--data-dir", m.path("chain"), "--listen", m.address(3))
	process := func(name string, at int) *testnet.Role {
		return m.start(t, at+1, append([]string{
			"orchestrator", "run", "--data-dir", m.path("Rosa-" + name), "--owner", ownerOf(t, m.path("keys/owner-Rosa.json")),
			"--listen", m.address(at), "--store", redis.URL, "--face-value", "1 wei", "--epoch", "1s", "--confirmations", "0", "--min-return", "0",
		}, m.account("operator-Rosa")...)...)
	}
	// The first to ask redeems for both: it is the one that is killed, and the other one takes over within seconds.
	dies, stays := process("dies", 10), process("stays", 0)
	front := &balancer{to: m.address(10)}
	front.serve(t, prepared.OrchestratorAddress(0))
	n := m.broadcaster(t, "broadcaster", 6, "--keys", keysFile(t, "late late"))
	n.Dir, n.RPC = m.dir, "ws://"+m.address(3)

	video := camera(t, 320, 240, 240)
	push(t, n.RTMP+"demo", video)
	served(t, n, 2)
	front.turn(m.address(0))
	if err := dies.Kill(); err != nil {
		t.Fatal(err)
	}
	goesOn(t, n, "demo", 3)

	// Either process' ledger is that of both, and says what the chain says, to the wei.
	client := dial(t, n)
	for _, process := range []string{"Rosa-stays", "Rosa-dies"} {
		purse := books.Ledger{DataDir: m.path(process), Store: redis.URL, Account: ownerOf(t, m.path("keys/owner-Rosa.json"))}
		eventually(t, patience, "the ledger of "+process+" is the chain", func() (difference *big.Int, _ error) {
			sum := totals(ledgerOf(t, purse))
			difference = sum.Redeemed.ToBig()
			for _, r := range redemptions(t, client) {
				difference.Sub(difference, r.Paid)
			}
			return difference, nil
		}, func(difference *big.Int) bool { return difference.Sign() == 0 })
	}

	redis.Kill()
	printed(t, stays, "Redis is out of reach: no new money until it is back")
	push(t, n.RTMP+"late", video)
	eventually(t, patience, "the page says why", func() (api.StreamView, error) { return n.Stream(t.Context(), "late") },
		func(v api.StreamView) bool {
			return len(v.Warnings) > 0 && strings.Contains(v.Warnings[0].Text, "payments cannot be recorded")
		})

	redis.Restart()
	if err := redis.Client().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	printed(t, stays, "Redis has lost writes that it had acknowledged")
	goesOn(t, n, "demo", 3)
	goesOn(t, n, "late", 3)
}

// goesOn waits until more segments of a stream have been verified, and another winner redeemed, each of them once. About every
// second ticket wins: a minute without one is one chance in 10^9.
func goesOn(t *testing.T, n *testnet.Network, stream string, more int64) {
	t.Helper()
	began, err := n.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	client := dial(t, n)
	paid := len(redemptions(t, client))
	eventually(t, patience, stream+" goes on", func() (api.StreamView, error) { return n.Stream(t.Context(), stream) },
		func(v api.StreamView) bool { return v.Verified.OK >= began.Verified.OK+more })
	all := eventually(t, patience, "a winner is redeemed", func() ([]chain.Redemption, error) { return redemptions(t, client), nil },
		func(list []chain.Redemption) bool { return len(list) > paid })
	once := make(map[[2]uint64]bool)
	for _, r := range all {
		if once[[2]uint64{r.Lane, r.Nonce}] {
			t.Errorf("nonce %d of lane %d was paid twice", r.Nonce, r.Lane)
		}
		once[[2]uint64{r.Lane, r.Nonce}] = true
	}
}

// printed waits for a line of a role's log.
func printed(t *testing.T, r *testnet.Role, line string) {
	t.Helper()
	eventually(t, patience, "it is logged", func() (string, error) { return r.Output(), nil },
		func(all string) bool { return strings.Contains(all, line) })
}
