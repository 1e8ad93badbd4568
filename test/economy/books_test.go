package economy_test

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// num is an amount, or a factor, by value. Arithmetic wraps like that of a word; books find what should not have.
type num = uint256.Int

// account is one line of the books: what it is for, and whose.
type account struct {
	what string
	who  common.Address
	of   common.Address // a second party, where there is one
}

func (a account) String() string {
	if a.of == (common.Address{}) {
		return fmt.Sprintf("%s of %v", a.what, a.who)
	}
	return fmt.Sprintf("%s of %v with %v", a.what, a.who, a.of)
}

func wallet(who common.Address) account { return account{what: "wallet", who: who} }

// Where CAST is that nobody holds in a wallet.
var (
	minted      = account{what: "minted"}      // where all of it comes from: the negative of what was ever made
	burnt       = account{what: "burnt"}       // what was ever destroyed
	uncollected = account{what: "uncollected"} // emission that Staking holds and has not in its books
	emission    = account{what: "emission"}    // collected, and not taken by a pool
)

func bonded(pool common.Address) account     { return account{what: "bonded", who: pool} }
func leaving(pool common.Address) account    { return account{what: "leaving", who: pool} }       // of delegators
func ownLeaving(pool common.Address) account { return account{what: "owner leaving", who: pool} } // of the owner
func commission(pool common.Address) account { return account{what: "commission", who: pool} }

// Where ether is that nobody holds in a wallet.
var (
	opening = account{what: "opening"} // what everybody began with, negative
	baseFee = account{what: "base fee"}
	bonds   = account{what: "bonds"} // of challengers, with Disputes
)

func deposit(sender common.Address) account  { return account{what: "deposit", who: sender} }
func reserve(sender common.Address) account  { return account{what: "reserve", who: sender} }
func owed(recipient common.Address) account  { return account{what: "owed", who: recipient} }
func shared(pool common.Address) account     { return account{what: "shared fees", who: pool} }
func ownersFees(pool common.Address) account { return account{what: "owner's fees", who: pool} }

// books are the balances of one currency. Every entry is a debit here and the same credit there.
type books map[account]num

func (b books) of(a account) num { return b[a] }

func (b books) post(from, to account, amount num) {
	if amount.IsZero() {
		return
	}
	b[from] = sub(b[from], amount)
	b[to] = add(b[to], amount)
}

// sum adds accounts up by what they are for.
func (b books) sum(what ...string) num {
	var total num
	for a, v := range b {
		for _, w := range what {
			if a.what == w {
				total = add(total, v)
			}
		}
	}
	return total
}

// audit finds an overdrawn account, or books that do not balance.
func (b books) audit() error {
	var total num
	for a, v := range b {
		total = add(total, v)
		if a != minted && a != opening && v.BitLen() > 128 {
			return fmt.Errorf("%v is overdrawn", a)
		}
	}
	if !total.IsZero() {
		return fmt.Errorf("the books are out of balance by %v", total.Dec())
	}
	return nil
}

func n(v uint64) num { return *uint256.NewInt(v) }

func add(a, b num) (z num) { z.Add(&a, &b); return z }
func sub(a, b num) (z num) { z.Sub(&a, &b); return z }
func mul(a, b num) (z num) { z.Mul(&a, &b); return z }
func div(a, b num) (z num) { z.Div(&a, &b); return z }

func less(a, b num) bool { return a.Lt(&b) }

func minOf(a, b num) num {
	if less(a, b) {
		return a
	}
	return b
}

func maxOf(a, b num) num {
	if less(a, b) {
		return b
	}
	return a
}

// over is a − b, or nothing.
func over(a, b num) num {
	if less(a, b) {
		return num{}
	}
	return sub(a, b)
}

func shl(a num, bits uint) (z num) { z.Lsh(&a, bits); return z }
func shr(a num, bits uint) (z num) { z.Rsh(&a, bits); return z }

// mulDiv is ⌊a · b / c⌋, the product as long as it takes.
func mulDiv(a, b, c num) (z num) { z.MulDivOverflow(&a, &b, &c); return z }

// mulDivUp is ⌈a · b / c⌉ for products that fit.
func mulDivUp(a, b, c num) num {
	product := mul(a, b)
	quotient := div(product, c)
	if mul(quotient, c) != product {
		return add(quotient, n(1))
	}
	return quotient
}
