package api

import "time"

// StakingView holds the terms that all stake is under, and where a wallet finds the contracts: GET /api/v1/staking.
type StakingView struct {
	ChainID uint64 `json:"chainId"`
	// ChainName is what people call the chain; RPC is what a wallet that does not know it yet may use, empty for none.
	ChainName string `json:"chainName"`
	RPC       string `json:"rpc,omitempty"`
	// The contracts' addresses.
	TokenContract   string `json:"tokenContract"`
	StakingContract string `json:"stakingContract"`
	// Token names the unit of stake, Coin that of fees and gas.
	Token string `json:"token"`
	Coin  string `json:"coin"`
	// UnbondingSeconds pass between leaving and withdrawing, and between announcing cuts and their effect.
	UnbondingSeconds int64 `json:"unbondingSeconds"`
	RoundSeconds     int64 `json:"roundSeconds"`
	// SlashPart is the part of a pool that the worst offence costs, 0 to 1: the owner's stake pays first. SlashCap is the
	// largest part of what anybody holds that one slashing may take.
	SlashPart       float64 `json:"slashPart"`
	SlashCap        float64 `json:"slashCap"`
	MinSelfStakeWei Wei     `json:"minSelfStakeWei"`
	// Gas is about what each action uses: "approve", "delegate", "move", "unbond", "rebond", "withdraw", "claim", "commission".
	Gas map[string]uint64 `json:"gas"`
}

// CutsView is what an owner keeps of what its orchestrator earns.
type CutsView struct {
	// RewardCut is the part of emission that the owner takes before everybody's stake grows, 0 to 1.
	RewardCut float64 `json:"rewardCut"`
	// FeeShare is the part of fees that all stake shares, 0 to 1; the owner keeps the rest.
	FeeShare float64 `json:"feeShare"`
}

// CutChangeView is when an owner changed what it keeps.
type CutChangeView struct {
	CutsView
	// AnnouncedAt is when the owner said so, EffectiveAt from when on it holds.
	AnnouncedAt time.Time `json:"announcedAt"`
	EffectiveAt time.Time `json:"effectiveAt"`
}

// YieldView is what stake behind an orchestrator has earned in the last rounds. Rates are parts of the stake a year.
type YieldView struct {
	// Rounds is how many it was measured over; 0 means that all the rest is unknown.
	Rounds int `json:"rounds"`
	// Emission is new stake, after the owner's cut.
	Emission float64 `json:"emission"`
	// SlashRisk is what slashing takes: the orchestrator's own record or that of all stake, whichever is worse.
	SlashRisk float64 `json:"slashRisk"`
	// AfterRisk is Emission less SlashRisk. Fees come on top, in another coin.
	AfterRisk float64 `json:"afterRisk"`
	// FeesWei is the delegators' part of fees: wei a year for 1,000 of the token.
	FeesWei Wei `json:"feesWei"`
}

// RoundView is what one round brought the stake behind an orchestrator.
type RoundView struct {
	Round     uint64    `json:"round"`
	StartedAt time.Time `json:"startedAt"`
	StakeWei  Wei       `json:"stakeWei"` // at its end
	// EmissionWei went to all stake, EmissionCutWei to the owner before; FeesWei and OwnerFeesWei likewise.
	EmissionWei    Wei `json:"emissionWei"`
	EmissionCutWei Wei `json:"emissionCutWei"`
	FeesWei        Wei `json:"feesWei"`
	OwnerFeesWei   Wei `json:"ownerFeesWei"`
	// SlashedWei was taken from the delegators' stake, after the owner's had borne what it could.
	SlashedWei Wei `json:"slashedWei"`
}

// SlashView is one time that stake was taken for a proven lie.
type SlashView struct {
	At    time.Time `json:"at"`
	Block uint64    `json:"block"` // it holds the evidence
	// AmountWei was taken in all, OwnerWei of it from the owner's own stake.
	AmountWei Wei `json:"amountWei"`
	OwnerWei  Wei `json:"ownerWei"`
}

// OrchestratorDetailView is one orchestrator's record: GET /api/v1/orchestrators/{id}.
type OrchestratorDetailView struct {
	ID string `json:"id"`
	// Cuts are the present ones, then older ones; one that is only announced comes first.
	Cuts []CutChangeView `json:"cuts"`
	// Rounds are the last ones, oldest first.
	Rounds []RoundView `json:"rounds"`
	// Slashes are all that ever were, newest first.
	Slashes []SlashView `json:"slashes"`
}

// StakerView is what one account has staked: GET /api/v1/stakers/{address}.
type StakerView struct {
	Address string `json:"address"`
	// Block is the newest that it is known from: who has just changed something waits for its block here.
	Block      uint64          `json:"block"`
	Positions  []PositionView  `json:"positions"`  // largest first
	Unbondings []UnbondingView `json:"unbondings"` // the first to unlock first
}

// PositionView is one account's stake behind one orchestrator.
type PositionView struct {
	Orchestrator string `json:"orchestrator"`
	StakeWei     Wei    `json:"stakeWei"`
	FeesWei      Wei    `json:"feesWei"` // may be claimed now
	// CommissionWei is an owner's cut of its orchestrator's emission, of the token, that may be claimed now; empty for others.
	CommissionWei Wei `json:"commissionWei,omitempty"`
	// Tied is the part that was moved here a short while ago; null where none was.
	Tied *TiedView `json:"tied"`
}

// TiedView is stake that works with one orchestrator and still answers for another, from which it was moved.
type TiedView struct {
	From      string    `json:"from"` // the orchestrator that it was moved from
	AmountWei Wei       `json:"amountWei"`
	Until     time.Time `json:"until"` // before, it cannot leave
}

// UnbondingView is stake on its way out. It earns nothing, and can be slashed until it unlocks.
type UnbondingView struct {
	ID           uint64    `json:"id"`
	Orchestrator string    `json:"orchestrator"`
	AmountWei    Wei       `json:"amountWei"`
	BegunAt      time.Time `json:"begunAt"`
	ReleaseAt    time.Time `json:"releaseAt"`
}
