// Package price turns the prices that people name into wei: dollars through a feed that is checked before it is believed,
// a list of its own for a broadcaster, and a factor that follows how busy the machine is.
package price

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"
)

// Amount is a price in wei or in dollars, exactly.
type Amount struct {
	// value is in wei, or in 10^-18 dollars where usd is set.
	value uint256.Int
	usd   bool
}

var errAmount = errors.New("want a number and a unit: wei, gwei, ETH or USD")

// Parse reads "200 gwei", "0.000001 ETH", "1000 wei" or "0.0000005 USD".
func Parse(text string) (Amount, error) {
	fields := strings.Fields(text)
	if len(fields) != 2 || len(text) > 100 {
		return Amount{}, fmt.Errorf("price %.100q: %w", text, errAmount)
	}
	var a Amount
	unit := int64(params.Ether)
	switch strings.ToLower(fields[1]) {
	case "wei":
		unit = params.Wei
	case "gwei":
		unit = params.GWei
	case "eth":
	case "usd":
		a.usd = true
	default:
		return Amount{}, fmt.Errorf("price %q: %w", text, errAmount)
	}
	value, ok := new(big.Rat).SetString(fields[0])
	if !ok || value.Sign() < 0 || strings.ContainsAny(fields[0], "/eEpPxX_") {
		return Amount{}, fmt.Errorf("price %q: %w", text, errAmount)
	}
	value.Mul(value, new(big.Rat).SetInt64(unit))
	if !value.IsInt() {
		return Amount{}, fmt.Errorf("price %q is finer than 10^-18", text)
	}
	if a.value.SetFromBig(value.Num()) {
		return Amount{}, fmt.Errorf("price %q is larger than 256 bits", text)
	}
	return a, nil
}

// USD reports whether the amount is in dollars.
func (a Amount) USD() bool { return a.usd }

// Divide is the amount for the n-th part of the unit, rounded down.
func (a Amount) Divide(n uint64) Amount {
	a.value.Div(&a.value, uint256.NewInt(max(n, 1)))
	return a
}

// at is the amount in wei at a rate: ⌊10^-18 dollars · 10^8 / rate⌋ for dollars.
func (a Amount) at(r Rate) (uint256.Int, error) {
	if !a.usd {
		return a.value, nil
	}
	var wei uint256.Int
	if r.Value == 0 {
		return wei, errors.New("no rate for a price in dollars")
	}
	if _, overflow := wei.MulDivOverflow(&a.value, uint256.NewInt(rateUnit), uint256.NewInt(r.Value)); overflow {
		return wei, fmt.Errorf("a price of %s · 10^-18 dollars exceeds 256 bits of wei", a.value.Dec())
	}
	return wei, nil
}

// UnmarshalJSON reads what Parse reads.
func (a *Amount) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	parsed, err := Parse(text)
	if err == nil {
		*a = parsed
	}
	return err
}
