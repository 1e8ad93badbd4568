package account

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"castnet/contracts/chain/registry"
	"castnet/contracts/store"
)

// lookEvery is how often a follower is asked whether it has caught up.
const lookEvery = 20 * time.Millisecond

// History runs f with what the chain's log tells of stake, up to the present block. What was read is kept in a file, so that the next
// command reads only what is new.
func (s *Session) History(ctx context.Context, f func(context.Context, registry.Reader) error) (err error) {
	if err := os.MkdirAll(s.cache, 0o700); err != nil {
		return fmt.Errorf("cache: %w (--cache)", err)
	}
	path := filepath.Join(s.cache, fmt.Sprintf("stake-%d-%s.db", s.ChainID(), s.Addresses().Staking))
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the person's own folder
	if err != nil {
		return fmt.Errorf("cache: %w (--cache)", err)
	}
	defer func() { _ = lock.Close() }()                                    // which ends the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil { // another command is done in a moment
		return fmt.Errorf("cache: %w (--cache)", err)
	}
	file, err := store.Open(ctx, path)
	if err != nil {
		return fmt.Errorf("cache: %w (--cache)", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	books, err := file.Registry(s.Client)
	if err != nil {
		return err
	}
	follower, err := s.Follower(books)
	if err != nil {
		return err
	}
	following, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- follower.Run(following) }()
	err = s.caughtUp(ctx, books)
	if err == nil {
		err = f(ctx, books)
	}
	stop()
	return errors.Join(err, <-ended)
}

// caughtUp waits until the present block is in the books.
func (s *Session) caughtUp(ctx context.Context, books registry.Reader) error {
	present := s.Head().Number
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		head, err := books.Head(ctx)
		if err != nil || head.Number >= present {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
