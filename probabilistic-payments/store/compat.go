package store

import (
	"context"

	"castnet/probabilistic-payments/store/sqlite"
)

// SQLite is a store in one file.
type SQLite = sqlite.Store

// OpenSQLite opens or creates the store at path.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) { return sqlite.Open(ctx, path) }
