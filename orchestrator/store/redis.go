package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	goredis "github.com/redis/go-redis/v9"

	"castnet/orchestrator"
	"castnet/orchestrator/rpc"
	payments "castnet/probabilistic-payments"
)

// Redis is a store for several orchestrator processes of one identity. It implements what SQLite does, and is safe for
// concurrent use. All of its keys are in one hash slot. What it forgets costs no money: serials and leases are used
// once by what each process knows itself, too.
type Redis struct {
	client                  goredis.UniversalClient
	name                    string
	add, closed, use, prune *goredis.Script
}

var (
	_ orchestrator.Store      = (*Redis)(nil)
	_ orchestrator.TokenStore = (*Redis)(nil)
)

// An unpaid receipt is a member of a sorted set, by lease and then by when it came, so that a lease's are a range.
const (
	addScript = `
		if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[3]) == 0 then return 0 end
		local member = ARGV[2] .. struct.pack('>I8', redis.call('INCR', KEYS[2])) .. ARGV[1]
		redis.call('ZADD', KEYS[3], 0, member)
		redis.call('HSET', KEYS[4], ARGV[1], member)
		return redis.call('ZADD', KEYS[5], ARGV[4], ARGV[1])`
	closeScript = `
		local member = redis.call('HGET', KEYS[2], ARGV[1])
		return member and redis.call('ZREM', KEYS[1], member) or 0`
	useScript = `
		local expiry = redis.call('ZSCORE', KEYS[1], ARGV[1])
		if not expiry or tonumber(expiry) < tonumber(ARGV[2]) then return 0 end
		return redis.call('ZREM', KEYS[1], ARGV[1])`
	pruneScript = `
		for _, hash in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1000)) do
			local member = redis.call('HGET', KEYS[4], hash)
			if member then redis.call('ZREM', KEYS[3], member) end
			redis.call('HDEL', KEYS[2], hash)
			redis.call('HDEL', KEYS[4], hash)
			redis.call('ZREM', KEYS[1], hash)
		end
		for i = 5, #KEYS do redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', ARGV[1]) end
		return redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[1])`
)

// OpenRedis makes a store of a client, which Close closes. name tells apart identities that share a Redis.
func OpenRedis(client goredis.UniversalClient, name string) *Redis {
	return &Redis{
		client: client, name: name, add: goredis.NewScript(addScript), closed: goredis.NewScript(closeScript),
		use: goredis.NewScript(useScript), prune: goredis.NewScript(pruneScript),
	}
}

// Close closes the client.
func (r *Redis) Close() error { return r.client.Close() }

func (r *Redis) keys(names ...string) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = "{castnet-orchestrator:" + r.name + "}:" + name
	}
	return keys
}

// away marks an error as one that asking again may cure.
func away(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", payments.ErrUnavailable, err)
}

// once adds a member to a set where it is not in it yet, or returns taken.
func (r *Redis) once(ctx context.Context, set, member string, until time.Time, taken error) error {
	added, err := r.client.ZAddNX(ctx, r.keys(set)[0], goredis.Z{Score: float64(until.Unix()), Member: member}).Result()
	if err == nil && added == 0 {
		return taken
	}
	return away(err)
}

// TakeSerial notes a broadcaster's serial, or returns orchestrator.ErrStale.
func (r *Redis) TakeSerial(ctx context.Context, broadcaster common.Address, serial uint64, until time.Time) error {
	return r.once(ctx, "serials", fmt.Sprintf("%s %d", broadcaster, serial), until, orchestrator.ErrStale)
}

// AddReceipt stores a receipt as open. Storing it again changes nothing.
func (r *Redis) AddReceipt(ctx context.Context, receipt *rpc.SignedReceipt) error {
	b, err := receipt.MarshalBinary()
	if err != nil {
		return err
	}
	hash := receipt.Receipt.Hash()
	return away(r.add.Run(ctx, r.client, r.keys("receipts", "count", "unpaid", "places", "expiry"),
		hash[:], receipt.Receipt.Lease[:], b, receipt.Receipt.Ticket.Expiry).Err())
}

// CloseReceipt notes that a receipt is paid or written off. One that is not here, or closed, is no error.
func (r *Redis) CloseReceipt(ctx context.Context, receipt common.Hash) error {
	return away(r.closed.Run(ctx, r.client, r.keys("unpaid", "places"), receipt[:]).Err())
}

// UnpaidReceipts returns a lease's open receipts, oldest first.
func (r *Redis) UnpaidReceipts(ctx context.Context, lease common.Hash, limit int) ([]rpc.SignedReceipt, error) {
	from := "[" + string(lease[:])
	members, err := r.client.ZRangeByLex(ctx, r.keys("unpaid")[0], &goredis.ZRangeBy{
		Min: from, Max: from + "\xff\xff\xff\xff\xff\xff\xff\xff", Count: int64(limit),
	}).Result()
	if err != nil || len(members) == 0 {
		return nil, away(err)
	}
	hashes := make([]string, len(members))
	for i, m := range members {
		if len(m) != 2*common.HashLength+8 {
			return nil, errors.New("an unpaid receipt has a name of a wrong size: the store is damaged")
		}
		hashes[i] = m[common.HashLength+8:]
	}
	values, err := r.client.HMGet(ctx, r.keys("receipts")[0], hashes...).Result()
	if err != nil {
		return nil, away(err)
	}
	var list []rpc.SignedReceipt
	for _, v := range values {
		encoded, ok := v.(string)
		if !ok {
			continue // pruned since
		}
		var receipt rpc.SignedReceipt
		if err := receipt.UnmarshalBinary([]byte(encoded)); err != nil {
			return nil, err
		}
		list = append(list, receipt)
	}
	return list, nil
}

// Prune removes receipts whose tickets have expired, and the serials and tokens that have.
func (r *Redis) Prune(ctx context.Context, now time.Time) error {
	keys := r.keys("expiry", "receipts", "unpaid", "places", "serials", "tokens")
	for {
		left, err := r.prune.Run(ctx, r.client, keys, fmt.Sprintf("(%d", now.Unix())).Int()
		if err != nil || left == 0 {
			return away(err)
		}
	}
}

// AddToken stores a token's hash until it expires.
func (r *Redis) AddToken(ctx context.Context, hash common.Hash, expires time.Time) error {
	return r.once(ctx, "tokens", string(hash[:]), expires, errors.New("the token was minted before"))
}

// UseToken removes a token, or returns orchestrator.ErrToken.
func (r *Redis) UseToken(ctx context.Context, hash common.Hash, now time.Time) error {
	used, err := r.use.Run(ctx, r.client, r.keys("tokens"), hash[:], now.Unix()).Int()
	if err == nil && used == 0 {
		return orchestrator.ErrToken
	}
	return away(err)
}
