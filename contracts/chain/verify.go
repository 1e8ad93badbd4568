package chain

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/contracts/chain/endpoint"
)

// implementationSlot is where an ERC-1967 proxy keeps its implementation: keccak256("eip1967.proxy.implementation") − 1.
const implementationSlot = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"

// contract is one of a deployment.
type contract struct {
	name           string
	address        common.Address
	code           common.Hash // recorded; zero: not
	proxy          bool
	implementation common.Hash // recorded hash of the implementation's code; zero: not
}

// contracts lists those of a deployment that others call.
func (a Addresses) contracts() []contract {
	return []contract{
		{name: "CastToken", address: a.Token, code: a.Code.Token},
		{name: "Rounds", address: a.Rounds, code: a.Code.Proxy, proxy: true, implementation: a.Code.Rounds},
		{name: "Staking", address: a.Staking, code: a.Code.Proxy, proxy: true, implementation: a.Code.Staking},
		{name: "TicketBroker", address: a.Broker, code: a.Code.Broker},
		{name: "Disputes", address: a.Disputes, code: a.Code.Proxy, proxy: true, implementation: a.Code.Disputes},
		{name: "AccessManager", address: a.AccessManager, code: a.Code.AccessManager},
		{name: "TimelockController", address: a.Timelock, code: a.Code.Timelock},
	}
}

// verify checks the chain's id, that each contract is there with the code that was recorded, and that they know each other. An
// implementation that was upgraded through the timelock is only logged.
func (c *Client) verify(ctx context.Context) error {
	if err := c.verifyChain(ctx); err != nil {
		return err
	}
	for _, k := range c.cfg.Addresses.contracts() {
		code, err := c.codeHash(ctx, k.name, k.address)
		if err != nil {
			return err
		}
		if k.code != (common.Hash{}) && code != k.code {
			return &DeploymentError{What: "code of " + k.name, Want: k.code.Hex(), Got: code.Hex()}
		}
		if !k.proxy || k.implementation == (common.Hash{}) {
			continue
		}
		behind, err := c.implementationHash(ctx, k)
		if err != nil {
			return err
		}
		if behind != k.implementation {
			c.cfg.Log.Warn("a contract was upgraded since it was deployed", "contract", k.name, "code", behind, "recorded", k.implementation)
		}
	}
	return c.verifyLinks(ctx)
}

// verifyLinks checks that the contracts know each other.
func (c *Client) verifyLinks(ctx context.Context) error {
	a := c.cfg.Addresses
	links := []struct {
		name string
		want common.Address
		at   common.Address
		data []byte
	}{
		{"CastToken's minter", a.Rounds, a.Token, c.token.PackMinter()},
		{"Rounds' Staking", a.Staking, a.Rounds, c.rounds.PackStaking()},
		{"Staking's Rounds", a.Rounds, a.Staking, c.staking.abi.PackRounds()},
		{"TicketBroker's Staking", a.Staking, a.Broker, c.broker.abi.PackStaking()},
		{"Disputes' Staking", a.Staking, a.Disputes, c.disputes.abi.PackStaking()},
		{"Disputes' TicketBroker", a.Broker, a.Disputes, c.disputes.abi.PackBroker()},
	}
	for _, link := range links {
		got, err := view(ctx, c, link.at, link.data, func(raw []byte) (common.Address, error) {
			return common.BytesToAddress(raw), nil
		})
		if err != nil {
			return fmt.Errorf("chain: %s: %w", link.name, err)
		}
		if got != link.want {
			return &DeploymentError{What: link.name, Want: link.want.Hex(), Got: got.Hex()}
		}
	}
	return nil
}

// Code reads the hashes of the code on the chain now, of the implementations too.
func (c *Client) Code(ctx context.Context) (CodeHashes, error) {
	var code CodeHashes
	plain := map[string]*common.Hash{
		"CastToken": &code.Token, "TicketBroker": &code.Broker, "AccessManager": &code.AccessManager, "TimelockController": &code.Timelock,
	}
	behind := map[string]*common.Hash{"Rounds": &code.Rounds, "Staking": &code.Staking, "Disputes": &code.Disputes}
	for _, k := range c.cfg.Addresses.contracts() {
		hash, err := c.codeHash(ctx, k.name, k.address)
		if err != nil {
			return CodeHashes{}, err
		}
		if !k.proxy {
			*plain[k.name] = hash
			continue
		}
		code.Proxy = hash
		if *behind[k.name], err = c.implementationHash(ctx, k); err != nil {
			return CodeHashes{}, err
		}
	}
	return code, nil
}

// codeHash is that of the code at an address; no code is a *DeploymentError.
func (c *Client) codeHash(ctx context.Context, name string, at common.Address) (common.Hash, error) {
	code, err := c.eth.CodeAt(ctx, at, nil)
	if err != nil {
		return common.Hash{}, fmt.Errorf("chain: code of %s: %w", name, err)
	}
	if len(code) == 0 {
		return common.Hash{}, &DeploymentError{What: name, Want: "code at " + at.Hex(), Got: "none"}
	}
	return crypto.Keccak256Hash(code), nil
}

// implementationHash is that of the code behind a proxy.
func (c *Client) implementationHash(ctx context.Context, proxy contract) (common.Hash, error) {
	word, err := c.eth.StorageAt(ctx, proxy.address, common.HexToHash(implementationSlot), nil)
	if err != nil {
		return common.Hash{}, fmt.Errorf("chain: implementation of %s: %w", proxy.name, err)
	}
	return c.codeHash(ctx, "implementation of "+proxy.name, common.BytesToAddress(word))
}

func (c *Client) verifyChain(ctx context.Context) error {
	id, err := c.eth.ChainID(ctx)
	if err != nil {
		return fmt.Errorf("chain: %s does not answer: %w", endpoint.Name(c.cfg.URL), err)
	}
	if want := c.cfg.Addresses.ChainID; !id.IsUint64() || id.Uint64() != want {
		return &DeploymentError{What: "chain id", Want: fmt.Sprint(want), Got: id.String()}
	}
	return nil
}

func (c *Client) readParameters(ctx context.Context) (Parameters, error) {
	a := c.cfg.Addresses
	var p Parameters
	for _, constant := range []struct {
		at     common.Address
		data   []byte
		assign func(value *big.Int)
	}{
		{a.Rounds, c.rounds.PackGenesis(), func(v *big.Int) { p.Genesis = time.Unix(v.Int64(), 0).UTC() }},
		{a.Rounds, c.rounds.PackRoundLength(), func(v *big.Int) { p.RoundLength = seconds(v) }},
		{a.Broker, c.broker.abi.PackTicketValidity(), func(v *big.Int) { p.TicketValidity = seconds(v) }},
		{a.Broker, c.broker.abi.PackUnlockPeriod(), func(v *big.Int) { p.UnlockPeriod = seconds(v) }},
		{a.Broker, c.broker.abi.PackPeriodRounds(), func(v *big.Int) { p.PeriodRounds = v.Uint64() }},
		{a.Staking, c.staking.abi.PackUnbondingPeriod(), func(v *big.Int) { p.UnbondingPeriod = seconds(v) }},
		{a.Staking, c.staking.abi.PackMinSelfStake(), func(v *big.Int) { p.MinSelfStake = v }},
		{a.Staking, c.staking.abi.PackMaxActive(), func(v *big.Int) { p.MaxActive = int(v.Int64()) }},
		{a.Staking, c.staking.abi.PackMaxSlash(), func(v *big.Int) { p.MaxSlashPpm = uint32(v.Uint64()) }},
	} {
		value, err := view(ctx, c, constant.at, constant.data, func(raw []byte) (*big.Int, error) {
			return new(big.Int).SetBytes(raw), nil
		})
		if err != nil {
			return Parameters{}, fmt.Errorf("chain: parameters: %w", err)
		}
		constant.assign(value)
	}
	return p, nil
}

func seconds(v *big.Int) time.Duration { return time.Duration(v.Int64()) * time.Second }
