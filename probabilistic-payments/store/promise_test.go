package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/internal/eip712"
	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store"
	"castnet/test/redisserver"
)

// shareOf is a chain on which every sender has a share of so much, in wei; gas is free there.
type shareOf uint64

func (s shareOf) Account(context.Context, common.Address, common.Address, uint64) (payments.Account, error) {
	v := *uint256.NewInt(uint64(s))
	return payments.Account{Reserve: v, Share: v}, nil
}

func (shareOf) GasPrice(context.Context) (uint256.Int, error) { return uint256.Int{}, nil }

// TestOverPromisedReserveByTwoProcesses: a sender opens 1,000 leases at once, spread over two processes of one
// orchestrator. What they are promised together is its share, and no more. When one process dies, what it promised is
// free again after a while; what the other one keeps is not.
func TestOverPromisedReserveByTwoProcesses(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t, "--appendfsync", "everysec")
	file := filepath.Join(t.TempDir(), "money.db")
	for name, where := range map[string]func(holder string) store.Config{
		"redis": func(holder string) store.Config {
			return store.Config{URL: server.URL, Name: "one", Holder: holder, Log: slog.New(slog.DiscardHandler)}
		},
		"sqlite": func(string) store.Config { return store.Config{URL: "sqlite:" + file} },
	} {
		t.Run(name, func(t *testing.T) {
			var clock atomic.Int64
			clock.Store(faultSeconds)
			process := func(holder string) *payments.Recipient {
				r, err := payments.NewRecipient(t.Context(), payments.RecipientConfig{
					Domain: eip712.NewDomain(1, common.Address{0xb0}), Address: common.Address{0xa0}, Store: open(t, where(holder)),
					Accounts: shareOf(50_500), Gas: shareOf(0), Now: func() time.Time { return time.Unix(clock.Load(), 0) },
					Policy: payments.Policy{GasPriceFloor: *uint256.NewInt(1), RedeemGas: 50, MaxFaceValue: *uint256.NewInt(1000)},
					Log:    slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
				})
				must(t, err)
				return r
			}
			dies, lives := process("dies"), process("lives")
			sender := common.Address{1}
			lease := func(i int) payments.LeaseTerms {
				return payments.LeaseTerms{Lease: crypto.Keccak256Hash(fmt.Append(nil, name, i)), Sender: sender, MaxFaceValue: *uint256.NewInt(1000)}
			}
			var opened [2]atomic.Int32
			var wg sync.WaitGroup
			for i := range 1000 {
				wg.Go(func() {
					switch err := []*payments.Recipient{dies, lives}[i%2].OpenLease(t.Context(), lease(i)); {
					case err == nil:
						opened[i%2].Add(1)
					case !payments.IsRefusal(err, payments.CodeReserveShort):
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if all := opened[0].Load() + opened[1].Load(); all != 50 {
				t.Fatalf("%d leases of 1,000 wei are open on a share of 50,500", all)
			}
			ask := payments.Ask{Sender: sender, LargestFee: *uint256.NewInt(1000)}
			if _, err := lives.Quote(t.Context(), ask); !payments.IsRefusal(err, payments.CodeReserveShort) {
				t.Errorf("a quote when all is promised: %v", err)
			}
			clock.Add(15)
			must(t, lives.KeepPromises(t.Context())) // the other one is dead by now
			clock.Add(15)
			_, err := lives.Quote(t.Context(), ask)
			if free := opened[0].Load(); (err == nil) != (free > 0) {
				t.Errorf("a quote when the dead process had promised %d leases: %v", free, err)
			}
			var more int32
			for i := range 60 {
				if lives.OpenLease(t.Context(), lease(2000+i)) == nil {
					more++
				}
			}
			if more != opened[0].Load() {
				t.Errorf("%d leases opened after a process had died that had %d", more, opened[0].Load())
			}
		})
	}
}
