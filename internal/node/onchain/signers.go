package onchain

import (
	"context"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
)

const (
	// signerTTL is how long the chain's word on a hot key is believed. A revoked one stays good for longer than that: for
	// the unlock period.
	signerTTL = 10 * time.Second
	// maxSigners bounds what is remembered; anybody can ask with a key of their own.
	maxSigners = 4096
)

// Signers answers payments.Signers from the chain, through a short memory.
type Signers struct {
	broker *chain.Broker

	mu    sync.Mutex
	known map[signerKey]signerWord
}

type signerKey struct{ account, signer common.Address }

type signerWord struct {
	until uint64
	at    time.Time
}

// NewSigners asks a broker.
func NewSigners(broker *chain.Broker) *Signers {
	return &Signers{broker: broker, known: make(map[signerKey]signerWord)}
}

// SignerUntil reads until when signer may sign for account; 0: it may not.
func (s *Signers) SignerUntil(ctx context.Context, account, signer common.Address) (uint64, error) {
	key, now := signerKey{account, signer}, time.Now()
	s.mu.Lock()
	word, ok := s.known[key]
	s.mu.Unlock()
	if ok && now.Sub(word.at) < signerTTL {
		return word.until, nil
	}
	reading, cancel := context.WithTimeout(ctx, accountTimeout)
	defer cancel()
	until, allowed, err := s.broker.SignerUntil(reading, account, signer)
	if err != nil {
		return 0, err
	}
	word = signerWord{at: now}
	if allowed {
		word.until = uint64(until.Unix())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxSigners {
		clear(s.known)
	}
	s.known[key] = word
	return word.until, nil
}
