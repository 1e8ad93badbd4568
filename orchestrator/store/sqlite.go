// Package store keeps what an orchestrator must not forget: open receipts, serials and tokens, in SQLite for
// one process or in Redis for several. Money itself is in package payments/store.
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
	"time"

	"github.com/ethereum/go-ethereum/common"
	_ "modernc.org/sqlite" // the driver "sqlite", without cgo

	"castnet/orchestrator"
	"castnet/orchestrator/rpc"
)

// schema is version 4; version 1 kept one serial a broadcaster, version 3 the leases that were opened. Unsigned integers are
// stored as signed ones of the same bits.
const schema = `
DROP TABLE IF EXISTS serials;
DROP TABLE IF EXISTS used_leases;
CREATE TABLE IF NOT EXISTS taken_serials (
	broadcaster BLOB NOT NULL, serial INTEGER NOT NULL, expiry INTEGER NOT NULL,
	PRIMARY KEY (broadcaster, serial)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts (
	id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, lease BLOB NOT NULL, expiry INTEGER NOT NULL,
	closed INTEGER NOT NULL DEFAULT 0, receipt BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS receipts_open ON receipts (lease, id) WHERE closed = 0;
CREATE INDEX IF NOT EXISTS receipts_expiry ON receipts (expiry);
CREATE TABLE IF NOT EXISTS tokens (hash BLOB PRIMARY KEY, expiry INTEGER NOT NULL) WITHOUT ROWID;
`

const schemaVersion = 4

// SQLite is a store in one file. It implements orchestrator.Store and orchestrator.TokenStore, and is safe for
// concurrent use; several processes may open the same file.
type SQLite struct {
	db *sql.DB

	committing sync.Mutex
	mu         sync.Mutex
	queue      []*change // what the next transaction takes
}

var (
	_ orchestrator.Store      = (*SQLite)(nil)
	_ orchestrator.TokenStore = (*SQLite)(nil)
)

// OpenSQLite opens or creates the store at path. Write-ahead log, synchronous=FULL: a commit survives a power cut.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("orchestrator store: %w", err)
	}
	options := url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"}, "_txlock": {"immediate"},
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: options.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("orchestrator store %s: %w", path, err)
	}
	if err := prepare(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("orchestrator store %s: %w", path, err), db.Close())
	}
	return &SQLite{db: db}, nil
}

func prepare(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("it was written by a newer castnet (schema %d, this one knows %d)", version, schemaVersion)
	}
	_, err := db.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA user_version = %d", schemaVersion))
	return err
}

// Close closes the file. Calls in flight fail.
func (s *SQLite) Close() error { return s.db.Close() }

// change is one caller's write. refused is its own result, where it declined before it wrote anything.
type change struct {
	run     func(ctx context.Context, tx *sql.Tx) (refused, err error)
	refused error
	err     error
	done    bool // guarded by committing
}

// commit runs a change in a transaction, together with those of whoever else is waiting, and returns when it is on the
// disk. Whoever holds the lock commits for all that wait: one fsync, and no goroutine of its own.
func (s *SQLite) commit(ctx context.Context, run func(context.Context, *sql.Tx) (refused, err error)) error {
	c := &change{run: run}
	s.mu.Lock()
	s.queue = append(s.queue, c)
	s.mu.Unlock()

	s.committing.Lock()
	defer s.committing.Unlock()
	if !c.done {
		s.mu.Lock()
		batch := s.queue
		s.queue = nil
		s.mu.Unlock()
		err := s.transact(context.WithoutCancel(ctx), batch) // it is the others' transaction too
		for _, c := range batch {
			c.done, c.err = true, err
		}
	}
	if c.err != nil {
		return c.err
	}
	return c.refused
}

func (s *SQLite) transact(ctx context.Context, batch []*change) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for _, c := range batch {
		if c.refused, err = c.run(ctx, tx); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// TakeSerial notes a broadcaster's serial, or returns orchestrator.ErrStale.
func (s *SQLite) TakeSerial(ctx context.Context, broadcaster common.Address, serial uint64, until time.Time) error {
	return s.commit(ctx, func(ctx context.Context, tx *sql.Tx) (error, error) {
		result, err := tx.ExecContext(ctx, `INSERT INTO taken_serials (broadcaster, serial, expiry) VALUES (?, ?, ?)
			ON CONFLICT DO NOTHING`, broadcaster[:], int64(serial), until.Unix())
		if err != nil {
			return nil, err
		}
		return refusedUnlessOne(result, orchestrator.ErrStale)
	})
}

func refusedUnlessOne(result sql.Result, refused error) (error, error) {
	n, err := result.RowsAffected()
	if err != nil || n == 1 {
		return nil, err
	}
	return refused, nil
}

// AddReceipt stores a receipt as open. Storing it again changes nothing.
func (s *SQLite) AddReceipt(ctx context.Context, r *rpc.SignedReceipt) error {
	b, err := r.MarshalBinary()
	if err != nil {
		return err
	}
	hash, expiry := r.Receipt.Hash(), int64(r.Receipt.Ticket.Expiry)
	return s.commit(ctx, func(ctx context.Context, tx *sql.Tx) (error, error) {
		_, err := tx.ExecContext(ctx, `INSERT INTO receipts (hash, lease, expiry, receipt) VALUES (?, ?, ?, ?)
			ON CONFLICT (hash) DO NOTHING`, hash[:], r.Receipt.Lease[:], expiry, b)
		return nil, err
	})
}

// CloseReceipt notes that a receipt is paid or written off. One that is not here, or closed, is no error.
func (s *SQLite) CloseReceipt(ctx context.Context, receipt common.Hash) error {
	return s.commit(ctx, func(ctx context.Context, tx *sql.Tx) (error, error) {
		_, err := tx.ExecContext(ctx, "UPDATE receipts SET closed = 1 WHERE hash = ?", receipt[:])
		return nil, err
	})
}

// UnpaidReceipts returns a lease's open receipts, oldest first.
func (s *SQLite) UnpaidReceipts(ctx context.Context, lease common.Hash, limit int) (list []rpc.SignedReceipt, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT receipt FROM receipts WHERE lease = ? AND closed = 0 ORDER BY id LIMIT ?", lease[:], limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		var r rpc.SignedReceipt
		if err := r.UnmarshalBinary(b); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// Prune removes receipts whose tickets have expired, and the serials and tokens that have.
func (s *SQLite) Prune(ctx context.Context, now time.Time) error {
	return s.commit(ctx, func(ctx context.Context, tx *sql.Tx) (error, error) {
		for _, query := range []string{
			"DELETE FROM receipts WHERE expiry < ?",
			"DELETE FROM taken_serials WHERE expiry < ?",
			"DELETE FROM tokens WHERE expiry < ?",
		} {
			if _, err := tx.ExecContext(ctx, query, now.Unix()); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// AddToken stores a token's hash until it expires.
func (s *SQLite) AddToken(ctx context.Context, hash common.Hash, expires time.Time) error {
	return s.commit(ctx, func(ctx context.Context, tx *sql.Tx) (error, error) {
		_, err := tx.ExecContext(ctx, "INSERT INTO tokens (hash, expiry) VALUES (?, ?)", hash[:], expires.Unix())
		return nil, err
	})
}

// UseToken removes a token, or returns orchestrator.ErrToken.
func (s *SQLite) UseToken(ctx context.Context, hash common.Hash, now time.Time) error {
	return s.commit(ctx, func(ctx context.Context, tx *sql.Tx) (error, error) {
		result, err := tx.ExecContext(ctx, "DELETE FROM tokens WHERE hash = ? AND expiry >= ?", hash[:], now.Unix())
		if err != nil {
			return nil, err
		}
		return refusedUnlessOne(result, orchestrator.ErrToken)
	})
}
