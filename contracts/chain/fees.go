package chain

import (
	"context"
	"fmt"
	"math/big"
	"sync"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

// settledDepth is how far below the head the log of fees is taken for final and not read again.
const settledDepth = 64

// The events of Staking by which fees come and go.
const (
	feesDepositedSignature = "FeesDeposited(address,uint256,uint256)"
	feesClaimedSignature   = "FeesClaimed(address,address,address,uint256)"
)

// feeBooks add up the log of fees: no view of the contract knows what a pool ever received.
type feeBooks struct {
	mu      sync.Mutex
	through uint64 // the last block that is in pools
	pools   map[common.Address]feeSums
}

// feeSums are wei of one pool, ever.
type feeSums struct{ received, paid *big.Int }

// Pool reads an orchestrator's fees: the log of all pools, as far as it is new.
func (s *Staking) Pool(ctx context.Context, orchestrator common.Address) (Pool, error) {
	s.fees.mu.Lock()
	defer s.fees.mu.Unlock()
	head, err := s.client.eth.BlockNumber(ctx)
	if err != nil {
		return Pool{}, fmt.Errorf("chain: pool of %v: %w", orchestrator, err)
	}
	from := max(s.fees.through+1, s.client.cfg.Addresses.Block)
	logs, err := s.client.eth.FilterLogs(ctx, ethereum.FilterQuery{
		FromBlock: new(big.Int).SetUint64(from), ToBlock: new(big.Int).SetUint64(max(head, from)), Addresses: []common.Address{s.address()},
		Topics: [][]common.Hash{{crypto.Keccak256Hash([]byte(feesDepositedSignature)), crypto.Keccak256Hash([]byte(feesClaimedSignature))}},
	})
	if err != nil {
		return Pool{}, fmt.Errorf("chain: pool of %v: %w", orchestrator, err)
	}
	final := head - min(head, settledDepth)
	if s.fees.pools == nil {
		s.fees.pools = make(map[common.Address]feeSums)
	}
	recent := make(map[common.Address]feeSums)
	for i := range logs {
		book := s.fees.pools
		if logs[i].BlockNumber > final {
			book = recent
		}
		if err := s.enter(book, &logs[i]); err != nil {
			return Pool{}, fmt.Errorf("chain: pool of %v: %w", orchestrator, err)
		}
	}
	s.fees.through = max(s.fees.through, final)
	sums := plus(s.fees.pools[orchestrator], recent[orchestrator])
	return Pool{FeesReceived: sums.received, FeesUnpaid: new(big.Int).Sub(sums.received, sums.paid)}, nil
}

// enter adds one event to a book.
func (s *Staking) enter(book map[common.Address]feeSums, entry *types.Log) error {
	if deposited, err := s.abi.UnpackFeesDepositedEvent(entry); err == nil {
		book[deposited.Orchestrator] = plus(book[deposited.Orchestrator], feeSums{received: deposited.Amount})
		return nil
	}
	claimed, err := s.abi.UnpackFeesClaimedEvent(entry)
	if err != nil {
		return err
	}
	book[claimed.Orchestrator] = plus(book[claimed.Orchestrator], feeSums{paid: claimed.Amount})
	return nil
}

func plus(a, b feeSums) feeSums {
	return feeSums{
		received: new(big.Int).Add(orZero(a.received), orZero(b.received)),
		paid:     new(big.Int).Add(orZero(a.paid), orZero(b.paid)),
	}
}
