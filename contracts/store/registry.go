package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/contracts/chain/follow"
	"castnet/contracts/chain/registry"
)

// keptBlocks is how far back from the newest applied block headers and versions of entries are kept: deeper than that nothing is
// undone, but all of it made anew.
const keptBlocks = 512

// Registry is the read model of stake in the store's file. A follow.Follower writes it, anybody reads it.
type Registry struct {
	s      *SQLite
	events *chain.StakeEvents
	fold   registry.Fold
}

var (
	_ follow.Store    = (*Registry)(nil)
	_ registry.Reader = (*Registry)(nil)
)

// Registry makes the read model of the deployment that a client speaks to; a file holds one.
func (s *SQLite) Registry(client *chain.Client) (*Registry, error) {
	events, err := chain.NewStakeEvents(client.Addresses())
	if err != nil {
		return nil, err
	}
	p := client.Parameters()
	return &Registry{s: s, events: events, fold: registry.Fold{Genesis: p.Genesis, RoundLength: p.RoundLength}}, nil
}

// Headers lists the newest applied blocks, the newest first.
func (r *Registry) Headers(ctx context.Context) ([]follow.Header, error) {
	rows, err := r.s.read.QueryContext(ctx, "SELECT number, hash, parent, time FROM headers ORDER BY number DESC")
	if err != nil {
		return nil, fmt.Errorf("chain store: %w", err)
	}
	defer rows.Close() //nolint:errcheck // read to its end, or failed
	var list []follow.Header
	for rows.Next() {
		var number, seconds int64
		var hash, parent []byte
		if err := rows.Scan(&number, &hash, &parent, &seconds); err != nil {
			return nil, fmt.Errorf("chain store: %w", err)
		}
		list = append(list, follow.Header{
			Number: uint64(number), Hash: common.BytesToHash(hash), Parent: common.BytesToHash(parent), Time: time.Unix(seconds, 0).UTC(),
		})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("chain store: %w", err)
	}
	return list, nil
}

// Apply folds blocks into the model.
func (r *Registry) Apply(ctx context.Context, blocks []follow.Block) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		for _, block := range blocks {
			if err := r.applyBlock(ctx, tx, block); err != nil {
				return err
			}
		}
		newest := int64(blocks[len(blocks)-1].Number)
		_, err := tx.ExecContext(ctx, "DELETE FROM headers WHERE number < ?", newest-keptBlocks)
		return err
	})
}

func (r *Registry) applyBlock(ctx context.Context, tx *sql.Tx, block follow.Block) error {
	b := book{tx: tx, block: int64(block.Number)}
	at := registry.Block{Number: block.Number, Hash: block.Hash, Time: block.Time}
	for i := range block.Logs {
		event, err := r.events.Decode(&block.Logs[i])
		if err != nil {
			return err
		}
		if event == nil {
			continue
		}
		if err := r.fold.Apply(ctx, b, at, event); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO headers (number, hash, parent, time) VALUES (?, ?, ?, ?)",
		int64(block.Number), block.Hash[:], block.Parent[:], block.Time.Unix())
	return err
}

// Undo takes back everything above a block.
func (r *Registry) Undo(ctx context.Context, number uint64) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{"DELETE FROM headers WHERE number > ?", "DELETE FROM entries WHERE block > ?"} {
			if _, err := tx.ExecContext(ctx, statement, int64(number)); err != nil {
				return err
			}
		}
		return nil
	})
}

// change runs f in a transaction.
func (r *Registry) change(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := r.s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("chain store: %w", err)
	}
	if err := f(tx); err != nil {
		return errors.Join(fmt.Errorf("chain store: %w", err), tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("chain store: %w", err)
	}
	return nil
}

// look reads from one state of the model.
func look[T any](ctx context.Context, r *Registry, f func(b book, head registry.Block) (T, error)) (T, error) {
	var none T
	tx, err := r.s.read.BeginTx(ctx, nil)
	if err != nil {
		return none, fmt.Errorf("chain store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	var head registry.Block
	var hash []byte
	var number, seconds int64
	err = tx.QueryRowContext(ctx, "SELECT number, hash, time FROM headers ORDER BY number DESC LIMIT 1").Scan(&number, &hash, &seconds)
	switch {
	case err == nil:
		head = registry.Block{Number: uint64(number), Hash: common.BytesToHash(hash), Time: time.Unix(seconds, 0).UTC()}
	case !errors.Is(err, sql.ErrNoRows):
		return none, fmt.Errorf("chain store: %w", err)
	}
	return f(book{tx: tx}, head)
}

// Head is the block that the answers are of.
func (r *Registry) Head(ctx context.Context) (registry.Block, error) {
	return look(ctx, r, func(_ book, head registry.Block) (registry.Block, error) { return head, nil })
}

// Orchestrators lists everybody who ever registered.
func (r *Registry) Orchestrators(ctx context.Context) ([]registry.Orchestrator, error) {
	return look(ctx, r, func(b book, head registry.Block) ([]registry.Orchestrator, error) {
		return registry.Orchestrators(ctx, b, head.Time)
	})
}

// Orchestrator is one of them.
func (r *Registry) Orchestrator(ctx context.Context, id common.Address) (o registry.Orchestrator, ok bool, err error) {
	o, err = look(ctx, r, func(b book, head registry.Block) (registry.Orchestrator, error) {
		var err error
		o, ok, err = registry.FindOrchestrator(ctx, b, id, head.Time)
		return o, err
	})
	return o, ok, err
}

// Cuts lists every announcement of cuts.
func (r *Registry) Cuts(ctx context.Context, id common.Address) ([]registry.CutChange, error) {
	return look(ctx, r, func(b book, _ registry.Block) ([]registry.CutChange, error) { return registry.CutHistory(ctx, b, id) })
}

// Earnings lists what came in from a round on.
func (r *Registry) Earnings(ctx context.Context, id common.Address, from uint64) ([]registry.RoundEarnings, error) {
	return look(ctx, r, func(b book, _ registry.Block) ([]registry.RoundEarnings, error) {
		return registry.EarningsSince(ctx, b, id, from)
	})
}

// Slashes lists what was taken away.
func (r *Registry) Slashes(ctx context.Context, id common.Address) ([]registry.Slash, error) {
	return look(ctx, r, func(b book, _ registry.Block) ([]registry.Slash, error) { return registry.SlashHistory(ctx, b, id) })
}

// Delegator is one account's stake.
func (r *Registry) Delegator(ctx context.Context, account common.Address) (registry.Delegator, error) {
	return look(ctx, r, func(b book, _ registry.Block) (registry.Delegator, error) {
		return registry.FindDelegator(ctx, b, account)
	})
}

// book is the entries as one transaction sees them; what it saves is of one block.
type book struct {
	tx    *sql.Tx
	block int64
}

// Load reads the newest version of an entry.
func (b book) Load(ctx context.Context, key registry.Key, into any) (bool, error) {
	var value []byte
	err := b.tx.QueryRowContext(ctx, "SELECT value FROM entries WHERE kind = ? AND owner = ? AND item = ? ORDER BY block DESC LIMIT 1",
		key.Kind, key.Owner[:], []byte(key.Item)).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal(value, into)
}

// Save writes the block's version of an entry, and forgets those that no undo can need.
func (b book) Save(ctx context.Context, key registry.Key, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = b.tx.ExecContext(ctx, "INSERT OR REPLACE INTO entries (kind, owner, item, block, value) VALUES (?, ?, ?, ?, ?)",
		key.Kind, key.Owner[:], []byte(key.Item), b.block, raw)
	if err != nil {
		return err
	}
	_, err = b.tx.ExecContext(ctx, `DELETE FROM entries WHERE kind = ?1 AND owner = ?2 AND item = ?3 AND block <
		(SELECT max(block) FROM entries WHERE kind = ?1 AND owner = ?2 AND item = ?3 AND block <= ?4)`,
		key.Kind, key.Owner[:], []byte(key.Item), b.block-keptBlocks)
	return err
}

// List visits the newest versions of the entries of a kind.
func (b book) List(ctx context.Context, kind registry.Kind, owner *common.Address, visit func(registry.Key, []byte) error) error {
	// SQLite takes the other columns from the row that has the maximum.
	query, args := "SELECT owner, item, value, max(block) FROM entries WHERE kind = ? GROUP BY owner, item ORDER BY owner, item", []any{kind}
	if owner != nil {
		query = "SELECT owner, item, value, max(block) FROM entries WHERE kind = ? AND owner = ? GROUP BY item ORDER BY item"
		args = append(args, owner[:])
	}
	rows, err := b.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // read to its end, or failed
	for rows.Next() {
		var from, item, value []byte
		var block int64
		if err := rows.Scan(&from, &item, &value, &block); err != nil {
			return err
		}
		if err := visit(registry.Key{Kind: kind, Owner: common.BytesToAddress(from), Item: string(item)}, value); err != nil {
			return err
		}
	}
	return rows.Err()
}
