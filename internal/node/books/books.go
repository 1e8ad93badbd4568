// Package books opens a role's money store and ledger, and is the commands that look after them: `castnet store` and
// `castnet ledger`.
package books

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/node/console"
	"castnet/orchestrator"
	orchestratorstore "castnet/orchestrator/store"
	"castnet/probabilistic-payments/store"
	"castnet/probabilistic-payments/store/redis"
)

// Storage says where a role keeps the money's state.
type Storage struct {
	Store  string        `default:"" help:"Keep tickets, receipts and winners here: sqlite:FILE, or redis://HOST:PORT (rediss:// for TLS, ?cluster=true for a cluster) to share them with other processes of the same identity. Empty: money.db in the data folder." placeholder:"URL"`
	Retain time.Duration `default:"720h" help:"Forget what is settled and expired so long ago. The ledger keeps the sums."`
}

// config is where a role's money store is. identity is the account on the chain that the money is of.
func (s *Storage) config(dataDir string, identity common.Address, log *slog.Logger) (store.Config, error) {
	if s.Store == "" {
		return store.Config{URL: "sqlite:" + filepath.Join(dataDir, "money.db"), Log: log}, nil
	}
	holder, err := HolderName(dataDir)
	return store.Config{URL: s.Store, Name: identity.Hex(), Holder: holder, Log: log}, err
}

// shared reports whether other processes of the same identity use the store, too.
func (s *Storage) shared() bool { return s.Store != "" && !strings.HasPrefix(s.Store, "sqlite:") }

// Open opens a role's money store.
func (s *Storage) Open(ctx context.Context, dataDir string, identity common.Address, log *slog.Logger) (store.Store, error) {
	c, err := s.config(dataDir, identity, log)
	if err != nil {
		return nil, err
	}
	opened, err := store.Open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%w (--store)", err)
	}
	return opened, nil
}

// Receipts is what an orchestrator keeps beside money.
type Receipts interface {
	orchestrator.Store
	orchestrator.TokenStore
	io.Closer
}

// OpenReceipts opens an orchestrator's store of receipts, serials and tokens: where the money is, if that is shared.
func (s *Storage) OpenReceipts(ctx context.Context, dataDir string, owner common.Address) (Receipts, error) {
	if !s.shared() {
		return orchestratorstore.OpenSQLite(ctx, filepath.Join(dataDir, "orchestrator.db"))
	}
	client, err := redis.Dial(s.Store)
	if err != nil {
		return nil, fmt.Errorf("%w (--store)", err)
	}
	return orchestratorstore.OpenRedis(client, owner.Hex()), nil
}

// HolderName names the process that works in a folder, the same after a restart: drawn once, and kept in the folder.
func HolderName(dataDir string) (string, error) {
	path := filepath.Join(dataDir, "holder")
	b, err := os.ReadFile(path) //nolint:gosec // the operator's own folder
	if err == nil && len(strings.TrimSpace(string(b))) > 0 {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read this process's name: %w (--data-dir)", err)
	}
	name := rand.Text()
	if err := os.WriteFile(path, []byte(name+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep this process's name: %w (--data-dir)", err)
	}
	return name, nil
}

// Place names a money store, for the commands that look after one.
type Place struct {
	DataDir string `xor:"place" required:"" help:"The role's data folder, where its money store is a file in it." placeholder:"DIR" type:"path"`
	Store   string `xor:"place" required:"" help:"The money store: sqlite:FILE, or redis://HOST:PORT." placeholder:"URL"`
	Account string `env:"CASTNET_STORE_ACCOUNT" help:"The identity whose money it is: an orchestrator's owner, a broadcaster's account. A Redis may hold several." placeholder:"ADDRESS"`
}

func (p *Place) config(log *slog.Logger) (store.Config, error) {
	s := Storage{Store: p.Store}
	if s.shared() && !common.IsHexAddress(p.Account) {
		return store.Config{}, fmt.Errorf("a Redis may hold the money of several identities: say whose it is (--account; %q is no address)", p.Account)
	}
	if !s.shared() {
		return s.config(p.DataDir, common.Address{}, log)
	}
	holder := "command-" + strconv.Itoa(os.Getpid()) + "-" + rand.Text()
	return store.Config{URL: p.Store, Name: common.HexToAddress(p.Account).Hex(), Holder: holder, Log: log}, nil
}

// warnings logs to a person what goes wrong.
func warnings(con *console.Console) *slog.Logger {
	return slog.New(slog.NewTextHandler(con.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// Existing opens a store that must be there.
func (p *Place) Existing(ctx context.Context, log *slog.Logger) (store.Store, error) {
	c, err := p.config(log)
	if err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(c.URL, "sqlite:"); ok {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("no money store there: %w (--data-dir, --store)", err)
		}
	}
	return store.Open(ctx, c)
}

// Backup is the command `castnet store backup`.
type Backup struct {
	Place `embed:""`
	To    string `arg:"" help:"The file to write; it must not exist." placeholder:"FILE" type:"path"`
}

// Run copies a money store into a file, while its role runs or not.
func (c *Backup) Run(ctx context.Context, con *console.Console) error {
	s, err := c.Existing(ctx, warnings(con))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // it was only read
	if err := s.Backup(ctx, c.To); err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.Out, "The money store is copied into %s. It holds the secret of all winners: keep it as you keep keys.\n", c.To)
	return err
}

// Restore is the command `castnet store restore`.
type Restore struct {
	Place `embed:""`
	From  string `arg:"" help:"The backup." placeholder:"FILE" type:"path"`
}

// Run makes a money store out of a backup.
func (c *Restore) Run(ctx context.Context, con *console.Console) error {
	place, err := c.config(warnings(con))
	if err != nil {
		return err
	}
	if err := store.Restore(ctx, place, c.From); err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.Out, "The money store is restored from %s. Receipts that were open when it was made cannot be paid any more; "+
		"winners are redeemed as far as the chain has not paid them.\n", c.From)
	return err
}

// Check is the command `castnet store check`.
type Check struct {
	Place          `embed:""`
	console.Output `embed:""`
}

// Run reads all of a money store, and compares its books with what they sum up.
func (c *Check) Run(ctx context.Context, con *console.Console) error {
	s, err := c.Existing(ctx, warnings(con))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // it was only read
	report, err := store.Check(ctx, s)
	if err != nil {
		return fmt.Errorf("the money store is not in order (of one that is in use, check a backup): %w", err)
	}
	answer := checked{
		Tickets: report.Tickets, Receipts: report.Charges, Unpaid: report.Open, Owed: report.Owed.Dec(),
		Winners: report.Winners, Waiting: report.Waiting, Pending: report.Pending.Dec(), Senders: report.Senders,
	}
	return con.Answer(c.Output, answer, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "The money store is in order.")
		console.Fields(w, []console.Field{
			{Label: "tickets sent", Value: strconv.Itoa(report.Tickets)},
			{Label: "receipts issued", Value: fmt.Sprintf("%d; %d unpaid, %s wei", report.Charges, report.Open, report.Owed.Dec())},
			{Label: "winners", Value: fmt.Sprintf("%d; %d to be redeemed, %s wei", report.Winners, report.Waiting, report.Pending.Dec())},
			{Label: "senders", Value: strconv.Itoa(report.Senders)},
		})
	})
}

// storeReport is the answer of `castnet store check`; amounts in wei.
type checked struct {
	Tickets  int    `json:"tickets"`
	Receipts int    `json:"receipts"`
	Unpaid   int    `json:"unpaid"`
	Owed     string `json:"owed"`
	Winners  int    `json:"winners"`
	Waiting  int    `json:"waiting"`
	Pending  string `json:"pending"`
	Senders  int    `json:"senders"`
}

// Keep runs a role's money store, and prunes it.
func Keep(s store.Store, cfg *Storage, log *slog.Logger) func(context.Context) error {
	return func(ctx context.Context) error { return store.Keep(ctx, s, cfg.Retain, log) }
}
