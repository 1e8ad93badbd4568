package guides_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"castnet/contracts/chain"
	"castnet/internal/identity"
)

// TestCommands does with the program what the guides only speak of.
func TestCommands(t *testing.T) {
	w := newWorld(t, build(t))
	t.Run("wallet", w.wallet)
	t.Run("refusals", w.refusals)
	t.Run("external signer", w.externalSigner)
	t.Run("hot keys", w.hotKeys)
}

// castnet runs one command.
func (w *world) castnet(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	path, _ := strings.CutPrefix(w.env[1], "PATH=")
	program := filepath.Join(filepath.SplitList(path)[0], "castnet")
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir, command.Env = w.home, w.env
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err = command.Run()
	t.Logf("castnet %s\n%s%s", strings.Join(args, " "), &errs, &out)
	return out.String(), errs.String(), err
}

// answer runs a command with --json.
func (w *world) answer(t *testing.T, result any, args ...string) {
	t.Helper()
	out, _, err := w.castnet(t, append(args, "--json")...)
	if err != nil {
		t.Fatalf("castnet %s: %v", strings.Join(args, " "), err)
	}
	if err := json.Unmarshal([]byte(out), result); err != nil {
		t.Fatalf("castnet %s: %v", strings.Join(args, " "), err)
	}
}

// refused wants a command to fail without an answer, and to say why.
func (w *world) refused(t *testing.T, why string, args ...string) {
	t.Helper()
	out, errs, err := w.castnet(t, args...)
	if _, ok := errors.AsType[*exec.ExitError](err); !ok || out != "" || !strings.Contains(errs, why) {
		t.Errorf("castnet %s: %v; want a refusal that speaks of %q", strings.Join(args, " "), err, why)
	}
}

func (w *world) write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(w.home, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wallet takes a key out and back in, by both ways.
func (w *world) wallet(t *testing.T) {
	type entry struct {
		Address common.Address
		File    string
	}
	var made, copied entry
	w.answer(t, &made, "wallet", "new", "savings")
	w.refused(t, "already", "wallet", "new", "savings")
	wrong := w.write(t, "wrong", "battery staple\n")
	plain, encrypted := filepath.Join(w.home, "plain"), filepath.Join(w.home, "encrypted")

	w.refused(t, "no terminal", "wallet", "export", plain, "--plain", "--yes=false")
	w.refused(t, "does not open", "wallet", "export", plain, "--plain", "--password-file", wrong)
	w.answer(t, &copied, "wallet", "export", plain, "--plain", "--dry-run")
	if _, err := os.Stat(plain); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("refused and dry runs wrote the key: %v", err)
	}
	w.answer(t, &copied, "wallet", "export", plain, "--plain")
	w.answer(t, &copied, "wallet", "export", encrypted)
	w.refused(t, "exists", "wallet", "export", encrypted)
	raw, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := crypto.HexToECDSA(strings.TrimSpace(string(raw))); err != nil || crypto.PubkeyToAddress(key.PublicKey) != made.Address {
		t.Errorf("the plain key is not that of %s: %v", made.Address, err)
	}
	for _, path := range []string{plain, encrypted, made.File} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; others may read it", path, info.Mode(), err)
		}
	}

	other := []string{"--keystore", filepath.Join(w.home, "other")}
	w.answer(t, &copied, append([]string{"wallet", "import", "plain", plain}, other...)...)
	if copied.Address != made.Address {
		t.Errorf("imported %s, want %s", copied.Address, made.Address)
	}
	w.refused(t, "already", append([]string{"wallet", "import", "again", plain}, other...)...)
	third := []string{"--keystore", filepath.Join(w.home, "third"), "--import-password-file"}
	w.refused(t, "does not open", append([]string{"wallet", "import", "x", encrypted}, append(third, wrong)...)...)
	w.answer(t, &copied, append([]string{"wallet", "import", "x", encrypted}, append(third, filepath.Join(w.home, "password"))...)...)
	if copied.Address != made.Address {
		t.Errorf("imported %s, want %s", copied.Address, made.Address)
	}
	w.refused(t, "64 hexadecimal digits", "wallet", "import", "y", w.write(t, "short", "0x1234"))
}

// refusals are what people do wrong. None of it sends a transaction.
func (w *world) refusals(t *testing.T) {
	rich := newKey(t)
	key := w.write(t, "rich.key", hex.EncodeToString(crypto.FromECDSA(rich.Private())))
	var poor struct{ Address common.Address }
	w.answer(t, &struct{}{}, "wallet", "import", "rich", key)
	w.answer(t, &poor, "wallet", "new", "poor")
	w.pay(t, 0, rich.Address(), "10 CAST")
	w.pay(t, 0, rich.Address(), "1 ETH")
	w.pay(t, 0, poor.Address, "10 CAST")

	const mistyped = "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" // EIP-55's first example, with one capital more
	other := func(change func(*chain.Addresses)) string {
		wrong := w.net
		change(&wrong)
		text, err := json.Marshal(wrong)
		if err != nil {
			t.Fatal(err)
		}
		return w.write(t, "wrong.json", string(text))
	}
	delegate := []string{"stake", "delegate", "Rosa", "1 CAST", "--account", "rich"}
	with := func(more ...string) []string { return append(slices.Clip(delegate), more...) }

	w.refused(t, "chain id: want 99, the node has 1337", with("--contracts", other(func(a *chain.Addresses) { a.ChainID = 99 }))...)
	w.refused(t, "TicketBroker: want code at", with("--contracts", other(func(a *chain.Addresses) { a.Broker = poor.Address }))...)
	w.refused(t, "code of CastToken", with("--contracts", other(func(a *chain.Addresses) { a.Code.Token = common.Hash{1} }))...)
	w.refused(t, "castnet chain deploy", with("--contracts", "nowhere.json")...)
	w.refused(t, "--rpc", with("--rpc", "ws://127.0.0.1:1")...)
	w.refused(t, "no terminal", with("--yes=false")...)
	w.refused(t, "does not open", with("--password-file", w.write(t, "wrong", "battery staple\n"))...)
	w.refused(t, "--account", "stake", "delegate", "Rosa", "1 CAST")
	w.refused(t, "send it some", "stake", "delegate", "Rosa", "1 CAST", "--account", "poor")
	w.refused(t, "has 10 CAST, this takes 11 CAST", "stake", "delegate", "Rosa", "11 CAST", "--account", "rich")
	w.refused(t, "'12.5 CAST'", "stake", "delegate", "Rosa", "1", "--account", "rich")
	w.refused(t, "Rosa, Tycho", "stake", "delegate", "Rosie", "1 CAST", "--account", "rich")
	w.refused(t, "EIP-55", "stake", "delegate", mistyped, "1 CAST", "--account", "rich")
	w.refused(t, "EIP-55", "deposit", "signer", "add", mistyped, "--account", "rich")
	w.refused(t, "send it some", "deposit", "fund", "0.9999999 ETH", "--account", "rich")
	w.refused(t, "above zero", "stake", "delegate", "Rosa", "0 CAST", "--account", "rich")
	w.refused(t, "above zero", "stake", "unbond", "Rosa", "0 CAST", "--account", "rich")
	w.refused(t, "above zero", "deposit", "fund", "0 ETH", "--account", "rich")
	w.refused(t, "above zero", "deposit", "allocate", "Rosa=0 ETH", "--account", "rich")
	w.refused(t, "the registry takes 256", "orchestrator", "register", "https://"+strings.Repeat("a", 250)+":8935", "--operator", "poor",
		"--stake", "1 CAST", "--account", "rich")
	w.refused(t, "--round-length must be longer", "chain", "deploy", "--round-length", "0s", "--account", "rich", "--contracts", "new.json")
	w.refused(t, "--stake", "orchestrator", "register", "https://a:1", "--operator", "poor", "--json") // usage is no JSON
	for _, node := range []string{"http://me:5ecret@127.0.0.1:1/5ecret", "ws://me:5ecret@127.0.0.1:1/5ecret?key=5ecret"} {
		_, errs, err := w.castnet(t, with("--rpc", node)...)
		if err == nil || !strings.Contains(errs, "127.0.0.1:1/…") || strings.Contains(errs, "5ecret") {
			t.Errorf("--rpc %s: %v; the refusal must name the host and no secret", node, err)
		}
	}
	for _, account := range []common.Address{rich.Address(), poor.Address} {
		if nonce, err := w.eth.NonceAt(t.Context(), account, nil); err != nil || nonce != 0 {
			t.Errorf("%s sent %d transactions, %v", account, nonce, err)
		}
	}
}

// clef is a signer as go-ethereum's is.
type clef struct {
	key  *identity.Key
	deny bool
}

// List is account_list.
func (c *clef) List() []common.Address { return []common.Address{c.key.Address()} }

// SignTransaction is account_signTransaction.
func (c *clef) SignTransaction(args apitypes.SendTxArgs, _ *string) (map[string]any, error) {
	if c.deny {
		return nil, errors.New("request denied")
	}
	tx, err := args.ToTransaction()
	if err != nil {
		return nil, err
	}
	signed, err := types.SignTx(tx, types.LatestSignerForChainID((*big.Int)(args.ChainID)), c.key.Private())
	if err != nil {
		return nil, err
	}
	raw, err := signed.MarshalBinary()
	return map[string]any{"raw": hexutil.Bytes(raw)}, err
}

// externalSigner has whole commands signed by another program, and refused by it.
func (w *world) externalSigner(t *testing.T) {
	vault := &clef{key: newKey(t)}
	server := rpc.NewServer()
	if err := server.RegisterName("account", vault); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() { web.Close(); server.Stop() })
	w.pay(t, 0, vault.key.Address(), "10 CAST")
	w.pay(t, 0, vault.key.Address(), "5 ETH")
	by := []string{"--external-signer", web.URL, "--keystore", "nowhere"}

	w.answer(t, &struct{}{}, append([]string{"deposit", "fund", "2 ETH"}, by...)...)
	w.answer(t, &struct{}{}, append([]string{"stake", "delegate", "Rosa", "4 CAST"}, by...)...) // an allowance, too
	vault.deny = true
	w.refused(t, "request denied", append([]string{"deposit", "fund", "1 ETH"}, by...)...)

	var funds struct{ DepositWei string }
	w.answer(t, &funds, "deposit", "status", "--account", vault.key.Address().Hex())
	if funds.DepositWei != ether(2).String() {
		t.Errorf("the deposit is %s wei, want 2 ETH", funds.DepositWei)
	}
	var stake struct{ Positions []struct{ Cast string } }
	w.answer(t, &stake, "stake", "status", "--account", vault.key.Address().Hex())
	if len(stake.Positions) != 1 || stake.Positions[0].Cast != ether(4).String() {
		t.Errorf("positions: %+v, want 4 CAST", stake.Positions)
	}
}

// hotKeys are named once, revoked, and named again with a warning.
func (w *world) hotKeys(t *testing.T) {
	var owner struct{ Address common.Address }
	w.answer(t, &owner, "wallet", "new", "treasurer")
	w.answer(t, &struct{}{}, "wallet", "new", "hot")
	w.pay(t, 0, owner.Address, "1 ETH")
	signer := func(what string) []string {
		return []string{"deposit", "signer", what, "hot", "--account", "treasurer"}
	}

	w.answer(t, &struct{}{}, signer("add")...)
	w.refused(t, "already", signer("add")...)
	w.answer(t, &struct{}{}, signer("revoke")...)
	w.refused(t, "revoked already", signer("revoke")...)
	_, errs, err := w.castnet(t, signer("add")...)
	if err != nil || !strings.Contains(errs, "This key was revoked") {
		t.Errorf("a revoked key was named again without a warning: %v", err)
	}
	w.refused(t, "already", signer("add")...)
}
