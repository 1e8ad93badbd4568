package amount_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"testing/quick"

	"github.com/alecthomas/kong"

	"castnet/internal/node/amount"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"1 wei": "1", "0 ETH": "0", "30 gwei": "30000000000", "0.1 ETH": "100000000000000000", ".5 eth": "500000000000000000",
		"1.": "", "1. ETH": "1000000000000000000", "1000wei": "1000", " 2 ether ": "2000000000000000000",
		"0.000000000000000001 ETH": "1", "0.0000000000000000010 ETH": "1", "0.0000000000000000001 ETH": "", "0.5 wei": "",
		"1": "", "": "", "ETH": "", ". ETH": "", "-1 ETH": "", "+1 ETH": "", "1e3 wei": "", "1/2 ETH": "", "0x10 wei": "", "1,000 ETH": "",
		"1.2.3 ETH": "", "1 CAST": "", "1 BTC": "", "1 ETH ETH": "", "١ ETH": "",
		"115792089237316195423570985008687907853269984665640564039457584007913129639935 wei": "115792089237316195423570985008687907853269984665640564039457584007913129639935",
		"115792089237316195423570985008687907853269984665640564039457584007913129639936 wei": "",
		strings.Repeat("0", 200) + " wei": "",
	} {
		got, err := amount.Parse(in, amount.ETH)
		switch {
		case want == "" && !errors.Is(err, amount.ErrAmount):
			t.Errorf("%q: %v, %v; want a refusal", in, got, err)
		case want != "" && (err != nil || got.String() != want):
			t.Errorf("%q: %v, %v; want %s", in, got, err, want)
		}
	}
	got, err := amount.Parse("12.5 cast", amount.CAST)
	if err != nil || got.String() != "12500000000000000000" {
		t.Errorf("12.5 cast: %v, %v", got, err)
	}
	if _, err := amount.Parse("1 ETH", amount.CAST); err == nil || !strings.Contains(err.Error(), "12.5 CAST") {
		t.Errorf("ETH for CAST: %v: the refusal must show what is wanted", err)
	}
}

// What Format writes, Parse reads back, to the last wei.
func TestRoundTrip(t *testing.T) {
	exact := func(words [4]uint64, bits uint8, cast bool) bool {
		v := new(big.Int)
		for _, w := range words {
			v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(w))
		}
		v.Rsh(v, uint(bits)) // every size of number, not only large ones
		of := amount.ETH
		if cast {
			of = amount.CAST
		}
		back, err := amount.Parse(amount.Format(v, of), of)
		return err == nil && back.Cmp(v) == 0
	}
	if err := quick.Check(exact, &quick.Config{MaxCount: 20_000}); err != nil {
		t.Error(err)
	}
}

func TestFormat(t *testing.T) {
	for wei, want := range map[string][2]string{
		"0":                       {"0 ETH", "0 ETH"},
		"7":                       {"7 wei", "7 wei"},
		"21000":                   {"21000 wei", "21000 wei"},
		"1500000000":              {"1.5 gwei", "1.5 gwei"},
		"999999999999":            {"999.999999999 gwei", "0.000001 ETH"},
		"1000000000000":           {"0.000001 ETH", "0.000001 ETH"},
		"123456789012345678":      {"0.123456789012345678 ETH", "0.1235 ETH"},
		"1234567000000000000000":  {"1234.567 ETH", "1235 ETH"},
		"98765432100000000000000": {"98765.4321 ETH", "98765 ETH"},
		"-1500000000000000000":    {"-1.5 ETH", "-1.5 ETH"},
	} {
		v, _ := new(big.Int).SetString(wei, 10)
		if got := amount.Format(v, amount.ETH); got != want[0] {
			t.Errorf("Format(%s) = %s, want %s", wei, got, want[0])
		}
		if got := amount.Brief(v, amount.ETH); got != want[1] {
			t.Errorf("Brief(%s) = %s, want %s", wei, got, want[1])
		}
	}
	if got := amount.Format(big.NewInt(1), amount.CAST); got != "0.000000000000000001 CAST" {
		t.Errorf("the smallest CAST: %s", got)
	}
}

// On the command line the unit may be a word of its own, in arguments and in flags.
func TestCommandLine(t *testing.T) {
	type commands struct {
		Who    string           `arg:""`
		Amount amount.CastOrAll `arg:""`
		Fee    amount.Ether
		Floor  amount.Ether `default:"1 gwei"`
		Dry    bool
	}
	for _, c := range []struct {
		line, cast, fee string
		fails           bool
	}{
		{line: "Rosa|12.5 CAST", cast: "12.5 CAST"},
		{line: "Rosa|12.5|CAST", cast: "12.5 CAST"},
		{line: "Rosa|12.5CAST|--dry", cast: "12.5 CAST"},
		{line: "--fee|0.1|ETH|Rosa|1|cast", cast: "1 CAST", fee: "0.1 ETH"},
		{line: "Rosa|1 CAST|--fee=3 gwei", cast: "1 CAST", fee: "3 gwei"},
		{line: "Rosa|all|--fee|3gwei", cast: "all", fee: "3 gwei"},
		{line: "--fee=|Rosa|1 CAST", cast: "1 CAST"}, // as from a variable that is set to nothing
		{line: "--floor=|Rosa|1 CAST", fails: true},
		{line: "Rosa|", fails: true},
		{line: "Rosa|12.5", fails: true},
		{line: "Rosa|12.5|ETH", fails: true},
		{line: "Rosa|12.5|CAST|CAST", fails: true},
		{line: "Rosa", fails: true},
	} {
		var got commands
		parser, err := kong.New(&got)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(strings.Split(c.line, "|"))
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", c.line, err)
		}
		if c.fails || err != nil {
			continue
		}
		if cast := said(got.Amount); cast != c.cast {
			t.Errorf("%s: %s, want %s", c.line, cast, c.cast)
		}
		if (got.Fee.Int == nil) != (c.fee == "") || c.fee != "" && amount.Format(got.Fee.Int, amount.ETH) != c.fee {
			t.Errorf("%s: fee %v, want %s", c.line, got.Fee, c.fee)
		}
	}
}

func said(c amount.CastOrAll) string {
	if c.All {
		return "all"
	}
	return amount.Format(c.Int, amount.CAST)
}

func FuzzParse(f *testing.F) {
	f.Add("12.5 CAST")
	f.Add(".")
	f.Add("0x1 wei")
	f.Fuzz(func(t *testing.T, s string) {
		for _, of := range []amount.Currency{amount.ETH, amount.CAST} {
			v, err := amount.Parse(s, of)
			if err == nil && (v.Sign() < 0 || v.BitLen() > 256) {
				t.Errorf("%q: %v", s, v)
			}
		}
	})
}

func TestPercent(t *testing.T) {
	type commands struct {
		Cut amount.Percent
		Dry bool
	}
	for line, want := range map[string]int{
		"--cut|10%": 100_000, "--cut=2.5%": 25_000, "--cut|0.0001 %": 1, "--cut|100|%|--dry": 1_000_000, "--cut|0%": 0,
		"--cut|10": -1, "--cut|100.0001%": -1, "--cut|0.00001%": -1, "--cut|%": -1, "--cut|1e1%": -1, "--cut|99999999999%": -1,
	} {
		var got commands
		parser, err := kong.New(&got)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(strings.Split(line, "|"))
		if (err == nil) != (want >= 0) || err == nil && int(got.Cut) != want {
			t.Errorf("%s: %d, %v; want %d", line, got.Cut, err, want)
		}
	}
	for ppm, want := range map[uint32]string{0: "0%", 1: "0.0001%", 25_000: "2.5%", 1_000_000: "100%"} {
		if got := amount.FormatPercent(ppm); got != want {
			t.Errorf("%d: %s, want %s", ppm, got, want)
		}
	}
}
