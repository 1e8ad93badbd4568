// Package wallet is the command `castnet wallet`: key files and what their accounts hold.
package wallet

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"regexp"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/internal/identity"
	"castnet/internal/node/account"
	"castnet/internal/node/amount"
	"castnet/internal/node/console"
)

// maxInput bounds what is imported: a key file has about 500 bytes.
const maxInput = 64 << 10

// Writing is what commands that make key files are told.
type Writing struct {
	Folder         string `name:"keystore" default:"${state}/keys" help:"The folder of the key files." placeholder:"DIR" type:"path"`
	PasswordFile   string `help:"The file whose first line encrypts the key file. Without it the password is asked for." placeholder:"FILE" type:"path"`
	Light          bool   `help:"Encrypt lightly, which is faster to open and to break: for development."`
	console.Output `embed:""`
}

// New is the command `castnet wallet new`.
type New struct {
	Writing `embed:""`
	Name    string `arg:"" help:"What to call the account: the key file's name."`
}

// Entry is one account, as JSON.
type Entry struct {
	Name    string         `json:"name"`
	Address common.Address `json:"address"`
	File    string         `json:"file"`
}

// Run makes a key and writes its file.
func (n *New) Run(con *console.Console) error {
	path, err := n.path(n.Name)
	if err != nil {
		return err
	}
	key, err := identity.Generate()
	if err != nil {
		return err
	}
	return n.save(con, key, n.Name, path)
}

// path is where a new key file goes.
func (w *Writing) path(name string) (string, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`).MatchString(name) || common.IsHexAddress(name) {
		return "", fmt.Errorf("name %q: allowed are 1 to 64 letters, digits, - and _", name)
	}
	path := filepath.Join(w.Folder, name+".json")
	if _, err := os.Stat(path); err == nil {
		return "", fmt.Errorf("there is an account %s already, in %s: choose another name, or another folder (--keystore)", name, path)
	}
	return path, nil
}

func (w *Writing) save(con *console.Console, key *identity.Key, name, path string) error {
	password, err := w.password(con, "New password of "+name, true)
	if err != nil {
		return err
	}
	hardness := identity.Standard()
	if w.Light {
		hardness = identity.Light()
	}
	if err := identity.SaveKey(key, path, password, hardness); err != nil {
		return err
	}
	return con.Answer(w.Output, Entry{name, key.Address(), path}, func(out io.Writer) {
		console.Fields(out, []console.Field{{Label: "Name", Value: name}, {Label: "Address", Value: key.Address().Hex()}, {Label: "Key file", Value: path}})
		_, _ = fmt.Fprint(out, "\nKeep a copy of the key file, and its password elsewhere: without both, what this account holds is lost.\n")
	})
}

func (w *Writing) password(con *console.Console, prompt string, isNew bool) (string, error) {
	if w.PasswordFile != "" {
		return identity.ReadPassword(w.PasswordFile)
	}
	return con.Password(prompt, isNew)
}

// Import is the command `castnet wallet import`.
type Import struct {
	Writing            `embed:""`
	Name               string `arg:"" help:"What to call the account: the key file's name."`
	File               string `arg:"" help:"The file with the key: a private key in hexadecimal, or an encrypted key file of any Ethereum wallet. '-' reads standard input."`
	ImportPasswordFile string `help:"The file whose first line decrypts an encrypted FILE. Without it the password is asked for." placeholder:"FILE" type:"path"`
}

// Run brings a key in from elsewhere.
func (i *Import) Run(con *console.Console) error {
	path, err := i.path(i.Name)
	if err != nil {
		return err
	}
	key, err := i.read(con)
	if err != nil {
		return err
	}
	files, err := identity.KeyFiles(i.Folder)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Address == key.Address() {
			return fmt.Errorf("%s is the account %s already, in %s", f.Address, f.Name, f.Path)
		}
	}
	return i.save(con, key, i.Name, path)
}

func (i *Import) read(con *console.Console) (*identity.Key, error) {
	var raw []byte
	var err error
	if i.File == "-" {
		raw, err = io.ReadAll(io.LimitReader(con.In, maxInput))
	} else {
		raw, err = readFile(i.File)
	}
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	raw = bytes.TrimSpace(raw)
	if !bytes.HasPrefix(raw, []byte("{")) {
		private, err := crypto.HexToECDSA(string(bytes.TrimPrefix(raw, []byte("0x"))))
		if err != nil {
			return nil, fmt.Errorf("import %s: neither a key file nor a private key (64 hexadecimal digits)", i.File)
		}
		return identity.NewKey(private), nil
	}
	if i.File == "-" {
		return nil, errors.New("import: an encrypted key file cannot come from standard input: give its path")
	}
	file, err := identity.FindKey(i.File, "")
	if err != nil {
		return nil, err
	}
	if i.ImportPasswordFile == "" {
		password, err := con.Password("Password of "+i.File, false)
		if err != nil {
			return nil, fmt.Errorf("%w; for this file it is --import-password-file", err)
		}
		return file.Open(password)
	}
	password, err := identity.ReadPassword(i.ImportPasswordFile)
	if err != nil {
		return nil, err
	}
	return file.Open(password)
}

func readFile(path string) (b []byte, err error) {
	f, err := os.Open(path) //nolint:gosec // the person names this file
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, maxInput))
}

// Export is the command `castnet wallet export`.
type Export struct {
	account.Keys    `embed:""`
	To              string `arg:"" help:"The file to write; it must not exist."`
	PasswordFile    string `help:"The file whose first line decrypts the key file, for --plain. Without it the password is asked for." placeholder:"FILE" type:"path"`
	Plain           bool   `help:"Write the private key itself, in hexadecimal, not encrypted. Whoever reads it owns the account."`
	console.Consent `embed:""`
}

// Run writes a copy of a key.
func (e *Export) Run(con *console.Console) error {
	file, err := identity.FindKey(e.Keystore, e.Account)
	if err != nil {
		return err
	}
	content, err := readFile(file.Path)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	plan := console.Plan{
		Title: "Copy the key of " + file.Name + " to " + e.To,
		Facts: []console.Field{{Label: "Account", Value: file.Address.Hex()}, {Label: "Encrypted", Value: "yes, with the same password"}},
	}
	if e.Plain {
		plan.Facts[1].Value = "no"
		plan.Warnings = []string{"Whoever reads the file owns everything that this account holds. Delete it as soon as it has served."}
	}
	err = con.Confirm(e.Consent, plan)
	if errors.Is(err, console.ErrDryRun) {
		return con.Answer(e.Output, Entry{file.Name, file.Address, ""}, func(out io.Writer) { _, _ = fmt.Fprintln(out, "Dry run: nothing was written.") })
	}
	if err != nil {
		return err
	}
	if e.Plain {
		if content, err = e.plain(con, file); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(e.To, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return con.Answer(e.Output, Entry{file.Name, file.Address, e.To}, func(out io.Writer) {
		_, _ = fmt.Fprintf(out, "The key of %s (%s) is in %s.\n", file.Name, file.Address, e.To)
	})
}

// plain is the private key itself.
func (e *Export) plain(con *console.Console, file identity.KeyFile) ([]byte, error) {
	w := Writing{PasswordFile: e.PasswordFile}
	password, err := w.password(con, "Password of "+file.Name, false)
	if err != nil {
		return nil, err
	}
	key, err := file.Open(password)
	if err != nil {
		return nil, err
	}
	return append(hex.AppendEncode(nil, crypto.FromECDSA(key.Private())), '\n'), nil
}

// Balance is the command `castnet wallet balance`.
type Balance struct {
	account.Reading `embed:""`
}

// Holding is one account and what it holds, as JSON.
type Holding struct {
	Name    string         `json:"name,omitempty"`
	Address common.Address `json:"address"`
	Wei     string         `json:"wei"`
	Cast    string         `json:"cast"` // in the smallest unit
}

// Run prints what the accounts hold: the one that is named, or all that have key files.
func (b *Balance) Run(ctx context.Context, con *console.Console) error {
	files, err := b.accounts()
	if err != nil {
		return err
	}
	reading := b.Reading
	reading.Account = files[0].Address.Hex()
	return reading.Open(ctx, con, func(ctx context.Context, s *account.Session) error {
		var rows [][]string
		holdings := make([]Holding, 0, len(files))
		ether, cast := new(big.Int), new(big.Int)
		for _, f := range files {
			held, err := s.Balance(ctx, f.Address)
			if err != nil {
				return err
			}
			ether.Add(ether, held.Ether)
			cast.Add(cast, held.Cast)
			holdings = append(holdings, Holding{f.Name, f.Address, held.Ether.String(), held.Cast.String()})
			rows = append(rows, []string{f.Name, f.Address.Hex(), amount.Format(held.Ether, amount.ETH), amount.Format(held.Cast, amount.CAST)})
		}
		if len(files) > 1 {
			rows = append(rows, []string{"all", "", amount.Format(ether, amount.ETH), amount.Format(cast, amount.CAST)})
		}
		return s.Answer(holdings, func(out io.Writer) { console.Table(out, []string{"NAME", "ADDRESS", "ETH", "CAST"}, rows) })
	})
}

func (b *Balance) accounts() ([]identity.KeyFile, error) {
	switch {
	case common.IsHexAddress(b.Account):
		address, err := identity.ParseAddress(b.Account)
		return []identity.KeyFile{{Address: address}}, err
	case b.Account != "":
		file, err := identity.FindKey(b.Keystore, b.Account)
		return []identity.KeyFile{file}, err
	}
	files, err := identity.KeyFiles(b.Keystore)
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s holds no key files: make one with 'castnet wallet new NAME', or say where they are (--keystore)", b.Keystore)
	}
	return files, err
}
