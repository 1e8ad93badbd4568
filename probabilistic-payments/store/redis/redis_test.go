package redis_test

import (
	"log/slog"
	"testing"

	"castnet/probabilistic-payments/store/redis"
	"castnet/probabilistic-payments/store/storetest"
	"castnet/test/redisserver"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// open joins a name as a holder.
func open(tb testing.TB, url, name, holder string) *redis.Store {
	tb.Helper()
	client, err := redis.Dial(url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	s, err := redis.Open(tb.Context(), redis.Config{Client: client, Name: name, Holder: holder, Log: discard()})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestRedis(t *testing.T) {
	server := redisserver.Start(t)
	storetest.Run(t, func(t *testing.T) (storetest.Store, func() storetest.Store) {
		t.Helper()
		return open(t, server.URL, t.Name(), "one"), func() storetest.Store { return open(t, server.URL, t.Name(), "one") }
	})
}

// TestCluster runs the same suite on a cluster of three: every function's keys are in one slot.
func TestCluster(t *testing.T) {
	url := redisserver.StartCluster(t)
	storetest.Run(t, func(t *testing.T) (storetest.Store, func() storetest.Store) {
		t.Helper()
		return open(t, url, t.Name(), "one"), func() storetest.Store { return open(t, url, t.Name(), "one") }
	})
}
