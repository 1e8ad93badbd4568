package identity_test

import (
	"context"
	"errors"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"castnet/internal/identity"
)

// vault is what both dialects of the test's signer do. It reads its arguments with clef's own type.
type vault struct {
	keys   []*identity.Key
	tamper func(*types.Transaction) *types.Transaction
	deny   error
}

func (v *vault) addresses() []common.Address {
	var list []common.Address
	for _, k := range v.keys {
		list = append(list, k.Address())
	}
	return list
}

func (v *vault) sign(args apitypes.SendTxArgs) ([]byte, error) {
	if v.deny != nil {
		return nil, v.deny
	}
	tx, err := args.ToTransaction()
	if err != nil {
		return nil, err
	}
	if v.tamper != nil {
		tx = v.tamper(tx)
	}
	for _, k := range v.keys {
		if k.Address() == args.From.Address() {
			signed, err := types.SignTx(tx, types.LatestSignerForChainID((*big.Int)(args.ChainID)), k.Private())
			if err != nil {
				return nil, err
			}
			return signed.MarshalBinary()
		}
	}
	return nil, errors.New("unknown account")
}

// clef answers as clef does.
type clef struct{ *vault }

func (c clef) List() []common.Address { return c.addresses() }

func (c clef) SignTransaction(_ context.Context, args apitypes.SendTxArgs, _ *string) (map[string]any, error) {
	raw, err := c.sign(args)
	return map[string]any{"raw": hexutil.Bytes(raw)}, err
}

// web3signer answers as Web3Signer does.
type web3signer struct{ *vault }

func (w web3signer) Accounts() []common.Address { return w.addresses() }

func (w web3signer) SignTransaction(_ context.Context, args apitypes.SendTxArgs) (hexutil.Bytes, error) {
	return w.sign(args)
}

func serveSigner(t *testing.T, namespace string, service any) string {
	t.Helper()
	server := rpc.NewServer()
	if err := server.RegisterName(namespace, service); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() { web.Close(); server.Stop() })
	return web.URL
}

func unsigned() (*types.Transaction, *big.Int) {
	id := big.NewInt(1337)
	return types.NewTx(&types.DynamicFeeTx{
		ChainID: id, Nonce: 7, GasTipCap: big.NewInt(2), GasFeeCap: big.NewInt(3e9), Gas: 90_000, To: &common.Address{1},
		Value: big.NewInt(5), Data: []byte{1, 2, 3},
	}), id
}

func TestExternalSigner(t *testing.T) {
	for name, serve := range map[string]func(*vault) string{
		"clef":       func(v *vault) string { return serveSigner(t, "account", clef{v}) },
		"web3signer": func(v *vault) string { return serveSigner(t, "eth", web3signer{v}) },
	} {
		t.Run(name, func(t *testing.T) {
			v := &vault{keys: []*identity.Key{newKey(t)}}
			url := serve(v)
			signer, err := identity.DialExternal(t.Context(), url, common.Address{})
			if err != nil {
				t.Fatal(err)
			}
			defer signer.Close()
			if signer.Address() != v.keys[0].Address() {
				t.Errorf("the only account: %s", signer.Address())
			}
			tx, id := unsigned()
			signed, err := signer.SignTransaction(t.Context(), tx, id)
			if err != nil {
				t.Fatal(err)
			}
			if from, err := types.Sender(types.LatestSignerForChainID(id), signed); err != nil || from != signer.Address() {
				t.Errorf("signed by %s, %v", from, err)
			}

			v.tamper = func(tx *types.Transaction) *types.Transaction {
				return types.NewTx(&types.DynamicFeeTx{
					ChainID: id, Nonce: tx.Nonce(), GasTipCap: tx.GasTipCap(), GasFeeCap: tx.GasFeeCap(), Gas: tx.Gas(), To: &common.Address{2},
					Value: tx.Value(), Data: tx.Data(),
				})
			}
			if _, err := signer.SignTransaction(t.Context(), tx, id); err == nil || !strings.Contains(err.Error(), "another transaction") {
				t.Errorf("a transaction to somebody else: %v", err)
			}
			v.tamper, v.deny = nil, errors.New("request denied")
			if _, err := signer.SignTransaction(t.Context(), tx, id); err == nil || !strings.Contains(err.Error(), "request denied") {
				t.Errorf("denied by a person: %v", err)
			}
			if _, err := signer.SignHash(common.Hash{1}); err == nil || !strings.Contains(err.Error(), "--keystore") {
				t.Errorf("a bare hash: %v", err)
			}

			v.keys, v.deny = append(v.keys, newKey(t)), nil
			if _, err := identity.DialExternal(t.Context(), url, common.Address{}); err == nil || !strings.Contains(err.Error(), "--account") {
				t.Errorf("one of two accounts: %v", err)
			}
			second, err := identity.DialExternal(t.Context(), url, v.keys[1].Address())
			if err != nil || second.Address() != v.keys[1].Address() {
				t.Fatalf("the second account: %v", err)
			}
			second.Close()
			if _, err := identity.DialExternal(t.Context(), url, common.Address{9}); err == nil {
				t.Error("an account that it has not was taken")
			}
		})
	}
	if _, err := identity.DialExternal(t.Context(), "http://127.0.0.1:1", common.Address{}); err == nil || !strings.Contains(err.Error(), "--external-signer") {
		t.Errorf("nobody listens: %v", err)
	}
}
