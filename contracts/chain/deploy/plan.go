package deploy

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/contracts/bindings"
	"castnet/contracts/chain"
)

// selectorLength is what precedes the arguments of a call.
const selectorLength = 4

// judge is the role of AccessManager that may slash and jail.
const judge uint64 = 1

// step is one transaction of a deployment.
type step struct {
	name string
	to   *common.Address // nil: creates a contract
	data []byte
}

// plan lists the steps, at known addresses: the contracts know each other by those that the account's nonces will give them.
func plan(cfg Config, p progress) (chain.Addresses, []step) {
	at := func(i uint64) common.Address { return crypto.CreateAddress(p.Deployer, p.Nonce+i) }
	a := chain.Addresses{
		ChainID: p.ChainID, Block: p.Block, Token: at(0), AccessManager: at(1), Rounds: at(4), Staking: at(6), Broker: at(7), Disputes: at(9), Timelock: at(12),
	}
	beacon, twoReceipts, wrongSums := at(2), at(10), at(11)
	supply := make([]bindings.CastTokenAllocation, len(cfg.Supply))
	for i, s := range cfg.Supply {
		supply[i] = bindings.CastTokenAllocation{Account: s.Account, Amount: orZero(s.Amount)}
	}
	manager, proxy, t := bindings.NewAccessManager(), bindings.NewERC1967Proxy(), cfg.Disputes
	rounds, staking, disputes := bindings.NewRounds(), bindings.NewStaking(), bindings.NewDisputes()
	create := func(name, code string, constructor []byte) step {
		return step{name: name, data: append(common.FromHex(code), constructor...)}
	}
	behind := func(name string, implementation common.Address, initialize []byte) step {
		return create("the proxy of "+name, bindings.ERC1967ProxyMetaData.Bin, proxy.PackConstructor(implementation, initialize))
	}
	manage := func(name string, data []byte) step { return step{name: name, to: &a.AccessManager, data: data} }
	punish := func(kind uint64, checker common.Address) step {
		return step{name: "the penalty of an offence", to: &a.Disputes, data: disputes.PackSetKind(new(big.Int).SetUint64(kind),
			bindings.DisputesKind{Checker: checker, SlashPpm: cfg.SlashPpm, JailRounds: cfg.JailRounds})}
	}
	return a, []step{
		create("CastToken", bindings.CastTokenMetaData.Bin, bindings.NewCastToken().PackConstructor(a.Rounds, cfg.Cap, supply)),
		create("AccessManager", bindings.AccessManagerMetaData.Bin, manager.PackConstructor(p.Deployer)),
		create("PrevrandaoBeacon", bindings.PrevrandaoBeaconMetaData.Bin, nil),
		create("Rounds", bindings.RoundsMetaData.Bin, nil),
		behind("Rounds", at(3), rounds.PackInitialize(a.AccessManager, a.Token, a.Staking, beacon, wholeSeconds(cfg.RoundLength), bindings.Emission{
			Inflation: cfg.EmissionPPB, Change: cfg.EmissionStepPPB, MaxInflation: cfg.MaxEmissionPPB, TargetBonding: cfg.TargetBondingPpm,
			TreasuryCut: cfg.TreasuryCutPpm, Treasury: cfg.Treasury,
		})),
		create("Staking", bindings.StakingMetaData.Bin, staking.PackConstructor(a.Token, a.Rounds, bindings.StakingParameters{
			MinSelfStake: cfg.MinSelfStake, UnbondingPeriod: wholeSeconds(cfg.UnbondingPeriod), MaxActive: uint16(cfg.MaxActive), MaxSlash: cfg.MaxSlashPpm,
		})),
		behind("Staking", at(5), staking.PackInitialize(a.AccessManager)),
		create("TicketBroker", bindings.TicketBrokerMetaData.Bin, bindings.NewTicketBroker().PackConstructor(
			a.Staking, a.Rounds, wholeSeconds(cfg.TicketValidity), wholeSeconds(cfg.UnlockPeriod))),
		create("Disputes", bindings.DisputesMetaData.Bin, disputes.PackConstructor(a.Staking, a.Broker, a.Token)),
		behind("Disputes", at(8), disputes.PackInitialize(a.AccessManager, bindings.DisputesTerms{
			Bond: t.Bond, RevealDelay: wholeSeconds(t.RevealDelay), RevealWindow: wholeSeconds(t.RevealWindow),
			EvidencePeriod: wholeSeconds(t.EvidencePeriod), ChallengerPpm: t.ChallengerPpm, BroadcasterPpm: t.BroadcasterPpm, PeriodPpm: t.PeriodPpm, Treasury: t.Treasury,
		})),
		create("TwoReceipts", bindings.TwoReceiptsMetaData.Bin, nil),
		create("WrongSums", bindings.WrongSumsMetaData.Bin, nil),
		create("TimelockController", bindings.TimelockControllerMetaData.Bin, bindings.NewTimelockController().PackConstructor(
			new(big.Int).SetUint64(wholeSeconds(cfg.TimelockDelay)), cfg.Proposers, cfg.Proposers, common.Address{})),
		manage("the role that slashes", manager.PackSetTargetFunctionRole(a.Staking, punishing(staking), judge)),
		manage("the role of Disputes", manager.PackGrantRole(judge, a.Disputes, 0)),
		punish(chain.TwoReceipts, twoReceipts),
		punish(chain.WrongSums, wrongSums),
		manage("the timelock's role", manager.PackGrantRole(administrator, a.Timelock, 0)),
		manage("the end of the deployer's role", manager.PackRenounceRole(administrator, p.Deployer)),
	}
}

// administrator is AccessManager's role 0, which may do everything that is restricted.
const administrator uint64 = 0

// punishing are the selectors of what Disputes alone may call.
func punishing(s *bindings.Staking) [][4]byte {
	slash, jail := s.PackSlash(common.Address{}, new(big.Int)), s.PackJail(common.Address{}, 0)
	return [][4]byte{[4]byte(slash[:selectorLength]), [4]byte(jail[:selectorLength])}
}
