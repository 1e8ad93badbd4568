package broadcasting

import (
	"context"
	"fmt"
	"sync"
	"time"

	"castnet/broadcaster/market"
	"castnet/contracts/chain"
	"castnet/internal/node/account"
	"castnet/internal/node/onchain"
)

// rosterTTL is how long the list of active orchestrators is believed.
const rosterTTL = 3 * time.Second

// network answers market.Network from the on-chain registry, through a short memory, and keeps the last answer
// for a chain that is out of reach.
type network struct {
	client *chain.Client
	now    func() time.Time

	mu    sync.Mutex
	known market.Roster
	at    time.Time
}

// Roster returns the active orchestrators of the present round.
func (n *network) Roster(ctx context.Context) (market.Roster, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now().Sub(n.at) < rosterTTL {
		return n.known, nil
	}
	fresh, err := n.read(ctx)
	if err != nil {
		if len(n.known.Orchestrators) > 0 && ctx.Err() == nil {
			return n.known, nil // who was active a moment ago still serves
		}
		return market.Roster{}, err
	}
	n.known, n.at = fresh, n.now()
	return n.known, nil
}

func (n *network) read(ctx context.Context) (market.Roster, error) {
	round, err := n.client.Round(ctx)
	if err != nil {
		return market.Roster{}, fmt.Errorf("read the round: %w", err)
	}
	list, err := n.client.Staking().Orchestrators(ctx)
	if err != nil {
		return market.Roster{}, fmt.Errorf("read the registry: %w", err)
	}
	roster := market.Roster{Round: round.Number, Beacon: round.Beacon}
	for _, o := range list {
		if !o.Active {
			continue
		}
		name, address, err := account.ParseServiceURI(o.ID, o.ServiceURI)
		if err != nil {
			continue // nobody can reach it: the registry's entry is its owner's to mend
		}
		roster.Orchestrators = append(roster.Orchestrators, market.Orchestrator{
			ID: o.ID, Operator: o.Operator, Name: name, Address: address, Stake: onchain.Uint(o.Stake),
		})
	}
	return roster, nil
}
