package node

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/broadcaster/market"
	"castnet/contracts/chain"
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
		name, address, err := parseServiceURI(o.ID, o.ServiceURI)
		if err != nil {
			continue // nobody can reach it: the registry's entry is its owner's to mend
		}
		roster.Orchestrators = append(roster.Orchestrators, market.Orchestrator{
			ID: o.ID, Operator: o.Operator, Name: name, Address: address, Stake: toUint(o.Stake),
		})
	}
	return roster, nil
}

// parseServiceURI splits "https://host:port#Name": the fragment is what people call the orchestrator. Without one it
// goes by the first digits of its address.
func parseServiceURI(id common.Address, uri string) (name, address string, err error) {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("service URI %q: %w", uri, err)
	case u.Scheme != "https" || u.Hostname() == "" || u.Port() == "":
		return "", "", fmt.Errorf("service URI %q: want https://HOST:PORT, with #NAME after it for people", uri)
	}
	name = u.Fragment
	if name == "" || len(name) > 32 {
		name = id.Hex()[:10]
	}
	return name, u.Host, nil
}
