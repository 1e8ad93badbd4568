package price

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
)

// rateUnit is the parts of a dollar that rates are in: 10^8, as most on-chain aggregators have it.
const rateUnit = 100_000_000

// Rate is what one coin costs.
type Rate struct {
	// Value is in 10^-8 dollars a coin.
	Value uint64
	// At is when it was so.
	At time.Time
}

// USD is the rate in dollars, for people.
func (r Rate) USD() float64 { return float64(r.Value) / rateUnit }

// Feed tells what a coin costs in dollars.
type Feed interface {
	Rate(ctx context.Context) (Rate, error)
}

// rateOf converts a decimal number of dollars, as text.
func rateOf(text string, at time.Time) (Rate, error) {
	text = strings.TrimSpace(text)
	dollars, ok := new(big.Rat), false
	if len(text) <= 64 && !strings.ContainsAny(text, "/pPxX_") { // an exponent is bounded by big.Rat
		_, ok = dollars.SetString(text)
	}
	if !ok || dollars.Sign() <= 0 {
		return Rate{}, fmt.Errorf("rate %.64q is not a number of dollars above 0", text)
	}
	return rateOfRat(dollars, at)
}

func rateOfRat(dollars *big.Rat, at time.Time) (Rate, error) {
	dollars.Mul(dollars, new(big.Rat).SetInt64(rateUnit))
	value := new(big.Int).Quo(dollars.Num(), dollars.Denom())
	if value.Sign() <= 0 || !value.IsUint64() {
		return Rate{}, errors.New("the rate is below 10^-8 or above 10^11 dollars a coin")
	}
	return Rate{Value: value.Uint64(), At: at}, nil
}

// File is a feed that somebody writes by hand: the dollars that a coin costs, in a file of their own. It is as old as the
// file; Fixed files never age.
type File struct {
	Path  string
	Fixed bool
	// Now is the time of a fixed rate.
	Now func() time.Time
}

// maxAnswer bounds what a feed may say, in bytes.
const maxAnswer = 64 << 10

// Rate implements Feed.
func (f *File) Rate(context.Context) (Rate, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return Rate{}, fmt.Errorf("price feed: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return Rate{}, fmt.Errorf("price feed: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxAnswer))
	if err != nil {
		return Rate{}, fmt.Errorf("price feed %s: %w", f.Path, err)
	}
	at := info.ModTime()
	if f.Fixed {
		at = f.Now()
	}
	rate, err := rateOf(string(text), at)
	if err != nil {
		return rate, fmt.Errorf("price feed %s: %w", f.Path, err)
	}
	return rate, nil
}

// HTTP is a feed that answers GET with JSON.
type HTTP struct {
	URL string
	// Path leads to the number, or the text of one: "ethereum.usd". Empty: the document is the number.
	Path   string
	Client *http.Client
	Now    func() time.Time
}

// Rate implements Feed. What is answered is taken for the rate of now.
func (h *HTTP) Rate(ctx context.Context) (Rate, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return Rate{}, errors.New("price feed: its URL cannot be read")
	}
	host := req.URL.Host // all of the URL that is told: the rest may hold a key
	resp, err := h.Client.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	if err != nil {
		return Rate{}, fmt.Errorf("price feed %s: %w", host, err)
	}
	defer func() { _ = resp.Body.Close() }() // what was read is judged
	if resp.StatusCode != http.StatusOK {
		return Rate{}, fmt.Errorf("price feed %s answers %s", host, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Rate{}, fmt.Errorf("price feed %s: %w", host, err)
	}
	text, err := pick(body, h.Path)
	if err != nil {
		return Rate{}, fmt.Errorf("price feed %s: %w", host, err)
	}
	return rateOf(text, h.Now())
}

// pick finds a number in a JSON document by the names that lead to it.
func pick(document []byte, path string) (string, error) {
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, ".")
		var object map[string]json.RawMessage
		if err := json.Unmarshal(document, &object); err != nil {
			return "", fmt.Errorf("looking for %q: %w", name, err)
		}
		field, ok := object[name]
		if !ok {
			return "", fmt.Errorf("there is no %q in the answer", name)
		}
		document = field
	}
	var text string
	if json.Unmarshal(document, &text) == nil {
		return text, nil
	}
	return string(document), nil
}

// Caller reads contracts; an ethclient.Client is one.
type Caller interface {
	CallContract(ctx context.Context, msg ethereum.CallMsg, block *big.Int) ([]byte, error)
}

// Aggregator is a feed on the chain, with Chainlink's AggregatorV3Interface.
type Aggregator struct {
	Chain   Caller
	Address common.Address
}

// Selectors of AggregatorV3Interface: the first four bytes of keccak256("latestRoundData()") and of ("decimals()").
const (
	latestRoundData = "\xfe\xaf\x96\x8c"
	decimals        = "\x31\x3c\xe5\x67"
)

// Rate implements Feed.
func (a *Aggregator) Rate(ctx context.Context) (Rate, error) {
	places, err := a.call(ctx, decimals, 1)
	if err != nil {
		return Rate{}, err
	}
	round, err := a.call(ctx, latestRoundData, 5) // roundId, answer, startedAt, updatedAt, answeredInRound
	if err != nil {
		return Rate{}, err
	}
	answer, updated := round[1], round[3]
	if answer.Sign() <= 0 || answer.BitLen() > 255 || !updated.IsInt64() || places[0].Cmp(big.NewInt(36)) > 0 {
		return Rate{}, fmt.Errorf("price feed %s answers %s at %s with %s decimals", a.Address, answer, updated, places[0])
	}
	unit := new(big.Int).Exp(big.NewInt(10), places[0], nil)
	return rateOfRat(new(big.Rat).SetFrac(answer, unit), time.Unix(updated.Int64(), 0))
}

// call reads words of 32 bytes.
func (a *Aggregator) call(ctx context.Context, selector string, words int) ([]*big.Int, error) {
	raw, err := a.Chain.CallContract(ctx, ethereum.CallMsg{To: &a.Address, Data: []byte(selector)}, nil)
	if err != nil {
		return nil, fmt.Errorf("price feed %s: %w", a.Address, err)
	}
	const size = 32
	if len(raw) != words*size {
		return nil, fmt.Errorf("price feed %s answers %d bytes, an aggregator %d", a.Address, len(raw), words*size)
	}
	list := make([]*big.Int, words)
	for i := range list {
		list[i] = new(big.Int).SetBytes(raw[i*size : (i+1)*size])
	}
	return list, nil
}
