package payments

import (
	"context"
	"fmt"

	"github.com/holiman/uint256"
)

// Which winners go into the next transaction: whole epochs, those first that were tried least and expire first, and of
// them those that are worth their gas.

// gasPrice is what gas costs now, nil where it does not matter.
func (r *Redeemer) gasPrice(ctx context.Context) (*uint256.Int, error) {
	if r.cfg.Gas == nil {
		return nil, nil
	}
	price, err := r.cfg.Gas.GasPrice(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the gas price: %w", err)
	}
	return &price, nil
}

// cost is what the gas of a transaction with n winners costs, in wei.
func (r *Redeemer) cost(price *uint256.Int, n int) uint256.Int {
	if price == nil {
		return uint256.Int{}
	}
	return scaled(price, r.cfg.BatchGas+uint64(n)*r.cfg.WinnerGas)
}

// scaled is v · n, at most all of 256 bits.
func scaled(v *uint256.Int, n uint64) uint256.Int {
	var product uint256.Int
	if _, overflow := product.MulOverflow(v, uint256.NewInt(n)); overflow {
		product.SetAllOne()
	}
	return product
}

// hurries reports whether a winner is close to its expiry.
func (r *Redeemer) hurries(w *Winner) bool {
	return w.Expiry < uint64(r.cfg.Now().Add(r.cfg.Hurry).Unix())
}

// choose picks a batch out of the queue.
func (r *Redeemer) choose(open []Winner, price *uint256.Int) []Winner {
	var batch []Winner
	for _, group := range r.groups(open) {
		worth := r.worth(group, price)
		if len(batch) > 0 && len(batch)+len(worth) > r.cfg.Batch {
			continue // a smaller one may fit
		}
		batch = append(batch, worth...)
	}
	if !r.pays(batch, price) {
		return nil
	}
	return batch
}

// groups sorts winners by their epoch, in the order in which the epochs first appear, at most a batch in each.
func (r *Redeemer) groups(winners []Winner) [][]Winner {
	var groups [][]Winner
	at := make(map[EpochID]int)
	for i := range winners {
		id := EpochID{winners[i].Lease, winners[i].Epoch}
		n, ok := at[id]
		if !ok || len(groups[n]) == r.cfg.Batch {
			n = len(groups)
			at[id] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], winners[i])
	}
	return groups
}

// worth returns the winners that pay enough for the gas that they add, and notes why the others wait.
func (r *Redeemer) worth(group []Winner, price *uint256.Int) []Winner {
	if price == nil {
		return group
	}
	gas := scaled(price, r.cfg.WinnerGas)
	worth := make([]Winner, 0, len(group))
	for i := range group {
		w := &group[i]
		least := gas
		if !r.hurries(w) {
			least = scaled(&gas, r.cfg.MinReturn)
		}
		if pays := w.Payout(); pays.Gt(&least) {
			worth = append(worth, *w)
			continue
		}
		pays := w.Payout()
		r.reasons[w.ReceiptHash] = fmt.Sprintf("it pays %s, its gas costs %s", FormatWei(&pays), FormatWei(&gas))
	}
	return worth
}

// pays reports whether a batch is worth the gas of its transaction.
func (r *Redeemer) pays(batch []Winner, price *uint256.Int) bool {
	if price == nil || len(batch) == 0 {
		return true
	}
	least := r.cost(price, len(batch))
	hurry := false
	var sum uint256.Int
	for i := range batch {
		hurry = hurry || r.hurries(&batch[i])
		pays := batch[i].Payout()
		if _, overflow := sum.AddOverflow(&sum, &pays); overflow {
			return true
		}
	}
	if !hurry {
		least = scaled(&least, r.cfg.MinReturn)
	}
	return sum.Gt(&least)
}
