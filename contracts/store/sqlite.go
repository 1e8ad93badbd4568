// Package store keeps what the Go side of the contracts must not forget, in one SQLite file: an account's transactions in flight, and
// the read model of stake with the headers that it was made from.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	_ "modernc.org/sqlite" // the driver "sqlite", without cgo

	"castnet/contracts/chain/txs"
)

// schema is version 1.
const schema = `
CREATE TABLE IF NOT EXISTS transactions (             -- in flight
	account BLOB NOT NULL, nonce INTEGER NOT NULL,
	tx BLOB NOT NULL,                                 -- the newest version, as it goes over the wire
	older BLOB NOT NULL,                              -- hashes of the versions before it, 32 bytes each
	PRIMARY KEY (account, nonce)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS headers (                  -- of the newest applied blocks
	number INTEGER PRIMARY KEY, hash BLOB NOT NULL, parent BLOB NOT NULL, time INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS entries (                  -- of the read model, a version for each block that changed it
	kind INTEGER NOT NULL, owner BLOB NOT NULL, item BLOB NOT NULL, block INTEGER NOT NULL,
	value BLOB NOT NULL,                              -- JSON
	PRIMARY KEY (kind, owner, item, block)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_block ON entries (block);
`

const schemaVersion = 1

// SQLite is a store in one file. It implements txs.Store; Registry makes the read model's. It is safe for concurrent use.
type SQLite struct {
	db   *sql.DB // its transactions write
	read *sql.DB // its transactions see one state, and hinder nobody
}

var _ txs.Store = (*SQLite)(nil)

// Open opens or creates the store at path. Write-ahead log, synchronous=FULL: what is told to be stored survives a power cut.
func Open(ctx context.Context, path string) (*SQLite, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("chain store: %w", err)
	}
	s := &SQLite{}
	var err error
	if s.db, err = open(path, url.Values{"_txlock": {"immediate"}}); err == nil {
		s.read, err = open(path, url.Values{})
	}
	if err == nil {
		err = s.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("chain store %s: %w", path, err), s.Close())
	}
	return s, nil
}

func open(path string, options url.Values) (*sql.DB, error) {
	options["_pragma"] = []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: options.Encode()}).String())
}

func (s *SQLite) prepare(ctx context.Context) error {
	var version int
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("it was written by a newer castnet (schema %d, this one knows %d)", version, schemaVersion)
	}
	_, err := s.db.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA user_version = %d", schemaVersion))
	return err
}

// Close closes the file. Calls in flight fail.
func (s *SQLite) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.db} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Pending lists an account's transactions in flight by nonce.
func (s *SQLite) Pending(ctx context.Context, account common.Address) ([]txs.Pending, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT tx, older FROM transactions WHERE account = ? ORDER BY nonce", account[:])
	if err != nil {
		return nil, fmt.Errorf("chain store: %w", err)
	}
	defer rows.Close() //nolint:errcheck // read to its end, or failed
	var list []txs.Pending
	for rows.Next() {
		var raw, older []byte
		if err := rows.Scan(&raw, &older); err != nil {
			return nil, fmt.Errorf("chain store: %w", err)
		}
		p := txs.Pending{Tx: new(types.Transaction)}
		if err := p.Tx.UnmarshalBinary(raw); err != nil {
			return nil, fmt.Errorf("chain store: transaction of %v: %w", account, err)
		}
		for ; len(older) >= common.HashLength; older = older[common.HashLength:] {
			p.Older = append(p.Older, common.Hash(older[:common.HashLength]))
		}
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("chain store: %w", err)
	}
	return list, nil
}

// Keep stores a transaction in flight, in place of the one of its nonce.
func (s *SQLite) Keep(ctx context.Context, account common.Address, p txs.Pending) error {
	raw, err := p.Tx.MarshalBinary()
	if err != nil {
		return fmt.Errorf("chain store: %w", err)
	}
	older := []byte{}
	for _, hash := range p.Older {
		older = append(older, hash[:]...)
	}
	_, err = s.db.ExecContext(ctx, "INSERT OR REPLACE INTO transactions (account, nonce, tx, older) VALUES (?, ?, ?, ?)",
		account[:], int64(p.Tx.Nonce()), raw, older)
	if err != nil {
		return fmt.Errorf("chain store: %w", err)
	}
	return nil
}

// Drop forgets the transaction of a nonce.
func (s *SQLite) Drop(ctx context.Context, account common.Address, nonce uint64) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM transactions WHERE account = ? AND nonce = ?", account[:], int64(nonce))
	if err != nil {
		return fmt.Errorf("chain store: %w", err)
	}
	return nil
}
