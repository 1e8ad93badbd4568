package store_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	goredis "github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store"
	"castnet/probabilistic-payments/store/storetest"
)

// TestIdleSendersAreSmall: what is left of 1,000 senders that have paid and gone, once their tickets are pruned, is at most
// 2 MB: books and the highest nonce of each.
func TestIdleSendersAreSmall(t *testing.T) {
	each(t, func(t *testing.T, place func(string) store.Config) {
		t.Helper()
		ctx := t.Context()
		cfg := place("a")
		s := open(t, cfg)
		const senders, most = 1000, 2 << 20
		var group errgroup.Group
		for i := range uint64(senders) {
			group.Go(func() error {
				c := storetest.NewCharge(i, i/50)
				binary.BigEndian.PutUint64(c.Sender[8:], i)
				c.Receipt = crypto.Keccak256Hash(c.Sender[:])
				err := s.AddCharge(ctx, c)
				return errors.Join(err, s.Accept(ctx, storetest.NewTicket(c, i), nil))
			})
		}
		must(t, group.Wait())
		for number := range uint64(senders / 50) {
			_, err := s.CloseEpoch(ctx, payments.EpochID{Lease: storetest.NewCharge(0, 0).Lease, Epoch: number})
			must(t, err)
		}
		_, err := s.Prune(ctx, time.Unix(1_000_000_000, 0), 2*senders)
		must(t, err)

		var size int64
		if strings.HasPrefix(cfg.URL, "sqlite:") {
			compact := filepath.Join(t.TempDir(), "compact")
			must(t, s.Backup(ctx, compact))
			info, err := os.Stat(compact)
			must(t, err)
			size = info.Size()
		} else {
			options, err := goredis.ParseURL(cfg.URL)
			must(t, err)
			c := goredis.NewClient(options)
			defer func() { must(t, c.Close()) }()
			keys, err := c.Keys(ctx, "*").Result()
			must(t, err)
			for _, key := range keys {
				n, err := c.MemoryUsage(ctx, key, 0).Result() // of all elements
				must(t, err)
				size += n
			}
		}
		t.Logf("%d bytes a sender", size/senders)
		if size > most {
			t.Errorf("%d idle senders take %d bytes, at most %d are allowed", senders, size, most)
		}
	})
}
