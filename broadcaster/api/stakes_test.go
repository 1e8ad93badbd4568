package api_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"castnet/broadcaster/api"
)

func TestStakes(t *testing.T) {
	w := staked(&world{})
	web := serve(t, config(w))

	terms := decode[api.StakingView](t, get(t, web.URL+"/api/v1/staking").body)
	require.Equal(t, uint64(1337), terms.ChainID)
	require.Equal(t, int64(604_800), terms.UnbondingSeconds)

	record := decode[api.OrchestratorDetailView](t, get(t, web.URL+"/api/v1/orchestrators/"+rosa).body)
	require.Len(t, record.Cuts, 3)
	require.True(t, record.Cuts[0].EffectiveAt.After(time.Now()), "what is announced comes first")
	require.Len(t, record.Rounds, 30)
	require.Contains(t, get(t, web.URL+"/api/v1/orchestrators/"+rosa).body, `"slashes":[]`, "lists are never null")

	mine := decode[api.StakerView](t, get(t, web.URL+"/api/v1/stakers/"+dora).body)
	require.Equal(t, api.Wei("1000000000000000000000"), mine.Positions[0].StakeWei)
	require.Equal(t, uint64(2), mine.Unbondings[1].ID)
	nobody := get(t, web.URL+"/api/v1/stakers/"+owner)
	require.Equal(t, http.StatusOK, nobody.code, "an account without stake is one all the same")
	require.Contains(t, nobody.body, `"positions":[],"unbondings":[]`)
}

func TestStakesThatCannotBeKnown(t *testing.T) {
	w := staked(&world{})
	web := serve(t, config(w))
	refused := func(path string, code int, what string) {
		t.Helper()
		r := get(t, web.URL+path)
		require.Equal(t, code, r.code)
		p := decode[api.Problem](t, r.body)
		require.Contains(t, p.Error, what)
		require.NotEmpty(t, p.Next)
	}
	refused("/api/v1/orchestrators/"+dora, http.StatusNotFound, "no orchestrator is registered under "+dora)
	refused("/api/v1/orchestrators/Rosa", http.StatusBadRequest, "no address")
	refused("/api/v1/stakers/0x12", http.StatusBadRequest, "no address")
	w.change(func(w *world) { w.chainOut = errors.New("connection refused") })
	for _, path := range []string{"/api/v1/staking", "/api/v1/orchestrators/" + rosa, "/api/v1/stakers/" + dora} {
		refused(path, http.StatusServiceUnavailable, "connection refused")
	}

	cfg := config(&world{})
	cfg.Stakes = nil
	web = serve(t, cfg)
	for _, path := range []string{"/api/v1/staking", "/api/v1/orchestrators/" + rosa, "/api/v1/stakers/" + dora} {
		refused(path, http.StatusNotFound, "follows no chain")
	}
}

func TestYield(t *testing.T) {
	day := 24 * time.Hour
	// 10 of 36,500 a day are 10 % a year; half a round's worth of stake counts half as much.
	steady := api.RoundView{StakeWei: ether(36_500), EmissionWei: ether(10), FeesWei: ether(2), SlashedWei: "0"}
	for name, c := range map[string]struct {
		rounds    []api.RoundView
		lossOfAll float64
		want      api.YieldView
	}{
		"nothing known":           {nil, 0.01, api.YieldView{}},
		"no stake, so no rate":    {[]api.RoundView{{StakeWei: "0", EmissionWei: ether(1)}, {StakeWei: ""}}, 0, api.YieldView{}},
		"steady":                  {[]api.RoundView{steady, steady}, 0, api.YieldView{Rounds: 2, Emission: 0.1, AfterRisk: 0.1, FeesWei: ether(20)}},
		"what others lost":        {[]api.RoundView{steady}, 0.03, api.YieldView{Rounds: 1, Emission: 0.1, SlashRisk: 0.03, AfterRisk: 0.07, FeesWei: ether(20)}},
		"its own record weighs":   {[]api.RoundView{with(steady, 20)}, 0.03, api.YieldView{Rounds: 1, Emission: 0.1, SlashRisk: 0.2, AfterRisk: -0.1, FeesWei: ether(20)}},
		"never more than all":     {[]api.RoundView{with(steady, 36_500)}, 0, api.YieldView{Rounds: 1, Emission: 0.1, SlashRisk: 1, AfterRisk: -0.9, FeesWei: ether(20)}},
		"a round without stake":   {[]api.RoundView{{StakeWei: "0"}, steady}, 0, api.YieldView{Rounds: 1, Emission: 0.1, AfterRisk: 0.1, FeesWei: ether(20)}},
		"nonsense is not counted": {[]api.RoundView{{StakeWei: "much"}, steady}, 0, api.YieldView{Rounds: 1, Emission: 0.1, AfterRisk: 0.1, FeesWei: ether(20)}},
	} {
		t.Run(name, func(t *testing.T) {
			got := api.Yield(c.rounds, day, c.lossOfAll)
			require.InDelta(t, c.want.Emission, got.Emission, 1e-9)
			require.InDelta(t, c.want.SlashRisk, got.SlashRisk, 1e-9)
			require.InDelta(t, c.want.AfterRisk, got.AfterRisk, 1e-9)
			require.Equal(t, c.want.Rounds, got.Rounds)
			require.Len(t, string(got.FeesWei), len(c.want.FeesWei))
		})
	}
	require.Equal(t, api.YieldView{}, api.Yield([]api.RoundView{steady}, 0, 0), "a round has a length")
}

func with(r api.RoundView, slashed uint64) api.RoundView {
	r.SlashedWei = ether(slashed)
	return r
}
