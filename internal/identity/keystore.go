package identity

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// maxKeyFile bounds a key file: the format needs about 500 bytes.
const maxKeyFile = 64 << 10

// Scrypt is how hard a password is to guess from a key file.
type Scrypt struct{ n, p int }

// Standard takes about a second and 256 MiB to open a file: for keys that hold money.
func Standard() Scrypt { return Scrypt{keystore.StandardScryptN, keystore.StandardScryptP} }

// Light takes about 100 ms and 4 MiB: for development.
func Light() Scrypt { return Scrypt{keystore.LightScryptN, keystore.LightScryptP} }

// KeyFile is an encrypted key on disk. The format is go-ethereum's (Web3 Secret Storage v3), whose address is in the clear.
type KeyFile struct {
	Path    string
	Name    string // the file's name without .json: what people call the account
	Address common.Address
}

// SaveKey writes a key into a new file, encrypted with a password. It never replaces a file.
func SaveKey(key *Key, path, password string, hardness Scrypt) error {
	file := keystore.Key{Address: key.address, PrivateKey: key.private}
	if _, err := rand.Read(file.Id[:]); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	encrypted, err := keystore.EncryptKey(&file, password, hardness.n, hardness.p)
	if err != nil {
		return fmt.Errorf("encrypt a key file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	if err := writeWhole(path, encrypted); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

// writeWhole writes a new file that is there completely or not at all, and survives a power cut.
func writeWhole(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path) // unlike a rename, it fails where there is a file already
}

// KeyFiles lists the key files of a folder, by name. A folder that does not exist has none.
func KeyFiles(dir string) ([]KeyFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("key files: %w", err)
	}
	var files []KeyFile
	for _, entry := range entries {
		if !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if file, err := readKeyFile(filepath.Join(dir, entry.Name())); err == nil {
			files = append(files, file)
		}
	}
	slices.SortFunc(files, func(a, b KeyFile) int { return cmp.Compare(a.Name, b.Name) })
	return files, nil
}

// FindKey names the one key file that path (a file, or a folder of them) and account (a name or an address) mean. An empty
// account means the only one there is.
func FindKey(path, account string) (KeyFile, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return KeyFile{}, fmt.Errorf("there is no key file at %s: make one with 'castnet wallet new', or say where it is (--keystore)", path)
	}
	if err != nil {
		return KeyFile{}, fmt.Errorf("key file: %w (--keystore)", err)
	}
	var files []KeyFile
	if info.IsDir() {
		files, err = KeyFiles(path)
	} else {
		files = make([]KeyFile, 1)
		files[0], err = readKeyFile(path)
	}
	if err != nil {
		return KeyFile{}, err
	}
	var found []KeyFile
	for _, f := range files {
		if account == "" || f.is(account) {
			found = append(found, f)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(files) == 0:
		return KeyFile{}, fmt.Errorf("%s holds no key files: make one with 'castnet wallet new', or say where they are (--keystore)", path)
	case account == "":
		return KeyFile{}, fmt.Errorf("%s holds %d key files (%s): name one (--account)", path, len(files), namesOf(files))
	case len(found) == 0:
		return KeyFile{}, fmt.Errorf("%s has no key of %s, it has: %s (--account, --keystore)", path, account, namesOf(files))
	default:
		return KeyFile{}, fmt.Errorf("%s has %d keys of %s: name a file (--keystore)", path, len(found), account)
	}
}

func (f KeyFile) is(account string) bool {
	if common.IsHexAddress(account) {
		return f.Address == common.HexToAddress(account)
	}
	return f.Name == account
}

func namesOf(files []KeyFile) string {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}

// Open decrypts the key.
func (f KeyFile) Open(password string) (*Key, error) {
	encrypted, err := readBounded(f.Path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	key, err := keystore.DecryptKey(encrypted, password)
	if errors.Is(err, keystore.ErrDecrypt) {
		return nil, fmt.Errorf("key file %s: this password does not open it", f.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", f.Path, err)
	}
	if got := crypto.PubkeyToAddress(key.PrivateKey.PublicKey); got != f.Address {
		return nil, fmt.Errorf("key file %s: it names %s but holds the key of %s", f.Path, f.Address, got)
	}
	return NewKey(key.PrivateKey), nil
}

// OpenKey opens the one key file at path (a file, or a folder that holds one) with the password in passwordFile.
func OpenKey(path, passwordFile string) (*Key, error) {
	file, err := FindKey(path, "")
	if err != nil {
		return nil, err
	}
	password, err := ReadPassword(passwordFile)
	if err != nil {
		return nil, err
	}
	return file.Open(password)
}

// ReadPassword reads the first line of a file.
func ReadPassword(path string) (string, error) {
	b, err := readBounded(path)
	if err != nil {
		return "", fmt.Errorf("password file: %w (--password-file)", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

// readKeyFile reads what a key file says in the clear.
func readKeyFile(path string) (KeyFile, error) {
	b, err := readBounded(path)
	if err != nil {
		return KeyFile{}, fmt.Errorf("key file: %w", err)
	}
	var file struct {
		Address string          `json:"address"`
		Crypto  json.RawMessage `json:"crypto"`
	}
	if err := json.Unmarshal(b, &file); err != nil || !common.IsHexAddress(file.Address) || file.Crypto == nil {
		return KeyFile{}, fmt.Errorf("%s is not a key file (Web3 Secret Storage, version 3, with its address)", path)
	}
	return KeyFile{
		Path: path, Name: strings.TrimSuffix(filepath.Base(path), ".json"), Address: common.HexToAddress(file.Address),
	}, nil
}

func readBounded(path string) (b []byte, err error) {
	f, err := os.Open(path) //nolint:gosec // the operator names this file
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, err = io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(b) > maxKeyFile {
		err = fmt.Errorf("%s is larger than %d KiB", path, maxKeyFile>>10)
	}
	return b, err
}
