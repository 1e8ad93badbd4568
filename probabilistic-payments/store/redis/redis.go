// Package redis keeps the money's state in Redis 7 or later, for several processes with one identity on the chain. All
// that belongs together moves in one Lua function; calls that come at once share a pipeline.
//
// Redis is not trusted to remember. A process notices the loss of any write of its own that was acknowledged (session);
// what may have been in a lost state is not used again: lanes get new names, epochs of before are closed, and a
// ticket's nonce is marked on the chain.
package redis

import (
	"context"
	"crypto/sha256"
	_ "embed" // the functions
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	payments "castnet/probabilistic-payments"
)

//go:embed money.lua
var functions string

// Config is what a Store needs.
type Config struct {
	// Client reaches the Redis; Dial makes one. It must not repeat commands by itself. The Store closes it.
	Client goredis.UniversalClient
	// Name tells apart identities that share a Redis: an address.
	Name string
	// Holder names this process among those with the same Name, the same after a restart. No two have one at once.
	Holder string
	Log    *slog.Logger
}

func (c *Config) validate() error {
	switch {
	case c.Client == nil:
		return errors.New("payments store: no Redis client")
	case c.Name == "" || strings.ContainsAny(c.Name, "{}"):
		return fmt.Errorf("payments store: the name %q is empty or has braces", c.Name)
	case c.Holder == "" || strings.ContainsAny(c.Holder, " \n"):
		return fmt.Errorf("payments store: the holder's name %q is empty or has spaces", c.Holder)
	case c.Log == nil:
		return errors.New("payments store: no logger")
	}
	return nil
}

// Store is a store in Redis. It implements payments.SenderStore, RecipientStore and RedeemerStore, and is safe for
// concurrent use.
type Store struct {
	cfg           Config
	library, code string
	names         []string // of all keys

	mu    sync.Mutex
	queue []*call           // what the next write takes
	lanes map[uint64]uint64 // the ceilings that this process knows, by lane

	// What follows belongs to whoever leads.
	leader  chan struct{} // holds one token while somebody leads
	session session
	epochs  map[payments.EpochID]string // those with charges of this process, with the session that began them
	secret  []byte                      // once it is known
	named   int64                       // when the last session was named, µs of Unix time
	away    bool                        // and was said to be
}

var (
	_ payments.SenderStore    = (*Store)(nil)
	_ payments.RecipientStore = (*Store)(nil)
	_ payments.RedeemerStore  = (*Store)(nil)
)

// Dial makes a client for redis://, rediss:// (TLS) or unix:// URLs. With the parameter cluster=true the address is a node
// of a cluster. It does not connect yet.
func Dial(address string) (goredis.UniversalClient, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("store URL: %w", err)
	}
	query := u.Query()
	cluster := query.Get("cluster") == "true"
	query.Del("cluster")
	u.RawQuery = query.Encode()
	const patience = 3 * time.Second
	if cluster {
		o, err := goredis.ParseClusterURL(u.String())
		if err != nil {
			return nil, fmt.Errorf("store URL: %w", err)
		}
		o.MaxRetries, o.DialerRetries, o.DialTimeout, o.ReadTimeout, o.WriteTimeout = -1, 1, patience, patience, patience
		o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		return goredis.NewClusterClient(o), nil
	}
	o, err := goredis.ParseURL(u.String())
	if err != nil {
		return nil, fmt.Errorf("store URL: %w", err)
	}
	o.MaxRetries, o.DialerRetries, o.DialTimeout, o.ReadTimeout, o.WriteTimeout = -1, 1, patience, patience, patience
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return goredis.NewClient(o), nil
}

// Open joins the processes that share the name. Redis must be there.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	library := fmt.Sprintf("castnet_money_%x", sha256.Sum256([]byte(functions)))[:22]
	s := &Store{
		cfg: cfg, library: library, code: strings.ReplaceAll(functions, "LIBRARY", library), leader: make(chan struct{}, 1),
		epochs: make(map[payments.EpochID]string), lanes: make(map[uint64]uint64),
	}
	for _, name := range keyNames() {
		s.names = append(s.names, s.key(name))
	}
	if _, err := s.do(ctx, "touch"); err != nil {
		return nil, err
	}
	return s, nil
}

// Close closes the client. Calls in flight fail.
func (s *Store) Close() error { return s.cfg.Client.Close() }

// key is the name of one of the store's keys. The part in braces decides on the slot, so all of them share one.
func (s *Store) key(name string) string { return "{castnet:" + s.cfg.Name + "}:" + name }

// keyNames are all keys, in the order in which the functions get them.
func keyNames() []string {
	return []string{
		"sessions", "alive", "meta", "epochs", "closed", "open", "charges", "keys", "senders", "held", "winners", "queue", "expiring",
		"settled", "nonces", "blocks", "floors", "tickets", "due", "lanes", "promises", "promised", "lapsing",
	}
}
