package identity

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/accounts/keystore"
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

// CreateKeystore makes a new key and writes it into dir, encrypted with the password in passwordFile (its first line).
// It returns the key and the file's path. The format is go-ethereum's (Web3 Secret Storage v3).
func CreateKeystore(dir, passwordFile string, hardness Scrypt) (*Key, string, error) {
	key, err := Generate()
	if err != nil {
		return nil, "", err
	}
	path, err := SaveKeystore(key, dir, passwordFile, hardness)
	return key, path, err
}

// SaveKeystore writes an existing key into dir, encrypted with the password in passwordFile. It returns the file's path.
func SaveKeystore(key *Key, dir, passwordFile string, hardness Scrypt) (string, error) {
	password, err := readPassword(passwordFile)
	if err != nil {
		return "", err
	}
	file := keystore.Key{Address: key.address, PrivateKey: key.private}
	if _, err := rand.Read(file.Id[:]); err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	encrypted, err := keystore.EncryptKey(&file, password, hardness.n, hardness.p)
	if err != nil {
		return "", fmt.Errorf("encrypt a key file: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	name := fmt.Sprintf("UTC--%s--%x", time.Now().UTC().Format("2006-01-02T15-04-05.000000000Z"), key.address)
	path := filepath.Join(dir, name)
	if err := writeWhole(path, encrypted); err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	return path, nil
}

// writeWhole writes a file that is there completely or not at all, and survives a power cut.
func writeWhole(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// LoadKeystore opens a key file with the password in passwordFile. path is the file, or a directory that holds one.
func LoadKeystore(path, passwordFile string) (*Key, error) {
	password, err := readPassword(passwordFile)
	if err != nil {
		return nil, err
	}
	path, err = onlyKeyFile(path)
	if err != nil {
		return nil, err
	}
	encrypted, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	key, err := keystore.DecryptKey(encrypted, password)
	if errors.Is(err, keystore.ErrDecrypt) {
		return nil, fmt.Errorf("key file %s: the password in %s does not open it", path, passwordFile)
	}
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	if got := crypto.PubkeyToAddress(key.PrivateKey.PublicKey); got != key.Address {
		return nil, fmt.Errorf("key file %s: it names %s but holds the key of %s", path, key.Address, got)
	}
	return NewKey(key.PrivateKey), nil
}

// onlyKeyFile resolves a directory to the one key file in it.
func onlyKeyFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	if !info.IsDir() {
		return path, nil
	}
	files, err := filepath.Glob(filepath.Join(path, "UTC--*"))
	if err != nil {
		return "", fmt.Errorf("key files in %s: %w", path, err)
	}
	if len(files) != 1 {
		return "", fmt.Errorf("%s holds %d key files: name the one to use", path, len(files))
	}
	return files[0], nil
}

func readPassword(path string) (string, error) {
	b, err := readBounded(path)
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSuffix(line, "\r"), nil
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
