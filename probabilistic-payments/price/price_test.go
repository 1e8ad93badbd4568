package price_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"castnet/probabilistic-payments/price"
)

func parse(tb testing.TB, text string) price.Amount {
	tb.Helper()
	a, err := price.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// feed is a feed that says what a test wants.
type feed struct {
	rate price.Rate
	err  error
}

func (f *feed) Rate(context.Context) (price.Rate, error) { return f.rate, f.err }

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func dollars(v float64) uint64 { return uint64(v * 1e8) }

func watch(tb testing.TB, f price.Feed, c *clock) *price.Watch {
	tb.Helper()
	w, err := price.NewWatch(price.WatchConfig{Feed: f, Now: c.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

func TestParse(t *testing.T) {
	for text, wei := range map[string]uint64{
		"200 gwei": 200e9, "0.000001 ETH": 1e12, "7 wei": 7, "0 USD": 0, "0.5 gwei": 5e8,
	} {
		book := price.Book{Default: price.List{H264: parse(t, text)}, Watch: nil}
		v, err := book.Prices(common.Address{})
		if text == "0 USD" {
			if err == nil {
				t.Error("a price in dollars without a feed was quoted")
			}
			continue
		}
		if err != nil || v.H264 != *uint256.NewInt(wei) {
			t.Errorf("%s is %s wei, %v", text, v.H264.Dec(), err)
		}
	}
	for _, text := range []string{"", "5", "x gwei", "-1 gwei", "1/3 ETH", "1e3 gwei", "0.1 wei", "5 EUR", "1 2 wei", "0x10 wei", "1_0 wei"} {
		if _, err := price.Parse(text); err == nil {
			t.Errorf("%q was taken for a price", text)
		}
	}
}

// TestDollars: at 2,500 dollars a coin, a dollar is 4·10^14 wei.
func TestDollars(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	w := watch(t, &feed{rate: price.Rate{Value: dollars(2500), At: c.now}}, c)
	if err := w.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	friend := common.Address{1}
	book := price.Book{
		Default: price.List{H264: parse(t, "1 USD"), Source: parse(t, "10 gwei"), MiB: parse(t, "1 USD").Divide(1024)},
		Own:     map[common.Address]price.List{friend: {H264: parse(t, "0.5 USD")}}, Watch: w,
	}
	v, err := book.Prices(common.Address{})
	if err != nil || v.H264 != *uint256.NewInt(4e14) || v.Source != *uint256.NewInt(10e9) || v.MiB != *uint256.NewInt(4e14 / 1024) {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := book.Prices(friend); err != nil || v.H264 != *uint256.NewInt(2e14) {
		t.Errorf("a friend pays %+v, %v", v, err)
	}
	c.now = c.now.Add(61 * time.Minute)
	if _, err := book.Prices(friend); err == nil {
		t.Error("quoted dollars at a rate that is an hour old")
	}
}

// TestJumpsAreConfirmed: one wild reading changes nothing, three that agree do.
func TestJumpsAreConfirmed(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	f := &feed{}
	w := watch(t, f, c)
	read := func(usd, want float64) {
		t.Helper()
		f.rate = price.Rate{Value: dollars(usd), At: c.now}
		err := w.Read(t.Context())
		rate, e := w.Rate()
		if e != nil || math.Abs(rate.USD()-want) > 1e-6 {
			t.Fatalf("after %g the rate is %g, want %g; %v, %v", usd, rate.USD(), want, err, e)
		}
	}
	read(1000, 1000)
	read(1040, 1040)
	read(10, 1040)
	read(1030, 1030)
	read(2000, 1030)
	read(2050, 1030)
	read(2040, 2040)
	f.err = errors.New("gone")
	if err := w.Read(t.Context()); err == nil {
		t.Error("a feed that is gone was believed")
	}
	f.err, f.rate = nil, price.Rate{Value: 0, At: c.now}
	if err := w.Read(t.Context()); err == nil {
		t.Error("a worthless coin was believed")
	}
}

// TestVolatileCoinDoesNotMoveTheBill: a day of a coin that moves by 50 % up and down, smoothly or wildly; leases of ten
// minutes at the rate of their quote, rates read every 15 s. What was charged, each fee at the worth that its coins had
// when it was charged, is within 0.5 % of the price in dollars.
func TestVolatileCoinDoesNotMoveTheBill(t *testing.T) {
	const day, step, lease = 24 * time.Hour, 15 * time.Second, 10 * time.Minute
	for name, coin := range map[string]func(*rand.Rand) func(at time.Duration) float64{
		"wave": func(*rand.Rand) func(time.Duration) float64 {
			return func(at time.Duration) float64 { return 2000 * (1 + 0.5*math.Sin(2*math.Pi*at.Hours()/24)) }
		},
		"fall": func(*rand.Rand) func(time.Duration) float64 {
			return func(at time.Duration) float64 { return 2000 * (1 - 0.5*at.Hours()/24) }
		},
		"rise": func(*rand.Rand) func(time.Duration) float64 {
			return func(at time.Duration) float64 { return 2000 * (1 + 0.5*at.Hours()/24) }
		},
		// a random walk that is pulled back into ± 50 %
		"walk": func(r *rand.Rand) func(time.Duration) float64 {
			v := 0.0
			return func(time.Duration) float64 {
				v = v*0.9999 + r.NormFloat64()*0.002
				return 2000 * (1 + min(max(v, -0.5), 0.5))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			now := coin(rand.New(rand.NewPCG(1, 2)))
			c := &clock{time.Unix(1e9, 0)}
			f := &feed{}
			w := watch(t, f, c)
			book := price.Book{Default: price.List{H264: parse(t, "0.0003 USD")}, Watch: w}
			var quoted price.Vector
			charged, owed := 0.0, 0.0
			for at := time.Duration(0); at < day; at += step {
				c.now = time.Unix(1e9, 0).Add(at)
				coins := now(at)
				f.rate = price.Rate{Value: dollars(coins), At: c.now}
				_ = w.Read(t.Context()) // a doubted reading is part of the game
				if at%lease == 0 {
					var err error
					if quoted, err = book.Prices(common.Address{}); err != nil {
						t.Fatal(err)
					}
				}
				charged += quoted.H264.Float64() / 1e18 * coins
				owed += 0.0003
			}
			if off := charged/owed - 1; math.Abs(off) > 0.005 {
				t.Errorf("the bill is off by %.2f %%", 100*off)
			}
		})
	}
}

func TestDemandStaysInItsBounds(t *testing.T) {
	d, err := price.NewDemand(price.DemandConfig{Min: 500_000, Max: 3_000_000})
	if err != nil {
		t.Fatal(err)
	}
	book := price.Book{
		Default: price.List{H264: parse(t, "100 gwei")}, Demand: d,
		Own: map[common.Address]price.List{{1}: {H264: parse(t, "90 gwei")}},
	}
	at := func(want uint64) {
		t.Helper()
		v, err := book.Prices(common.Address{})
		if err != nil || v.H264 != *uint256.NewInt(want) {
			t.Errorf("%s wei, %v; want %d", v.H264.Dec(), err, want)
		}
	}
	at(100e9)
	d.Observe(0.7)
	at(100e9)
	d.Observe(1)
	at(112.5e9)
	for range 50 {
		d.Observe(math.Inf(1))
	}
	at(300e9)
	for range 50 {
		d.Observe(-5)
	}
	at(50e9)
	if v, err := book.Prices(common.Address{1}); err != nil || v.H264 != *uint256.NewInt(90e9) {
		t.Errorf("an agreed price moved: %s, %v", v.H264.Dec(), err)
	}
	for _, c := range []price.DemandConfig{{}, {Min: 2, Max: 1}, {Min: 1, Max: 2, Target: 2_000_000}, {Min: 1, Max: 1 << 40}} {
		if _, err := price.NewDemand(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

func TestFileFeed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rate")
	if err := os.WriteFile(path, []byte(" 2512.25\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &clock{time.Unix(1e9, 0)}
	fixed := price.File{Path: path, Fixed: true, Now: c.Now}
	rate, err := fixed.Rate(t.Context())
	if err != nil || rate.Value != dollars(2512.25) || !rate.At.Equal(c.now) {
		t.Errorf("%+v, %v", rate, err)
	}
	if rate, err := (&price.File{Path: path}).Rate(t.Context()); err != nil || rate.At.Equal(c.now) {
		t.Errorf("a file's rate is as old as the file: %v, %v", rate.At, err)
	}
	for _, text := range []string{"", "0", "-3", "much", "1/2", "0x10", "1e400", "0.000000000001"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if rate, err := fixed.Rate(t.Context()); err == nil {
			t.Errorf("%q is %+v", text, rate)
		}
	}
}

func TestHTTPFeed(t *testing.T) {
	answer := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if answer == "" {
			http.Error(w, "no", http.StatusTeapot)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	h := price.HTTP{URL: server.URL + "/v1/secret?key=secret", Path: "coin.usd", Client: server.Client(), Now: time.Now}
	for text, want := range map[string]float64{
		`{"coin":{"usd":2000.5}}`: 2000.5, `{"coin":{"usd":"31.25"}}`: 31.25, `{"coin":{"usd":3e3}}`: 3000,
		`{"coin":{}}`: 0, `[]`: 0, `{"coin":{"usd":null}}`: 0, `{"coin":{"usd":-1}}`: 0, "": 0,
	} {
		answer = text
		rate, err := h.Rate(t.Context())
		if (err == nil) != (want > 0) || rate.Value != dollars(want) {
			t.Errorf("%q: %+v, %v", text, rate, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a key is told: %v", err)
		}
	}
	server.Close()
	if _, err := h.Rate(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a feed that is gone: %v", err)
	}
}

// aggregator answers as a contract does.
type aggregator struct {
	answer   *big.Int
	decimals int64
	updated  int64
	short    bool
}

func (a *aggregator) CallContract(_ context.Context, msg ethereum.CallMsg, _ *big.Int) ([]byte, error) {
	word := func(v *big.Int) []byte { return common.LeftPadBytes(v.Bytes(), 32) }
	switch {
	case a.short:
		return []byte{1}, nil
	case string(msg.Data) == string(crypto.Keccak256([]byte("decimals()"))[:4]):
		return word(big.NewInt(a.decimals)), nil
	case string(msg.Data) == string(crypto.Keccak256([]byte("latestRoundData()"))[:4]):
		one := big.NewInt(1)
		var out []byte
		for _, v := range []*big.Int{one, a.answer, one, big.NewInt(a.updated), one} {
			out = append(out, word(v)...)
		}
		return out, nil
	}
	return nil, fmt.Errorf("called with %x", msg.Data)
}

func TestAggregatorFeed(t *testing.T) {
	a := &aggregator{answer: big.NewInt(250_012_345_678), decimals: 8, updated: 1e9}
	f := price.Aggregator{Chain: a, Address: common.Address{7}}
	rate, err := f.Rate(t.Context())
	if err != nil || rate.Value != 250_012_345_678 || rate.At.Unix() != 1e9 {
		t.Errorf("%+v, %v", rate, err)
	}
	a.decimals, a.answer = 18, new(big.Int).Mul(big.NewInt(2500), big.NewInt(1e18))
	if rate, err := f.Rate(t.Context()); err != nil || rate.Value != dollars(2500) {
		t.Errorf("%+v, %v", rate, err)
	}
	for name, change := range map[string]func(*aggregator){
		"nothing":  func(a *aggregator) { a.answer = new(big.Int) },
		"negative": func(a *aggregator) { a.answer = new(big.Int).Lsh(big.NewInt(1), 255) },
		"places":   func(a *aggregator) { a.decimals = 77 },
		"no such":  func(a *aggregator) { a.short = true },
	} {
		bad := *a
		change(&bad)
		if rate, err := (&price.Aggregator{Chain: &bad}).Rate(t.Context()); err == nil {
			t.Errorf("%s: %+v", name, rate)
		}
	}
}

func TestLists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lists.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fallback := price.List{H264: parse(t, "200 gwei"), Source: parse(t, "10 gwei")}
	write(`{"0x00000000000000000000000000000000000000Aa": {"h264": "150 gwei"}}`)
	lists, err := price.ReadLists(path, fallback)
	if err != nil {
		t.Fatal(err)
	}
	book := price.Book{Default: fallback, Own: lists}
	v, err := book.Prices(common.HexToAddress("0xaa"))
	if err != nil || v.H264 != *uint256.NewInt(150e9) || v.Source != *uint256.NewInt(10e9) {
		t.Errorf("%+v, %v", v, err)
	}
	for _, text := range []string{
		``, `{"me":{}}`, `{"0x00000000000000000000000000000000000000Aa":{"vp9":"1 wei"}}`,
		`{"0x00000000000000000000000000000000000000Aa":{"h264":7}}`,
	} {
		write(text)
		if _, err := price.ReadLists(path, fallback); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("200 gwei")
	f.Add("0.3 USD")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := price.Parse(text)
		if err != nil {
			return
		}
		book := price.Book{Default: price.List{H264: a}}
		if _, err := book.Prices(common.Address{}); err != nil && !a.USD() {
			t.Errorf("%q cannot be quoted: %v", text, err)
		}
	})
}

// TestRatesOfTheFuture: a rate that says it is of tomorrow is of now: it gets too old like any other. A feed that comes back
// after that does not get away with any rate: it is believed when it agrees with the last one, or with itself.
func TestRatesOfTheFuture(t *testing.T) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	f := &feed{rate: price.Rate{Value: dollars(2000), At: c.now.Add(24 * time.Hour)}}
	w := watch(t, f, c)
	if err := w.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(2 * time.Hour)
	if rate, err := w.Rate(); err == nil {
		t.Errorf("a rate of two hours ago is believed: %v", rate)
	}
	for try := range 3 {
		f.rate = price.Rate{Value: dollars(20), At: c.now}
		if err := w.Read(t.Context()); (err == nil) != (try == 2) {
			t.Errorf("reading %d of a rate that fell to a hundredth: %v", try+1, err)
		}
	}
	if rate, err := w.Rate(); err != nil || rate.Value != dollars(20) {
		t.Errorf("after three readings that agree: %v (%v)", rate, err)
	}
}
