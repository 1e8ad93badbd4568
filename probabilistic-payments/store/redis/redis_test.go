package redis_test

import (
	"log/slog"
	"testing"

	"castnet/probabilistic-payments/store/redis"
	"castnet/probabilistic-payments/store/storetest"
	"castnet/test/redisserver"
)

// open joins a name as a holder.
func open(tb testing.TB, url, name, holder string) *redis.Store {
	tb.Helper()
	client, err := redis.Dial(url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	s, err := redis.Open(tb.Context(), redis.Config{Client: client, Name: name, Holder: holder, Log: slog.New(slog.NewTextHandler(tb.Output(), nil))})
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
