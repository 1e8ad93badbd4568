package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"castnet/contracts/chain"
	"castnet/contracts/chain/txs"
	"castnet/contracts/store"
)

// pending keeps what an account has in flight, so that a command that is killed is gone on with by the next one.
type pending struct {
	*store.SQLite
	lock *os.File
	left []txs.Pending // by a command that was killed
}

// openPending opens an account's file, as soon as no other command has it: each would take the other's transactions for its own.
func (s Signing) openPending(ctx context.Context, chainID uint64, signer Signer) (*pending, error) {
	if err := os.MkdirAll(s.Pending, 0o700); err != nil {
		return nil, fmt.Errorf("transactions in flight: %w (--pending)", err)
	}
	path := filepath.Join(s.Pending, fmt.Sprintf("%d-%s.db", chainID, signer.Address()))
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the person's own folder
	if err != nil {
		return nil, fmt.Errorf("transactions in flight: %w (--pending)", err)
	}
	p := &pending{lock: lock}
	if err := flock(ctx, lock); err != nil {
		return nil, errors.Join(fmt.Errorf("another command of %s is not done: %w", signer.Address(), err), lock.Close())
	}
	if p.SQLite, err = store.Open(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("%w (--pending)", err), lock.Close())
	}
	if p.left, err = p.Pending(ctx, signer.Address()); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Close closes the file and lets other commands have it.
func (p *pending) Close() error { return errors.Join(p.SQLite.Close(), p.lock.Close()) }

// flock waits for a lock, and for ctx.
func flock(ctx context.Context, file *os.File) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// earlier is what a command that was killed had sent.
type earlier struct {
	txs.Pending
	chain.Receipt
}

// settle waits until what a command that was killed had sent is final, and tells what became of it.
func (s *Session) settle(ctx context.Context, p *pending) error {
	if len(p.left) == 0 {
		return nil
	}
	_, _ = fmt.Fprintln(s.console.Err, "An earlier command was interrupted after it had sent something; that comes first.")
	heads, stop := context.WithCancel(ctx)
	defer stop()
	for range s.Heads(heads) {
		waiting, err := p.Pending(ctx, s.Self)
		if err != nil {
			return err
		}
		if len(waiting) == 0 {
			break
		}
	}
	for _, sent := range p.left {
		receipt, err := s.Mined(ctx, append(slices.Clone(sent.Older), sent.Tx.Hash()))
		switch {
		case err == nil:
			s.earlier = append(s.earlier, earlier{sent, receipt})
			_, _ = fmt.Fprintf(s.console.Err, "Its transaction %s took effect in block %d.\n", receipt.TxHash, receipt.Block)
		case ctx.Err() != nil:
			return err
		default:
			_, _ = fmt.Fprintf(s.console.Err, "Its transaction %s had no effect: %v.\n", sent.Tx.Hash(), err)
		}
	}
	return nil
}

// done takes the changes that the killed command made from a plan. It reports whether nothing else is left of it.
func (s *Session) done(plan *Plan) (made []Transaction, all bool) {
	before := len(plan.Actions) + len(plan.Then)
	was := func(a chain.Action) bool {
		i := slices.IndexFunc(s.earlier, func(e earlier) bool { return a.Is(e.Tx) })
		if i < 0 {
			return false
		}
		made = append(made, transactionOf(s.earlier[i].Receipt))
		s.earlier = slices.Delete(s.earlier, i, i+1)
		return true
	}
	plan.Actions = slices.DeleteFunc(slices.Clone(plan.Actions), was)
	plan.Then = slices.DeleteFunc(slices.Clone(plan.Then), was)
	return made, len(made) > 0 && len(made) == before
}

// repeated answers a command that asks for nothing but what the killed one did.
func (s *Session) repeated(o Outcome) error {
	return s.Answer(o, func(w io.Writer) {
		for _, t := range o.Transactions {
			_, _ = fmt.Fprintf(w, "Done by the interrupted command: transaction %s in block %d.\n", t.Hash, t.Block)
		}
		_, _ = fmt.Fprintln(w, "Nothing was sent again; to make the same change once more, run this once more.")
	})
}
