package books

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/node/console"
	"castnet/internal/receipt"
	"castnet/probabilistic-payments/ledger"
)

// LedgerFile is the ledger's name in a data folder.
const LedgerFile = "ledger.db"

// note writes a lease into the ledger.
func note(book *ledger.Ledger, stream string, party common.Address, lease *receipt.Lease) {
	book.Describe(lease.Hash(), ledger.Description{
		Stream: stream, Party: party, Prices: ledger.Prices(lease.Prices), Opened: time.Now().UTC().Truncate(time.Second),
	})
}

// noteWork writes one segment's work into the ledger.
func noteWork(book *ledger.Ledger, source *receipt.Source, renditions []receipt.Rendition) {
	w := ledger.Work{
		Segments:     1,
		SourcePixels: (uint64(source.Frames) + uint64(source.PrefixFrames)) * uint64(source.Width) * uint64(source.Height),
	}
	for i := range renditions {
		r := &renditions[i]
		w.Pixels += uint64(r.Frames) * uint64(r.Width) * uint64(r.Height)
		w.Bytes += r.Bytes
	}
	book.Work(source.Lease, w)
}

// Bought answers broadcaster.Books.
type Bought struct{ Ledger *ledger.Ledger }

// Opened notes a lease.
func (b Bought) Opened(stream string, lease *receipt.Lease) {
	note(b.Ledger, stream, lease.Orchestrator, lease)
}

// Work counts verified work.
func (b Bought) Work(source *receipt.Source, renditions []receipt.Rendition) {
	noteWork(b.Ledger, source, renditions)
}

// Sold answers orchestrator.Books. An orchestrator knows a stream by its hash alone.
type Sold struct{ Ledger *ledger.Ledger }

// Opened notes a lease.
func (b Sold) Opened(lease *receipt.Lease) {
	note(b.Ledger, lease.Stream.Hex()[2:14], lease.Broadcaster, lease)
}

// Work counts billed work.
func (b Sold) Work(source *receipt.Source, renditions []receipt.Rendition) {
	noteWork(b.Ledger, source, renditions)
}

// Ledger is the command `castnet ledger`.
type Ledger struct {
	DataDir string `required:"" help:"The data folder of a broadcaster or an orchestrator; it may be running." placeholder:"DIR" type:"path"`
	Store   string `help:"Its money store, where that is a Redis: redis://HOST:PORT." placeholder:"URL"`
	Account string `env:"CASTNET_STORE_ACCOUNT" help:"With --store: the identity whose money it is, an orchestrator's owner or a broadcaster's account." placeholder:"ADDRESS"`
	By      string `default:"stream" enum:"stream,party,lease" help:"Add up by stream, by party (who is paid, or pays) or by lease."`
	CSV     bool   `name:"csv" xor:"format" help:"Write CSV, amounts in wei."`
	JSON    bool   `name:"json" xor:"format" help:"Write JSON, amounts in wei."`
}

// Run prints what was made, paid, won and redeemed.
func (cfg *Ledger) Run(ctx context.Context, con *console.Console) error {
	lines, err := cfg.lines(ctx, warnings(con))
	if err != nil {
		return err
	}
	name := func(l *ledger.Line) string { return l.Lease.Hex()[:14] + " " + l.Stream }
	switch cfg.By {
	case "stream":
		lines = ledger.ByStream(lines)
		name = func(l *ledger.Line) string { return l.Stream }
	case "party":
		lines = ledger.ByParty(lines)
		name = func(l *ledger.Line) string { return l.Party.Hex() }
	}
	switch {
	case cfg.CSV:
		return ledger.WriteCSV(con.Out, lines)
	case cfg.JSON:
		return ledger.WriteJSON(con.Out, lines)
	default:
		return ledger.WriteTable(con.Out, lines, cfg.By, name)
	}
}

func (cfg *Ledger) lines(ctx context.Context, log *slog.Logger) (lines []ledger.Line, err error) {
	place := Place{DataDir: cfg.DataDir, Store: cfg.Store, Account: cfg.Account}
	money, err := place.Existing(ctx, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, money.Close()) }()
	return ledger.Read(ctx, filepath.Join(cfg.DataDir, LedgerFile), money.History)
}
