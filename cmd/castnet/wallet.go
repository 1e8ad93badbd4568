package main

import "castnet/internal/node/wallet"

type walletCmd struct {
	New     wallet.New     `cmd:"" help:"Make an account: a new key in an encrypted file."`
	Import  wallet.Import  `cmd:"" help:"Bring in a key from another wallet."`
	Balance wallet.Balance `cmd:"" help:"Show what accounts hold."`
	Export  wallet.Export  `cmd:"" help:"Write a copy of a key to a file."`
}
