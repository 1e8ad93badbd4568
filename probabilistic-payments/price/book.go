package price

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// List is a price for everything that is charged for: 10^6 output pixels by codec, 10^6 source pixels, and a MiB of
// renditions sent.
type List struct {
	H264   Amount `json:"h264"`
	HEVC   Amount `json:"hevc"`
	AV1    Amount `json:"av1"`
	Source Amount `json:"source"`
	MiB    Amount `json:"mib"`
}

// fields are the amounts in order.
func (l *List) fields() [5]*Amount { return [...]*Amount{&l.H264, &l.HEVC, &l.AV1, &l.Source, &l.MiB} }

// Vector is a List in wei.
type Vector struct{ H264, HEVC, AV1, Source, MiB uint256.Int }

func (v *Vector) fields() [5]*uint256.Int {
	return [...]*uint256.Int{&v.H264, &v.HEVC, &v.AV1, &v.Source, &v.MiB}
}

// Book says what a broadcaster is asked for.
type Book struct {
	// Default is the list for everybody who has none of their own in Own.
	Default List
	Own     map[common.Address]List
	// Watch converts dollars; nil where no price is in dollars.
	Watch *Watch
	// Demand raises and lowers prices by how busy the machine is; nil leaves them alone. Lists of their own stay as they
	// were agreed.
	Demand *Demand
}

// Validate checks that the book can be quoted from.
func (b *Book) Validate() error {
	if b.Watch != nil {
		return nil
	}
	lists := []List{b.Default}
	for _, l := range b.Own {
		lists = append(lists, l)
	}
	for i := range lists {
		for _, a := range lists[i].fields() {
			if a.USD() {
				return errors.New("a price is in dollars: name a price feed (--price-feed)")
			}
		}
	}
	return nil
}

// Prices is what a broadcaster is asked for now. An error says why nothing can be quoted.
func (b *Book) Prices(broadcaster common.Address) (Vector, error) {
	list, own := b.Own[broadcaster]
	if !own {
		list = b.Default
	}
	var rate Rate
	if b.Watch != nil && list.usd() {
		var err error
		if rate, err = b.Watch.Rate(); err != nil {
			return Vector{}, fmt.Errorf("prices are in dollars: %w", err)
		}
	}
	var v Vector
	to := v.fields()
	for i, a := range list.fields() {
		wei, err := a.at(rate)
		if err != nil {
			return Vector{}, err
		}
		if b.Demand != nil && !own {
			wei = b.Demand.apply(wei)
		}
		*to[i] = wei
	}
	return v, nil
}

func (l *List) usd() bool {
	for _, a := range l.fields() {
		if a.USD() {
			return true
		}
	}
	return false
}

// maxLists bounds a file of lists, in bytes.
const maxLists = 4 << 20

// ReadLists reads lists of their own from a JSON file: {"0xADDRESS": {"h264": "150 gwei", …}, …}. What one leaves out is
// as in the default list.
func ReadLists(path string, fallback List) (map[common.Address]List, error) {
	file, err := os.Open(path) //nolint:gosec // the operator says where
	if err != nil {
		return nil, fmt.Errorf("price lists: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(file, maxLists+1))
	if err != nil {
		return nil, fmt.Errorf("price lists %s: %w", path, err)
	}
	if len(text) > maxLists {
		return nil, fmt.Errorf("price lists %s: larger than %d bytes", path, maxLists)
	}
	lists, err := parseLists(text, fallback)
	if err != nil {
		return nil, fmt.Errorf("price lists %s: %w", path, err)
	}
	return lists, nil
}

func parseLists(text []byte, fallback List) (map[common.Address]List, error) {
	var raw map[string]map[string]Amount
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	lists := make(map[common.Address]List, len(raw))
	for who, amounts := range raw {
		if !common.IsHexAddress(who) {
			return nil, fmt.Errorf("%.100q is not an address (0x and 40 hexadecimal digits)", who)
		}
		list := fallback
		for name, amount := range amounts {
			field := list.field(name)
			if field == nil {
				return nil, fmt.Errorf("%s: there is no price %.100q; there are h264, hevc, av1, source and mib", who, name)
			}
			*field = amount
		}
		lists[common.HexToAddress(who)] = list
	}
	return lists, nil
}

func (l *List) field(name string) *Amount {
	for i, known := range [...]string{"h264", "hevc", "av1", "source", "mib"} {
		if name == known {
			return l.fields()[i]
		}
	}
	return nil
}

// million is the unit of Demand's factors.
const million = 1_000_000

// DemandConfig bounds how prices follow utilisation. Factors are in millionths: 1,000,000 leaves prices as they are.
type DemandConfig struct {
	// Min and Max bound the factor; it begins at 1,000,000 or the closest of them.
	Min, Max uint64
	// Target is the utilisation, in millionths, at which prices stay. Default 700,000: 70 %.
	Target uint64
	// Step is how much the factor changes at most in one Observe, in millionths of itself. Default 125,000: an eighth.
	Step uint64
}

func (c *DemandConfig) validate() error {
	if c.Target == 0 {
		c.Target = 700_000
	}
	if c.Step == 0 {
		c.Step = 125_000
	}
	switch {
	case c.Min == 0 || c.Min > c.Max || c.Max > 1000*million:
		return fmt.Errorf("price factor between %d and %d millionths: want 0 < min ≤ max ≤ 1000", c.Min, c.Max)
	case c.Target >= million || c.Step > million:
		return fmt.Errorf("price demand: target %d and step %d are in millionths, below 1", c.Target, c.Step)
	}
	return nil
}

// Demand is a factor that rises while the machine is busier than its target, and falls while it is less. It is safe for
// concurrent use.
type Demand struct {
	cfg DemandConfig

	mu     sync.Mutex
	factor uint64
}

// NewDemand checks the configuration.
func NewDemand(cfg DemandConfig) (*Demand, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Demand{cfg: cfg, factor: min(max(million, cfg.Min), cfg.Max)}, nil
}

// Observe moves the factor by one step's part: all of it where the machine is idle or full, nothing at the target.
func (d *Demand) Observe(utilisation float64) {
	target := float64(d.cfg.Target) / million
	utilisation = min(max(utilisation, 0), 1)
	pull := (utilisation - target) / target
	if utilisation > target {
		pull = (utilisation - target) / (1 - target)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	change := pull * float64(d.cfg.Step) / million
	moved := uint64(float64(d.factor)*(1+change) + 0.5)
	d.factor = min(max(moved, d.cfg.Min), d.cfg.Max)
}

// Factor is the present factor in millionths.
func (d *Demand) Factor() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.factor
}

func (d *Demand) apply(wei uint256.Int) uint256.Int {
	var product uint256.Int
	if _, overflow := product.MulDivOverflow(&wei, uint256.NewInt(d.Factor()), uint256.NewInt(million)); overflow {
		product.SetAllOne()
	}
	return product
}
