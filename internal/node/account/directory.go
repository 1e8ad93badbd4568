package account

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/internal/identity"
)

const (
	// maxName bounds what an orchestrator may call itself.
	maxName = 32
	// maxURI is the MAX_URI_LENGTH of Staking.
	maxURI = 256
)

// ParseServiceURI splits "https://host:port#Name": the fragment is what people call the orchestrator. Without one it goes by the
// first digits of its address. Names are nobody's property: whoever trusts one must look at the address.
func ParseServiceURI(id common.Address, uri string) (name, address string, err error) {
	u, err := url.Parse(uri)
	switch {
	case len(uri) > maxURI:
		return "", "", fmt.Errorf("the service URI has %d bytes, the registry takes %d: shorten the host or the name", len(uri), maxURI)
	case err != nil:
		return "", "", fmt.Errorf("service URI %q: %w", uri, err)
	case u.Scheme != "https" || u.Hostname() == "" || u.Port() == "":
		return "", "", fmt.Errorf("service URI %q: want https://HOST:PORT, with #NAME after it for people", uri)
	}
	name = u.Fragment
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		name = id.Hex()[:10]
	}
	return name, u.Host, nil
}

// Name is what people call an orchestrator.
func Name(o chain.Orchestrator) string {
	name, _, err := ParseServiceURI(o.ID, o.ServiceURI)
	if err != nil {
		return o.ID.Hex()[:10]
	}
	return name
}

// Orchestrator finds one by its address, or by its name in the active set.
func (s *Session) Orchestrator(ctx context.Context, who string) (chain.Orchestrator, error) {
	if common.IsHexAddress(who) {
		id, err := identity.ParseAddress(who)
		if err != nil {
			return chain.Orchestrator{}, err
		}
		o, ok, err := s.Staking().Orchestrator(ctx, id)
		if err == nil && !ok {
			err = fmt.Errorf("nobody is registered as orchestrator %s", who)
		}
		return o, err
	}
	list, err := s.Staking().Orchestrators(ctx)
	if err != nil {
		return chain.Orchestrator{}, err
	}
	var found []chain.Orchestrator
	for _, o := range list {
		if strings.EqualFold(Name(o), who) {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return chain.Orchestrator{}, fmt.Errorf("no active orchestrator is called %q: there are %s; an address works too", who, names(list))
	default:
		return chain.Orchestrator{}, fmt.Errorf("%d active orchestrators call themselves %q: say which by its address: %s", len(found), who, addresses(found))
	}
}

// names lists some names, for a refusal.
func names(list []chain.Orchestrator) string {
	const most = 10
	all := make([]string, 0, len(list))
	for _, o := range list {
		all = append(all, Name(o))
	}
	slices.Sort(all)
	switch {
	case len(all) == 0:
		return "none"
	case len(all) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}

func addresses(list []chain.Orchestrator) string {
	all := make([]string, 0, len(list))
	for _, o := range list {
		all = append(all, o.ID.Hex())
	}
	return strings.Join(all, ", ")
}
