package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/internal/eip712"
	"castnet/internal/identity"
	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store"
)

const (
	ticketRun    = 2000 // tickets in one run of a kind; runs of the two kinds alternate
	ticketFee    = 1000 // wei
	ticketFace   = 20_000
	durableUsers = 64 // senders that wait for the store at once
	idleSenders  = 1000
	durableShare = 8 // the part of the measuring time that each durable rate takes, as a divisor
	leastDurable = 5000
	leastInRedis = 10_000
)

// tickets measures what a ticket costs: on the processor against the bare signature and recovery that it cannot do
// without, on the disk with the store behind it, in memory and in nonces.
func tickets(ctx context.Context, measure time.Duration) (*result, error) {
	r := &result{
		Figures: figures{}, Samples: map[string]int{},
		Budget: figures{
			"created_vs_sign": 0.75, "received_vs_ecrecover": 0.75, "created_durable_per_s": leastDurable, "received_durable_per_s": leastDurable,
			"created_redis_per_s": leastInRedis, "received_redis_per_s": leastInRedis,
			"allocs_per_ticket": 12, "nonce_bytes_per_ticket": 16, "idle_senders_mib": 2,
		},
		atLeast: map[string]bool{
			"created_vs_sign": true, "received_vs_ecrecover": true, "created_durable_per_s": true, "received_durable_per_s": true,
			"created_redis_per_s": true, "received_redis_per_s": true,
		},
	}
	if err := bareTickets(ctx, r, measure*2/5); err != nil {
		return nil, err
	}
	if err := idleMemory(ctx, r); err != nil {
		return nil, err
	}
	if err := onDisk(ctx, r, measure/durableShare); err != nil {
		return nil, err
	}
	return r, inRedis(ctx, r, measure/durableShare)
}

// till is a sender and a recipient over the given stores, with one lease between them.
type till struct {
	key       *identity.Key
	domain    eip712.Domain
	sender    *payments.Sender
	recipient *payments.Recipient
	lease     payments.LeaseTerms
	next      atomic.Uint64
}

// fundedAlways is a chain on which everybody has money, and gas is cheap.
type fundedAlways struct{}

// Account has more than anybody asks for.
func (fundedAlways) Account(context.Context, common.Address, common.Address, uint64) (payments.Account, error) {
	var most uint256.Int
	most.SetAllOne().Rsh(&most, 16)
	return payments.Account{Deposit: most, Reserve: most, Share: most}, nil
}

// GasPrice is a wei.
func (fundedAlways) GasPrice(context.Context) (uint256.Int, error) { return *uint256.NewInt(1), nil }

var ticketRecipient = common.HexToAddress("0x0cc") //nolint:gochecknoglobals // a constant

func newTill(ctx context.Context, sends payments.SenderStore, receives payments.RecipientStore) (*till, error) {
	key, err := identity.Generate()
	if err != nil {
		return nil, err
	}
	t := &till{key: key, domain: eip712.NewDomain(31337, common.HexToAddress("0xb0"))}
	log := slog.New(slog.DiscardHandler)
	t.sender, err = payments.NewSender(ctx, payments.SenderConfig{
		Signer: key, Domain: t.domain, Store: sends, Accounts: fundedAlways{}, Holder: "bench", Log: log, Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return nil, err
	}
	t.recipient, err = payments.NewRecipient(ctx, payments.RecipientConfig{
		Domain: t.domain, Address: ticketRecipient, Store: receives, Accounts: fundedAlways{}, Gas: fundedAlways{},
		AnswerWithin: time.Hour, Log: log, Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return nil, err
	}
	t.lease = payments.LeaseTerms{
		Lease: crypto.Keccak256Hash(key.Address().Bytes()), Sender: key.Address(), Lane: t.sender.Lane(), Round: 1,
		MaxFaceValue: *uint256.NewInt(ticketFace), MaxUnpaid: *uint256.NewInt(math.MaxUint64),
	}
	return t, t.recipient.OpenLease(ctx, t.lease)
}

// bill issues one receipt.
func (t *till) bill(ctx context.Context) (*payments.PayRequest, error) {
	n := t.next.Add(1)
	req := &payments.PayRequest{
		PaymentKey: payments.PaymentKey{Lease: t.lease.Lease, Seq: n, Attempt: 1}, Receipt: crypto.Keccak256Hash(t.lease.Lease[:], fmt.Append(nil, n)),
		Recipient: ticketRecipient, Fee: *uint256.NewInt(ticketFee), Round: t.lease.Round, MaxFaceValue: t.lease.MaxFaceValue,
	}
	err := t.recipient.Bill(ctx, payments.Bill{PaymentKey: req.PaymentKey, Fee: req.Fee}, func(terms payments.Terms) (common.Hash, error) {
		req.Terms = terms
		return req.Receipt, nil
	})
	return req, err
}

func (t *till) bills(ctx context.Context, n int) ([]*payments.PayRequest, error) {
	list := make([]*payments.PayRequest, n)
	for i := range list {
		var err error
		if list[i], err = t.bill(ctx); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// bareTickets compares making and taking tickets, without a store, to the bare signature and recovery, in runs that
// alternate; and counts allocations.
func bareTickets(ctx context.Context, r *result, measure time.Duration) error {
	progress("tickets without a store")
	// One thread, so that the process' CPU time is this loop's.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var created, received, allocs []float64
	for end := time.Now().Add(measure); len(created) < 3 || time.Now().Before(end); {
		t, err := newTill(ctx, newNowhere(), newNowhere())
		if err != nil {
			return err
		}
		reqs, err := t.bills(ctx, ticketRun)
		if err != nil {
			return err
		}
		made := make([]payments.SignedTicket, ticketRun)
		hash := t.domain.Digest(common.Hash{1})
		var signature []byte
		var costs [4]cost
		for i, do := range []func(int) error{
			func(int) (err error) { signature, err = t.key.SignHash(hash); return err },
			func(n int) (err error) { made[n], err = t.sender.Pay(ctx, reqs[n]); return err },
			func(int) error { _, err := crypto.Ecrecover(hash[:], signature); return err },
			func(n int) error { _, err := t.recipient.Receive(ctx, &made[n]); return err },
		} {
			if costs[i], err = costOf(do); err != nil {
				return err
			}
		}
		sign, create, recovery, receive := costs[0], costs[1], costs[2], costs[3]
		created = append(created, sign.seconds/create.seconds)
		received = append(received, recovery.seconds/receive.seconds)
		allocs = append(allocs, float64(create.allocs+receive.allocs)/ticketRun)
		r.Figures["sign_us"], r.Figures["ecrecover_us"] = 1e6*sign.seconds/ticketRun, 1e6*recovery.seconds/ticketRun
	}
	r.Figures["created_vs_sign"], r.Figures["received_vs_ecrecover"] = percentile(created, 50), percentile(received, 50)
	r.Figures["allocs_per_ticket"] = percentile(allocs, 50)
	r.Samples["created_vs_sign"], r.Samples["received_vs_ecrecover"] = len(created), len(received)
	return nil
}

// cost is what a run used: seconds of CPU, garbage collection included, and allocations.
type cost struct {
	seconds float64
	allocs  uint64
}

// costOf does something ticketRun times.
func costOf(do func(n int) error) (cost, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, err := processSeconds()
	if err != nil {
		return cost{}, err
	}
	for n := range ticketRun {
		if err := do(n); err != nil {
			return cost{}, err
		}
	}
	ended, err := processSeconds()
	runtime.ReadMemStats(&after)
	return cost{ended - began, after.Mallocs - before.Mallocs}, err
}

// processSeconds is the CPU time of this process so far.
func processSeconds() (float64, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6, nil
}

// idleMemory is what a recipient keeps in memory for senders that have a lease and are quiet; once it is closed it keeps
// nothing.
func idleMemory(ctx context.Context, r *result) error {
	receives := newNowhere()
	t, err := newTill(ctx, newNowhere(), receives)
	if err != nil {
		return err
	}
	before := heap()
	for i := range uint64(idleSenders) {
		l := t.lease
		l.Lease, l.Sender = common.BigToHash(uint256.NewInt(1<<32+i).ToBig()), common.BigToAddress(uint256.NewInt(1<<40+i).ToBig())
		if err := t.recipient.OpenLease(ctx, l); err != nil {
			return err
		}
	}
	r.Figures["idle_senders_mib"] = max(0, float64(heap())-float64(before)) / (1 << 20)
	r.Samples["idle_senders_mib"] = idleSenders
	runtime.KeepAlive(t)
	return nil
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// onDisk measures both sides with SQLite behind them.
func onDisk(ctx context.Context, r *result, measure time.Duration) (err error) {
	progress("tickets on the disk")
	dir, err := os.MkdirTemp("", "castnet-tickets")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "money.db")
	if err := durable(ctx, r, "durable", store.Config{URL: "sqlite:" + path}, measure); err != nil {
		return err
	}
	r.Figures["nonce_bytes_per_ticket"], err = nonceBytes(ctx, path, r.Samples["received_durable_per_s"])
	return err
}

// inRedis measures both sides with a Redis on loopback behind them.
func inRedis(ctx context.Context, r *result, measure time.Duration) error {
	progress("tickets in Redis")
	return withRedis(ctx, func(url string) error {
		return durable(ctx, r, "redis", store.Config{URL: url, Name: "bench", Holder: "bench", Log: slog.New(slog.DiscardHandler)}, measure)
	})
}

// durable measures both sides over a store, many tickets waiting for it at once.
func durable(ctx context.Context, r *result, name string, where store.Config, measure time.Duration) (err error) {
	money, err := store.Open(ctx, where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, money.Close()) }()
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- money.Run(running) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	out, err := newTill(ctx, money, newNowhere())
	if err != nil {
		return err
	}
	made, err := atOnce(measure, func() error {
		req, err := out.bill(ctx)
		if err != nil {
			return err
		}
		_, err = out.sender.Pay(ctx, req)
		return err
	})
	if err != nil {
		return err
	}
	in, err := newTill(ctx, newNowhere(), money)
	if err != nil {
		return err
	}
	taken, total, err := in.receiveDurably(ctx, measure)
	if err != nil {
		return err
	}
	r.Figures["created_"+name+"_per_s"], r.Figures["received_"+name+"_per_s"] = made, taken
	r.Samples["received_"+name+"_per_s"] = total
	return nil
}

// receiveDurably bills and pays beforehand in rounds, and counts only the time in which tickets are taken.
func (t *till) receiveDurably(ctx context.Context, measure time.Duration) (perSecond float64, total int, err error) {
	const round = 4096
	var spent time.Duration
	for spent < measure {
		made := make([]payments.SignedTicket, round)
		if err := share(round, func(i int) error {
			req, err := t.bill(ctx)
			if err != nil {
				return err
			}
			made[i], err = t.sender.Pay(ctx, req)
			return err
		}); err != nil {
			return 0, 0, err
		}
		began := time.Now()
		if err := share(round, func(i int) error {
			_, err := t.recipient.Receive(ctx, &made[i])
			return err
		}); err != nil {
			return 0, 0, err
		}
		spent += time.Since(began)
		total += round
	}
	return float64(total) / spent.Seconds(), total, nil
}

// share does n things, many at once.
func share(n int, f func(i int) error) error {
	var next atomic.Int64
	return each(durableUsers, func() error {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	})
}

// atOnce runs f again and again in many goroutines, and returns how often a second.
func atOnce(measure time.Duration, f func() error) (float64, error) {
	var n atomic.Int64
	began := time.Now()
	err := each(durableUsers, func() error {
		for time.Since(began) < measure {
			if err := f(); err != nil {
				return err
			}
			n.Add(1)
		}
		return nil
	})
	return float64(n.Load()) / time.Since(began).Seconds(), err
}

// each runs f in n goroutines and waits for all.
func each(n int, f func() error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// nonceBytes is what the recipient's store keeps of nonces for each ticket: all pages of their table and its index, half-empty ones
// included.
func nonceBytes(ctx context.Context, path string, tickets int) (_ float64, err error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var size int64
	if err := db.QueryRowContext(ctx, `SELECT sum(pgsize) FROM dbstat WHERE name IN ('nonces', 'nonces_expiry')`).Scan(&size); err != nil {
		return 0, err
	}
	return float64(size) / float64(tickets), nil
}
