// Package store keeps the money's state: SQLite for one machine. Every method of the interfaces that package payments
// declares is durable when it returns; concurrent writes share one transaction and one fsync (group commit).
package store

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

// schema is version 2. Amounts are 32 bytes, big-endian; unsigned integers are stored as signed ones of the same bits.
const schema = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- sender
CREATE TABLE IF NOT EXISTS lanes (
	id INTEGER PRIMARY KEY, holder TEXT NOT NULL UNIQUE, term INTEGER NOT NULL,
	ceiling INTEGER NOT NULL);                    -- nonces below it may have been used
CREATE TABLE IF NOT EXISTS tickets (
	lease BLOB NOT NULL, seq INTEGER NOT NULL, attempt INTEGER NOT NULL,
	expiry INTEGER NOT NULL, fee BLOB NOT NULL, ticket BLOB NOT NULL,
	PRIMARY KEY (lease, seq, attempt)) WITHOUT ROWID;

-- recipient
CREATE TABLE IF NOT EXISTS epochs (
	lease BLOB NOT NULL, epoch INTEGER NOT NULL, closed INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (lease, epoch)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS epochs_open ON epochs (lease, epoch) WHERE closed = 0;
CREATE TABLE IF NOT EXISTS charges (
	lease BLOB NOT NULL, seq INTEGER NOT NULL, attempt INTEGER NOT NULL,
	epoch INTEGER NOT NULL, receipt BLOB NOT NULL UNIQUE, state INTEGER NOT NULL, won INTEGER NOT NULL DEFAULT 0,
	charge BLOB NOT NULL, ticket BLOB,
	PRIMARY KEY (lease, seq, attempt)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS charges_open ON charges (lease, epoch) WHERE state = 0;
CREATE TABLE IF NOT EXISTS nonces (               -- one bit a nonce
	sender BLOB NOT NULL, lane INTEGER NOT NULL, block INTEGER NOT NULL, bits BLOB NOT NULL,
	PRIMARY KEY (sender, lane, block)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS senders (
	sender BLOB PRIMARY KEY, paid BLOB NOT NULL, owed BLOB NOT NULL, written_off BLOB NOT NULL,
	pending BLOB NOT NULL) WITHOUT ROWID;

-- redeemer
CREATE TABLE IF NOT EXISTS winners (
	receipt BLOB PRIMARY KEY, lease BLOB NOT NULL, epoch INTEGER NOT NULL, expiry INTEGER NOT NULL,
	state INTEGER NOT NULL,                       -- 0 held, 1 ready, 2 paid, 3 lost
	tries INTEGER NOT NULL DEFAULT 0, winner BLOB NOT NULL,
	paid BLOB, tx BLOB, reason TEXT NOT NULL DEFAULT '', gas BLOB) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS winners_ready ON winners (tries, expiry) WHERE state = 1;
CREATE INDEX IF NOT EXISTS winners_held ON winners (lease, epoch) WHERE state = 0;
`

const schemaVersion = 2

// SQLite is a store in one file. It implements payments.SenderStore, RecipientStore and RedeemerStore, and is safe for
// concurrent use; several processes may open the same file.
type SQLite struct {
	read *sql.DB
	pool *sql.DB   // of the one connection that writes
	conn *sql.Conn // used by the leader only

	leader chan struct{} // holds one token while somebody commits
	mu     sync.Mutex
	queue  []*write // what the next transaction takes
}

var (
	_ payments.SenderStore    = (*SQLite)(nil)
	_ payments.RecipientStore = (*SQLite)(nil)
	_ payments.RedeemerStore  = (*SQLite)(nil)
)

// OpenSQLite opens or creates the store at path. Write-ahead log, synchronous=FULL: a commit survives a power cut.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("payments store: %w", err)
	}
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"}}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas.Encode()}).String()
	s := &SQLite{leader: make(chan struct{}, 1)}
	if err := s.open(ctx, dsn); err != nil {
		return nil, errors.Join(fmt.Errorf("payments store %s: %w", path, err), s.Close())
	}
	return s, nil
}

func (s *SQLite) open(ctx context.Context, dsn string) (err error) {
	if s.pool, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	if s.conn, err = s.pool.Conn(ctx); err != nil {
		return err
	}
	var version int
	if err := s.conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("it was written by a newer castnet (schema %d, this one knows %d)", version, schemaVersion)
	}
	if version == 1 {
		if _, err := s.conn.ExecContext(ctx, `ALTER TABLE winners ADD COLUMN gas BLOB`); err != nil {
			return err
		}
	}
	if _, err := s.conn.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA user_version = %d", schemaVersion)); err != nil {
		return err
	}
	s.read, err = sql.Open("sqlite", dsn)
	return err
}

// Close closes the file. Calls in flight fail.
func (s *SQLite) Close() error {
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
	run  func(ctx context.Context, c *sql.Conn) error
	done chan error // buffered: the leader never waits
}

// commit runs a change in a transaction, together with those of whoever else is waiting, and returns when it is on the
// disk. There is no goroutine behind it: one of the waiting callers leads and commits for all.
//
// A change returns an error of package payments (ErrExists, …) before it has written anything; the others are not hurt.
func (s *SQLite) commit(ctx context.Context, run func(ctx context.Context, c *sql.Conn) error) error {
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
func (s *SQLite) lead(ctx context.Context, batch []*write) {
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
func (s *SQLite) transact(ctx context.Context, batch []*write) (results []error, err error) {
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
	for i, w := range batch {
		results[i] = w.run(ctx, s.conn)
		if results[i] != nil && !refusal(results[i]) {
			return nil, results[i]
		}
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
