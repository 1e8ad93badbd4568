package registry

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Orchestrators lists everybody who ever registered, as of a time: the active ones first, then by stake.
func Orchestrators(ctx context.Context, book Book, now time.Time) ([]Orchestrator, error) {
	var list []Orchestrator
	err := book.List(ctx, poolKind, nil, func(key Key, value []byte) error {
		p := newPool(key.Owner)
		if err := json.Unmarshal(value, &p); err != nil {
			return err
		}
		if p.Known {
			list = append(list, p.asOf(now))
		}
		return nil
	})
	slices.SortFunc(list, func(a, b Orchestrator) int {
		if a.Active != b.Active {
			if a.Active {
				return -1
			}
			return 1
		}
		if c := b.Stake.Cmp(a.Stake); c != 0 {
			return c
		}
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	return list, wrap("orchestrators", err)
}

// FindOrchestrator reads one entry; ok is false for who never registered.
func FindOrchestrator(ctx context.Context, book Book, id common.Address, now time.Time) (o Orchestrator, ok bool, err error) {
	p := newPool(id)
	if _, err := book.Load(ctx, Key{Kind: poolKind, Owner: id}, &p); err != nil {
		return Orchestrator{}, false, wrap("orchestrator", err)
	}
	return p.asOf(now), p.Known, nil
}

// asOf completes what is kept of an orchestrator.
func (p *pool) asOf(now time.Time) Orchestrator {
	o := p.Orchestrator
	o.SelfStake = worth(o.SelfShares, o.Stake, p.Shares)
	if o.Announced != nil && !now.Before(o.Announced.Effective) {
		o.Cuts, o.Announced = o.Announced.Cuts, nil
	}
	return o
}

// CutHistory lists every announcement of cuts that came or comes into force, the oldest first.
func CutHistory(ctx context.Context, book Book, id common.Address) ([]CutChange, error) {
	list, err := all[CutChange](ctx, book, cutsKind, id)
	return list, wrap("cuts", err)
}

// EarningsSince lists what came in from a round on, by round.
func EarningsSince(ctx context.Context, book Book, id common.Address, from uint64) ([]RoundEarnings, error) {
	list, err := all[RoundEarnings](ctx, book, earningsKind, id)
	list = slices.DeleteFunc(list, func(r RoundEarnings) bool { return r.Round < from })
	return list, wrap("earnings", err)
}

// SlashHistory lists what was taken away, the oldest first.
func SlashHistory(ctx context.Context, book Book, id common.Address) ([]Slash, error) {
	list, err := all[Slash](ctx, book, slashKind, id)
	return list, wrap("slashes", err)
}

// FindDelegator reads what one account has in the pools and on its way out of them.
func FindDelegator(ctx context.Context, book Book, account common.Address) (Delegator, error) {
	var d Delegator
	err := book.List(ctx, positionKind, &account, func(key Key, value []byte) error {
		var held position
		if err := json.Unmarshal(value, &held); err != nil {
			return err
		}
		id := common.BytesToAddress([]byte(key.Item))
		p := newPool(id)
		if _, err := book.Load(ctx, Key{Kind: poolKind, Owner: id}, &p); err != nil {
			return err
		}
		fees := plus(held.Fees, whole(mul(held.Shares, minus(p.FeePerShare, held.Mark))))
		if account == id {
			fees = plus(fees, p.OwnerFees)
		}
		if held.Shares.Sign() == 0 && fees.Sign() == 0 {
			return nil
		}
		d.Positions = append(d.Positions, Position{
			Orchestrator: id, Stake: worth(held.Shares, p.Stake, p.Shares), Shares: held.Shares, Fees: fees, Since: held.Since,
		})
		return nil
	})
	if err != nil {
		return Delegator{}, wrap("delegator", err)
	}
	err = book.List(ctx, unbondingKind, &account, func(key Key, value []byte) error {
		var l lock
		if err := json.Unmarshal(value, &l); err != nil || l.Shares.Sign() == 0 {
			return err
		}
		p := newPool(l.Orchestrator)
		if _, err := book.Load(ctx, Key{Kind: poolKind, Owner: l.Orchestrator}, &p); err != nil {
			return err
		}
		out := p.exitOf(account)
		d.Unbondings = append(d.Unbondings, Unbonding{
			ID: binary.BigEndian.Uint64([]byte(key.Item)), Orchestrator: l.Orchestrator, ReleaseAt: l.ReleaseAt,
			Amount: worth(l.Shares, out.Stake, out.Shares),
		})
		return nil
	})
	return d, wrap("delegator", err)
}

// all reads the entries of a kind and owner.
func all[T any](ctx context.Context, book Book, kind Kind, owner common.Address) ([]T, error) {
	var list []T
	err := book.List(ctx, kind, &owner, func(_ Key, value []byte) error {
		var one T
		err := json.Unmarshal(value, &one)
		list = append(list, one)
		return err
	})
	return list, err
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("chain: registry: %s: %w", what, err)
}
