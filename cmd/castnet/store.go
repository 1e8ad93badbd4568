package main

import "castnet/internal/node/books"

type storeCmd struct {
	Backup  books.Backup  `cmd:"" help:"Copy a money store into a file, while its role runs."`
	Restore books.Restore `cmd:"" help:"Make a money store out of a backup."`
	Check   books.Check   `cmd:"" help:"Read a whole money store, and see whether its books balance."`
}
