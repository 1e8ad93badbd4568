package orchestrating

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain/endpoint"
	"castnet/internal/receipt"
	"castnet/orchestrator"
	"castnet/probabilistic-payments/price"
)

// Prices is what an orchestrator asks, in coins or in dollars: "200 gwei", "0.0000005 USD".
type Prices struct {
	Price       string `default:"200 gwei" help:"Price of 10^6 output pixels of H264, in wei, gwei, ETH or USD." placeholder:"AMOUNT"`
	PriceHEVC   string `default:"400 gwei" name:"price-hevc" help:"Price of 10^6 output pixels of HEVC." placeholder:"AMOUNT"`
	PriceAV1    string `default:"600 gwei" name:"price-av1" env:"CASTNET_PRICE_AV1" help:"Price of 10^6 output pixels of AV1." placeholder:"AMOUNT"`
	PriceSource string `default:"10 gwei" help:"Price of decoding 10^6 source pixels." placeholder:"AMOUNT"`
	PriceGiB    string `default:"0 gwei" name:"price-gib" help:"Price of sending a GiB of renditions." placeholder:"AMOUNT"`
	PriceLists  string `help:"A JSON file with prices of their own for broadcasters: {\"0xADDRESS\": {\"h264\": \"150 gwei\"}}." placeholder:"FILE" type:"path"`

	PriceFeed   string        `help:"Where dollars per coin come from: a file with the number, an http(s):// URL of JSON (with #path.to.the.number), or the address of an on-chain aggregator." placeholder:"FEED"`
	PriceMaxAge time.Duration `default:"1h" help:"Quote no prices in dollars where the feed's rate is older."`
	PriceJump   uint64        `default:"5" help:"Believe a rate that has jumped by more than so many percent only when further readings confirm it." placeholder:"PERCENT"`

	PriceMin float64 `default:"1" help:"Lowest factor on the prices when the machine is idle; 1 with --price-max 1: prices stay." placeholder:"FACTOR"`
	PriceMax float64 `default:"1" help:"Highest factor on the prices when the machine is full." placeholder:"FACTOR"`
}

// list parses the default price list.
func (p *Prices) list() (list price.List, err error) {
	for _, f := range []struct {
		flag, amount string
		to           *price.Amount
	}{
		{"--price", p.Price, &list.H264},
		{"--price-hevc", p.PriceHEVC, &list.HEVC},
		{"--price-av1", p.PriceAV1, &list.AV1},
		{"--price-source", p.PriceSource, &list.Source},
		{"--price-gib", p.PriceGiB, &list.MiB},
	} {
		if *f.to, err = price.Parse(f.amount); err != nil {
			return list, fmt.Errorf("%w (%s)", err, f.flag)
		}
	}
	list.MiB = list.MiB.Divide(1024)
	return list, nil
}

// pricer answers orchestrator.Pricer.
type pricer struct{ book *price.Book }

// Prices is what a broadcaster is asked for now.
func (p pricer) Prices(broadcaster common.Address) (receipt.Prices, error) {
	v, err := p.book.Prices(broadcaster)
	return receipt.Prices(v), err
}

// priceBook sets up what is asked for, and what it follows.
func (n *node) priceBook(ctx context.Context, fleet *orchestrator.Fleet) (*price.Book, error) {
	list, err := n.cfg.list()
	if err != nil {
		return nil, err
	}
	book := &price.Book{Default: list}
	if n.cfg.PriceLists != "" {
		if book.Own, err = price.ReadLists(n.cfg.PriceLists, list); err != nil {
			return nil, fmt.Errorf("%w (--price-lists)", err)
		}
	}
	if n.cfg.PriceFeed != "" {
		if book.Watch, err = n.priceWatch(ctx); err != nil {
			return nil, fmt.Errorf("%w (--price-feed)", err)
		}
		n.parts = append(n.parts, book.Watch.Run)
	}
	if n.cfg.PriceMin != 1 || n.cfg.PriceMax != 1 {
		if !(n.cfg.PriceMin > 0 && n.cfg.PriceMin <= n.cfg.PriceMax && n.cfg.PriceMax <= 1000) {
			return nil, errors.New("price factors: want 0 < --price-min ≤ --price-max ≤ 1000")
		}
		book.Demand, err = price.NewDemand(price.DemandConfig{Min: uint64(n.cfg.PriceMin * 1e6), Max: uint64(n.cfg.PriceMax * 1e6)})
		if err != nil {
			return nil, err
		}
		n.parts = append(n.parts, func(ctx context.Context) error { return followDemand(ctx, book.Demand, fleet) })
	}
	return book, book.Validate()
}

// priceWatch watches the feed that --price-feed names.
func (n *node) priceWatch(ctx context.Context) (*price.Watch, error) {
	name := n.cfg.PriceFeed
	var feed price.Feed
	switch {
	case strings.HasPrefix(name, "http://"), strings.HasPrefix(name, "https://"):
		url, path, _ := strings.Cut(name, "#")
		feed = &price.HTTP{URL: url, Path: path, Client: &http.Client{Timeout: 10 * time.Second}, Now: time.Now}
	case common.IsHexAddress(name):
		node, err := endpoint.Dial(ctx, n.cfg.RPC)
		if err != nil {
			return nil, err
		}
		n.parts = append(n.parts, func(ctx context.Context) error {
			<-ctx.Done()
			node.Close()
			return nil
		})
		feed = &price.Aggregator{Chain: node, Address: common.HexToAddress(name)}
	default:
		feed = &price.File{Path: name, Fixed: true, Now: time.Now}
	}
	return price.NewWatch(price.WatchConfig{Feed: feed, MaxAge: n.cfg.PriceMaxAge, MaxJump: 10 * n.cfg.PriceJump, Log: n.Log})
}

// demandEvery is how often prices follow the load. With steps of an eighth they double in six.
const demandEvery = 20 * time.Second

// followDemand moves the prices with the load until ctx ends.
func followDemand(ctx context.Context, demand *price.Demand, fleet *orchestrator.Fleet) error {
	tick := time.NewTicker(demandEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			demand.Observe(utilisation(fleet))
		case <-ctx.Done():
			return nil
		}
	}
}

// utilisation is the part of the fleet's capacity that is in use: by pixels a second where that is known, else by sessions.
func utilisation(fleet *orchestrator.Fleet) float64 {
	c := fleet.Capabilities()
	switch {
	case c.PixelsPerSecond > 0:
		return 1 - float64(c.FreePixelsPerSecond)/float64(c.PixelsPerSecond)
	case c.MaxSessions > 0:
		return float64(c.Sessions) / float64(c.MaxSessions)
	default:
		return 0
	}
}
