package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// A sender's funds are watched, so that somebody is told before money ends, not when a stream stops.

// watchEvery is how often the account is read while no ticket asks for it.
const watchEvery = 30 * time.Second

// burnWindow is the time over which spending is measured.
const burnWindow = time.Hour

// Funds is what a sender has, and how long it will last.
type Funds struct {
	Account
	// HourlyFees is the fees of the last hour's tickets: what winners will take, on average. Wei.
	HourlyFees uint256.Int
	// Lasts is how long the deposit will do at that rate; zero where nothing is spent.
	Lasts time.Duration
	// Warning says what is wrong and what to do; empty where all is well.
	Warning string
}

// Run watches the account until ctx ends. It returns nil.
func (s *Sender) Run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		if _, err := s.Funds(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("the account cannot be read: nobody would be warned before its money ends", "account", s.cfg.Account, "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Funds reads the account, and warns where it should.
func (s *Sender) Funds(ctx context.Context) (Funds, error) {
	account, err := s.cfg.Accounts.Account(ctx, s.cfg.Account, common.Address{}, 0)
	if err != nil {
		return Funds{}, fmt.Errorf("read the account of %s: %w", s.cfg.Account, err)
	}
	return s.watch(&account), nil
}

// watch judges an account, and says once what is wrong with it and once that it is well again.
func (s *Sender) watch(a *Account) Funds {
	f := Funds{Account: *a, HourlyFees: s.hourlyFees()}
	if !f.HourlyFees.IsZero() {
		hours := a.Deposit.Float64() / f.HourlyFees.Float64()
		f.Lasts = time.Duration(min(hours, 24*365) * float64(time.Hour)) // a year is as good as for ever
	}
	limits := &s.cfg.Limits
	kind := ""
	switch {
	case a.Unlocking:
		kind, f.Warning = "unlocking", "the funds are being withdrawn: orchestrators take no new tickets; castnet deposit unlock --cancel ends that"
	case a.Reserve.IsZero():
		kind, f.Warning = "reserve", "there is no reserve: orchestrators will not serve; castnet deposit reserve adds to it"
	case a.Deposit.Lt(&limits.WarnBelow):
		kind = "deposit"
		f.Warning = fmt.Sprintf("the deposit of %s is below %s: add to it before streams stop (castnet deposit fund; the limit is --warn-deposit)", FormatWei(&a.Deposit), FormatWei(&limits.WarnBelow))
	case f.Lasts > 0 && f.Lasts < limits.WarnBefore:
		kind = "lasts"
		f.Warning = fmt.Sprintf("the deposit of %s lasts for about %v at the last hour's pace: castnet deposit fund adds to it", FormatWei(&a.Deposit), f.Lasts.Round(time.Minute))
	}
	s.metrics.deposit.Set(a.Deposit.Float64())
	s.mu.Lock()
	changed := kind != s.warned
	s.warned = kind
	s.mu.Unlock()
	switch {
	case changed && kind != "":
		s.cfg.Log.Warn("money is running out", "account", s.cfg.Account, "why", f.Warning)
	case changed:
		s.cfg.Log.Info("the funds are well again", "account", s.cfg.Account, "deposit", FormatWei(&a.Deposit))
	}
	return f
}

// hourlyFees adds up the fees of the last hour's tickets, and forgets older ones.
func (s *Sender) hourlyFees() uint256.Int {
	since := uint64(s.cfg.Now().Add(-burnWindow).Unix()) / 60
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum uint256.Int
	for minute, fees := range s.spent {
		if minute <= since {
			delete(s.spent, minute)
			continue
		}
		sum.Add(&sum, &fees)
	}
	return sum
}
