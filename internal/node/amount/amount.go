// Package amount reads and writes amounts of money as people do: a number and a unit.
package amount

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// Currency is what an amount is of. Both have 18 decimals; amounts are integers of the smallest unit.
type Currency uint8

// The currencies.
const (
	ETH  Currency = iota // the chain's own; units wei, gwei and ETH
	CAST                 // the staked token; one unit
)

// decimals of both currencies, and of gwei in wei.
const (
	decimals     = 18
	gweiDecimals = 9
	// maxDigits bounds what is parsed: 2^256 has 78 digits, and as many may stand behind the point.
	maxDigits = 160
)

// String is the name of the currency's main unit.
func (c Currency) String() string {
	if c == CAST {
		return "CAST"
	}
	return "ETH"
}

// ErrAmount is wrapped by every refusal of an amount.
var ErrAmount = errors.New("amount refused")

// decimalsOf finds a unit, in any case of letters.
func (c Currency) decimalsOf(unit string) (int, bool) {
	switch unit = strings.ToLower(unit); {
	case c == CAST && unit == "cast", c == ETH && (unit == "eth" || unit == "ether"):
		return decimals, true
	case c == ETH && unit == "gwei":
		return gweiDecimals, true
	case c == ETH && unit == "wei":
		return 0, true
	}
	return 0, false
}

// wanted says what would have been right.
func (c Currency) wanted() string {
	if c == CAST {
		return "want a number and CAST, for example '12.5 CAST'"
	}
	return "want a number and ETH, gwei or wei, for example '0.1 ETH'"
}

// Parse reads "12.5 CAST", "0.1 ETH", "30 gwei" or "1000wei" exactly. A bare number is refused, since nobody could tell its unit,
// and so are signs, exponents, and digits finer than the smallest unit.
func Parse(s string, of Currency) (*big.Int, error) {
	number, unit := split(s)
	point, ok := of.decimalsOf(unit)
	if !ok {
		return nil, fmt.Errorf("%w: %q: %s", ErrAmount, s, of.wanted())
	}
	whole, fraction, _ := strings.Cut(number, ".")
	digits := whole + fraction
	if digits == "" || len(digits) > maxDigits || strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return nil, fmt.Errorf("%w: %q: %s", ErrAmount, s, of.wanted())
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > point {
		return nil, fmt.Errorf("%w: %q: %s has %d decimals at most", ErrAmount, s, unit, point)
	}
	v, _ := new(big.Int).SetString("0"+whole+fraction+strings.Repeat("0", point-len(fraction)), 10)
	if v.BitLen() > 256 {
		return nil, fmt.Errorf("%w: %q is larger than 256 bits", ErrAmount, s)
	}
	return v, nil
}

// split separates the number from the unit after it; the space between them may be missing.
func split(s string) (number, unit string) {
	s = strings.TrimSpace(s)
	end := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		return s, ""
	}
	return s[:end], strings.TrimSpace(s[end:])
}

// Format writes v exactly, so that Parse reads it back: CAST in CAST, ETH in the unit that keeps it readable.
func Format(v *big.Int, of Currency) string {
	point, unit := decimals, of.String()
	if of == ETH && v.Sign() != 0 {
		switch digits := len(new(big.Int).Abs(v).String()); {
		case digits <= 5:
			point, unit = 0, "wei"
		case digits <= 12:
			point, unit = gweiDecimals, "gwei"
		}
	}
	return shift(v, point) + " " + unit
}

// Brief writes v for a person's eyes, rounded to four significant digits but never coarser than whole units; it is no input.
func Brief(v *big.Int, of Currency) string {
	const significant = 4
	abs := new(big.Int).Abs(v)
	drop := min(len(abs.String())-significant, decimals)
	if drop <= 0 {
		return Format(v, of)
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(drop)), nil)
	rounded := abs.Add(abs, new(big.Int).Rsh(scale, 1))
	rounded.Div(rounded, scale).Mul(rounded, scale)
	if v.Sign() < 0 {
		rounded.Neg(rounded)
	}
	return Format(rounded, of)
}

// shift writes v / 10^point without trailing zeros.
func shift(v *big.Int, point int) string {
	digits := new(big.Int).Abs(v).String()
	if missing := point + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	whole, fraction := digits[:len(digits)-point], strings.TrimRight(digits[len(digits)-point:], "0")
	if v.Sign() < 0 {
		whole = "-" + whole
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// Ether is a flag or argument that takes an amount of ETH; its value is in wei. nil where nothing was given.
type Ether struct{ *big.Int }

// Decode reads it from the command line, where the unit may be a word of its own.
func (e *Ether) Decode(ctx *kong.DecodeContext) (err error) {
	e.Int, err = decode(ctx, ETH)
	return err
}

// Cast is a flag or argument that takes an amount of CAST; its value is in the smallest unit. nil where nothing was given.
type Cast struct{ *big.Int }

// Decode reads it from the command line, where the unit may be a word of its own.
func (c *Cast) Decode(ctx *kong.DecodeContext) (err error) {
	c.Int, err = decode(ctx, CAST)
	return err
}

// CastOrAll is a Cast for which 'all' may be said.
type CastOrAll struct {
	Cast
	All bool
}

// Decode reads an amount, or 'all'.
func (c *CastOrAll) Decode(ctx *kong.DecodeContext) error {
	if strings.EqualFold(ctx.Scan.Peek().String(), "all") {
		c.All = true
		return ctx.Scan.PopValueInto("amount", new(string))
	}
	return c.Cast.Decode(ctx)
}

func decode(ctx *kong.DecodeContext, of Currency) (*big.Int, error) {
	var s string
	if err := ctx.Scan.PopValueInto("amount", &s); err != nil {
		return nil, err
	}
	if s == "" && !ctx.Value.Required && !ctx.Value.HasDefault { // a variable that is set to nothing
		return nil, nil //nolint:nilnil // nothing was given
	}
	if _, unit := split(s); unit == "" && ctx.Scan.Peek().IsValue() {
		next := ctx.Scan.Peek().String()
		for _, known := range []Currency{ETH, CAST} {
			if _, ok := known.decimalsOf(next); ok {
				s += " " + next
				ctx.Scan.Pop()
				break
			}
		}
	}
	return Parse(s, of)
}

// Percent is a flag that takes a share, '10%' or '2.5 %'; its value is in parts per million.
type Percent uint32

// Decode reads it from the command line, where the sign may be a word of its own.
func (p *Percent) Decode(ctx *kong.DecodeContext) error {
	var s string
	if err := ctx.Scan.PopValueInto("percentage", &s); err != nil {
		return err
	}
	if ctx.Scan.Peek().String() == "%" {
		s += "%"
		ctx.Scan.Pop()
	}
	v, err := parsePercent(s)
	*p = Percent(v)
	return err
}

func parsePercent(s string) (uint32, error) {
	const hundred, ppmDecimals = 1_000_000, 4
	number, sign := split(s)
	whole, fraction, _ := strings.Cut(number, ".")
	if sign != "%" || len(fraction) > ppmDecimals || whole+fraction == "" {
		return 0, fmt.Errorf("%w: %q: want a percentage with at most %d decimals, for example '10%%'", ErrAmount, s, ppmDecimals)
	}
	v, err := strconv.ParseUint("0"+whole+fraction+strings.Repeat("0", ppmDecimals-len(fraction)), 10, 32)
	if err != nil || v > hundred {
		return 0, fmt.Errorf("%w: %q: allowed are 0%% to 100%%", ErrAmount, s)
	}
	return uint32(v), nil
}

// FormatPercent writes parts per million as a percentage.
func FormatPercent(ppm uint32) string {
	text := fmt.Sprintf("%d.%04d", ppm/10_000, ppm%10_000)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".") + "%"
}
