// Package allocation decides how a sender's reserve is divided among recipients of its choice, instead of the equal share
// for everybody.
package allocation

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Share is what is promised to one recipient, in wei.
type Share struct {
	Recipient common.Address
	Amount    uint256.Int
}

// Wish is a recipient that a sender wants to be able to use, and how much it expects to.
type Wish struct {
	Recipient common.Address
	// Weight is its part of what is left once everybody has the least; the fees paid to it of late are a good one.
	Weight uint256.Int
}

// Plan divides free wei among recipients: each gets at least least, the rest goes by weight, equally where nobody has any.
// Where there is not enough for all, the heaviest are served first; ties go by address.
func Plan(free, least uint256.Int, wishes []Wish) []Share {
	order := slices.Clone(wishes)
	slices.SortFunc(order, func(a, b Wish) int {
		if c := b.Weight.Cmp(&a.Weight); c != 0 {
			return c
		}
		return a.Recipient.Cmp(b.Recipient)
	})
	if !least.IsZero() {
		var places uint256.Int
		if places.Div(&free, &least); places.LtUint64(uint64(len(order))) {
			order = order[:places.Uint64()]
		}
	}
	if len(order) == 0 {
		return nil
	}
	var given, weights uint256.Int
	given.Mul(&least, uint256.NewInt(uint64(len(order))))
	rest := free
	rest.Sub(&rest, &given)
	for i := range order {
		if _, overflow := weights.AddOverflow(&weights, &order[i].Weight); overflow {
			weights.Clear()
			break
		}
	}
	shares := make([]Share, len(order))
	for i := range order {
		part := new(uint256.Int)
		if weights.IsZero() {
			part.Div(&rest, uint256.NewInt(uint64(len(order))))
		} else {
			part.MulDivOverflow(&rest, &order[i].Weight, &weights)
		}
		shares[i] = Share{Recipient: order[i].Recipient, Amount: *part.Add(part, &least)}
	}
	return shares
}
