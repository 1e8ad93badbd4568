// Package allocate promises a broadcaster's reserve for each coming period to the orchestrators that it uses, by one
// allocation root on the chain, instead of leaving an equal share to everybody.
package allocate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"castnet/contracts/chain"
	"castnet/probabilistic-payments/allocation"
)

// retryEvery is how often what could not be done is tried again.
const retryEvery = 10 * time.Second

// Candidate is an orchestrator that could be promised something.
type Candidate struct {
	ID common.Address
	// Verified counts the segments of late that it was paid for.
	Verified uint64
	Stake    uint256.Int
}

// Config is what an Allocator needs.
type Config struct {
	Chain *chain.Client
	// Most is how many orchestrators are promised something.
	Most int
	// Candidates lists the orchestrators to choose from.
	Candidates func(ctx context.Context) ([]Candidate, error)
	// File keeps what was promised last, so that a promise that was posted can be counted after a crash.
	File string
	Log  *slog.Logger
}

func (c *Config) validate() error {
	switch {
	case c.Chain == nil, c.Candidates == nil, c.File == "", c.Log == nil:
		return errors.New("allocate: Chain, Candidates, File and Log are needed")
	case c.Most < 1 || c.Most > 1000:
		return fmt.Errorf("allocate: to %d orchestrators: allowed are 1 to 1000 (--allocate)", c.Most)
	}
	return nil
}

// Allocator allocates, once a period.
type Allocator struct {
	cfg  Config
	done uint64 // the period that is allocated
}

// New checks the configuration.
func New(cfg Config) (*Allocator, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Allocator{cfg: cfg}, nil
}

// Run allocates the next period when the last round of the present one has begun, until ctx ends. It returns nil.
func (a *Allocator) Run(ctx context.Context) error {
	rounds := a.cfg.Chain.Rounds(ctx)
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	var now chain.Round
	for known := false; ; {
		select {
		case round, ok := <-rounds:
			if !ok {
				return nil
			}
			now, known = round, true
		case <-retry.C:
		case <-ctx.Done():
			return nil
		}
		if !known {
			continue
		}
		if err := a.Step(ctx, now.Number); err != nil && ctx.Err() == nil {
			a.cfg.Log.Warn("the reserve is not allocated for the next period; tried again", "err", err)
		}
	}
}

// Step does in a round what is due in it.
func (a *Allocator) Step(ctx context.Context, round uint64) error {
	rounds := a.cfg.Chain.Parameters().PeriodRounds
	period := round/rounds + 1
	if a.done == period || round+1 < period*rounds {
		return nil
	}
	budget, err := a.cfg.Chain.Broker().Budget(ctx, a.cfg.Chain.Self(), period)
	if err != nil {
		return err
	}
	var shares []allocation.Share
	if budget.Allocations == 0 {
		shares, err = a.post(ctx, period, budget.Free)
	} else {
		shares, err = a.posted(period)
	}
	if err != nil {
		return err
	}
	if err := a.count(ctx, period, shares); err != nil {
		return err
	}
	a.done = period
	return nil
}

// post allocates what is free of the reserve. What it will promise is on the disk before it is on the chain.
func (a *Allocator) post(ctx context.Context, period uint64, free *big.Int) ([]allocation.Share, error) {
	candidates, err := a.cfg.Candidates(ctx)
	if err != nil {
		return nil, err
	}
	shares := divide(free, candidates, a.cfg.Most)
	if len(shares) == 0 {
		a.cfg.Log.Info("nothing to allocate for the next period", "free_wei", free, "orchestrators", len(candidates))
		return nil, nil
	}
	if err := a.save(promised{period, shares}); err != nil {
		return nil, err
	}
	tree, err := chain.NewPromises(promises(shares))
	if err != nil {
		return nil, err
	}
	if _, err := a.cfg.Chain.Broker().Allocate(period, tree, nil).Send(ctx); err != nil {
		return nil, err
	}
	a.cfg.Log.Info("the reserve is allocated for the next period", "period", period, "orchestrators", len(shares), "wei", free)
	return shares, nil
}

// divide gives the most used of the candidates half of what there is in equal parts, and half by use.
func divide(free *big.Int, candidates []Candidate, most int) []allocation.Share {
	list := slices.Clone(candidates)
	slices.SortFunc(list, func(x, y Candidate) int {
		return cmp.Or(cmp.Compare(y.Verified, x.Verified), y.Stake.Cmp(&x.Stake), bytes.Compare(x.ID[:], y.ID[:]))
	})
	list = list[:min(most, len(list))]
	all, overflow := uint256.FromBig(free)
	if len(list) == 0 || overflow || all.IsZero() {
		return nil
	}
	var least uint256.Int
	least.Div(all, uint256.NewInt(2*uint64(len(list))))
	wishes := make([]allocation.Wish, len(list))
	for i := range list {
		wishes[i] = allocation.Wish{Recipient: list[i].ID, Weight: *uint256.NewInt(list[i].Verified)}
	}
	shares := allocation.Plan(*all, least, wishes)
	return slices.DeleteFunc(shares, func(s allocation.Share) bool { return s.Amount.IsZero() })
}

func promises(shares []allocation.Share) []chain.Promise {
	list := make([]chain.Promise, len(shares))
	for i := range shares {
		list[i] = chain.Promise{Recipient: shares[i].Recipient, Amount: shares[i].Amount.ToBig()}
	}
	return list
}

// count has the promises counted that are not yet: an orchestrator sees its share then.
func (a *Allocator) count(ctx context.Context, period uint64, shares []allocation.Share) error {
	if len(shares) == 0 {
		return nil
	}
	tree, err := chain.NewPromises(promises(shares))
	if err != nil {
		return err
	}
	self, round := a.cfg.Chain.Self(), period*a.cfg.Chain.Parameters().PeriodRounds
	for i := range shares {
		recipient := shares[i].Recipient
		share, err := a.cfg.Chain.Broker().Share(ctx, self, recipient, round)
		if err != nil {
			return err
		}
		if share.Share.Sign() > 0 {
			continue
		}
		proof, _ := tree.Proof(recipient) // it is of the tree's own
		if _, err := a.cfg.Chain.Broker().Allot(self, period, 0, proof).Send(ctx); err != nil {
			return fmt.Errorf("count the promise to %v: %w", recipient, err)
		}
	}
	return nil
}

// promised is what File holds.
type promised struct {
	Period uint64             `json:"period"`
	Shares []allocation.Share `json:"shares"`
}

func (a *Allocator) save(p promised) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err == nil {
		err = writeFile(a.cfg.File, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keep what is allocated: %w", err)
	}
	return nil
}

// writeFile replaces a file, durably.
func writeFile(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // the operator's own folder
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// posted is what was allocated for a period before; nothing where somebody else did it.
func (a *Allocator) posted(period uint64) ([]allocation.Share, error) {
	text, err := os.ReadFile(a.cfg.File)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var p promised
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return nil, fmt.Errorf("read what was allocated: %w", err)
	}
	if p.Period != period {
		return nil, nil
	}
	return p.Shares, nil
}
