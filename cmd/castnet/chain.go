package main

import "castnet/internal/node/deploy"

type chainCmd struct {
	Deploy deploy.Deploy `cmd:"" help:"Deploy the contracts and write the addresses file, or check what the file names."`
}
