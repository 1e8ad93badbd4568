package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/internal/eip712"
	"castnet/internal/identity"
	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/ledger"
	"castnet/probabilistic-payments/store"
	"castnet/test/redisserver"
)

// Both sides of the money run in a child process that kills itself (SIGKILL) at a named point: before or after any
// durable step, or around the transaction that redeems. The next child goes on with what is stored, and in the end
// everything must add up: nothing lost after it was acknowledged, nothing redeemed twice, the ledger balances.

const (
	faultChild   = "CASTNET_FAULT_CHILD" // what the child is to do: stores, chain file, generation, point and occurrence
	faultRuns    = "CASTNET_FAULT_RUNS"  // runs on each store; default 20
	faultSeconds = 1_800_000_000
)

// faultPoints are all points, as fault is called with them.
func faultPoints() []string {
	var points []string
	for _, step := range []string{
		"take lane", "reserve nonces", "save ticket", "secret", "add charge", "accept", "close epoch", "resolve", "redeem",
		"promise", "release promises",
	} {
		points = append(points, "before "+step, "after "+step)
	}
	return points
}

// faulty is a store that calls fault around every durable step.
type faulty struct {
	store.Store
	fault func(point string)
}

func (f *faulty) around(step string) (after func()) {
	f.fault("before " + step)
	return func() { f.fault("after " + step) }
}

func (f *faulty) TakeLane(ctx context.Context, holder string) (payments.Lane, error) {
	defer f.around("take lane")()
	return f.Store.TakeLane(ctx, holder)
}

func (f *faulty) ReserveNonces(ctx context.Context, lane payments.Lane, n uint64) (uint64, error) {
	defer f.around("reserve nonces")()
	return f.Store.ReserveNonces(ctx, lane, n)
}

func (f *faulty) SaveTicket(ctx context.Context, key payments.PaymentKey, t *payments.SignedTicket) (payments.SignedTicket, error) {
	defer f.around("save ticket")()
	return f.Store.SaveTicket(ctx, key, t)
}

func (f *faulty) Secret(ctx context.Context) ([32]byte, error) {
	defer f.around("secret")()
	return f.Store.Secret(ctx)
}

func (f *faulty) AddCharge(ctx context.Context, c *payments.Charge) error {
	defer f.around("add charge")()
	return f.Store.AddCharge(ctx, c)
}

func (f *faulty) Accept(ctx context.Context, t *payments.SignedTicket, w *payments.Winner) error {
	defer f.around("accept")()
	return f.Store.Accept(ctx, t, w)
}

func (f *faulty) Promise(ctx context.Context, p *payments.Promise, backed uint256.Int, now, till time.Time) (uint256.Int, error) {
	defer f.around("promise")()
	return f.Store.Promise(ctx, p, backed, now, till)
}

func (f *faulty) ReleasePromises(ctx context.Context, leases []common.Hash) error {
	defer f.around("release promises")()
	return f.Store.ReleasePromises(ctx, leases)
}

func (f *faulty) CloseEpoch(ctx context.Context, id payments.EpochID) ([]payments.Charge, error) {
	defer f.around("close epoch")()
	return f.Store.CloseEpoch(ctx, id)
}

func (f *faulty) Resolve(ctx context.Context, receipt common.Hash, o payments.Outcome) error {
	defer f.around("resolve")()
	return f.Store.Resolve(ctx, receipt, o)
}

// faultChain is a TicketBroker in a file: a line for each ticket that it paid. Like the real one it pays a nonce once.
type faultChain struct {
	path  string
	fault func(point string)
}

// paid is what was paid, by receipt; it fails where a nonce was paid twice.
func (c *faultChain) paid() (map[common.Hash]payments.Outcome, error) {
	b, err := os.ReadFile(c.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	paid := make(map[common.Hash]payments.Outcome)
	nonces := make(map[string]bool)
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		amount, err := strconv.ParseUint(fields[2], 10, 64)
		if receipt := common.HexToHash(fields[0]); err == nil && !nonces[fields[1]] {
			paid[receipt] = payments.Outcome{Status: payments.StatusPaid, Paid: *uint256.NewInt(amount)}
		} else {
			return nil, fmt.Errorf("nonce %s was paid twice (%w)", fields[1], err)
		}
		nonces[fields[1]] = true
	}
	return paid, nil
}

func (c *faultChain) Redeemed(_ context.Context, tickets []payments.Ticket) ([]payments.Outcome, error) {
	paid, err := c.paid()
	outcomes := make([]payments.Outcome, len(tickets))
	for i := range tickets {
		outcomes[i] = paid[tickets[i].ReceiptHash]
	}
	return outcomes, err
}

func (c *faultChain) Redeem(_ context.Context, winners []payments.Winner) ([]payments.Outcome, error) {
	paid, err := c.paid()
	if err != nil {
		return nil, err
	}
	var lines strings.Builder
	outcomes := make([]payments.Outcome, len(winners))
	for i := range winners {
		w := &winners[i]
		if _, again := paid[w.ReceiptHash]; again || !w.Wins(w.Rand) || crypto.Keccak256Hash(w.Rand[:]) != w.RandHash {
			return nil, fmt.Errorf("a ticket that is used or does not win came to the chain: %+v", w)
		}
		pays := w.Payout()
		fmt.Fprintf(&lines, "%s %d/%d %s\n", w.ReceiptHash.Hex(), w.Lane, w.Nonce, pays.Dec())
		outcomes[i] = payments.Outcome{Status: payments.StatusPaid, Paid: pays}
	}
	c.fault("before redeem")
	file, err := os.OpenFile(c.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = file.WriteString(lines.String()) // one write: whole or not at all
	err = errors.Join(err, file.Close())
	c.fault("after redeem")
	return outcomes, err
}

func (c *faultChain) RedeemPartly(context.Context, *payments.Winner, uint256.Int) (payments.Outcome, error) {
	return payments.Outcome{}, errors.New("nothing is short here")
}

// rich is a chain on which everybody has money and gas costs little.
type rich struct{}

func (rich) Account(context.Context, common.Address, common.Address, uint64) (payments.Account, error) {
	much := *uint256.NewInt(1 << 60)
	return payments.Account{Deposit: much, Reserve: much, Share: much}, nil
}

func (rich) GasPrice(context.Context) (uint256.Int, error) { return *uint256.NewInt(1), nil }

// sides are sender, recipient and redeemer of one generation.
type sides struct {
	sender    *payments.Sender
	recipient *payments.Recipient
	redeemer  *payments.Redeemer
	stores    [2]*faulty // the sender's and the recipient's
	out       io.Writer
}

const faultFee = 1000

func newSides(ctx context.Context, stores [2]*faulty, chain *faultChain, out io.Writer) (*sides, error) {
	secret := crypto.Keccak256([]byte("the sender of the fault tests"))
	private, err := crypto.ToECDSA(secret)
	if err != nil {
		return nil, err
	}
	domain := eip712.NewDomain(1337, common.Address{0xb0})
	log, now := slog.New(slog.DiscardHandler), func() time.Time { return time.Unix(faultSeconds, 0) }
	s := &sides{stores: stores, out: out}
	s.sender, err = payments.NewSender(ctx, payments.SenderConfig{
		Signer: identity.NewKey(private), Domain: domain, Store: stores[0], Accounts: rich{}, Holder: "sender",
		Now: now, Log: log, Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return nil, err
	}
	s.recipient, err = payments.NewRecipient(ctx, payments.RecipientConfig{
		Domain: domain, Address: common.Address{0xaa}, Store: stores[1], Accounts: rich{}, Gas: rich{}, EpochReceipts: 3,
		Policy: payments.Policy{MaxFaceValue: *uint256.NewInt(3 * faultFee), GasPriceFloor: *uint256.NewInt(1)},
		Now:    now, Log: log, Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return nil, err
	}
	s.redeemer, err = payments.NewRedeemer(payments.RedeemerConfig{
		Store: stores[1], Broker: chain, Now: now, Log: log, Registerer: prometheus.NewRegistry(),
	})
	return s, err
}

// say acknowledges: what was said must be true for ever.
func (s *sides) say(format string, args ...any) error {
	_, err := fmt.Fprintf(s.out, format+"\n", args...)
	return err
}

// pay has a charge paid, and says so on both sides.
func (s *sides) pay(ctx context.Context, c *payments.Charge) error {
	ticket, err := s.sender.Pay(ctx, &payments.PayRequest{
		PaymentKey: c.PaymentKey, Receipt: c.Receipt, Recipient: common.Address{0xaa}, Fee: c.Fee, Round: 1,
		MaxFaceValue: c.Terms.FaceValue, Terms: c.Terms,
	})
	if err != nil {
		return err
	}
	if err := s.say("sent %s %x", c.Receipt.Hex(), ticket.Signature); err != nil {
		return err
	}
	result, err := s.recipient.Receive(ctx, &ticket)
	if err != nil {
		return err
	}
	return s.say("paid %s %t", c.Receipt.Hex(), result.Won)
}

// settle pays what an earlier generation left open, as Settle does.
func (s *sides) settle(ctx context.Context) error {
	open, err := s.stores[1].OpenEpochs(ctx)
	for _, charges := range open {
		for i := range charges {
			c := &charges[i]
			err = errors.Join(err, s.pay(ctx, c))
		}
	}
	return err
}

// work streams one lease, redeeming as it goes.
func (s *sides) work(ctx context.Context, generation string, segments uint64) error {
	lease := crypto.Keccak256Hash([]byte(generation))
	err := s.recipient.OpenLease(ctx, payments.LeaseTerms{
		Lease: lease, Sender: s.sender.Account(), Lane: s.sender.Lane(), Round: 1,
		MaxFaceValue: *uint256.NewInt(3 * faultFee), MaxUnpaid: *uint256.NewInt(100 * faultFee),
	})
	if err != nil {
		return err
	}
	for seq := range segments {
		c := &payments.Charge{PaymentKey: payments.PaymentKey{Lease: lease, Seq: seq, Attempt: 1}, Fee: *uint256.NewInt(faultFee)}
		if seq%4 == 1 {
			c.Fee.SetUint64(3 * faultFee) // as much as the face value: it wins for certain, whatever the rand
		}
		err := s.recipient.Bill(ctx, payments.Bill{PaymentKey: c.PaymentKey, Fee: c.Fee}, func(terms payments.Terms) (common.Hash, error) {
			c.Terms = terms
			c.Receipt = crypto.Keccak256Hash(lease[:], []byte(fmt.Sprint(seq)), terms.RandHash[:])
			return c.Receipt, nil
		})
		if err == nil {
			err = s.say("billed %s", c.Receipt.Hex())
		}
		if err == nil {
			err = s.pay(ctx, c)
		}
		if err != nil {
			return fmt.Errorf("segment %d: %w", seq, err)
		}
		if seq%3 == 2 {
			if err := s.redeem(ctx); err != nil {
				return err
			}
		}
	}
	s.recipient.CloseLease(lease)
	if err := s.recipient.KeepPromises(ctx); err != nil {
		return err
	}
	return s.redeem(ctx)
}

func (s *sides) redeem(ctx context.Context) error {
	s.recipient.CloseEpochs(ctx)
	for {
		n, err := s.redeemer.Step(ctx)
		if err != nil || n == 0 {
			return err
		}
	}
}

// faultTask is what a child is told.
type faultTask struct {
	urls       [2]string
	chain      string
	generation string
	point      string // "": to the end
	occurrence int
}

func (f *faultTask) String() string {
	return strings.Join([]string{f.urls[0], f.urls[1], f.chain, f.generation, f.point, strconv.Itoa(f.occurrence)}, "|")
}

func (f *faultTask) stores(ctx context.Context, fault func(string)) (stores [2]*faulty, err error) {
	for i, name := range []string{"sender", "recipient"} {
		s, err := store.Open(ctx, store.Config{URL: f.urls[i], Name: f.chain + name, Holder: "one", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return stores, err
		}
		stores[i] = &faulty{s, fault}
	}
	return stores, nil
}

// run is the child.
func (f *faultTask) run(ctx context.Context, out io.Writer) error {
	seen := 0
	fault := func(point string) {
		if point != f.point {
			return
		}
		if seen++; seen == f.occurrence {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // it is a moment until it is done
		}
	}
	stores, err := f.stores(ctx, fault)
	if err != nil {
		return err
	}
	s, err := newSides(ctx, stores, &faultChain{f.chain, fault}, out)
	if err != nil {
		return err
	}
	return errors.Join(s.settle(ctx), s.work(ctx, f.generation, 12))
}

func TestFaults(t *testing.T) {
	if task := strings.Split(os.Getenv(faultChild), "|"); len(task) == 6 {
		occurrence, err := strconv.Atoi(task[5])
		must(t, err)
		f := faultTask{urls: [2]string{task[0], task[1]}, chain: task[2], generation: task[3], point: task[4], occurrence: occurrence}
		must(t, f.run(t.Context(), os.Stdout))
		return
	}
	runs := 20
	if s := os.Getenv(faultRuns); s != "" {
		var err error
		runs, err = strconv.Atoi(s)
		must(t, err)
	}
	t.Run("sqlite", func(t *testing.T) {
		for run := range runs {
			dir := t.TempDir()
			testFaults(t, run, faultTask{
				urls: [2]string{"sqlite:" + filepath.Join(dir, "sender.db"), "sqlite:" + filepath.Join(dir, "recipient.db")}, chain: filepath.Join(dir, "chain"),
			})
		}
	})
	t.Run("redis", func(t *testing.T) {
		server := redisserver.Start(t)
		for run := range runs {
			testFaults(t, run, faultTask{urls: [2]string{server.URL, server.URL}, chain: filepath.Join(t.TempDir(), "chain")})
		}
	})
}

// testFaults kills two generations and lets a third come to its end.
func testFaults(t *testing.T, run int, task faultTask) {
	t.Helper()
	chance := rand.New(rand.NewPCG(uint64(run), 4))
	points := faultPoints()
	var said []string
	for generation := range 3 {
		task.generation = fmt.Sprintf("run %d generation %d", run, generation)
		task.point, task.occurrence = "", 0
		if generation < 2 {
			task.point = points[(run+generation*5)%len(points)] // twenty runs see all of them: the second generation those that the first does not reach
			task.occurrence = 1 + chance.IntN(occurrences(task.point))
		}
		said = append(said, child(t, &task)...)
	}
	if err := addUp(t.Context(), &task, said); err != nil {
		t.Errorf("run %d (%s): %v", run, task.point, err)
	}
}

// occurrences is how often a point comes at least in one generation.
func occurrences(point string) int {
	switch _, step, _ := strings.Cut(point, " "); step {
	case "save ticket", "add charge", "accept":
		return 12
	case "close epoch":
		return 4
	default:
		return 1
	}
}

// child runs a task in a process of its own, and returns what it said.
func child(t *testing.T, task *faultTask) (said []string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFaults$")
	c.Env = append(os.Environ(), faultChild+"="+task.String())
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said = append(said, lines.Text())
	}
	err = c.Wait()
	var exit *exec.ExitError
	killed := errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL //nolint:forcetypeassert // so it is on Linux
	if killed != (task.point != "") || !killed && err != nil {
		t.Fatalf("%s, to be killed %s (%d): %v\n%s", task.generation, task.point, task.occurrence, err, strings.Join(said, "\n"))
	}
	return said
}

// addUp compares what was acknowledged with what is stored, and what is stored with the chain.
func addUp(ctx context.Context, task *faultTask, said []string) error {
	stores, err := task.stores(ctx, func(string) {})
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(stores[0].Close(), stores[1].Close()) }() // it has been read
	problems := []error{remembered(ctx, stores[1], said)}
	for _, s := range stores {
		_, err := store.Check(ctx, s.Store)
		problems = append(problems, err)
	}
	paid, err := (&faultChain{path: task.chain}).paid()
	if err != nil {
		return err
	}
	var onChain uint256.Int
	for _, o := range paid {
		onChain.Add(&onChain, &o.Paid)
	}
	books := ledger.New()
	for _, s := range stores {
		problems = append(problems, s.History(ctx, books))
	}
	all := books.All()
	if all.Redeemed != onChain || all.TicketsRedeemed != uint64(len(paid)) {
		problems = append(problems, fmt.Errorf("the ledger has %d redemptions worth %s, the chain %d worth %s",
			all.TicketsRedeemed, all.Redeemed.Dec(), len(paid), onChain.Dec()))
	}
	if pending := all.Pending(); !pending.IsZero() || !all.Unpaid.IsZero() || all.TicketsLost != 0 || all.TicketsWon == 0 {
		problems = append(problems, fmt.Errorf("left over: %+v", all))
	}
	// What was sent was received: the sender's Settle has paid all that was open.
	if all.Sent != all.Received || !all.WrittenOff.IsZero() || all.Billed != all.Received {
		problems = append(problems, fmt.Errorf("sent %s, billed %s, received %s, written off %s",
			all.Sent.Dec(), all.Billed.Dec(), all.Received.Dec(), all.WrittenOff.Dec()))
	}
	return errors.Join(problems...)
}

// remembered checks every acknowledgement: of a receipt, of its one ticket, of the one draw.
func remembered(ctx context.Context, s store.Store, said []string) (err error) {
	tickets, draws := make(map[string]string), make(map[string]string)
	for _, line := range said {
		fields := strings.Fields(line)
		if !slices.Contains([]string{"billed", "sent", "paid"}, fields[0]) {
			continue // the test's own words
		}
		charge, missing := s.Charge(ctx, common.HexToHash(fields[1]))
		if missing != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", line, missing))
		}
		if charge.State != payments.ChargePaid {
			err = errors.Join(err, fmt.Errorf("%s, and in the end it is in state %d", line, charge.State))
		}
		before := map[string]map[string]string{"sent": tickets, "paid": draws, "billed": {}}[fields[0]]
		what := fields[len(fields)-1]
		if was, again := before[fields[1]]; again && was != what {
			err = errors.Join(err, fmt.Errorf("receipt %s was %s as %s, then as %s", fields[1], fields[0], was, what))
		}
		before[fields[1]] = what
	}
	for receipt, signature := range tickets {
		charge, _ := s.Charge(ctx, common.HexToHash(receipt))
		if got := fmt.Sprintf("%x", charge.Ticket.Signature); got != signature {
			err = errors.Join(err, fmt.Errorf("the ticket for %s is %s, sent was %s", receipt, got, signature))
		}
	}
	return err
}
