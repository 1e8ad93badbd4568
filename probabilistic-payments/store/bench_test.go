package store_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"

	"castnet/probabilistic-payments/store"
	"castnet/probabilistic-payments/store/storetest"
	"castnet/test/redisserver"
)

// BenchmarkDurable measures whole durable steps under concurrency. A recipient's is two: the receipt, and its ticket.
func BenchmarkDurable(b *testing.B) {
	server := redisserver.Start(b, "--appendfsync", "everysec")
	for kind, cfg := range map[string]store.Config{
		"store=sqlite": {URL: "sqlite:" + filepath.Join(b.TempDir(), "money.db")},
		"store=redis":  {URL: server.URL, Name: "bench", Holder: "one", Log: slog.New(slog.DiscardHandler)},
	} {
		s, err := store.Open(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		for side, step := range map[string]func(ctx context.Context, i uint64) error{
			"side=sender": func(ctx context.Context, i uint64) error {
				c := storetest.NewCharge(i, 0)
				_, err := s.SaveTicket(ctx, c.PaymentKey, storetest.NewTicket(c, i))
				return err
			},
			"side=recipient": func(ctx context.Context, i uint64) error {
				c := storetest.NewCharge(i, 0)
				return errors.Join(s.AddCharge(ctx, c), s.Accept(ctx, storetest.NewTicket(c, i), nil))
			},
		} {
			var next atomic.Uint64
			b.Run(kind+"/"+side, func(b *testing.B) {
				b.SetParallelism(128)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := step(context.Background(), next.Add(1)); err != nil {
							b.Error(err)
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tickets/s")
			})
		}
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}
}
