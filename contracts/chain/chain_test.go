package chain_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/contracts/chain"
)

func TestDialNamesTheWrongChain(t *testing.T) {
	n := newNetwork(t)
	wrong := n.addresses
	wrong.ChainID++
	_, err := chain.Dial(t.Context(), chain.Config{URL: n.dev.URL(), Addresses: wrong})
	var mismatch *chain.DeploymentError
	if !errors.As(err, &mismatch) || mismatch.What != "chain id" {
		t.Errorf("wrong chain id: %v", err)
	}
	swapped := n.addresses
	swapped.Rounds, swapped.Staking = swapped.Staking, swapped.Rounds
	if _, err = chain.Dial(t.Context(), chain.Config{URL: n.dev.URL(), Addresses: swapped}); err == nil {
		t.Error("swapped contracts were taken")
	}
}

// The whole life of money: stake, deposit, tickets, one batch, the pool, the delegators.
func TestRedemption(t *testing.T) {
	n := newNetwork(t)
	n.register(t)
	sender, relayer := n.client(t, keyOf("sender")), n.client(t, keyOf("relayer"))
	recipient := owners()[0].Address()

	delegator := n.client(t, keyOf("delegator"))
	if _, err := delegator.Staking().Delegate(recipient, ether(50)).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := sender.Broker().Fund(ether(10), ether(30)).Send(t.Context()); err != nil {
		t.Fatal(err)
	}

	var winners []chain.Winner
	sum := new(big.Int)
	for i := range int64(10) {
		wei := big.NewInt(1e15 + i)
		sum.Add(sum, wei)
		winners = append(winners, winner(t, relayer, recipient, wei, uint64(i)))
	}
	first, receipt, err := relayer.Broker().Redeem(t.Context(), winners[:1])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("redeem, new nonce word, first credit: %d gas", receipt.GasUsed)
	outcomes, receipt, err := relayer.Broker().Redeem(t.Context(), winners)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("batch of 9 and one used: %d gas", receipt.GasUsed)
	wantWei(t, "first", first[0].Paid, winners[0].Ticket.FaceValue)
	if outcomes[0].Skipped != chain.SkipUsed || outcomes[0].Paid.Sign() != 0 {
		t.Errorf("redeemed twice: %+v", outcomes[0])
	}
	for i, o := range outcomes[1:] {
		if o.Skipped != chain.NotSkipped || o.Paid.Cmp(winners[i+1].Ticket.FaceValue) != 0 || o.FromReserve.Sign() != 0 {
			t.Errorf("winner %d: %+v", i+1, o)
		}
	}

	// All of them again: nothing is sent.
	outcomes, receipt, err = relayer.Broker().Redeem(t.Context(), winners)
	if err != nil || receipt.GasUsed != 0 || outcomes[9].Skipped != chain.SkipUsed {
		t.Errorf("again: %+v %+v %v", outcomes, receipt, err)
	}
	used, err := relayer.Broker().NonceUsed(t.Context(), sender.Self(), recipient, 3, 9)
	if err != nil || !used {
		t.Errorf("nonce used: %v %v", used, err)
	}

	account, err := relayer.Broker().Sender(t.Context(), sender.Self())
	if err != nil {
		t.Fatal(err)
	}
	wantWei(t, "deposit", account.Deposit, new(big.Int).Sub(ether(10), sum))
	wantWei(t, "reserve", account.Reserve, ether(30))
	wantOwed(t, relayer, recipient, sum)
	receipt, err = relayer.Broker().Sweep(recipient).Send(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("first sweep: %d gas", receipt.GasUsed)
	wantOwed(t, relayer, recipient, new(big.Int))
	wantPool(t, relayer, recipient, sum)
	wantEvents(t, relayer, recipient, winners)
	logLaterGas(t, relayer, recipient)
}

func wantOwed(t *testing.T, c *chain.Client, recipient common.Address, want *big.Int) {
	t.Helper()
	owed, err := c.Broker().Owed(t.Context(), recipient)
	if err != nil {
		t.Fatal(err)
	}
	wantWei(t, "owed", owed, want)
}

// wantPool checks that the pool got sum, and that owner and delegator share it by stake (50:50 of the shared half).
func wantPool(t *testing.T, c *chain.Client, recipient common.Address, sum *big.Int) {
	t.Helper()
	pool, err := c.Staking().Pool(t.Context(), recipient)
	if err != nil {
		t.Fatal(err)
	}
	wantWei(t, "pool", pool.FeesReceived, sum)
	wantWei(t, "unpaid", pool.FeesUnpaid, sum)

	delegator := keyOf("delegator").Address()
	position, err := c.Staking().Position(t.Context(), recipient, delegator)
	if err != nil {
		t.Fatal(err)
	}
	quarter := new(big.Int).Div(sum, big.NewInt(4))
	if off := new(big.Int).Sub(quarter, position.Fees); off.Sign() < 0 || off.Cmp(big.NewInt(1)) > 0 {
		t.Errorf("the delegator gets %v of %v", position.Fees, sum)
	}
	owner, err := c.Staking().Position(t.Context(), recipient, recipient)
	if err != nil {
		t.Fatal(err)
	}
	rest := new(big.Int).Sub(sum, new(big.Int).Add(position.Fees, owner.Fees))
	if rest.Sign() < 0 || rest.Cmp(big.NewInt(2)) > 0 {
		t.Errorf("dust of %v wei", rest)
	}
}

func wantEvents(t *testing.T, c *chain.Client, recipient common.Address, winners []chain.Winner) {
	t.Helper()
	for name, q := range map[string]chain.RedemptionQuery{
		"all": {}, "of the sender": {Sender: keyOf("sender").Address()}, "of the recipient": {Recipient: recipient},
	} {
		events, err := c.Broker().Redemptions(t.Context(), q)
		if err != nil || len(events) != len(winners) {
			t.Fatalf("%s: %d events, %v", name, len(events), err)
		}
		for i, e := range events {
			w := winners[i].Ticket
			if e.ReceiptHash != w.ReceiptHash || e.Nonce != w.Nonce || e.Lane != w.Lane || e.Paid.Cmp(w.FaceValue) != 0 {
				t.Errorf("%s: event %d is %+v", name, i, e)
			}
		}
	}
	none, err := c.Broker().Redemptions(t.Context(), chain.RedemptionQuery{Recipient: owners()[1].Address()})
	if err != nil || len(none) != 0 {
		t.Errorf("of somebody else: %v, %v", none, err)
	}
}

// logLaterGas tells what things cost in the usual case, when all slots have been used before.
func logLaterGas(t *testing.T, c *chain.Client, recipient common.Address) {
	t.Helper()
	var batch []chain.Winner
	for i := range uint64(12) {
		batch = append(batch, winner(t, c, recipient, big.NewInt(1e15), 100+i))
	}
	batch = append(batch, winner(t, c, recipient, big.NewInt(1e15), 1000))
	for _, step := range []struct {
		name    string
		winners []chain.Winner
	}{{"redeem", batch[:1]}, {"redeem in a new nonce word", batch[12:]}, {"batch of 10", batch[1:11]}} {
		_, receipt, err := c.Broker().Redeem(t.Context(), step.winners)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d gas", step.name, receipt.GasUsed)
	}
	_, receipt, err := c.Broker().RedeemPartly(t.Context(), batch[11], nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("single redeem: %d gas", receipt.GasUsed)
	if receipt, err = c.Broker().Sweep(recipient).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("sweep: %d gas", receipt.GasUsed)
}

func TestReserveShare(t *testing.T) {
	n := newNetwork(t)
	n.register(t)
	sender, relayer := n.client(t, keyOf("sender")), n.client(t, keyOf("relayer"))
	recipient := owners()[0].Address()
	if _, err := sender.Broker().Fund(nil, ether(40)).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := winner(t, relayer, recipient, ether(11), 1)
	outcomes, _, err := relayer.Broker().Redeem(t.Context(), []chain.Winner{w})
	if err != nil || outcomes[0].Skipped != chain.SkipInsufficient {
		t.Fatalf("not enrolled: %+v, %v", outcomes, err)
	}
	share, err := relayer.Broker().Share(t.Context(), sender.Self(), recipient, 0)
	if err != nil || share.Enrolled || share.Share.Sign() != 0 {
		t.Errorf("not enrolled: %+v, %v", share, err)
	}

	if _, err := relayer.Broker().Enrol(0, recipient).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if share, err = relayer.Broker().Share(t.Context(), sender.Self(), recipient, 0); err != nil || !share.Enrolled {
		t.Fatalf("enrolled: %+v, %v", share, err)
	}
	// Half of the reserve is the period's budget; a quarter of the places, and one, are spare: 40 / 2 / (3 + 1).
	wantWei(t, "share", share.Left(), ether(5))
	_, _, err = relayer.Broker().RedeemPartly(t.Context(), w, ether(11))
	var revert *chain.RevertError
	if !errors.As(err, &revert) || revert.Name != "PayoutTooLow" {
		t.Errorf("too little: %v", err)
	}
	outcome, _, err := relayer.Broker().RedeemPartly(t.Context(), w, ether(5))
	if err != nil {
		t.Fatal(err)
	}
	wantWei(t, "paid", outcome.Paid, ether(5))
	wantWei(t, "out of the reserve", outcome.FromReserve, ether(5))
	wantWei(t, "still due", outcome.Left, ether(6))
	if share, err = relayer.Broker().Share(t.Context(), sender.Self(), recipient, 0); err != nil {
		t.Fatal(err)
	}
	wantWei(t, "claimed", share.Claimed, ether(5))
	wantWei(t, "left", share.Left(), new(big.Int))

	_, err = relayer.Broker().Enrol(0, keyOf("relayer").Address()).Send(t.Context())
	if !errors.As(err, &revert) || revert.Name != "NotEligible" || !strings.Contains(err.Error(), "recipient 0x") {
		t.Errorf("a stranger enrols: %v", err)
	}
}

func TestSenderLifecycle(t *testing.T) {
	n := newNetwork(t)
	c := n.client(t, keyOf("sender"))
	if _, err := c.Broker().Fund(ether(1), ether(2)).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Broker().Unlock().Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	account, err := c.Broker().Sender(t.Context(), c.Self())
	if err != nil || !account.Unlocking {
		t.Fatalf("unlocking: %+v, %v", account, err)
	}
	if wait := account.UnlockAt.Sub(c.Head().Time); wait < c.Parameters().UnlockPeriod-time.Minute {
		t.Errorf("unlocks in %v, want %v", wait, c.Parameters().UnlockPeriod)
	}
	if _, err := c.Broker().CancelUnlock().Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Broker().Unlock().Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	var revert *chain.RevertError
	if _, err := c.Broker().Withdraw().Send(t.Context()); !errors.As(err, &revert) || revert.Name != "Locked" {
		t.Errorf("early: %v", err)
	}
	if err := n.dev.Advance(t.Context(), c.Parameters().UnlockPeriod); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Broker().Withdraw().Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if account, err = c.Broker().Sender(t.Context(), c.Self()); err != nil || account.Deposit.Sign()+account.Reserve.Sign() != 0 {
		t.Errorf("after: %+v, %v", account, err)
	}
	hot := keyOf("relayer").Address()
	if _, err := c.Broker().AuthoriseSigner(hot).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := c.Broker().SignerUntil(t.Context(), c.Self(), hot); err != nil || !ok {
		t.Errorf("hot signer: %v, %v", ok, err)
	}
}

func TestStakeLifecycle(t *testing.T) {
	n := newNetwork(t)
	n.register(t)
	owner := n.client(t, owners()[2])
	staking := owner.Staking()
	list, err := staking.Orchestrators(t.Context())
	if err != nil || len(list) != 3 {
		t.Fatalf("%d orchestrators, %v", len(list), err)
	}
	total := new(big.Int)
	for _, o := range list {
		total.Add(total, o.Stake)
		if !o.Active || o.ServiceURI != "https://127.0.0.1:8935" || o.Operator == o.ID || o.Stake.Cmp(o.SelfStake) != 0 {
			t.Errorf("listed: %+v", o)
		}
	}
	wantWei(t, "stake", total, ether(100))

	hot := keyOf("new operator")
	consent, err := hot.SignHash(staking.ConsentDigest(owner.Self()))
	if err != nil {
		t.Fatal(err)
	}
	consent[64] += 27
	n.do(t, "uri", staking.SetServiceURI("https://127.0.0.1:9999"))
	n.do(t, "capabilities", staking.SetCapabilities(big.NewInt(5)))
	n.do(t, "cuts", staking.SetCuts(1, 2))
	n.do(t, "key", staking.SetOperator(hot.Address(), consent))
	n.do(t, "bond", staking.Bond(ether(5)))
	me, ok, err := staking.Orchestrator(t.Context(), owner.Self())
	if err != nil || !ok || me.ServiceURI != "https://127.0.0.1:9999" || me.Operator != operators()[2].Address() || me.Capabilities.Int64() != 5 {
		t.Errorf("changed: %+v, %v, %v", me, ok, err)
	}
	if me.FeeShare != 500_000 || me.Announced == nil || me.Announced.FeeShare != 2 || me.Announced.RewardCut != 1 {
		t.Errorf("cuts: %+v", me)
	}
	if _, ok, err := staking.Orchestrator(t.Context(), common.Address{1}); ok || err != nil {
		t.Errorf("nobody: %v, %v", ok, err)
	}

	n.advance(t, 10*time.Minute)
	n.do(t, "touch", owner.TouchRound())
	n.do(t, "reward", staking.Reward(owner.Self()))
	n.do(t, "checkpoint", staking.Checkpoint(owner.Self()))
	if me, _, err = staking.Orchestrator(t.Context(), owner.Self()); err != nil || me.Operator != hot.Address() {
		t.Errorf("in a later round the new key signs: %+v, %v", me, err)
	}
	if me.Stake.Cmp(ether(25)) <= 0 || me.Commission.Sign() <= 0 {
		t.Errorf("stake %v and commission %v have no reward in them", me.Stake, me.Commission)
	}
	n.do(t, "commission", staking.ClaimCommission())

	n.do(t, "unbond", staking.Unbond(owner.Self(), ether(3)))
	leaving, err := staking.Unbondings(t.Context(), owner.Self())
	if err != nil || len(leaving) != 1 || leaving[0].Amount.Cmp(ether(3)) != 0 {
		t.Fatalf("leaving: %+v, %v", leaving, err)
	}
	n.do(t, "rebond", staking.Rebond(leaving[0].ID))
	n.do(t, "unbond again", staking.Unbond(owner.Self(), ether(3)))
	if leaving, err = staking.Unbondings(t.Context(), owner.Self()); err != nil || len(leaving) != 1 || leaving[0].ID != 1 {
		t.Fatalf("leaving: %+v, %v", leaving, err)
	}
	before, err := owner.Balance(t.Context(), owner.Self())
	if err != nil {
		t.Fatal(err)
	}
	n.advance(t, owner.Parameters().UnbondingPeriod)
	n.do(t, "withdraw", staking.Withdraw(leaving[0].ID))
	after, err := owner.Balance(t.Context(), owner.Self())
	if err != nil {
		t.Fatal(err)
	}
	wantWei(t, "withdrawn", new(big.Int).Sub(after.Cast, before.Cast), ether(3))
	n.do(t, "leave", staking.LeaveSet())
	n.do(t, "join", staking.Join(common.Address{}))
}

func TestMove(t *testing.T) {
	n := newNetwork(t)
	n.register(t)
	delegator := n.client(t, keyOf("delegator"))
	staking, from, to := delegator.Staking(), owners()[0].Address(), owners()[1].Address()
	n.do(t, "delegate", staking.Delegate(from, ether(10)))
	n.do(t, "move", staking.Move(from, to, ether(4)))
	position, err := staking.Position(t.Context(), to, delegator.Self())
	if err != nil || position.Stake.Cmp(ether(4)) != 0 || position.Move == nil || position.Move.From != from || position.Move.Liable.Cmp(ether(4)) != 0 {
		t.Fatalf("moved: %+v, %v", position, err)
	}
	var revert *chain.RevertError
	if _, err := staking.Unbond(to, nil).Preview(t.Context()); !errors.As(err, &revert) || revert.Name != "MoveRunning" {
		t.Errorf("stake that moved leaves: %v", err)
	}
	n.do(t, "unbond all", staking.Unbond(from, nil))
	n.advance(t, delegator.Parameters().UnbondingPeriod)
	n.do(t, "settle", staking.SettleMove(to, delegator.Self()))
	if position, err = staking.Position(t.Context(), to, delegator.Self()); err != nil || position.Move != nil {
		t.Errorf("settled: %+v, %v", position, err)
	}
}

// do makes a change, and logs what it costs.
func (n *network) do(t *testing.T, name string, a chain.Action) {
	t.Helper()
	receipt, err := a.Send(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Logf("%s: %d gas", name, receipt.GasUsed)
}

func (n *network) advance(t *testing.T, by time.Duration) {
	t.Helper()
	if err := n.dev.Advance(t.Context(), by); err != nil {
		t.Fatal(err)
	}
}

func TestRoundsFollowTheChainsClock(t *testing.T) {
	n := newNetwork(t)
	c := n.client(t, keyOf("relayer"))
	rounds := c.Rounds(t.Context())
	first := <-rounds
	if first.Number != 0 || !first.BeaconRecorded || first.End.Sub(first.Start) != 10*time.Minute {
		t.Fatalf("first round %+v", first)
	}
	if err := n.dev.Advance(t.Context(), 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	next := <-rounds
	if next.Number != 1 || next.BeaconRecorded || next.Beacon == first.Beacon {
		t.Errorf("next round %+v", next)
	}
	if _, err := c.TouchRound().Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if touched := <-rounds; touched.Number != 1 || !touched.BeaconRecorded {
		t.Errorf("touched round %+v", touched)
	}
}

// A node that cannot push heads is polled.
func TestOverHTTP(t *testing.T) {
	n := newNetwork(t)
	registry := prometheus.NewRegistry()
	c, err := chain.Dial(t.Context(), chain.Config{
		URL: strings.Replace(n.dev.URL(), "ws://", "http://", 1), Addresses: n.addresses, Signer: keyOf("sender"),
		PollInterval: 10 * time.Millisecond, Metrics: registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, c.Run)
	if _, err := c.Broker().Fund(ether(1), nil).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "castnet_chain_transactions_total" && family.GetMetric()[0].GetCounter().GetValue() == 1 {
			return
		}
	}
	t.Error("the transaction was not counted")
}

func TestReadersCannotSend(t *testing.T) {
	n := newNetwork(t)
	c := n.client(t, nil)
	if _, err := c.Broker().Fund(ether(1), nil).Send(t.Context()); !errors.Is(err, chain.ErrNoSigner) {
		t.Errorf("%v", err)
	}
	price, err := c.GasPrice(t.Context())
	if err != nil || price.Cmp(big.NewInt(1e8)) < 0 {
		t.Errorf("gas price %v, %v", price, err)
	}
	if head := <-c.Heads(t.Context()); head.Number == 0 || head.Hash != c.Head().Hash && head.Number > c.Head().Number {
		t.Errorf("head %+v", head)
	}
}
