package orchestrator

import (
	"context"
	"errors"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// ErrLeaseUsed is returned by LeaseTable.UseLease.
var ErrLeaseUsed = errors.New("the lease was opened before")

// LeaseTable makes sure that a lease is opened once, by all the processes that share it.
type LeaseTable interface {
	// UseLease notes that a lease is opened, until a time after which it is of no use. It returns ErrLeaseUsed for one that
	// is noted already.
	UseLease(ctx context.Context, lease common.Hash, until time.Time) error
}
