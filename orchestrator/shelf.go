package orchestrator

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/receipt"
	"castnet/orchestrator/rpc"
)

// maxWaiting bounds the broadcasters that have quotes waiting. Each has shown a reserve, so it costs money to be many.
const maxWaiting = 4096

// issued is a lease that may be opened once. A lease dies with the process that made it, so this needs no store.
type issued struct {
	hash       common.Hash
	lease      receipt.Lease
	lastExpiry uint64
	renews     common.Hash
	at         time.Time
}

// shelf holds leases that were signed and not opened. A broadcaster that asks for ever pushes out its own oldest quotes,
// nobody else's, and what is not opened soon is forgotten: quotes that nobody opens cannot shut others out.
type shelf struct {
	perBroadcaster int
	within         time.Duration

	mu sync.Mutex
	by map[common.Address][]issued // oldest first
}

// put keeps a lease until it is opened or forgotten.
func (s *shelf) put(i issued) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := i.lease.Broadcaster
	if _, known := s.by[who]; !known && len(s.by) >= maxWaiting {
		s.sweep(i.at)
		if len(s.by) >= maxWaiting {
			return &rpc.Refusal{
				Code: rpc.CodeBusy, Asked: "another", Limit: fmt.Sprint(maxWaiting),
				Message: "too many broadcasters have quotes that they have not opened; try again in a moment",
			}
		}
	}
	list := s.young(s.by[who], i.at)
	if len(list) >= s.perBroadcaster {
		list = list[len(list)-s.perBroadcaster+1:]
	}
	s.by[who] = append(slices.Clone(list), i)
	return nil
}

// young is what of a list can still be opened.
func (s *shelf) young(list []issued, now time.Time) []issued {
	for len(list) > 0 && now.Sub(list[0].at) > s.within {
		list = list[1:]
	}
	return list
}

// sweep forgets what is too old. The lock is held.
func (s *shelf) sweep(now time.Time) {
	for who, list := range s.by {
		if list = s.young(list, now); len(list) == 0 {
			delete(s.by, who)
		} else {
			s.by[who] = list
		}
	}
}

// take removes a lease, if it is there and young enough.
func (s *shelf) take(broadcaster common.Address, hash common.Hash, now time.Time) (issued, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.by[broadcaster]
	at := slices.IndexFunc(list, func(i issued) bool { return i.hash == hash })
	if at < 0 {
		return issued{}, false
	}
	found := list[at]
	if rest := slices.Delete(slices.Clone(list), at, at+1); len(rest) > 0 {
		s.by[broadcaster] = rest
	} else {
		delete(s.by, broadcaster)
	}
	return found, now.Sub(found.at) <= s.within
}
