package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo
)

// file keeps lines on the disk. It is written often and never synced: a killed process loses nothing that was written, a
// power cut may lose the last seconds of work, and no money.
type file struct{ db *sql.DB }

func openFile(ctx context.Context, path string) (*file, error) {
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(OFF)"}}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS lines (lease BLOB PRIMARY KEY, line TEXT NOT NULL) WITHOUT ROWID`); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", path, err), db.Close())
	}
	return &file{db}, nil
}

func (f *file) close() error { return f.db.Close() }

func (f *file) read(ctx context.Context) (lines []Line, err error) {
	rows, err := f.db.QueryContext(ctx, `SELECT line FROM lines`)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var text []byte
		var line Line
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		if err := json.Unmarshal(text, &line); err != nil {
			return nil, fmt.Errorf("the ledger is damaged: %w", err)
		}
		lines = append(lines, line)
	}
	return lines, rows.Err()
}

// fetch fills in a line that is stored.
func (f *file) fetch(line *Line) error {
	var text []byte
	//nolint:noctx // one row of a local file, for an observer, which has no context
	err := f.db.QueryRow(`SELECT line FROM lines WHERE lease = ?`, line.Lease[:]).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, line)
}

func (f *file) write(ctx context.Context, lines []Line) error {
	if len(lines) == 0 {
		return nil
	}
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for i := range lines {
		text, err := json.Marshal(&lines[i])
		if err == nil {
			_, err = tx.ExecContext(ctx, `INSERT INTO lines (lease, line) VALUES (?, ?) ON CONFLICT DO UPDATE SET line = excluded.line`,
				lines[i].Lease[:], text)
		}
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
