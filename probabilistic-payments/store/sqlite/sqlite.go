// Package sqlite keeps the money's state in one file, for one machine. Every method of the interfaces that package payments
// declares is durable when it returns; concurrent writes share one transaction and one fsync (group commit).
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo

	payments "castnet/probabilistic-payments"
)

// Store is a store in one file. It implements payments.SenderStore, RecipientStore and RedeemerStore, and is safe for
// concurrent use; several processes may open the same file.
type Store struct {
	read *sql.DB
	pool *sql.DB   // of the one connection that writes
	conn *sql.Conn // used by the leader only

	leader chan struct{} // holds one token while somebody commits
	mu     sync.Mutex
	queue  []*write // what the next transaction takes
}

var (
	_ payments.SenderStore    = (*Store)(nil)
	_ payments.RecipientStore = (*Store)(nil)
	_ payments.RedeemerStore  = (*Store)(nil)
)

// Open opens or creates the store at path. Write-ahead log, synchronous=FULL: a commit survives a power cut.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("payments store: %w", err)
	}
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"}}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas.Encode()}).String()
	s := &Store{leader: make(chan struct{}, 1)}
	if err := s.open(ctx, dsn); err != nil {
		return nil, errors.Join(fmt.Errorf("payments store %s: %w", path, err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, dsn string) (err error) {
	if s.pool, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	if s.conn, err = s.pool.Conn(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, s.conn); err != nil {
		return err
	}
	s.read, err = sql.Open("sqlite", dsn)
	return err
}

// Run waits for ctx to end: the store needs nobody to look after it.
func (s *Store) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Close closes the file. Calls in flight fail.
func (s *Store) Close() error {
	var errs []error
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.pool != nil {
		errs = append(errs, s.pool.Close())
	}
	return errors.Join(errs...)
}

// write is one caller's change. run may be called more than once, each time in a transaction of its own.
type write struct {
	run  func(ctx context.Context, t *tx) error
	done chan error // buffered: the leader never waits
}

// commit runs a change in a transaction, together with those of whoever else is waiting, and returns when it is on the
// disk. There is no goroutine behind it: one of the waiting callers leads and commits for all.
//
// A change returns an error of package payments (ErrExists, …) before it has written anything, in memory or in the file;
// the others are not hurt.
func (s *Store) commit(ctx context.Context, run func(ctx context.Context, t *tx) error) error {
	w := &write{run: run, done: make(chan error, 1)}
	s.mu.Lock()
	s.queue = append(s.queue, w)
	s.mu.Unlock()
	select {
	case err := <-w.done:
		return err
	case s.leader <- struct{}{}:
	}
	// Whoever leads takes all that waits, its own change included, unless an earlier leader has.
	s.mu.Lock()
	batch := s.queue
	s.queue = nil
	s.mu.Unlock()
	s.lead(context.WithoutCancel(ctx), batch)
	<-s.leader
	return <-w.done
}

// lead commits a batch and tells everybody in it.
func (s *Store) lead(ctx context.Context, batch []*write) {
	if len(batch) == 0 {
		return
	}
	results, err := s.transact(ctx, batch)
	if err != nil && len(batch) > 1 {
		for _, w := range batch { // find the one at fault: each alone
			s.lead(ctx, []*write{w})
		}
		return
	}
	for i, w := range batch {
		if err != nil {
			w.done <- err
			continue
		}
		w.done <- results[i]
	}
}

// transact runs a batch in one transaction. results are the refusals of single changes; an error means that nothing was
// written.
func (s *Store) transact(ctx context.Context, batch []*write) (results []error, err error) {
	if _, err := s.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			_, rollback := s.conn.ExecContext(ctx, "ROLLBACK")
			err = errors.Join(err, rollback)
		}
	}()
	results = make([]error, len(batch))
	t := newTx(s.conn)
	for i, w := range batch {
		results[i] = w.run(ctx, t)
		if results[i] != nil && !refusal(results[i]) {
			return nil, results[i]
		}
	}
	if err := t.write(ctx); err != nil {
		return nil, err
	}
	if _, err := s.conn.ExecContext(ctx, "COMMIT"); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	return results, nil
}

// refusal reports whether a change declined before it wrote anything.
func refusal(err error) bool {
	for _, r := range []error{payments.ErrNotFound, payments.ErrLaneTaken, payments.ErrExists, payments.ErrAnswered, payments.ErrNonceUsed} {
		if errors.Is(err, r) {
			return true
		}
	}
	return false
}

// queryer is a connection or a pool.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each calls f for each row of a query.
func each(ctx context.Context, q queryer, f func(*sql.Rows) error, query string, args ...any) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
