package broadcasting

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"

	"castnet/contracts/chain"
	"castnet/contracts/chain/follow"
	"castnet/contracts/store"
	"castnet/internal/node/account"
	"castnet/internal/node/stakes"
)

// stakeBooks is the read model of stake that the pages for stakers are made of.
type stakeBooks struct {
	*stakes.Stakes
	file     *store.SQLite
	follower *follow.Follower
}

// openStakes opens the read model in the role's folder, and makes who keeps it in step with the chain.
func openStakes(ctx context.Context, client *chain.Client, dir, rpc string) (b stakeBooks, err error) {
	if b.file, err = store.Open(ctx, filepath.Join(dir, "stakes.db")); err != nil {
		return b, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.file.Close())
		}
	}()
	books, err := b.file.Registry(client)
	if err != nil {
		return b, err
	}
	if b.follower, err = client.Follower(books); err != nil {
		return b, err
	}
	worst := 0.0
	for _, kind := range []uint64{chain.TwoReceipts, chain.WrongSums} {
		offence, err := client.Disputes().Kind(ctx, kind)
		if err != nil {
			return b, err
		}
		worst = max(worst, float64(offence.SlashPpm)/1e6)
	}
	b.Stakes, err = stakes.New(stakes.Config{
		Chain: client, Positions: client.Staking(), Registry: books, SlashPart: worst, Name: account.ParseServiceURI, RPC: walletRPC(rpc),
	})
	return b, err
}

// walletRPC is a node's address as browser wallets take it: they speak HTTP, and a node serves both on one port. Only a node on
// this machine is told: the address of another may hold its owner's key.
func walletRPC(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.RawQuery != "" || (u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost") {
		return ""
	}
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "http":
	default:
		return ""
	}
	return u.String()
}
