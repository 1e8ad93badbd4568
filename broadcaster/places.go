package broadcaster

import (
	"net"
	"strconv"
	"sync"

	"castnet/ingest"
)

// places counts the publishers that are there, in all and by IP address. It is safe for concurrent use.
type places struct {
	limit, perHost int

	mu     sync.Mutex
	all    int
	byHost map[string]int
}

func newPlaces(limit, perHost int) *places {
	return &places{limit: limit, perHost: perHost, byHost: make(map[string]int)}
}

// take gives a publisher a place, or refuses it where too many are there.
func (p *places) take(remote string) error {
	refuse := func(message string, limit int, knob string) error {
		return &ingest.Refusal{Code: ingest.CodeLimit, Message: message, Limit: strconv.Itoa(limit), Knob: knob}
	}
	host := hostOf(remote)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.all >= p.limit:
		return refuse("there are too many publishers: try again later", p.limit, "--max-publishers")
	case p.byHost[host] >= p.perHost:
		return refuse("there are too many publishers from your address: end one first", p.perHost, "--max-publishers-per-address")
	}
	p.all++
	p.byHost[host]++
	return nil
}

// free gives a place back.
func (p *places) free(remote string) {
	host := hostOf(remote)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.byHost[host]--; p.byHost[host] == 0 {
		delete(p.byHost, host)
	}
}

// hostOf is an address without its port.
func hostOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}
