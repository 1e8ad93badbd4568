package store_test

import (
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"castnet/orchestrator/store"
	"castnet/orchestrator/store/storetest"
	"castnet/test/redisserver"
)

func TestRedis(t *testing.T) {
	server := redisserver.Start(t)
	storetest.Run(t, func(t *testing.T, name string) storetest.Store {
		t.Helper()
		return openRedis(t, server.Client(), t.Name()+name)
	})
}

// TestCluster: every script's keys are in one slot.
func TestCluster(t *testing.T) {
	url := redisserver.StartCluster(t)
	options, err := goredis.ParseClusterURL(url[:len(url)-len("?cluster=true")])
	if err != nil {
		t.Fatal(err)
	}
	storetest.Run(t, func(t *testing.T, name string) storetest.Store {
		t.Helper()
		return openRedis(t, goredis.NewClusterClient(options), t.Name()+name)
	})
}

func openRedis(t *testing.T, client goredis.UniversalClient, name string) *store.Redis {
	t.Helper()
	s := store.OpenRedis(client, name)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
