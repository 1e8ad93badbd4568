package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// migrations are the steps from each version of the schema to the next. A step that has been released never changes: a
// file of any version is brought up to the last one when it is opened. The version is in the file's user_version.
//
// Amounts are 32 bytes, big-endian; unsigned integers are stored as signed ones of the same bits.
func migrations() []string { return []string{first, gas, pruning, promises} }

const first = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- sender
CREATE TABLE lanes (
	id INTEGER PRIMARY KEY, holder TEXT NOT NULL UNIQUE, term INTEGER NOT NULL,
	ceiling INTEGER NOT NULL);                    -- nonces below it may have been used
CREATE TABLE tickets (
	lease BLOB NOT NULL, seq INTEGER NOT NULL, attempt INTEGER NOT NULL,
	expiry INTEGER NOT NULL, fee BLOB NOT NULL, ticket BLOB NOT NULL,
	PRIMARY KEY (lease, seq, attempt)) WITHOUT ROWID;

-- recipient
CREATE TABLE epochs (
	lease BLOB NOT NULL, epoch INTEGER NOT NULL, closed INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (lease, epoch)) WITHOUT ROWID;
CREATE INDEX epochs_open ON epochs (lease, epoch) WHERE closed = 0;
CREATE TABLE charges (
	lease BLOB NOT NULL, seq INTEGER NOT NULL, attempt INTEGER NOT NULL,
	epoch INTEGER NOT NULL, receipt BLOB NOT NULL UNIQUE, state INTEGER NOT NULL, won INTEGER NOT NULL DEFAULT 0,
	charge BLOB NOT NULL, ticket BLOB,
	PRIMARY KEY (lease, seq, attempt)) WITHOUT ROWID;
CREATE INDEX charges_open ON charges (lease, epoch) WHERE state = 0;
CREATE TABLE nonces (                             -- one bit a nonce
	sender BLOB NOT NULL, lane INTEGER NOT NULL, block INTEGER NOT NULL, bits BLOB NOT NULL,
	PRIMARY KEY (sender, lane, block)) WITHOUT ROWID;
CREATE TABLE senders (
	sender BLOB PRIMARY KEY, paid BLOB NOT NULL, owed BLOB NOT NULL, written_off BLOB NOT NULL,
	pending BLOB NOT NULL) WITHOUT ROWID;

-- redeemer
CREATE TABLE winners (
	receipt BLOB PRIMARY KEY, lease BLOB NOT NULL, epoch INTEGER NOT NULL, expiry INTEGER NOT NULL,
	state INTEGER NOT NULL,                       -- 0 held, 1 ready, 2 paid, 3 lost
	tries INTEGER NOT NULL DEFAULT 0, winner BLOB NOT NULL,
	paid BLOB, tx BLOB, reason TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE INDEX winners_ready ON winners (tries, expiry) WHERE state = 1;
CREATE INDEX winners_held ON winners (lease, epoch) WHERE state = 0;
`

// gas is what redeeming a winner has cost so far.
const gas = `ALTER TABLE winners ADD COLUMN gas BLOB;`

// pruning dates what was not dated. Of rows that are there already it is not known when their tickets expire: none is
// valid for longer than two days.
const pruning = `
ALTER TABLE charges ADD COLUMN expiry INTEGER NOT NULL DEFAULT 0;
ALTER TABLE epochs ADD COLUMN expiry INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nonces ADD COLUMN expiry INTEGER NOT NULL DEFAULT 0;
UPDATE charges SET expiry = unixepoch() + 172800;
UPDATE epochs SET expiry = unixepoch() + 172800;
UPDATE nonces SET expiry = unixepoch() + 172800;
CREATE TABLE floors (                             -- all nonces up to this one count as used
	sender BLOB NOT NULL, lane INTEGER NOT NULL, nonce INTEGER NOT NULL,
	PRIMARY KEY (sender, lane)) WITHOUT ROWID;
CREATE INDEX tickets_expiry ON tickets (expiry);
CREATE INDEX charges_settled ON charges (expiry) WHERE state != 0;
CREATE INDEX epochs_closed ON epochs (expiry) WHERE closed = 1;
CREATE INDEX nonces_expiry ON nonces (expiry);
`

// promises are what of a sender's share open leases are promised; till is in milliseconds of Unix time.
const promises = `
CREATE TABLE promises (
	lease BLOB PRIMARY KEY, sender BLOB NOT NULL, amount BLOB NOT NULL, till INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX promises_sender ON promises (sender, till);
CREATE INDEX promises_till ON promises (till);
`

// migrate brings the file up to the last version, in one transaction.
func migrate(ctx context.Context, c *sql.Conn) (err error) {
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, rollback := c.ExecContext(ctx, "ROLLBACK")
			err = errors.Join(err, rollback)
		}
	}()
	var version int
	if err := c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	steps := migrations()
	if version > len(steps) {
		return fmt.Errorf("it was written by a newer castnet (schema %d, this one knows %d)", version, len(steps))
	}
	for i, step := range steps[version:] {
		if _, err := c.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("from schema %d to %d: %w", version+i, version+i+1, err)
		}
	}
	_, err = c.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d; COMMIT", len(steps)))
	return err
}
