package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	payments "castnet/probabilistic-payments"
)

// A session is what tells a process that Redis still has all of its writes. Each write names the one that it follows; one
// that does not is refused by Redis. So neither a restart that lost the last second, nor an emptied Redis, nor a
// replica that took over too early can make this process go on from a state that is not the one it knows.
type session struct {
	joined bool
	name   string // grows with each join that could not resume; "" before the first
	run    string // the Redis process that answers
	// acked is the number of the last write that was acknowledged, sent that of the last one that may have been done: the
	// same, or one more.
	acked, sent uint64
	taken       error // another process has this holder's name now
}

const (
	maxBatch   = 256 // calls in one write
	touchEvery = 3 * time.Second
)

// call is one function to run.
type call struct {
	function string
	args     []any
	epoch    *payments.EpochID // that it begins, goes on with, or closes
	done     chan reply        // buffered: the leader never waits
}

type reply struct {
	value any
	err   error
}

// do runs a function in the session's next write.
func (s *Store) do(ctx context.Context, function string, args ...any) (any, error) {
	return s.queued(ctx, &call{function: function, args: args, done: make(chan reply, 1)})
}

// doEpoch runs one that is about an epoch. An epoch that was begun before Redis lost something gets nothing more.
func (s *Store) doEpoch(ctx context.Context, id payments.EpochID, function string, args ...any) (any, error) {
	return s.queued(ctx, &call{function: function, args: args, epoch: &id, done: make(chan reply, 1)})
}

// queued runs a call in one write with those of whoever else is waiting. There is no goroutine behind it: one of the
// waiting callers leads.
func (s *Store) queued(ctx context.Context, c *call) (any, error) {
	s.mu.Lock()
	s.queue = append(s.queue, c)
	s.mu.Unlock()
	select {
	case r := <-c.done:
		return r.value, r.err
	case s.leader <- struct{}{}:
	}
	ctx = context.WithoutCancel(ctx) // it is the others' write too
	for {
		s.mu.Lock()
		n := min(len(s.queue), maxBatch)
		batch := s.queue[:n:n]
		s.queue = s.queue[n:]
		s.mu.Unlock()
		s.lead(ctx, batch)
		select {
		case r := <-c.done:
			<-s.leader
			return r.value, r.err
		default: // it is further back in the queue
		}
	}
}

// lead runs a batch and tells everybody in it.
func (s *Store) lead(ctx context.Context, batch []*call) {
	if len(batch) == 0 {
		return
	}
	if err := s.join(ctx); err != nil {
		for _, c := range batch {
			c.done <- reply{err: err}
		}
		return
	}
	batch = s.admit(batch)
	if len(batch) == 0 {
		return
	}
	replies, err := s.write(ctx, batch)
	if missing(err) { // a new Redis, or an emptied one
		if err = s.load(ctx); err == nil {
			replies, err = s.write(ctx, batch)
		}
	}
	if err == nil && len(replies) != len(batch) {
		err = fmt.Errorf("%d replies to %d calls", len(replies), len(batch))
	}
	if err != nil { // done, not done, who knows: the next join finds out
		s.session.joined = false
		for _, c := range batch {
			c.done <- reply{err: fmt.Errorf("%w: %s: %w", payments.ErrUnavailable, c.function, err)}
		}
		return
	}
	s.session.acked = s.session.sent
	for i, c := range batch {
		if err, failed := replies[i].(error); failed {
			c.done <- reply{err: refusal(c.function, err)}
		} else {
			c.done <- reply{value: replies[i]}
		}
	}
}

// admit answers the calls that would bill under an epoch of an earlier session, and returns the others.
func (s *Store) admit(batch []*call) []*call {
	admitted := make([]*call, 0, len(batch))
	for _, c := range batch {
		switch {
		case c.epoch == nil:
		case c.function == "close":
			delete(s.epochs, *c.epoch)
		case s.epochs[*c.epoch] == "":
			s.epochs[*c.epoch] = s.session.name
		case s.epochs[*c.epoch] != s.session.name:
			c.done <- reply{err: payments.ErrEpochClosed}
			continue
		}
		admitted = append(admitted, c)
	}
	return admitted
}

// write runs calls in one go, as the session's next write.
func (s *Store) write(ctx context.Context, batch []*call) ([]any, error) {
	s.session.sent = s.session.acked + 1
	args := append(make([]any, 0, 4+10*len(batch)), s.cfg.Holder, s.session.at(s.session.acked), s.session.at(s.session.sent), s.session.run)
	for _, c := range batch {
		args = append(append(args, c.function, len(c.args)), c.args...)
	}
	return s.cfg.Client.FCall(ctx, s.library+"_batch", s.names, args...).Slice()
}

func (s *session) at(number uint64) string { return s.name + " " + strconv.FormatUint(number, 10) }

// missing reports whether Redis does not have the functions.
func missing(err error) bool {
	return err != nil && strings.Contains(err.Error(), "Function not found")
}

// refusal translates what a function says that refuses: before it writes anything.
func refusal(function string, err error) error {
	code, rest, _ := strings.Cut(err.Error(), " ")
	switch code {
	case "NOTFOUND":
		return payments.ErrNotFound
	case "LANE":
		return payments.ErrLaneTaken
	case "EXISTS":
		return payments.ErrExists
	case "EPOCH":
		return payments.ErrEpochClosed
	case "ANSWERED":
		return payments.ErrAnswered
	case "NONCE":
		return payments.ErrNonceUsed
	case "BOOKS":
		return errors.New(rest)
	}
	return fmt.Errorf("redis: %s: %w", function, err)
}

// join makes sure that there is a session: the one that was, if Redis has all that it acknowledged, or a new one.
func (s *Store) join(ctx context.Context) error {
	switch {
	case s.session.taken != nil:
		return s.session.taken
	case s.session.joined:
		return nil
	}
	fresh, err := s.sessionName()
	if err != nil {
		return err
	}
	name := s.session.name
	if name == "" {
		name = fresh
	}
	args := []any{s.cfg.Holder, name, s.session.acked, s.session.sent, s.secret, fresh}
	answer, err := s.cfg.Client.FCall(ctx, s.library+"_join", s.names, args...).StringSlice()
	if missing(err) {
		if err = s.load(ctx); err == nil {
			answer, err = s.cfg.Client.FCall(ctx, s.library+"_join", s.names, args...).StringSlice()
		}
	}
	if err == nil && len(answer) != 4 {
		err = fmt.Errorf("join gave %d values", len(answer))
	}
	if err != nil {
		return s.notJoined(err)
	}
	return s.joinedAs(answer)
}

func (s *Store) notJoined(err error) error {
	if strings.HasPrefix(err.Error(), "TAKEN") {
		s.session.taken = fmt.Errorf("%w: another process has joined as %q since; give each its own data folder", payments.ErrUnavailable, s.cfg.Holder)
		return s.session.taken
	}
	if !s.away {
		s.cfg.Log.Warn("Redis is out of reach: no new money until it is back", "err", err)
	}
	s.away = true
	return fmt.Errorf("%w: Redis does not answer as it must (--store): %w", payments.ErrUnavailable, err)
}

func (s *Store) joinedAs(answer []string) error {
	number, err := strconv.ParseUint(answer[1], 10, 64)
	if err != nil {
		return fmt.Errorf("join gave the number %q", answer[1])
	}
	switch resumed := answer[0] == s.session.name; {
	case s.session.name == "" && answer[3] == "0":
		s.cfg.Log.Warn("Redis keeps no append-only file: what it loses when it ends is lost money; set appendonly yes, appendfsync always")
	case s.session.name != "" && !resumed:
		s.cfg.Log.Error("Redis has lost writes that it had acknowledged; open receipts of before cannot be paid any more")
	case s.away || s.session.name != "":
		s.cfg.Log.Info("Redis is back, with all that it had acknowledged")
	}
	s.away = false
	s.session = session{joined: true, name: answer[0], run: answer[2], acked: number, sent: number}
	return nil
}

// sessionName makes a name above all earlier ones: microseconds, then chance.
func (s *Store) sessionName() (string, error) {
	var chance [4]byte
	if _, err := rand.Read(chance[:]); err != nil {
		return "", err
	}
	at := max(time.Now().UnixMicro(), s.named+1)
	s.named = at
	return fmt.Sprintf("%016x%x", at, chance), nil
}

// load gives Redis the functions: every master of a cluster.
func (s *Store) load(ctx context.Context) error {
	put := func(ctx context.Context, c *goredis.Client) error { return c.FunctionLoadReplace(ctx, s.code).Err() }
	switch c := s.cfg.Client.(type) {
	case *goredis.ClusterClient:
		return c.ForEachMaster(ctx, put)
	case *goredis.Client:
		return put(ctx, c)
	default:
		return fmt.Errorf("a Redis client of type %T cannot be given functions", c)
	}
}

// Run tells the other processes that this one lives, and finds out early that Redis is away, until ctx ends. It returns
// nil.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(touchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		_, _ = s.do(ctx, "touch") // what is wrong is logged when it begins and ends
	}
}
