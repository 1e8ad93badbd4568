package api

import (
	"math"
	"math/big"
	"strconv"
	"time"
)

const year = 365 * 24 * time.Hour

// feesPer is the amount of the token that YieldView.FeesWei speaks of.
const feesPer = 1000

// Yield measures what the stake behind an orchestrator earned over whole rounds of the given length. Each round counts
// by the stake that it had, so a round with little stake and much luck does not weigh more than it should:
//
//	emission a year = Σ emission ÷ Σ stake × rounds a year
//
// lossOfAll is what slashing takes of all stake in the network, as a part of it a year: who has never been slashed is
// still not safer than what is known of everybody.
func Yield(rounds []RoundView, length time.Duration, lossOfAll float64) YieldView {
	var stake, emission, fees, slashed float64
	measured := 0
	for i := range rounds {
		s := rounds[i].StakeWei.float()
		if s <= 0 {
			continue
		}
		measured++
		stake += s
		emission += rounds[i].EmissionWei.float()
		fees += rounds[i].FeesWei.float()
		slashed += rounds[i].SlashedWei.float()
	}
	if measured == 0 || length <= 0 {
		return YieldView{}
	}
	perYear := float64(year) / float64(length)
	v := YieldView{Rounds: measured, Emission: emission / stake * perYear}
	v.SlashRisk = min(1, max(slashed/stake*perYear, lossOfAll))
	v.AfterRisk = v.Emission - v.SlashRisk
	v.FeesWei = weiOfFloat(fees / stake * perYear * feesPer * 1e18)
	return v
}

// float is an amount for rates, which need no exactness.
func (w Wei) float() float64 {
	f, err := strconv.ParseFloat(string(w), 64)
	if err != nil {
		return 0
	}
	return f
}

func weiOfFloat(f float64) Wei {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return ""
	}
	whole, _ := big.NewFloat(f).Int(nil)
	return Wei(whole.String())
}
