package e2e_test

import (
	"errors"
	"math/big"
	"syscall"
	"testing"
	"time"

	"castnet/broadcaster/api"
	"castnet/contracts/chain"
	"castnet/test/testnet"
)

// Three streams are pushed, their ladders are complete to the last picture, and every wei is where it belongs.
func TestStreamIsCompleteVerifiedAndPaid(t *testing.T) {
	keys := keysFile(t, "two two", "three three")
	n := network(t, "--keys", keys, "--face-value", "1 wei") // the least that a ticket may be worth: the largest fee
	large, small := camera(t, 1280, 720, 30), camera(t, 320, 240, 50)
	before := readMoney(t, n)

	two, three := push(t, n.RTMP+"two", small), push(t, n.RTMP+"three", small)
	seen := wholeStream(t, n, "demo", large)
	if err := errors.Join(two(), three()); err != nil {
		t.Error(err)
	}
	complete(t, seen, large, "720p", "480p", "360p")
	for name, size := range map[string][2]int{"720p": {1280, 720}, "480p": {852, 480}, "360p": {640, 360}} {
		if v := seen[name]; v != nil && (v.Width != size[0] || v.Height != size[1]) {
			t.Errorf("%s is %dx%d", name, v.Width, v.Height)
		}
	}

	// Every segment of every stream was verified and paid.
	evs := new(big.Int)
	for _, id := range []string{"demo", "two", "three"} {
		v := eventually(t, patience, "all tickets of "+id+" are sent",
			func() (api.StreamView, error) { return n.Stream(t.Context(), id) },
			func(v api.StreamView) bool { return v.Segments.Count > 0 && v.Paid.TicketsSent == v.Segments.Count })
		if v.Verified.OK != v.Segments.Count || v.Verified.Failed != 0 {
			t.Errorf("%s: %d of %d segments verified, %d failed: %s", id, v.Verified.OK, v.Segments.Count, v.Verified.Failed, v.Verified.LastFailure)
		}
		if v.Paid.EVWei != v.Paid.FeesWei {
			t.Errorf("%s: tickets are worth %s wei, the receipts' fees are %s wei", id, v.Paid.EVWei, v.Paid.FeesWei)
		}
		evs.Add(evs, wei(t, v.Paid.EVWei))
	}
	checkMoney(t, n, before, evs)
}

// money is what the chain holds for the parties.
type money struct {
	deposit, pools *big.Int
}

func readMoney(t *testing.T, n *testnet.Network) money {
	t.Helper()
	client := dial(t, n)
	m := money{pools: new(big.Int)}
	view, err := n.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	account, err := client.Broker().Sender(t.Context(), address(view.Broadcaster.Address))
	if err != nil {
		t.Fatal(err)
	}
	m.deposit = account.Deposit
	for _, o := range orchestrators(t, client) {
		pool, err := client.Staking().Pool(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		owed, err := client.Broker().Owed(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		m.pools.Add(m.pools, pool.FeesReceived)
		m.pools.Add(m.pools, owed)
	}
	return m
}

// checkMoney waits until every winner is redeemed and compares the chain's events with the parties' balances.
func checkMoney(t *testing.T, n *testnet.Network, before money, evs *big.Int) {
	t.Helper()
	client := dial(t, n)
	won := eventually(t, patience, "every winner is redeemed", func() ([2]int, error) {
		won, err := n.Won(t.Context())
		if err != nil {
			return [2]int{}, err
		}
		redeemed, err := n.Redeemed(t.Context())
		return [2]int{won, redeemed}, err
	}, func(w [2]int) bool { return w[0] > 0 && w[0] == w[1] })
	redeemed := redemptions(t, client)
	if len(redeemed) != won[0] {
		t.Errorf("%d tickets won, the chain has paid %d", won[0], len(redeemed))
	}
	if len(redeemed) < 10 {
		t.Errorf("%d winners were redeemed; of 65 tickets, each of which wins about every second time, 9 or less are one chance in 10^9", len(redeemed))
	}
	sum := new(big.Int)
	once := make(map[[2]uint64]bool)
	for _, r := range redeemed {
		if r.Paid.Cmp(r.FaceValue) != 0 || r.FromReserve.Sign() != 0 {
			t.Errorf("nonce %d: face value %s wei, paid %s wei, %s of it from the reserve", r.Nonce, r.FaceValue, r.Paid, r.FromReserve)
		}
		if once[[2]uint64{r.Lane, r.Nonce}] {
			t.Errorf("nonce %d of lane %d was paid twice", r.Nonce, r.Lane)
		}
		once[[2]uint64{r.Lane, r.Nonce}] = true
		sum.Add(sum, r.Paid)
	}
	after := readMoney(t, n)
	if fell := new(big.Int).Sub(before.deposit, after.deposit); fell.Cmp(sum) != 0 {
		t.Errorf("the deposit fell by %s wei, %s wei were redeemed", fell, sum)
	}
	if rose := new(big.Int).Sub(after.pools, before.pools); rose.Cmp(sum) != 0 {
		t.Errorf("the orchestrators' pools rose by %s wei, %s wei were redeemed", rose, sum)
	}
	checkLedgers(t, n, redeemed)
	t.Logf("%d winners redeemed, %s wei in all; tickets were worth %s wei", len(redeemed), sum, evs)
}

// The serving orchestrator's worker is killed, then the orchestrator itself: no picture is missing, none comes twice.
func TestKillsLoseNoPicture(t *testing.T) {
	n := network(t)
	seen := watch(t, n, "demo")
	stop := pushOn(t, n.RTMP+"demo", camera(t, 320, 240, 240)) // more than is pushed
	first := served(t, n, 2)
	orchestrator := n.Pids("orchestrator", "run", "orchestrator-"+first.Orchestrator.Name)
	if len(orchestrator) != 1 {
		t.Fatalf("found processes %v of %s", orchestrator, first.Orchestrator.Name)
	}
	// Three times, the later ones while the work that the first has cost is still being caught up with.
	again := time.NewTicker(700 * time.Millisecond)
	defer again.Stop()
	for range 3 {
		for _, worker := range n.Workers(orchestrator[0]) {
			kill(t, worker)
		}
		<-again.C
	}
	second := served(t, n, first.Verified.OK+3)
	orchestrator = n.Pids("orchestrator", "run", "orchestrator-"+second.Orchestrator.Name)
	killed := time.Now()
	kill(t, orchestrator[0])
	moved := eventually(t, patience, "another orchestrator serves",
		func() (api.StreamView, error) { return n.Stream(t.Context(), "demo") },
		func(v api.StreamView) bool { return v.Orchestrator != nil && v.Orchestrator.Since.After(killed) })
	if moved.Orchestrator.ID == second.Orchestrator.ID {
		t.Errorf("%s was killed and serves on", second.Orchestrator.Name)
	}
	if took := moved.Orchestrator.Since.Sub(killed); took > 3*time.Second {
		t.Errorf("it took %v until another served", took)
	}
	t.Logf("%s was killed; %s served after %v", second.Orchestrator.Name, moved.Orchestrator.Name, moved.Orchestrator.Since.Sub(killed))
	served(t, n, moved.Verified.OK+3)
	stop()
	whole(t, seen(), "240p", "160p", "120p")
	final, err := n.Stream(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	if final.Verified.Failed != 0 {
		t.Errorf("%d segments failed their checks: %s", final.Verified.Failed, final.Verified.LastFailure)
	}
	if len(final.Events) < 4 {
		t.Errorf("the page tells of %d events; a worker and an orchestrator died: %+v", len(final.Events), final.Events)
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) { // it may have ended by itself since
		t.Errorf("kill %d: %v", pid, err)
	}
}

// Everything is killed while winners wait to be redeemed; after a restart each is redeemed, once.
func TestWinnersSurviveKill(t *testing.T) {
	n := network(t, "--face-value", "1 wei", "--epoch", "1h") // nothing is redeemed before the epochs end
	// About every second ticket wins. The stream is as long as it takes for two that do: 60 s without them are one chance in 10^8.
	push := push(t, n.RTMP+"demo", camera(t, 320, 240, 90))
	won := eventually(t, 80*time.Second, "winners wait", func() (int, error) { return n.Won(t.Context()) }, func(w int) bool { return w >= 2 })
	if early := redemptions(t, dial(t, n)); len(early) > 0 {
		t.Fatalf("%d winners were redeemed before the kill", len(early))
	}
	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = push() // its server is gone
	again, err := n.Restart(t.Context(), testnet.Config{Args: []string{"--epoch", "2s"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = again.Stop() })
	redeemed := eventually(t, patience, "every winner is redeemed",
		func() ([]chain.Redemption, error) { return redemptions(t, dial(t, again)), nil },
		func(list []chain.Redemption) bool { return len(list) >= won })
	once := make(map[[2]uint64]bool)
	for _, r := range redeemed {
		if once[[2]uint64{r.Lane, r.Nonce}] {
			t.Errorf("nonce %d of lane %d was paid twice", r.Nonce, r.Lane)
		}
		once[[2]uint64{r.Lane, r.Nonce}] = true
	}
	t.Logf("%d winners had been won before the kill, %d are redeemed after the restart", won, len(redeemed))
}
