package chain

import (
	"context"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"castnet/contracts/chain/endpoint"
)

// latest holds a value of which only the newest counts, and lets any number of readers wait for the next.
type latest[T any] struct {
	mu      sync.Mutex
	value   T
	set     bool
	changed chan struct{} // closed and replaced with each value
}

func newLatest[T any]() *latest[T] {
	return &latest[T]{changed: make(chan struct{})}
}

func (l *latest[T]) put(value T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value, l.set = value, true
	close(l.changed)
	l.changed = make(chan struct{})
}

// get returns the value, whether there is one, and what to wait on for the next.
func (l *latest[T]) get() (value T, ok bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value, l.set, l.changed
}

func headOf(header *types.Header) Head {
	return Head{
		Number:  header.Number.Uint64(),
		Hash:    header.Hash(),
		Time:    time.Unix(int64(header.Time), 0).UTC(),
		BaseFee: header.BaseFee,
	}
}

// follow keeps c.heads current until ctx ends: pushed by the node where it can, else by looking. A node that goes away is asked
// again every PollInterval.
func (c *Client) follow(ctx context.Context) {
	for ctx.Err() == nil {
		err := c.followPushed(ctx)
		if ctx.Err() != nil {
			return
		}
		c.cfg.Log.Debug("the node does not push heads, polling", "error", err)
		c.poll(ctx)
	}
}

// followPushed subscribes to heads; it returns when the subscription fails.
func (c *Client) followPushed(ctx context.Context) error {
	headers := make(chan *types.Header, 16)
	subscription, err := c.eth.SubscribeNewHead(ctx, headers)
	if err != nil {
		return err
	}
	defer subscription.Unsubscribe()
	c.look(ctx)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-subscription.Err():
			return err
		case header := <-headers:
			c.observe(headOf(header))
		}
	}
}

// poll looks at the head for a while before a subscription is tried again.
func (c *Client) poll(ctx context.Context) {
	const rounds = 20
	ticker := time.NewTicker(c.cfg.PollInterval)
	defer ticker.Stop()
	for range rounds {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.look(ctx)
		}
	}
}

func (c *Client) look(ctx context.Context) {
	header, err := c.eth.HeaderByNumber(ctx, nil)
	if err != nil {
		if ctx.Err() == nil {
			c.cfg.Log.Warn("the chain's node does not answer", "url", endpoint.Name(c.cfg.URL), "error", err)
		}
		return
	}
	if head, ok, _ := c.heads.get(); !ok || head.Hash != header.Hash() {
		c.observe(headOf(header))
	}
}

func (c *Client) observe(head Head) {
	c.heads.put(head)
	c.metrics.head.Set(float64(head.Number))
}

// Head is the latest block that was seen.
func (c *Client) Head() Head {
	head, _, _ := c.heads.get()
	return head
}

// Heads delivers new heads, the latest one at once; a slow reader misses the ones between. It is closed when ctx or Run ends.
func (c *Client) Heads(ctx context.Context) <-chan Head {
	out := make(chan Head)
	go func() {
		defer close(out)
		c.eachHead(ctx, func(head Head) bool {
			select {
			case out <- head:
				return true
			case <-ctx.Done():
			case <-c.done:
			}
			return false
		})
	}()
	return out
}

// eachHead calls visit with the latest head whenever there is a new one, until visit returns false or ctx or Run ends.
func (c *Client) eachHead(ctx context.Context, visit func(Head) bool) {
	for {
		head, ok, changed := c.heads.get()
		if ok && !visit(head) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-c.done:
			return
		}
	}
}

// Rounds delivers the present round at once and each new one when the chain's clock enters it, and again when its beacon is
// recorded; a slow reader gets the latest. It is closed when ctx or Run ends.
func (c *Client) Rounds(ctx context.Context) <-chan Round {
	out := make(chan Round)
	go func() {
		defer close(out)
		var last Round
		c.eachHead(ctx, func(head Head) bool {
			if last.BeaconRecorded && head.Time.Before(last.End) {
				return true
			}
			round, err := c.Round(ctx)
			if err != nil || round == last {
				return ctx.Err() == nil
			}
			select {
			case out <- round:
				last = round
				return true
			case <-ctx.Done():
			case <-c.done:
			}
			return false
		})
	}()
	return out
}
