package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/contracts/bindings"
)

// partial ends the name of the file that an unfinished deployment goes on by.
const partial = ".partial"

// judge is the role of AccessManager that may slash and jail.
const judge uint64 = 1

// progress is what an unfinished deployment must know: its contracts' addresses follow from it.
type progress struct {
	ChainID  uint64         `json:"chainId"`
	Deployer common.Address `json:"deployer"`
	Nonce    uint64         `json:"nonce"` // of the first step
	Block    uint64         `json:"block"` // the head before it
	Plan     common.Hash    `json:"plan"`  // hash of all steps: another configuration is another deployment
}

// step is one transaction of a deployment.
type step struct {
	name string
	to   *common.Address // nil: creates a contract
	data []byte
}

// plan lists the steps, at known addresses: the contracts know each other by those that the account's nonces will give them.
func (c *Client) plan(cfg DeployConfig, nonce uint64) (Addresses, []step) {
	at := func(i uint64) common.Address { return crypto.CreateAddress(c.Self(), nonce+i) }
	a := Addresses{
		ChainID: c.ChainID(), Token: at(0), AccessManager: at(1), Rounds: at(4), Staking: at(6), Broker: at(7), Disputes: at(9), Timelock: at(12),
	}
	beacon, twoReceipts, wrongSums := at(2), at(10), at(11)
	supply := make([]bindings.CastTokenAllocation, len(cfg.Supply))
	for i, s := range cfg.Supply {
		supply[i] = bindings.CastTokenAllocation{Account: s.Account, Amount: orZero(s.Amount)}
	}
	manager, proxy, t := bindings.NewAccessManager(), bindings.NewERC1967Proxy(), cfg.Disputes
	create := func(name, code string, constructor []byte) step {
		return step{name: name, data: append(common.FromHex(code), constructor...)}
	}
	behind := func(name string, implementation common.Address, initialize []byte) step {
		return create("the proxy of "+name, bindings.ERC1967ProxyMetaData.Bin, proxy.PackConstructor(implementation, initialize))
	}
	manage := func(name string, data []byte) step { return step{name: name, to: &a.AccessManager, data: data} }
	punish := func(kind uint64, checker common.Address) step {
		return step{name: "the penalty of an offence", to: &a.Disputes, data: c.disputes.abi.PackSetKind(new(big.Int).SetUint64(kind),
			bindings.DisputesKind{Checker: checker, SlashPpm: cfg.SlashPpm, JailRounds: cfg.JailRounds})}
	}
	return a, []step{
		create("CastToken", bindings.CastTokenMetaData.Bin, c.token.PackConstructor(a.Rounds, cfg.Cap, supply)),
		create("AccessManager", bindings.AccessManagerMetaData.Bin, manager.PackConstructor(c.Self())),
		create("PrevrandaoBeacon", bindings.PrevrandaoBeaconMetaData.Bin, nil),
		create("Rounds", bindings.RoundsMetaData.Bin, nil),
		behind("Rounds", at(3), c.rounds.PackInitialize(a.AccessManager, a.Token, a.Staking, beacon, wholeSeconds(cfg.RoundLength), bindings.Emission{
			Inflation: cfg.EmissionPPB, Change: cfg.EmissionStepPPB, MaxInflation: cfg.MaxEmissionPPB, TargetBonding: cfg.TargetBondingPpm,
			TreasuryCut: cfg.TreasuryCutPpm, Treasury: cfg.Treasury,
		})),
		create("Staking", bindings.StakingMetaData.Bin, c.staking.abi.PackConstructor(a.Token, a.Rounds, bindings.StakingParameters{
			MinSelfStake: cfg.MinSelfStake, UnbondingPeriod: wholeSeconds(cfg.UnbondingPeriod), MaxActive: uint16(cfg.MaxActive), MaxSlash: cfg.MaxSlashPpm,
		})),
		behind("Staking", at(5), c.staking.abi.PackInitialize(a.AccessManager)),
		create("TicketBroker", bindings.TicketBrokerMetaData.Bin, c.broker.abi.PackConstructor(
			a.Staking, a.Rounds, wholeSeconds(cfg.TicketValidity), wholeSeconds(cfg.UnlockPeriod))),
		create("Disputes", bindings.DisputesMetaData.Bin, c.disputes.abi.PackConstructor(a.Staking, a.Broker, a.Token)),
		behind("Disputes", at(8), c.disputes.abi.PackInitialize(a.AccessManager, bindings.DisputesTerms{
			Bond: t.Bond, RevealDelay: wholeSeconds(t.RevealDelay), RevealWindow: wholeSeconds(t.RevealWindow),
			EvidencePeriod: wholeSeconds(t.EvidencePeriod), ChallengerPpm: t.ChallengerPpm, BroadcasterPpm: t.BroadcasterPpm, Treasury: t.Treasury,
		})),
		create("TwoReceipts", bindings.TwoReceiptsMetaData.Bin, nil),
		create("WrongSums", bindings.WrongSumsMetaData.Bin, nil),
		create("TimelockController", bindings.TimelockControllerMetaData.Bin, bindings.NewTimelockController().PackConstructor(
			new(big.Int).SetUint64(wholeSeconds(cfg.TimelockDelay)), cfg.Proposers, cfg.Proposers, common.Address{})),
		manage("the role that slashes", manager.PackSetTargetFunctionRole(a.Staking, c.staking.punishing(), judge)),
		manage("the role of Disputes", manager.PackGrantRole(judge, a.Disputes, 0)),
		punish(TwoReceipts, twoReceipts),
		punish(WrongSums, wrongSums),
		manage("the timelock's role", manager.PackGrantRole(administrator, a.Timelock, 0)),
		manage("the end of the deployer's role", manager.PackRenounceRole(administrator, c.Self())),
	}
}

// administrator is AccessManager's role 0, which may do everything that is restricted.
const administrator uint64 = 0

// punishing are the selectors of what Disputes alone may call.
func (s *Staking) punishing() [][4]byte {
	slash, jail := s.abi.PackSlash(common.Address{}, new(big.Int)), s.abi.PackJail(common.Address{}, 0)
	return [][4]byte{[4]byte(slash[:selectorLength]), [4]byte(jail[:selectorLength])}
}

// deployAll makes the plan's transactions, those of them that were not made before.
func (c *Client) deployAll(ctx context.Context, cfg DeployConfig) (Addresses, error) {
	p, err := c.begin(ctx, cfg)
	if err != nil {
		return Addresses{}, err
	}
	a, steps := c.plan(cfg, p.Nonce)
	a.Block = p.Block
	made, err := c.settledNonce(ctx)
	if err != nil {
		return Addresses{}, err
	}
	for i, s := range steps {
		nonce := p.Nonce + uint64(i)
		if nonce >= made {
			if _, err := c.transact(ctx, call{to: s.to, data: s.data}); err != nil {
				return Addresses{}, fmt.Errorf("deploy %s: %w", s.name, err)
			}
		}
		if s.to != nil {
			continue
		}
		if _, err := c.codeHash(ctx, s.name, crypto.CreateAddress(c.Self(), nonce)); err != nil {
			return Addresses{}, fmt.Errorf("%w: was the account %v used for something else meanwhile? Remove %s to begin anew",
				err, c.Self(), cfg.File+partial)
		}
	}
	if a, err = c.recordCode(ctx, a); err != nil {
		return Addresses{}, err
	}
	return a, c.verifyDeployed(ctx, a)
}

// verifyDeployed checks the whole by its own words, and that nobody but the timelock is in charge.
func (c *Client) verifyDeployed(ctx context.Context, a Addresses) error {
	deployed, err := connect(ctx, Config{URL: c.cfg.URL, Addresses: a, Log: c.cfg.Log})
	if err != nil {
		return err
	}
	defer deployed.Close()
	if err := deployed.verify(ctx); err != nil {
		return err
	}
	manager := bindings.NewAccessManager()
	for _, want := range []struct {
		who common.Address
		in  bool
	}{{a.Timelock, true}, {c.Self(), false}} {
		role, err := view(ctx, deployed, a.AccessManager, manager.PackHasRole(administrator, want.who), manager.UnpackHasRole)
		if err != nil {
			return fmt.Errorf("chain: deploy: roles: %w", err)
		}
		if role.IsMember != want.in {
			return &DeploymentError{What: "administrator " + want.who.Hex(), Want: fmt.Sprint(want.in), Got: fmt.Sprint(role.IsMember)}
		}
	}
	return nil
}

// settledNonce is the account's next nonce, once nothing of an earlier process is waiting for a block.
func (c *Client) settledNonce(ctx context.Context) (nonce uint64, err error) {
	c.eachHead(ctx, func(Head) bool {
		var pending uint64
		if nonce, err = c.eth.NonceAt(ctx, c.Self(), nil); err == nil {
			pending, err = c.eth.PendingNonceAt(ctx, c.Self())
		}
		return err == nil && pending > nonce
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return 0, fmt.Errorf("chain: deploy: nonce of %v: %w", c.Self(), err)
	}
	return nonce, nil
}

// begin reads how far an earlier deployment came, or writes down where this one begins, before anything is sent.
func (c *Client) begin(ctx context.Context, cfg DeployConfig) (progress, error) {
	path := cfg.File + partial
	raw, err := os.ReadFile(path) //nolint:gosec // the operator's own file
	if err == nil {
		return c.resume(cfg, path, raw)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return progress{}, fmt.Errorf("chain: deploy: %w", err)
	}
	p := progress{ChainID: c.ChainID(), Deployer: c.Self()}
	if p.Nonce, err = c.settledNonce(ctx); err != nil {
		return progress{}, err
	}
	if p.Block, err = c.eth.BlockNumber(ctx); err != nil {
		return progress{}, fmt.Errorf("chain: deploy: %w", err)
	}
	p.Block++
	p.Plan = c.planHash(cfg, p.Nonce)
	if err := writeJSON(path, p); err != nil {
		return progress{}, fmt.Errorf("chain: deploy: %w", err)
	}
	return p, nil
}

// resume checks that an unfinished deployment is this one.
func (c *Client) resume(cfg DeployConfig, path string, raw []byte) (progress, error) {
	var p progress
	if err := json.Unmarshal(raw, &p); err != nil {
		return progress{}, fmt.Errorf("chain: deploy: %s: %w", path, err)
	}
	if p.ChainID != c.ChainID() || p.Deployer != c.Self() || p.Plan != c.planHash(cfg, p.Nonce) {
		return progress{}, fmt.Errorf("chain: deploy: %s is of an unfinished deployment with another chain (%d), account (%v) or configuration: "+
			"finish that one, or remove the file to begin anew", path, p.ChainID, p.Deployer)
	}
	cfg.Log.Info("going on with an unfinished deployment", "file", path)
	return p, nil
}

func (c *Client) planHash(cfg DeployConfig, nonce uint64) common.Hash {
	_, steps := c.plan(cfg, nonce)
	var all []byte
	for _, s := range steps {
		all = append(all, crypto.Keccak256(s.data)...)
	}
	return crypto.Keccak256Hash(all)
}
