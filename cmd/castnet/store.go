package main

import "castnet/internal/node"

type storeCmd struct {
	Backup  node.StoreBackup  `cmd:"" help:"Copy a money store into a file, while its role runs."`
	Restore node.StoreRestore `cmd:"" help:"Make a money store out of a backup."`
	Check   node.StoreCheck   `cmd:"" help:"Read a whole money store, and see whether its books balance."`
}
