package identity_test

import (
	"errors"
	"os"
	"path/filepath"
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

func TestKeystore(t *testing.T) {
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	wrong := filepath.Join(dir, "wrong")
	for path, content := range map[string]string{password: "hunter2\r\nsecond line\n", wrong: "hunter3"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys := filepath.Join(dir, "keys")
	key, path, err := identity.CreateKeystore(keys, password, identity.Light())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, keys} {
		loaded, err := identity.LoadKeystore(p, password)
		if err != nil || loaded.Address() != key.Address() {
			t.Fatalf("load %s: %v", p, err)
		}
	}
	if _, err := identity.LoadKeystore(path, wrong); err == nil {
		t.Error("a wrong password opened the file")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the key file can be read by others: %v %v", info.Mode(), err)
	}
	if _, err := identity.SaveKeystore(newKey(t), keys, password, identity.Light()); err != nil {
		t.Fatal(err)
	}
	if _, err := identity.LoadKeystore(keys, password); err == nil {
		t.Error("a directory with two keys does not name one")
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
