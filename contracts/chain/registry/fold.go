package registry

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
)

// Kind says what an entry of a book is.
type Kind uint8

// The kinds of entries, with what their keys' owner and item are.
const (
	poolKind      Kind = iota + 1 // orchestrator; none
	positionKind                  // delegator; orchestrator
	unbondingKind                 // delegator; id
	cutsKind                      // orchestrator; number of the change
	earningsKind                  // orchestrator; round
	slashKind                     // orchestrator; number of the slash
)

// Key names an entry.
type Key struct {
	Kind  Kind
	Owner common.Address
	Item  string // sorts as its numbers do
}

// Book is where the fold keeps its entries. Values are JSON.
type Book interface {
	// Load reads an entry; false: there is none.
	Load(ctx context.Context, key Key, into any) (bool, error)
	// Save writes an entry in place of the one before.
	Save(ctx context.Context, key Key, value any) error
	// List visits the entries of a kind, of one owner or (nil) of all, by key.
	List(ctx context.Context, kind Kind, owner *common.Address, visit func(key Key, value []byte) error) error
}

// Fold turns events into entries, step by step as the Staking contract turns calls into state: what its views say of stake follows
// from its events alone. (Emission that a pool was not given yet is in no event of that pool, so it is in no entry either.)
type Fold struct {
	Genesis     time.Time     // when round 0 began
	RoundLength time.Duration // of every round
}

// pool is an orchestrator's entry.
type pool struct {
	Orchestrator
	Shares      *big.Int
	FeePerShare *big.Int // wei ever, × 2^96
	OwnerFees   *big.Int // wei of the owner's part, not claimed
	Exits       [2]exit  // of delegators; of the owner
	Changes     uint64   // of cuts
	Slashes     uint64
	Known       bool // registered: fees may come for anybody
}

// exit is stake on its way out.
type exit struct{ Stake, Shares *big.Int }

// position is a delegator's entry in a pool.
type position struct {
	Shares *big.Int
	Mark   *big.Int // fees since it are shares × (FeePerShare − Mark)
	Fees   *big.Int // set aside
	Since  time.Time
}

// lock is an unbonding's entry; no shares: it is over.
type lock struct {
	Orchestrator common.Address
	Shares       *big.Int // of the exit
	ReleaseAt    time.Time
}

// Apply folds one event of a block into a book.
func (f Fold) Apply(ctx context.Context, book Book, at Block, event any) error {
	if err := f.apply(&entries{ctx: ctx, book: book}, at, event); err != nil {
		return fmt.Errorf("chain: registry: block %d: %T: %w", at.Number, event, err)
	}
	return nil
}

func (f Fold) apply(b *entries, at Block, event any) error {
	switch e := event.(type) {
	case *chain.Bonded:
		return b.trade(e.Orchestrator, e.Delegator, at, e.Amount, e.Shares)
	case *chain.Unbonded:
		return b.unbond(e, at)
	case *chain.Rebonded:
		if err := b.unlock(e.Orchestrator, e.Delegator, e.Id, e.Amount); err != nil {
			return err
		}
		return b.trade(e.Orchestrator, e.Delegator, at, e.Amount, e.Shares)
	case *chain.Withdrawn:
		return b.unlock(e.Orchestrator, e.Delegator, e.Id, e.Amount)
	case *chain.Moved:
		if err := b.trade(e.From, e.Delegator, at, negative(e.Amount), negative(e.SharesFrom)); err != nil {
			return err
		}
		return b.trade(e.To, e.Delegator, at, e.Amount, e.SharesTo)
	case *chain.MoveSettled:
		return b.trade(e.Orchestrator, e.Delegator, at, negative(e.Amount), negative(e.Shares))
	case *chain.FeesClaimed:
		return b.claim(e)
	case *chain.Slashed:
		return b.slash(e, at)
	case *chain.Rewarded:
		return f.reward(b, e, at)
	case *chain.FeesDeposited:
		return f.deposit(b, e, at)
	default:
		return b.register(event, at)
	}
}

// register folds what owners say, and the active set.
func (b *entries) register(event any, at Block) error {
	switch e := event.(type) {
	case *chain.Registered:
		return b.change(e.Orchestrator, func(p *pool) error { p.Known, p.Registered = true, at.Time; return nil })
	case *chain.OperatorSet:
		return b.change(e.Orchestrator, func(p *pool) error { p.Operator = e.Operator; return nil })
	case *chain.ServiceURISet:
		return b.change(e.Orchestrator, func(p *pool) error { p.ServiceURI = e.ServiceURI; return nil })
	case *chain.CapabilitiesSet:
		return b.change(e.Orchestrator, func(p *pool) error { p.Capabilities = e.Capabilities; return nil })
	case *chain.CutsAnnounced:
		effective := time.Unix(int64(e.EffectiveAt), 0).UTC()
		return b.change(e.Orchestrator, func(p *pool) error {
			if p.Announced == nil {
				p.Changes++ // else the one before never came into force
			}
			p.Announced = &CutChange{Cuts: Cuts{e.RewardCut, e.FeeShare}, Announced: at.Time, Effective: effective}
			return b.save(Key{cutsKind, p.ID, number(p.Changes)}, p.Announced)
		})
	case *chain.CutsSet:
		return b.change(e.Orchestrator, func(p *pool) error {
			p.Cuts = Cuts{e.RewardCut, e.FeeShare}
			if p.Announced != nil {
				p.Announced = nil
				return nil
			}
			return b.save(Key{cutsKind, p.ID, number(p.Changes)}, CutChange{Cuts: p.Cuts, Announced: at.Time, Effective: at.Time})
		})
	case *chain.Joined:
		return b.change(e.Orchestrator, func(p *pool) error { p.Active, p.ActiveSince = true, at.Time; return nil })
	case *chain.Left:
		return b.change(e.Orchestrator, func(p *pool) error { p.Active, p.ActiveSince = false, time.Time{}; return nil })
	case *chain.Jailed:
		return b.change(e.Orchestrator, func(p *pool) error { p.JailedUntil = e.UntilRound; return nil })
	case *chain.CommissionClaimed:
		return b.change(e.Orchestrator, func(p *pool) error { p.Commission = new(big.Int); return nil })
	default:
		return fmt.Errorf("an event that the fold does not know")
	}
}

// trade buys shares of a pool for an amount; with negative numbers it sells them.
func (b *entries) trade(orchestrator, delegator common.Address, at Block, amount, shares *big.Int) error {
	return b.change(orchestrator, func(p *pool) error {
		key := Key{positionKind, delegator, item(orchestrator)}
		pos := position{Shares: new(big.Int), Mark: new(big.Int), Fees: new(big.Int)}
		if _, err := b.load(key, &pos); err != nil {
			return err
		}
		held, after := pos.Shares, plus(pos.Shares, shares)
		growth := minus(p.FeePerShare, pos.Mark)
		switch {
		case shares.Sign() < 0:
			pos.Fees = plus(pos.Fees, whole(mul(held, growth)))
			pos.Mark = p.FeePerShare
		case after.Sign() > 0: // the fees stay what they are
			pos.Mark = minus(p.FeePerShare, new(big.Int).Div(mul(held, growth), after))
		}
		if held.Sign() == 0 && after.Sign() > 0 {
			p.Delegators++
			pos.Since = at.Time
		}
		if held.Sign() > 0 && after.Sign() == 0 {
			p.Delegators--
		}
		pos.Shares = after
		p.Stake, p.Shares = plus(p.Stake, amount), plus(p.Shares, shares)
		if delegator == orchestrator {
			p.SelfShares = after
		}
		return b.save(key, pos)
	})
}

func (b *entries) unbond(e *chain.Unbonded, at Block) error {
	if err := b.trade(e.Orchestrator, e.Delegator, at, negative(e.Amount), negative(e.Shares)); err != nil {
		return err
	}
	l := lock{Orchestrator: e.Orchestrator, Shares: e.ExitShares, ReleaseAt: time.Unix(int64(e.ReleaseAt), 0).UTC()}
	if err := b.save(Key{unbondingKind, e.Delegator, number(e.Id.Uint64())}, l); err != nil {
		return err
	}
	return b.change(e.Orchestrator, func(p *pool) error {
		out := p.exitOf(e.Delegator)
		out.Stake, out.Shares = plus(out.Stake, e.Amount), plus(out.Shares, e.ExitShares)
		return nil
	})
}

// unlock ends an unbonding.
func (b *entries) unlock(orchestrator, delegator common.Address, id, amount *big.Int) error {
	key := Key{unbondingKind, delegator, number(id.Uint64())}
	var l lock
	if ok, err := b.load(key, &l); err != nil || !ok {
		return fmt.Errorf("unbonding %v of %v is not known: %w", id, delegator, err)
	}
	shares := l.Shares
	l.Shares = new(big.Int)
	if err := b.save(key, l); err != nil {
		return err
	}
	return b.change(orchestrator, func(p *pool) error {
		out := p.exitOf(delegator)
		out.Stake, out.Shares = minus(out.Stake, amount), minus(out.Shares, shares)
		return nil
	})
}

func (b *entries) claim(e *chain.FeesClaimed) error {
	return b.change(e.Orchestrator, func(p *pool) error {
		key := Key{positionKind, e.Delegator, item(e.Orchestrator)}
		pos := position{Shares: new(big.Int)}
		if _, err := b.load(key, &pos); err != nil {
			return err
		}
		pos.Fees, pos.Mark = new(big.Int), p.FeePerShare
		if e.Delegator == e.Orchestrator {
			p.OwnerFees = new(big.Int)
		}
		return b.save(key, pos)
	})
}

func (b *entries) slash(e *chain.Slashed, at Block) error {
	if e.OwnShares.Sign() != 0 || e.Own.Sign() != 0 {
		if err := b.trade(e.Orchestrator, e.Orchestrator, at, negative(e.Own), negative(e.OwnShares)); err != nil {
			return err
		}
	}
	return b.change(e.Orchestrator, func(p *pool) error {
		p.Exits[owner].Stake = minus(p.Exits[owner].Stake, e.OwnExit)
		p.Exits[delegators].Stake = minus(p.Exits[delegators].Stake, e.Exit)
		p.Stake = minus(p.Stake, e.Pool)
		self := plus(e.Own, e.OwnExit)
		all := plus(self, plus(e.Pool, e.Exit))
		p.Slashed = plus(p.Slashed, all)
		p.Slashes++
		return b.save(Key{slashKind, p.ID, number(p.Slashes)}, Slash{Block: at, Amount: all, Self: self})
	})
}

func (f Fold) reward(b *entries, e *chain.Rewarded, at Block) error {
	return b.change(e.Orchestrator, func(p *pool) error {
		p.Stake = plus(p.Stake, minus(e.Amount, e.Cut))
		p.Commission, p.Rewards = plus(p.Commission, e.Cut), plus(p.Rewards, e.Amount)
		return b.earn(p, f.round(at), func(r *RoundEarnings) {
			r.Rewards, r.RewardsKept = plus(r.Rewards, e.Amount), plus(r.RewardsKept, e.Cut)
		})
	})
}

func (f Fold) deposit(b *entries, e *chain.FeesDeposited, at Block) error {
	return b.change(e.Orchestrator, func(p *pool) error {
		p.FeesReceived, p.OwnerFees = plus(p.FeesReceived, e.Amount), plus(p.OwnerFees, minus(e.Amount, e.Shared))
		if e.Shared.Sign() > 0 {
			p.FeePerShare = plus(p.FeePerShare, new(big.Int).Div(new(big.Int).Lsh(e.Shared, feeBits), p.Shares))
		}
		return b.earn(p, f.round(at), func(r *RoundEarnings) {
			r.Fees, r.FeesShared = plus(r.Fees, e.Amount), plus(r.FeesShared, e.Shared)
		})
	})
}

// round is that of a block.
func (f Fold) round(at Block) uint64 { return uint64(at.Time.Sub(f.Genesis) / f.RoundLength) }

// entries are a book while events are folded into it.
type entries struct {
	ctx  context.Context //nolint:containedctx // lives for one event
	book Book
}

func (b *entries) load(key Key, into any) (bool, error) { return b.book.Load(b.ctx, key, into) }

func (b *entries) save(key Key, value any) error { return b.book.Save(b.ctx, key, value) }

// change reads a pool, has it changed, and writes it.
func (b *entries) change(id common.Address, change func(p *pool) error) error {
	p := newPool(id)
	key := Key{Kind: poolKind, Owner: id}
	if _, err := b.load(key, &p); err != nil {
		return err
	}
	if err := change(&p); err != nil {
		return err
	}
	return b.save(key, p)
}

// earn changes what came in for a pool in a round.
func (b *entries) earn(p *pool, round uint64, change func(*RoundEarnings)) error {
	key := Key{earningsKind, p.ID, number(round)}
	r := RoundEarnings{Round: round, Fees: new(big.Int), FeesShared: new(big.Int), Rewards: new(big.Int), RewardsKept: new(big.Int)}
	if _, err := b.load(key, &r); err != nil {
		return err
	}
	change(&r)
	r.Stake = p.Stake
	return b.save(key, r)
}

// The exits of a pool.
const (
	delegators = 0
	owner      = 1
)

// feeBits scales fees per share.
const feeBits = 96

func newPool(id common.Address) pool {
	zero := func() *big.Int { return new(big.Int) }
	return pool{
		Orchestrator: Orchestrator{
			ID: id, Capabilities: zero(), Stake: zero(), SelfStake: zero(), SelfShares: zero(), Commission: zero(),
			FeesReceived: zero(), Rewards: zero(), Slashed: zero(),
		},
		Shares: zero(), FeePerShare: zero(), OwnerFees: zero(), Exits: [2]exit{{zero(), zero()}, {zero(), zero()}},
	}
}

func (p *pool) exitOf(delegator common.Address) *exit {
	if delegator == p.ID {
		return &p.Exits[owner]
	}
	return &p.Exits[delegators]
}

// worth is what shares of a pot are worth, rounded down.
func worth(part, stake, shares *big.Int) *big.Int {
	if part.Sign() == 0 {
		return new(big.Int)
	}
	return new(big.Int).Div(mul(part, stake), shares)
}

func plus(a, b *big.Int) *big.Int    { return new(big.Int).Add(a, b) }
func minus(a, b *big.Int) *big.Int   { return new(big.Int).Sub(a, b) }
func mul(a, b *big.Int) *big.Int     { return new(big.Int).Mul(a, b) }
func negative(v *big.Int) *big.Int   { return new(big.Int).Neg(v) }
func whole(scaled *big.Int) *big.Int { return new(big.Int).Rsh(scaled, feeBits) }

// number makes an item that sorts as the number does.
func number(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

func item(a common.Address) string { return string(a[:]) }
