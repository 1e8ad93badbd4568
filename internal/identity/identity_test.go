package identity_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"castnet/internal/identity"
)

func newKey(tb testing.TB) *identity.Key {
	tb.Helper()
	key, err := identity.Generate()
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func sign(tb testing.TB, key *identity.Key, digest common.Hash) []byte {
	tb.Helper()
	sig, err := key.SignHash(digest)
	if err != nil {
		tb.Fatal(err)
	}
	return sig
}

func TestSignAndRecover(t *testing.T) {
	key := newKey(t)
	for i := range byte(50) {
		digest := common.Hash{i}
		got, err := identity.Recover(digest, sign(t, key, digest))
		if err != nil || got != key.Address() {
			t.Fatalf("recovered %s (%v), want %s", got, err, key.Address())
		}
	}
	got, err := identity.Recover(common.Hash{2}, sign(t, key, common.Hash{1}))
	if err == nil && got == key.Address() {
		t.Error("a signature over another digest was accepted")
	}
}

// TestMalleableSignature: (r, N − s) with the other v verifies too, and must be refused.
func TestMalleableSignature(t *testing.T) {
	key := newKey(t)
	digest := common.Hash{1}
	sig := sign(t, key, digest)
	var s uint256.Int
	s.SetBytes32(sig[32:64])
	order, _ := uint256.FromBig(crypto.S256().Params().N)
	s.Sub(order, &s)
	b := s.Bytes32()
	copy(sig[32:], b[:])
	sig[64] ^= 1
	if public, err := crypto.SigToPub(digest[:], sig); err != nil || crypto.PubkeyToAddress(*public) != key.Address() {
		t.Fatalf("the mirrored signature should verify: %v", err)
	}
	if _, err := identity.Recover(digest, sig); !errors.Is(err, identity.ErrSignature) {
		t.Errorf("the mirrored signature was not refused: %v", err)
	}
}

func TestForm(t *testing.T) {
	good := sign(t, newKey(t), common.Hash{1})
	order := crypto.S256().Params().N
	half, _ := uint256.FromBig(order)
	half.Rsh(half, 1)
	withS := func(s uint256.Int) []byte {
		sig := append([]byte(nil), good...)
		b := s.Bytes32()
		copy(sig[32:], b[:])
		return sig
	}
	above := *half
	above.AddUint64(&above, 1)
	withV := func(v byte) []byte { return append(append([]byte(nil), good[:64]...), v) }
	for name, c := range map[string]struct {
		sig []byte
		ok  bool
	}{
		"good": {good, true}, "empty": {nil, false}, "64 bytes": {good[:64], false}, "66 bytes": {append(good[:65:65], 0), false},
		"v 0": {withV(0), true}, "v 1": {withV(1), true}, "v 2": {withV(2), false}, "v 27": {withV(27), false},
		"s at half the order": {withS(*half), true}, "s just above": {withS(above), false},
	} {
		if err := identity.CheckForm(c.sig); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys", "treasury.json")
	key := newKey(t)
	if err := identity.SaveKey(key, path, "hunter2", identity.Light()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the key file can be read by others: %v %v", info.Mode(), err)
	}
	if err := identity.SaveKey(newKey(t), path, "hunter2", identity.Light()); !errors.Is(err, os.ErrExist) {
		t.Errorf("a key file was replaced: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("hunter2\r\nsecond line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Dir(path)} {
		loaded, err := identity.OpenKey(p, password)
		if err != nil || loaded.Address() != key.Address() {
			t.Fatalf("open %s: %v", p, err)
		}
	}
	file, err := identity.FindKey(path, "")
	if err != nil || file.Name != "treasury" || file.Address != key.Address() {
		t.Fatalf("%+v, %v", file, err)
	}
	if _, err := file.Open("hunter3"); err == nil {
		t.Error("a wrong password opened the file")
	}
}

func TestFindKey(t *testing.T) {
	dir := t.TempDir()
	if _, err := identity.FindKey(dir, ""); err == nil || !strings.Contains(err.Error(), "castnet wallet new") {
		t.Errorf("an empty folder: %v", err)
	}
	if files, err := identity.KeyFiles(filepath.Join(dir, "nowhere")); err != nil || len(files) != 0 {
		t.Errorf("a missing folder: %v, %v", files, err)
	}
	keys := map[string]*identity.Key{"alice": newKey(t), "bob": newKey(t)}
	for name, key := range keys {
		if err := identity.SaveKey(key, filepath.Join(dir, name+".json"), "", identity.Light()); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"password": "hunter2", "other.json": "{}", "torn.json": `{"address":"`, "big.json": strings.Repeat(" ", 1<<17)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := identity.KeyFiles(dir)
	if err != nil || len(files) != 2 || files[0].Name != "alice" || files[1].Name != "bob" {
		t.Fatalf("%+v, %v", files, err)
	}
	for account, want := range map[string]string{
		"alice": "alice", keys["bob"].Address().Hex(): "bob", strings.ToLower(keys["bob"].Address().Hex()): "bob",
		"": "(--account)", "carol": "alice, bob", common.Address{1}.Hex(): "alice, bob",
	} {
		file, err := identity.FindKey(dir, account)
		if key, ok := keys[want]; ok && (err != nil || file.Address != key.Address()) {
			t.Errorf("%q: %+v, %v; want %s", account, file, err, want)
		} else if !ok && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v; the refusal must say %q", account, err, want)
		}
	}
	if _, err := identity.FindKey(filepath.Join(dir, "other.json"), ""); err == nil {
		t.Error("a file without a key was taken")
	}
}

func FuzzRecover(f *testing.F) {
	f.Add(make([]byte, 32), make([]byte, 65))
	f.Add(make([]byte, 32), []byte{})
	f.Fuzz(func(t *testing.T, digest, sig []byte) {
		a, err := identity.Recover(common.BytesToHash(digest), sig)
		if err != nil && a != (common.Address{}) {
			t.Errorf("an error (%v) and an address (%s)", err, a)
		}
	})
}

func TestParseAddress(t *testing.T) {
	const right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" // of EIP-55
	for text, ok := range map[string]bool{
		right: true, strings.ToLower(right): true, "0x" + strings.ToUpper(right[2:]): true, right[2:]: true,
		strings.Replace(right, "aA", "AA", 1): false, strings.Replace(right, "0x5", "0x6", 1): false, right[:41]: false, "Rosa": false, "": false,
	} {
		if address, err := identity.ParseAddress(text); (err == nil) != ok || ok && address.Hex() != right {
			t.Errorf("%q: %s, %v", text, address, err)
		}
	}
}
