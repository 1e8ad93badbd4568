package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	payments "castnet/probabilistic-payments"
)

// Report is what a check found.
type Report struct {
	// Tickets were sent, Charges issued; of those Open are unpaid. Winners were drawn, Waiting are not resolved.
	Tickets, Charges, Open, Winners, Waiting int
	// Owed is what open charges are worth, Pending what waiting winners pay; wei.
	Owed, Pending uint256.Int
	Senders       int
}

// checker adds up what is stored, sender by sender.
type checker struct {
	Report
	owed, pending map[common.Address]uint256.Int
	problems      []error
}

// Check reads all of a store, and compares every sender's books with the charges and winners that they sum up. Of a
// store that is in use it may see a movement half: check a backup instead, or stop the role.
func Check(ctx context.Context, s Store) (Report, error) {
	if file, ok := s.(interface {
		Check(ctx context.Context) error
	}); ok {
		if err := file.Check(ctx); err != nil {
			return Report{}, err
		}
	}
	c := &checker{owed: make(map[common.Address]uint256.Int), pending: make(map[common.Address]uint256.Int)}
	if err := s.History(ctx, c); err != nil {
		return c.Report, err
	}
	c.Senders = len(c.owed)
	for sender, owed := range c.owed {
		books, err := s.Sender(ctx, sender)
		if err != nil {
			return c.Report, err
		}
		pending := c.pending[sender]
		if books.Owed != owed || books.Pending != pending {
			c.problems = append(c.problems, fmt.Errorf("the books of %s say that it owes %s wei and winners pay %s; its charges say %s, its winners %s",
				sender, books.Owed.Dec(), books.Pending.Dec(), owed.Dec(), pending.Dec()))
		}
		c.Owed.Add(&c.Owed, &owed)
		c.Pending.Add(&c.Pending, &pending)
	}
	return c.Report, errors.Join(c.problems...)
}

// Observe implements payments.Observer.
func (c *checker) Observe(e payments.Event) {
	owed, pending := c.owed[e.Sender], c.pending[e.Sender]
	switch e.Kind {
	case payments.EventSent:
		c.Tickets++
		return
	case payments.EventBilled:
		c.Charges++
		c.Open++
		owed.Add(&owed, &e.Fee)
	case payments.EventReceived:
		c.Open--
		owed.Sub(&owed, &e.Fee)
		if e.Won {
			c.Winners++
			c.Waiting++
			pending.Add(&pending, &e.Amount)
		}
	case payments.EventWrittenOff:
		c.Open--
		owed.Sub(&owed, &e.Fee)
	case payments.EventRedeemed:
		c.Waiting--
		pending.Sub(&pending, &e.Amount)
		pending.Sub(&pending, &e.Short)
	case payments.EventLost:
		c.Waiting--
		pending.Sub(&pending, &e.Amount)
	case payments.EventTried:
	}
	c.owed[e.Sender], c.pending[e.Sender] = owed, pending
}
