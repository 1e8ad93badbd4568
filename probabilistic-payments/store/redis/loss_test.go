package redis_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/redis"
	"castnet/probabilistic-payments/store/storetest"
	"castnet/test/redisserver"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

// client breaks a server from outside.
func client(t *testing.T, server *redisserver.Server) *goredis.Client {
	t.Helper()
	c := server.Client()
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// image is all that a Redis holds.
func image(t *testing.T, c *goredis.Client) map[string]string {
	t.Helper()
	keys, err := c.Keys(t.Context(), "*").Result()
	must(t, err)
	all := make(map[string]string)
	for _, key := range keys {
		all[key], err = c.Dump(t.Context(), key).Result()
		must(t, err)
	}
	return all
}

// turnBack puts a Redis back into an earlier state, as an old copy or a lagging replica would.
func turnBack(t *testing.T, c *goredis.Client, to map[string]string) {
	t.Helper()
	must(t, c.FlushAll(t.Context()).Err())
	for key, value := range to {
		must(t, c.Restore(t.Context(), key, 0, value).Err())
	}
}

func firstEpoch() payments.EpochID {
	return payments.EpochID{Lease: storetest.NewCharge(0, 0).Lease}
}

func TestNoTicketIsAcceptedByTwoProcesses(t *testing.T) {
	server := redisserver.Start(t)
	a, b := open(t, server.URL, "x", "a"), open(t, server.URL, "x", "b")
	const n = 40
	var accepted [n]atomic.Int32
	var wg sync.WaitGroup
	for i := range uint64(n) {
		c := storetest.NewCharge(i, 0)
		must(t, a.AddCharge(t.Context(), c))
		for _, s := range []*redis.Store{a, b} {
			wg.Go(func() {
				switch err := s.Accept(t.Context(), storetest.NewTicket(c, i), nil); {
				case err == nil:
					accepted[i].Add(1)
				case !errors.Is(err, payments.ErrAnswered):
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for i := range accepted {
		if times := accepted[i].Load(); times != 1 {
			t.Errorf("ticket %d was accepted %d times", i, times)
		}
	}
	// One nonce for two receipts, at two processes.
	first, second := storetest.NewCharge(100, 0), storetest.NewCharge(101, 0)
	must(t, a.AddCharge(t.Context(), first))
	must(t, a.AddCharge(t.Context(), second))
	must(t, a.Accept(t.Context(), storetest.NewTicket(first, 500), nil))
	wantErr(t, b.Accept(t.Context(), storetest.NewTicket(second, 500), nil), payments.ErrNonceUsed)
	books, err := b.Sender(t.Context(), first.Sender)
	must(t, err)
	if books.Owed != second.Fee {
		t.Errorf("process b sees %s wei owed, want %s", books.Owed.Dec(), second.Fee.Dec())
	}
}

// TestNoncesOfTwoProcesses: whatever processes ask, no nonce of a lane is given twice.
func TestNoncesOfTwoProcesses(t *testing.T) {
	ctx := t.Context()
	server := redisserver.Start(t)
	a, b := open(t, server.URL, "x", "a"), open(t, server.URL, "x", "b")
	one, err := a.TakeLane(ctx, "broadcaster-a")
	must(t, err)
	other, err := b.TakeLane(ctx, "broadcaster-b")
	must(t, err)
	if one.ID == other.ID {
		t.Fatal("two processes share a lane")
	}
	var mu sync.Mutex
	seen := make(map[uint64]bool)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			first, err := a.ReserveNonces(ctx, one, 10)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if seen[first] {
				t.Errorf("nonces from %d were given twice", first)
			}
			seen[first] = true
		})
	}
	wg.Wait()
	taken, err := b.TakeLane(ctx, "broadcaster-a")
	must(t, err)
	_, err = a.ReserveNonces(ctx, one, 1)
	wantErr(t, err, payments.ErrLaneTaken)
	if first, err := b.ReserveNonces(ctx, taken, 1); err != nil || first != 500 {
		t.Errorf("the lane goes on at %d (%v), want 500", first, err)
	}
}

// TestEpochsOfDeadProcesses: a process takes over the epochs of one that is gone, and leaves those of one that lives.
func TestEpochsOfDeadProcesses(t *testing.T) {
	ctx := t.Context()
	server := redisserver.Start(t)
	a, b := open(t, server.URL, "x", "a"), open(t, server.URL, "x", "b")
	c := storetest.NewCharge(1, 0)
	must(t, a.AddCharge(ctx, c))
	epochs, err := b.OpenEpochs(ctx)
	must(t, err)
	if len(epochs) != 0 {
		t.Errorf("the epochs of a living process were taken: %v", epochs)
	}
	must(t, client(t, server).HSet(ctx, "{castnet:x}:alive", "a", 1).Err()) // it was last heard of in 1970
	epochs, err = b.OpenEpochs(ctx)
	must(t, err)
	if open := epochs[firstEpoch()]; len(open) != 1 || open[0] != *c {
		t.Errorf("epochs of the dead process: %v", epochs)
	}
	// If it lives after all, it finds its epoch closed to it.
	wantErr(t, a.AddCharge(ctx, storetest.NewCharge(2, 0)), payments.ErrEpochClosed)
	must(t, a.AddCharge(ctx, storetest.NewCharge(2, 1)))
	must(t, b.Accept(ctx, storetest.NewTicket(c, 1), nil))
}

func TestOneHolderOneProcess(t *testing.T) {
	server := redisserver.Start(t)
	first := open(t, server.URL, "x", "a")
	second := open(t, server.URL, "x", "a")
	wantErr(t, first.AddCharge(t.Context(), storetest.NewCharge(1, 0)), payments.ErrUnavailable)
	wantErr(t, first.AddCharge(t.Context(), storetest.NewCharge(1, 0)), payments.ErrUnavailable)
	must(t, second.AddCharge(t.Context(), storetest.NewCharge(1, 0)))
}

// TestRestartedRedis: while Redis is away money is refused with the reason; once it is back all goes on by itself, and
// nothing that was acknowledged is gone.
func TestRestartedRedis(t *testing.T) {
	ctx := t.Context()
	server := redisserver.Start(t)
	s := open(t, server.URL, "x", "a")
	lane, err := s.TakeLane(ctx, "a")
	must(t, err)
	_, err = s.ReserveNonces(ctx, lane, 1024)
	must(t, err)
	c := storetest.NewCharge(1, 0)
	must(t, s.AddCharge(ctx, c))

	server.Kill()
	for range 3 {
		err := s.AddCharge(ctx, storetest.NewCharge(2, 0))
		wantErr(t, err, payments.ErrUnavailable)
		if _, err := s.Sender(ctx, c.Sender); !errors.Is(err, payments.ErrUnavailable) {
			t.Errorf("a read without Redis: %v", err)
		}
	}
	server.Restart()
	must(t, eventually(ctx, func() error { return s.AddCharge(ctx, storetest.NewCharge(2, 0)) }))
	must(t, s.Accept(ctx, storetest.NewTicket(c, 1), nil))
	if first, err := s.ReserveNonces(ctx, lane, 1); err != nil || first != 1024 {
		t.Errorf("nonces go on at %d: %v", first, err)
	}
	epochs, err := s.OpenEpochs(ctx)
	must(t, err)
	if len(epochs[firstEpoch()]) != 1 {
		t.Errorf("open epochs: %v", epochs)
	}
}

// eventually tries again as callers do: the first answers may still come over connections that are gone.
func eventually(ctx context.Context, try func() error) error {
	var err error
	for range 20 {
		if err = try(); !errors.Is(err, payments.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// TestEmptiedRedis: a Redis that has forgotten everything is noticed by the next write. What was open cannot be paid any
// more; no epoch of before gets another receipt, and no nonce is given twice.
func TestEmptiedRedis(t *testing.T) {
	ctx := t.Context()
	server := redisserver.Start(t)
	s := open(t, server.URL, "x", "a")
	secret, err := s.Secret(ctx)
	must(t, err)
	lane, err := s.TakeLane(ctx, "a")
	must(t, err)
	_, err = s.ReserveNonces(ctx, lane, 1024)
	must(t, err)
	c := storetest.NewCharge(1, 0)
	must(t, s.AddCharge(ctx, c))

	must(t, client(t, server).FlushAll(ctx).Err())
	wantErr(t, s.AddCharge(ctx, storetest.NewCharge(2, 0)), payments.ErrUnavailable)
	wantErr(t, s.AddCharge(ctx, storetest.NewCharge(2, 0)), payments.ErrEpochClosed)
	must(t, s.AddCharge(ctx, storetest.NewCharge(2, 1)))
	wantErr(t, s.Accept(ctx, storetest.NewTicket(c, 1), nil), payments.ErrNotFound)
	if first, err := s.ReserveNonces(ctx, lane, 1); err != nil || first != 1024 {
		t.Errorf("nonces go on at %d: %v", first, err)
	}
	if again, err := s.Secret(ctx); err != nil || again != secret {
		t.Errorf("the secret changed under a running process: %v", err)
	}
	// A process that comes later gets a lane that was never used.
	later, err := open(t, server.URL, "x", "b").TakeLane(ctx, "b")
	must(t, err)
	if later.ID == lane.ID {
		t.Error("a lane was given again")
	}
}

// TestRedeemerDies: of two processes one redeems. When it is silent for more than 10 s the other one does; while it lives
// it may take its time, up to a minute.
func TestRedeemerDies(t *testing.T) {
	ctx := t.Context()
	server := redisserver.Start(t)
	outside := client(t, server)
	first, second := open(t, server.URL, "x", "first"), open(t, server.URL, "x", "second")
	c := storetest.NewCharge(1, 0)
	must(t, first.AddCharge(ctx, c))
	ticket := storetest.NewTicket(c, 1)
	must(t, first.Accept(ctx, ticket, &payments.Winner{SignedTicket: *ticket, Lease: c.Lease, Seq: 1}))
	_, err := first.CloseEpoch(ctx, firstEpoch())
	must(t, err)
	redeems := func(s *redis.Store, want bool) {
		t.Helper()
		winners, err := s.Redeemable(ctx, 10)
		must(t, err)
		if (len(winners) == 1) != want {
			t.Errorf("it is given %d winners; is it to redeem? %v", len(winners), want)
		}
	}
	heard := func(holder string, ago time.Duration) {
		t.Helper()
		at, err := outside.Time(ctx).Result()
		must(t, err)
		must(t, outside.HSet(ctx, "{castnet:x}:alive", holder, at.Add(-ago).UnixMilli()).Err())
	}
	redeems(first, true)
	redeems(second, false)
	heard("first", 9*time.Second)
	redeems(second, false)
	heard("first", 11*time.Second)
	redeems(second, true)
	redeems(first, false)                                                        // it thaws
	must(t, outside.HSet(ctx, "{castnet:x}:meta", "redeemer", "1 second").Err()) // asked for winners long ago
	heard("second", 0)
	redeems(first, true)
}

// TestTurnedBackRedis: a Redis that lost only its last writes is noticed too, by whoever wrote them.
func TestTurnedBackRedis(t *testing.T) {
	ctx := t.Context()
	server := redisserver.Start(t)
	outside := client(t, server)
	s := open(t, server.URL, "x", "a")
	lane, err := s.TakeLane(ctx, "a")
	must(t, err)
	paid, open1 := storetest.NewCharge(1, 0), storetest.NewCharge(2, 0)
	must(t, s.AddCharge(ctx, paid))
	must(t, s.AddCharge(ctx, open1))
	before := image(t, outside)

	ticket := storetest.NewTicket(paid, 1)
	must(t, s.Accept(ctx, ticket, &payments.Winner{SignedTicket: *ticket, Lease: paid.Lease, Seq: 1}))
	_, err = s.CloseEpoch(ctx, firstEpoch())
	must(t, err)
	winners, err := s.Redeemable(ctx, 10)
	must(t, err)
	if len(winners) != 1 { // from here on the chain may know the rand
		t.Fatalf("%d winners", len(winners))
	}
	_, err = s.ReserveNonces(ctx, lane, 1024)
	must(t, err)

	turnBack(t, outside, before)
	wantErr(t, s.Accept(ctx, storetest.NewTicket(open1, 2), nil), payments.ErrUnavailable)
	// Its epoch is open again in there, and its rand is known: nothing more is taken under it.
	wantErr(t, s.Accept(ctx, storetest.NewTicket(open1, 2), nil), payments.ErrAnswered)
	wantErr(t, s.Accept(ctx, ticket, nil), payments.ErrAnswered)
	wantErr(t, s.AddCharge(ctx, storetest.NewCharge(3, 0)), payments.ErrEpochClosed)
	if first, err := s.ReserveNonces(ctx, lane, 1); err != nil || first != 1024 {
		t.Errorf("nonces go on at %d (%v): some are given twice", first, err)
	}
	books, err := s.Sender(ctx, paid.Sender)
	must(t, err)
	if !books.Owed.IsZero() || !books.WrittenOff.IsZero() {
		t.Errorf("the sender is blamed for what Redis lost: %+v", books)
	}
}

// TestTurnedBackBeforeAProcessBegan: nobody is left who could notice. A Redis that is not the one in which an epoch or a
// lane was safe is not believed.
func TestTurnedBackBeforeAProcessBegan(t *testing.T) {
	ctx := t.Context()
	server := redisserver.Start(t)
	first := open(t, server.URL, "x", "a")
	lane, err := first.TakeLane(ctx, "a")
	must(t, err)
	c := storetest.NewCharge(1, 0)
	must(t, first.AddCharge(ctx, c))
	before := image(t, client(t, server))
	_, err = first.ReserveNonces(ctx, lane, 1024)
	must(t, err)
	_, err = first.CloseEpoch(ctx, firstEpoch())
	must(t, err)
	must(t, first.Close())

	server.Restart()
	turnBack(t, client(t, server), maps.Clone(before))
	second := open(t, server.URL, "x", "a")
	epochs, err := second.OpenEpochs(ctx)
	must(t, err)
	if len(epochs) != 0 {
		t.Errorf("an epoch was opened again: %v", epochs)
	}
	wantErr(t, second.Accept(ctx, storetest.NewTicket(c, 1), nil), payments.ErrAnswered)
	again, err := second.TakeLane(ctx, "a")
	must(t, err)
	if again.ID == lane.ID {
		t.Error("a lane goes on of which it is not known how far it was used")
	}
}

func TestEvictingRedisIsRefused(t *testing.T) {
	server := redisserver.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	c, err := redis.Dial(server.URL)
	must(t, err)
	defer func() { must(t, c.Close()) }()
	if _, err := redis.Open(t.Context(), redis.Config{Client: c, Name: "x", Holder: "a", Log: discard()}); err == nil {
		t.Error("a Redis that throws keys away was accepted")
	}
}

// TestFullRedis: a Redis without room refuses new money, and goes on once it has room.
func TestFullRedis(t *testing.T) {
	ctx := t.Context()
	server := redisserver.Start(t)
	outside := client(t, server)
	s := open(t, server.URL, "x", "a")
	c := storetest.NewCharge(1, 0)
	must(t, s.AddCharge(ctx, c))
	must(t, outside.ConfigSet(ctx, "maxmemory", "1mb").Err())
	wantErr(t, s.Accept(ctx, storetest.NewTicket(c, 1), nil), payments.ErrUnavailable)
	must(t, outside.ConfigSet(ctx, "maxmemory", "0").Err())
	must(t, s.Accept(ctx, storetest.NewTicket(c, 1), nil))
}
