package api_test

import (
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/broadcaster/api"
)

// dora delegates: she is whom the stake pages are read for.
const dora = "0xd05ac0fFee0000000000000000000000000000d0"

func inDays(d float64) time.Time { return time.Now().Add(time.Duration(d * 24 * float64(time.Hour))) }

// cuts are percentages that hold from the given day on, counted from today, and were announced a week earlier.
func cuts(reward, fees, day float64) api.CutChangeView {
	return api.CutChangeView{
		CutsView: api.CutsView{RewardCut: reward / 100, FeeShare: fees / 100}, AnnouncedAt: inDays(day - 7), EffectiveAt: inDays(day),
	}
}

// rounds of a day each: emission falls slowly, fees come and go, and Ilse lost stake in one.
func rounds(id string) []api.RoundView {
	stake := map[string]uint64{rosa: 50_000, amos: 30_000, ilse: 20_000}[id]
	luck := map[string]uint64{rosa: 100, amos: 93, ilse: 106}[id]
	var list []api.RoundView
	for i := range uint64(30) {
		r := api.RoundView{
			Round: 100 + i, StartedAt: inDays(float64(i) - 30), StakeWei: ether(stake), EmissionWei: gwei(stake * (2_600 - 15*i) * luck),
			EmissionCutWei: gwei(stake * 13_000), FeesWei: gwei(stake * (1 + (i*luck)%13*40/10) * luck), OwnerFeesWei: gwei(stake * 30), SlashedWei: "0",
		}
		if id == ilse && i == 21 {
			r.SlashedWei = ether(120)
		}
		list = append(list, r)
	}
	return list
}

// lossOfAll is what the network's stake lost a year to slashing.
const lossOfAll = 0.004

func yieldOf(id string) api.YieldView { return api.Yield(rounds(id), 24*time.Hour, lossOfAll) }

func staked(w *world) *world {
	w.network = threeOrchestrators()
	w.staking = api.StakingView{
		ChainID: 1337, ChainName: "Castnet development chain", RPC: "http://127.0.0.1:8545",
		TokenContract: "0x70c0000000000000000000000000000000000070", StakingContract: "0x57a0000000000000000000000000000000000057",
		Token: "CAST", Coin: "ETH", UnbondingSeconds: 7 * 86_400, RoundSeconds: 86_400, SlashPart: 0.05, SlashCap: 0.1, MinSelfStakeWei: ether(1_000),
		Gas: map[string]uint64{
			"approve": 46_000, "delegate": 110_000, "move": 160_000, "unbond": 130_000, "rebond": 110_000, "withdraw": 60_000, "claim": 70_000,
		},
	}
	w.records = map[common.Address]api.OrchestratorDetailView{}
	for id, history := range map[string][]api.CutChangeView{
		rosa: {cuts(10, 80, 5), cuts(5, 90, -90), cuts(8, 90, -200)}, amos: {cuts(10, 75, -30)}, ilse: {cuts(0, 100, -12), cuts(3, 90, -80)},
	} {
		w.records[common.HexToAddress(id)] = api.OrchestratorDetailView{ID: id, Cuts: history, Rounds: rounds(id)}
	}
	lied := w.records[common.HexToAddress(ilse)]
	lied.Slashes = []api.SlashView{{
		At: inDays(-8.5), Block: 18_211, AmountWei: ether(620), OwnerWei: ether(500),
	}}
	w.records[common.HexToAddress(ilse)] = lied
	w.stakers = map[common.Address]api.StakerView{common.HexToAddress(dora): {
		Address: dora,
		Positions: []api.PositionView{
			{Orchestrator: rosa, StakeWei: ether(1_000), FeesWei: gwei(12_340_000)},
			{
				Orchestrator: amos, StakeWei: ether(250), FeesWei: gwei(880_000),
				Tied: &api.TiedView{From: ilse, AmountWei: ether(100), Until: inDays(6)},
			},
		},
		Unbondings: []api.UnbondingView{
			{ID: 1, Orchestrator: amos, AmountWei: ether(40), BegunAt: inDays(-9), ReleaseAt: inDays(-2)},
			{ID: 2, Orchestrator: rosa, AmountWei: ether(200), BegunAt: inDays(-4.9), ReleaseAt: inDays(2.1)},
		},
	}}
	return w
}
