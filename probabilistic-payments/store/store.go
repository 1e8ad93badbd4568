// Package store opens the money's state where a role keeps it: in a SQLite file (package sqlite) or in Redis (package
// redis). Both pass one suite, storetest.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/redis"
	"castnet/probabilistic-payments/store/sqlite"
)

// Store is all that a store of the money's state does. It is safe for concurrent use.
type Store interface {
	payments.SenderStore
	payments.RecipientStore
	payments.RedeemerStore
	Upkeep
}

// Upkeep is what keeps a store in order.
type Upkeep interface {
	// Run does what the store needs done, until ctx ends. It returns nil then.
	Run(ctx context.Context) error
	// History tells all that is stored as the events that it was; times are not kept.
	History(ctx context.Context, observer payments.Observer) error
	// Prune forgets what is settled and has expired before a time, at most limit of each kind; it returns how many it was.
	Prune(ctx context.Context, before time.Time, limit int) (int, error)
	// Backup writes a copy, as of one moment, into a new file, while the store is in use.
	Backup(ctx context.Context, path string) error
	Close() error
}

// Config says where a store is.
type Config struct {
	// URL is sqlite:PATH, or redis://, rediss:// or unix:// as package redis has it.
	URL string
	// Name tells apart identities that share a Redis; Holder names this process among those of one identity.
	Name, Holder string
	Log          *slog.Logger
}

// path is the file of a SQLite store.
func (c *Config) path() (string, bool) { return strings.CutPrefix(c.URL, "sqlite:") }

func (c *Config) redis() (redis.Config, error) {
	switch scheme, _, _ := strings.Cut(c.URL, ":"); scheme {
	case "redis", "rediss", "unix":
	default:
		return redis.Config{}, fmt.Errorf("store %q: want sqlite:PATH, redis://HOST:PORT, rediss://HOST:PORT or unix:///SOCKET", c.URL)
	}
	client, err := redis.Dial(c.URL)
	return redis.Config{Client: client, Name: c.Name, Holder: c.Holder, Log: c.Log}, err
}

// Open opens a store. A SQLite file is made where there is none; Redis must be there.
func Open(ctx context.Context, cfg Config) (Store, error) {
	if path, ok := cfg.path(); ok {
		return sqlite.Open(ctx, path)
	}
	c, err := cfg.redis()
	if err != nil {
		return nil, err
	}
	s, err := redis.Open(ctx, c)
	if err != nil {
		return nil, errors.Join(err, c.Client.Close())
	}
	return s, nil
}

// Restore makes a store, where none may be, out of a backup of one of the same kind. What was owed when the backup was
// made cannot be paid any more, and lanes begin anew: what has happened since is not known. Winners are redeemed as far
// as the chain has not paid them.
func Restore(ctx context.Context, cfg Config, backup string) error {
	if path, ok := cfg.path(); ok {
		return sqlite.Restore(ctx, backup, path)
	}
	c, err := cfg.redis()
	if err != nil {
		return err
	}
	return errors.Join(redis.Restore(ctx, c, backup), c.Client.Close())
}

const (
	pruneEvery = 10 * time.Minute
	pruneStep  = 1000 // of each kind in one transaction, so that nobody waits for long
)

// Keep runs a store, and prunes it of what expired longer ago than retain, until ctx ends. It returns nil then.
func Keep(ctx context.Context, s Store, retain time.Duration, log *slog.Logger) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error {
		tick := time.NewTicker(pruneEvery)
		defer tick.Stop()
		for {
			if err := prune(ctx, s, time.Now().Add(-retain)); err != nil && ctx.Err() == nil {
				log.Warn("money store not pruned; it grows until it is", "err", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
		}
	})
	return group.Wait()
}

func prune(ctx context.Context, s Store, before time.Time) error {
	for ctx.Err() == nil {
		n, err := s.Prune(ctx, before, pruneStep)
		if err != nil || n == 0 {
			return err
		}
	}
	return nil
}
